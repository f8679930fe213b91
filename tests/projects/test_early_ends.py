"""Real dbt processes that end early: killed, told to stop while a session starts or runs, or failing fast."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Mapping

import pytest
import yaml

from fakelivy import FakeLivy
from fakelivy.journal import Entry, Request, SessionMoved, StatementMoved
from tests.functional.conftest import Dbt
from tests.functional.test_runs import live_sessions
from tests.functional.test_stop import GONE, PROJECT, is_running, started, stop, wait_for

pytestmark = pytest.mark.timeout(300)
MakeDbt = Callable[[Mapping[str, str]], Dbt]


def keep_sessions(dbt: Dbt) -> None:
    path = dbt.folder / "profiles.yml"
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    for target in profile["fakelivy"]["outputs"].values():
        target["reuse_session"] = True
    dbt.profile(profile)


@pytest.mark.slow
def test_the_run_after_a_killed_one_cancels_what_it_left_and_uses_its_session(
    make_dbt: MakeDbt, fakelivy_server: FakeLivy
) -> None:
    since = len(fakelivy_server.journal.entries())
    dbt = make_dbt(PROJECT)
    keep_sessions(dbt)
    with started(dbt) as process:
        wait_for(fakelivy_server, is_running, since)
        process.kill()
    dbt.write({"models/endless.sql": "{{ config(materialized='table') }} select 1 as n"})
    result = dbt.run("run", "--select", "endless")
    assert result.returncode == 0, result.stdout
    assert "for an earlier run; cancelling it" in result.stdout

    events = [entry.event for entry in fakelivy_server.journal.entries()[since:]]
    made = [event for event in events if isinstance(event, SessionMoved) and event.before is None]
    ended = [event.after for event in events if isinstance(event, StatementMoved) and event.after == "cancelled"]
    left = live_sessions(fakelivy_server)
    fakelivy_server.end_sessions([str(session["id"]) for session in left])
    assert len(made) == len(left) == 1
    assert ended
    # Durations are remembered beside the target folder, and nothing else is written there.
    timings = json.loads((dbt.folder / ".fabricspark-timings.json").read_text(encoding="utf-8"))
    assert any(key.startswith("model.small.endless ") for key in timings)
    known = {"models", "target", "logs", "dbt_project.yml", "profiles.yml", ".fabricspark-timings.json"}
    assert {path.name for path in dbt.folder.iterdir() if not path.name.startswith("livy-session-id.txt")} == known


@pytest.mark.slow
def test_fail_fast_cancels_what_the_other_threads_run(make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    since = len(fakelivy_server.journal.entries())
    dbt = make_dbt({**PROJECT, "models/other.sql": "select 'refused' as n"})
    its_submission = "submit_statement[contains=refused]:before"
    with started(dbt, "--fail-fast") as process, contextlib.ExitStack() as later:
        # It waits for capacity until the other one runs, and is refused then.
        with fakelivy_server.fault(f"{its_submission}:status(430)"):
            later.enter_context(fakelivy_server.fault(f"{its_submission}:status(400)"))
            wait_for(fakelivy_server, is_running, since)
        output, _ = process.communicate(timeout=GONE)
    assert process.returncode == 1
    assert "CANCEL query model.small.endless" in output
    assert live_sessions(fakelivy_server) == []
    moved = [entry.event for entry in fakelivy_server.journal.entries()[since:]]
    assert [event for event in moved if isinstance(event, StatementMoved) and event.after.startswith("cancel")]


@pytest.mark.slow
def test_sigterm_cancels_the_statements_and_deletes_the_session(make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    since = len(fakelivy_server.journal.entries())
    with started(make_dbt(PROJECT)) as process:
        wait_for(fakelivy_server, is_running, since)
        output = stop(process, signal.SIGTERM)
    assert "CANCEL query" in output
    assert live_sessions(fakelivy_server) == []
    moved = [entry.event for entry in fakelivy_server.journal.entries()[since:]]
    assert [event for event in moved if isinstance(event, StatementMoved) and event.after.startswith("cancel")]


@pytest.mark.slow
def test_a_session_that_is_still_starting_is_not_waited_for(make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    since = len(fakelivy_server.journal.entries())

    def is_looked_at(entry: Entry) -> bool:
        return isinstance(entry.event, Request) and entry.event.operation == "get_session"

    with fakelivy_server.fault("create_session:before:slow_start(1000)"), started(make_dbt(PROJECT)) as process:
        wait_for(fakelivy_server, is_looked_at, since)
        stop(process, signal.SIGINT)
    assert live_sessions(fakelivy_server) == []
