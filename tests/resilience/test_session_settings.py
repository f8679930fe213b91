"""Settings made by SQL hold for the whole run, whatever becomes of the session, and for no other run."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.lease import LeaseFile

from fakelivy.engine.port import Failure
from fakelivy.engine.scripted import Rule
from fakelivy.journal import Execution
from tests.resilience.world import DIALECTS, World, world

LOG = logging.getLogger("tests.settings")
SET = "set spark.sql.sources.partitionOverwriteMode = DYNAMIC"
WRITE = "insert overwrite t_ select 1"
DIES = "submit_statement:before:session_to(dead)@nth(2)"
"""Between ``SET`` and ``WRITE``."""


def turns(here: World) -> list[list[str]]:
    """What ran in each session, in the order in which it did, without marks."""
    found: dict[str, list[str]] = {}
    for event in here.server.journal.events(Execution):
        lines = [line for line in event.code.splitlines() if not line.startswith("/* dbt-fabricspark")]
        found.setdefault(event.session, []).append("\n".join(lines))
    return list(found.values())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_session_that_takes_anothers_place_has_its_settings(dialect: str) -> None:
    with world(DIES, dialect=dialect) as here:
        here.run([SET, WRITE])
        assert here.results == {SET: (), WRITE: ()}
        assert turns(here) == [[SET], [SET, WRITE]]


def test_nothing_runs_in_a_replacement_before_its_settings_are_made() -> None:
    with world("submit_statement:before:session_to(dead)@nth(12)", seed=3) as here:
        here.run([SET], *([f"insert into t{thread}_ values ({n})" for n in range(3)] for thread in range(8)))
        assert len(turns(here)) == 2
        assert turns(here)[1][0] == SET


def test_a_replacement_without_its_settings_is_not_used() -> None:
    with world(DIES, "submit_statement:before:status(400,message=no)@nth(3)") as here:
        here.run([SET, WRITE])
        failure = here.results[WRITE]
        assert isinstance(failure, FailedToConnectError)
        assert "partitionOverwriteMode" in str(failure)
        assert here.executions(WRITE) == 0
        assert here.oracle.live_sessions() == []


def test_settings_that_take_longer_than_others_wait_for_the_session_end_its_start_for_all() -> None:
    # Longer than a session may take to start, and shorter than statement_timeout.
    rules = (Rule("insert", duration=30), Rule("set spark", duration=900))
    with world("get_statement:before:session_to(dead)@first(1)", rules=rules) as here:
        here.run([SET], ["select 1"], ["select 2"])
        failures = {str(result) for result in here.results.values()}
        assert len(failures) == 1
        assert "partitionOverwriteMode" in failures.pop()
        assert here.runtime.monotonic() < 600 + 60 + 30
        assert here.oracle.live_sessions() == []


def test_settings_that_take_minutes_are_waited_for() -> None:
    with world("get_statement:before:session_to(dead)@first(1)", rules=(Rule("set spark", duration=500),)) as here:
        here.run([SET], ["select 1"], ["select 2"])
        assert list(here.results.values()) == [(), (), ()]


def test_a_setting_that_was_refused_is_not_made_again() -> None:
    with world(DIES, rules=(Rule("nonsense", Failure("[INVALID_CONF_VALUE] no")),)) as here:
        here.run(["set spark.sql.x = nonsense", WRITE])
        assert turns(here) == [["set spark.sql.x = nonsense"], [WRITE]]


def leave(here: World, file: Path, *statements: str) -> None:
    client = here.another(leases=LeaseFile(file, "a", LOG))
    for sql in statements:
        client.execute(sql)
    client.close()


def test_a_session_is_left_to_the_next_run_as_it_was_made(tmp_path: Path) -> None:
    with world() as here:

        def work() -> None:
            leave(here, tmp_path / "ids", SET, "select 1")
            leave(here, tmp_path / "ids", "select 2")

        here.scheduler.run(work)
        assert turns(here) == [[SET, "select 1", "reset spark.sql.sources.partitionOverwriteMode", "select 2"]]


def test_a_session_whose_place_was_changed_is_not_left(tmp_path: Path) -> None:
    with world() as here:

        def work() -> None:
            leave(here, tmp_path / "ids", "use other")
            leave(here, tmp_path / "ids", "select 2")

        here.scheduler.run(work)
        assert turns(here) == [["use other"], ["select 2"]]
        assert len(here.oracle.live_sessions()) == 1


def test_a_session_is_not_left_if_its_settings_cannot_be_changed_back(tmp_path: Path) -> None:
    with world(rules=(Rule("reset", Failure("no")),)) as here:
        here.scheduler.run(lambda: leave(here, tmp_path / "ids", SET))
        assert here.oracle.live_sessions() == []
        assert json.loads((tmp_path / "ids").read_text(encoding="utf-8"))["sessions"] == []


def test_a_session_in_which_a_run_crashed_after_a_setting_is_not_used_again(tmp_path: Path) -> None:
    with world() as here:

        def work() -> None:
            crashed = here.another(leases=LeaseFile(tmp_path / "ids", "a", LOG))
            crashed.execute(SET)
            lease = crashed.manager.connect().lease
            assert lease is not None
            lease.release()  # as the operating system does when a process is gone
            leave(here, tmp_path / "ids", "select 2")

        here.scheduler.run(work)
        assert turns(here) == [[SET], ["select 2"]]
        assert len(here.oracle.live_sessions()) == 1


def test_a_replacement_in_which_a_run_crashed_is_not_used_again_either(tmp_path: Path) -> None:
    with world(DIES) as here:

        def work() -> None:
            crashed = here.another(leases=LeaseFile(tmp_path / "ids", "a", LOG))
            crashed.execute(SET)
            crashed.execute(WRITE)
            lease = crashed.manager.connect().lease
            assert lease is not None
            lease.release()
            leave(here, tmp_path / "ids", "select 2")

        here.scheduler.run(work)
        assert turns(here) == [[SET], [SET, WRITE], ["select 2"]]
        assert len(here.oracle.live_sessions()) == 1
