"""A real dbt process with sixteen threads and a server that misbehaves: one session, every write once, nobody early."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from fakelivy import FakeLivy, Oracle
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import Rule, ScriptedEngine
from fakelivy.journal import Request, SessionMoved
from tests.answers import schema_with
from tests.functional.conftest import PROJECT, Dbt

THREADS = 16
MODELS = 2 * THREADS

FAULTS = (
    "create_session:after_commit:reset@first(1)",
    "get_*:before:reset@every(9)",
    "get_*:after_commit:status(503,shape=html)@every(13)",
    "get_statement:before:hang@nth(20)",
    "submit_statement[contains=model_1_]:after_commit:reset@first(1)",
    "submit_statement[contains=model_2_]:after_commit:status(502,shape=html)@first(1)",
    "submit_statement[contains=model_3_]:before:status(415,shape=html)@first(1)",
    "submit_statement:before:status(429,retry_after=seconds,retry_seconds=3)@nth(12)",
    "*:body:garbage(html_login)@every(31)",
    "delete_session:before:status(500)@first(1)",
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dialect", ["livy", "fabric"])
def test_sixteen_threads_of_a_real_run_survive_a_server_that_misbehaves(dialect: str, tmp_path: Path) -> None:
    clock = SystemClock()
    schema = {"livy": "default", "fabric": "dbo"}[dialect]
    engine = ScriptedEngine(clock, (*schema_with(schema), Rule("as n", duration=0.2)))
    with FakeLivy(engine=engine, clock=clock, faults=FAULTS) as server:
        dbt = Dbt(tmp_path)
        profile = server.profile(dialect)
        # A request that hangs costs no more than that; the quota is Fabric's, and here the server has none.
        profile["fakelivy"]["outputs"][dialect].update(threads=THREADS, http_timeout=15, requests_per_minute=6000)
        dbt.profile(profile)
        models = [f"model_{number}_" for number in range(MODELS)]
        sql = "{{ config(materialized='table') }} select 1 as n"
        dbt.write({"dbt_project.yml": PROJECT, **{f"models/{model}.sql": sql for model in models}})
        done = subprocess.run(
            dbt.command("run"),
            cwd=dbt.folder,
            env=dbt.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=260,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        oracle, entries = Oracle(server.journal), server.journal.entries()
        written = [sum("create" in each.code for each in oracle.executions(f".{model}")) for model in models]
        created = [event for event in server.journal.events(SessionMoved) if event.before is None]
    assert written == [1] * MODELS, done.stdout
    assert len(created) == 1
    assert oracle.live_sessions() == []
    # What was on its way when one was told to wait, and no more.
    (refused,) = [entry.at for entry in entries if isinstance(entry.event, Request) and entry.event.status == 429]
    then = dt.timedelta(seconds=3)
    soon = [each for each in entries if isinstance(each.event, Request) and refused < each.at < refused + then]
    assert len(soon) < 3 * THREADS
    assert oracle.never_fired() == []
