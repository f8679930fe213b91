"""What dbt writes of a statement for whoever comes later: where it ran, how often it was sent, where its time went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import Rule, ScriptedEngine
from fakelivy.journal import Execution
from tests.answers import schema_with
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_run_results_say_where_a_model_ran_and_where_its_time_went(tmp_path: Path) -> None:
    clock = SystemClock()
    engine = ScriptedEngine(clock, (Rule("as one", duration=0.3), *schema_with("dbo")))
    faults = ['get_session:body:set_field(appInfo.sparkUiUrl,"http://driver:4040")']
    faults += ['submit_statement[contains="as one"]:before:status(503)@first(1)']
    with FakeLivy(engine=engine, clock=clock, faults=faults) as server:
        project = Project(tmp_path, server, "livy", schema="dbo")
        project.write({"models/one.sql": "{{ config(materialized='table') }} select 1 as one"})
        done = project.dbt("run")
        assert done.success, done
        [model] = [event for event in server.journal.events(Execution) if "as one" in event.code]
    results = json.loads((tmp_path / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    said = results[0]["adapter_response"]
    assert said["query_id"] == f"{model.session}/{model.statement}"
    assert (said["session_id"], said["statement_id"]) == (model.session, model.statement)
    assert said["spark_ui"] == "http://driver:4040"
    assert said["attempts"] == 2
    assert said["requests"] >= 1
    assert said["run_seconds"] >= 0.25  # the server reads two clocks
    parts = said["queued_seconds"] + said["run_seconds"] + said["noticed_seconds"]
    assert parts == pytest.approx(said["total_seconds"], abs=0.005)
