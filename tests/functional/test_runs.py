"""Real dbt processes against the fake server: results, failures, interruption, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests

from fakelivy import FakeLivy
from fakelivy.journal import Entry, Execution, StatementMoved
from tests.functional.conftest import Dbt

MakeDbt = Callable[[Mapping[str, str]], Dbt]

ENDLESS = "select count(*) as n from range(1000000) a cross join range(1000000) b where sqrt(a.id * b.id) > 7"


def live_sessions(server: FakeLivy) -> list[Any]:
    found = requests.get(f"{server.url}/sessions", timeout=30).json()["sessions"]
    return [session for session in found if session["state"] not in ("dead", "killed", "error")]


def rows(dbt: Dbt, query: str) -> list[dict[str, Any]]:
    result = dbt.run("-q", "show", "--output", "json", "--limit", "100", "--inline", query)
    assert result.returncode == 0, result.stdout
    return list(json.loads(result.stdout)["show"])


def test_values_come_back_as_what_they_are(make_dbt: MakeDbt) -> None:
    found = rows(make_dbt({}), "select cast(1.10 as decimal(10,2)) as amount, 9007199254740993 as big, null as nothing")
    assert found == [{"amount": 1.1, "big": 9007199254740993, "nothing": None}]


@pytest.mark.parametrize("target", ["livy", "fabric"])
def test_a_model_that_fails_is_reported_in_sparks_words_and_skips_what_depends_on_it(
    target: str, make_dbt: MakeDbt, fakelivy_server: FakeLivy
) -> None:
    dbt = make_dbt(
        {
            "models/good.sql": "select 1 as id",
            "models/bad.sql": "select * from {{ target.schema }}.no_such_table",
            "models/after.sql": "select * from {{ ref('bad') }}",
        }
    )
    result = dbt.run("run", "--target", target)
    assert result.returncode == 1
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in result.stdout
    assert "PASS=1 WARN=0 ERROR=1 SKIP=1" in result.stdout
    assert live_sessions(fakelivy_server) == []


def test_sql_reaches_the_server_as_it_was_written(make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    sql = "select /*+ broadcast(t) */ '/* not; a comment */ 100% %s \\\\ é' as a -- it's; \"one\"\n  , 1 as b"
    dbt = make_dbt({"models/verbatim.sql": sql})
    result = dbt.run("run")
    assert result.returncode == 0, result.stdout
    assert [event for event in fakelivy_server.journal.events(Execution) if sql in event.code]


@pytest.mark.slow
def test_ctrl_c_cancels_the_statement_deletes_the_session_and_keeps_the_old_table(
    make_dbt: MakeDbt, fakelivy_server: FakeLivy
) -> None:
    dbt = make_dbt({"models/total.sql": "{{ config(materialized='table') }} select 1 as n"})
    assert dbt.run("run").returncode == 0
    dbt.write({"models/total.sql": "{{ config(materialized='table') }} " + ENDLESS})
    with subprocess.Popen(
        dbt.command("run"),
        cwd=dbt.folder,
        env=dbt.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "START sql table model" in line:
                    break
            _wait_until_running(fakelivy_server, ENDLESS)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode not in (0, None)
    assert "CANCEL query" in output
    assert live_sessions(fakelivy_server) == []
    assert [event for event in fakelivy_server.journal.events(StatementMoved) if event.after.startswith("cancel")]
    assert rows(dbt, "select n from {{ ref('total') }}") == [{"n": 1}]


def _wait_until_running(server: FakeLivy, sql: str) -> None:
    started = threading.Event()

    def look(entry: Entry) -> None:
        if isinstance(entry.event, Execution) and sql in entry.event.code:
            started.set()

    server.journal.listen(look)
    for entry in server.journal.entries():
        look(entry)
    assert started.wait(120), "the statement never reached the server"
