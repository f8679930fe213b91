"""A real dbt process is gone soon after a signal, even if its server hangs; and what other tests stop one with."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from fakelivy import FakeLivy
from fakelivy.journal import Entry, Execution, FaultDecision
from tests.functional.conftest import Dbt
from tests.functional.test_runs import ENDLESS, live_sessions

MakeDbt = Callable[[Mapping[str, str]], Dbt]
GONE = 45
"""Seconds after which a process that should be gone is a failure: far below every time-out that it would wait for."""

COMES = 120
"""Seconds in which dbt starts and sends its first model, on a machine that is busy with other things."""

pytestmark = pytest.mark.timeout(300)

PROJECT = {
    "models/endless.sql": "{{ config(materialized='table') }} " + ENDLESS,
    "models/other.sql": "{{ config(materialized='table') }} " + ENDLESS + " + 1",
}


@contextmanager
def started(dbt: Dbt, *args: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        dbt.command("run", "--threads", "2", *args),
        cwd=dbt.folder,
        env=dbt.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(server: FakeLivy, what: Callable[[Entry], bool], since: int) -> None:
    """Until the journal has something, from entry ``since`` on."""
    there = threading.Event()

    def look(entry: Entry) -> None:
        if what(entry):
            there.set()

    server.journal.listen(look)
    for entry in server.journal.entries()[since:]:
        look(entry)
    assert there.wait(COMES), "that never happened"


def is_running(entry: Entry) -> bool:
    return isinstance(entry.event, Execution) and ENDLESS in entry.event.code


def hangs(entry: Entry) -> bool:
    return isinstance(entry.event, FaultDecision) and entry.event.fired


def stop(process: subprocess.Popen[str], number: signal.Signals) -> str:
    process.send_signal(number)
    output, _ = process.communicate(timeout=GONE)
    assert process.returncode not in (0, None)
    return output


@pytest.mark.slow
def test_a_process_is_gone_soon_even_if_the_server_hangs(make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    since = len(fakelivy_server.journal.entries())
    with started(make_dbt(PROJECT)) as process:
        wait_for(fakelivy_server, is_running, since)
        with fakelivy_server.fault("*:before:hang(600)"):
            wait_for(fakelivy_server, hangs, since)
            stop(process, signal.SIGTERM)
    fakelivy_server.end_sessions([str(session["id"]) for session in live_sessions(fakelivy_server)])
