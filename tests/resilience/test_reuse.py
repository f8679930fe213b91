"""A session is kept for the next run: used again if it is still itself, replaced if not, never lost by bad luck."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.client import Client
from dbt.adapters.fabricspark.lease import LeaseFile
from dbt.adapters.fabricspark.livy.statement import Statement
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.policy import Operation

from fakelivy.engine.scripted import Rule
from fakelivy.journal import StatementMoved
from tests.resilience.world import DIALECTS, World, world

LOG = logging.getLogger("tests.reuse")
Run = Callable[..., Client]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "livy-session-id.txt"


def a_run(here: World, file: Path, key: str = "a") -> Client:
    return here.another(leases=LeaseFile(file, key, LOG))


def once(here: World, file: Path, sql: str = "select 1", key: str = "a") -> None:
    client = a_run(here, file, key)
    client.execute(sql)
    client.close()


def alive(here: World) -> int:
    return len(here.oracle.live_sessions())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_next_run_uses_the_session_of_the_last(file: Path, dialect: str) -> None:
    with world(dialect=dialect) as here:

        def work() -> None:
            for number in range(3):
                once(here, file, f"select {number}")

        here.scheduler.run(work)
        assert here.sessions_made == 1
        assert alive(here) == 1
        assert [here.executions(f"select {number}") for number in range(3)] == [1, 1, 1]


def test_two_runs_at_once_have_a_session_each_and_leave_both(file: Path) -> None:
    with world() as here:

        def work() -> None:
            clients = [a_run(here, file) for _ in range(2)]
            for client in clients:
                client.execute("select 1")
            for client in clients:
                client.close()
            again = [a_run(here, file) for _ in range(2)]
            for client in again:
                client.execute("select 2")
            for client in again:
                client.close()

        here.scheduler.run(work)
        assert here.sessions_made == 2
        assert alive(here) == 2


def test_another_target_has_a_session_of_its_own(file: Path) -> None:
    with world() as here:

        def work() -> None:
            once(here, file, key="a")
            once(here, file, key="b")

        here.scheduler.run(work)
        assert here.sessions_made == 2


@pytest.mark.parametrize("state", ["dead", "killed", "error", "gone"])
def test_a_session_that_is_no_more_is_replaced_and_forgotten(file: Path, state: str) -> None:
    with world() as here:

        def work() -> None:
            once(here, file)
            with here.server.fault(f"get_session:before:session_to({state})@first(1)"):
                once(here, file)
            once(here, file)

        here.scheduler.run(work)
        assert here.sessions_made == 2
        assert len(json.loads(file.read_text(encoding="utf-8"))["sessions"]) == 1


def test_ids_that_started_again_at_0_are_not_taken_for_ours(file: Path) -> None:
    with world() as here:

        def work() -> None:
            once(here, file)
            content = json.loads(file.read_text(encoding="utf-8"))
            content["sessions"][0]["name"] = "dbt-fabricspark-of-before-the-restart"
            file.write_text(json.dumps(content), encoding="utf-8")
            once(here, file, "select 2")

        here.scheduler.run(work)
        assert here.sessions_made == 2
        assert alive(here) == 2, "somebody else's session was deleted"


@pytest.mark.parametrize(
    "trouble",
    [
        "get_session:before:status(503)@first(3)",
        "get_session:before:reset@first(2)",
        "get_session:body:garbage(not_json)@first(2)",
    ],
)
def test_a_transient_error_while_looking_does_not_cost_the_session(file: Path, trouble: str) -> None:
    with world() as here:

        def work() -> None:
            once(here, file)
            with here.server.fault(trouble):
                once(here, file)

        here.scheduler.run(work)
        assert here.sessions_made == 1


def test_a_server_that_cannot_be_reached_fails_the_run_and_keeps_the_session(file: Path) -> None:
    with world() as here:

        def work() -> None:
            once(here, file)
            with here.server.fault("*:before:status(503)"):
                client = a_run(here, file)
                with pytest.raises(FailedToConnectError):
                    client.execute("select 2")
                client.close()
            once(here, file, "select 3")

        here.scheduler.run(work)
        assert here.sessions_made == 1
        assert here.executions("select 3") == 1


def test_a_session_that_was_made_twice_is_left_to_the_next_run_once(file: Path) -> None:
    # Fabric makes a second one of the same name, and the list did not show the first in time.
    faults = ("create_session:after_commit:reset@first(1)", "list_sessions:before:status(403)@first(1)")
    with world(*faults, dialect="fabric") as here:

        def work() -> None:
            for number in range(2):
                once(here, file, f"select {number}")
                assert alive(here) == 1

        here.scheduler.run(work)
        assert here.scheduler.errors == []
        assert here.sessions_made == 2


@pytest.mark.parametrize("kept", [1, 0], ids=["left by an earlier run", "new"])
def test_a_session_is_kept_when_what_goes_with_its_start_fails(kept: int, file: Path) -> None:
    def fails(_: Deadline) -> None:
        raise FailedToConnectError("Fabric's REST API is down")

    with world() as here:

        def work() -> None:
            if kept:
                once(here, file)
            client = a_run(here, file)
            client.manager._prepare = fails
            with pytest.raises(FailedToConnectError, match="is down"):
                client.execute("select 2")
            client.close()
            assert alive(here) == kept
            once(here, file, "select 3")

        here.scheduler.run(work)
        assert here.scheduler.errors == []
        assert here.sessions_made == 2 - kept


def test_a_session_may_be_deleted_by_another_thread_while_it_is_left_to_the_next_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world() as here:

        def work() -> None:
            client = a_run(here, file)
            client.execute("set a = 1")
            session, statement = client.manager.connect(), client.manager.statement

            def deleted_meanwhile(*args: Any, **more: Any) -> Statement:
                session.lease = None
                return statement(*args, **more)

            monkeypatch.setattr(client.manager, "statement", deleted_meanwhile)
            client.close()

        here.scheduler.run(work)
        assert here.scheduler.errors == []


def test_a_session_that_dies_during_the_run_is_not_left_to_the_next(file: Path) -> None:
    with world() as here:

        def work() -> None:
            client = a_run(here, file)
            client.execute("select 1")
            with here.server.fault("submit_statement:before:session_to(dead)@first(1)"):
                client.execute("select 2")
            client.close()
            once(here, file, "select 3")

        here.scheduler.run(work)
        assert here.sessions_made == 2
        assert alive(here) == 1


def crash(here: World, file: Path, sql: str = "insert into slow values (1)") -> None:
    """A run that sends a statement and is no more; its session stays, and the statement runs."""
    client = a_run(here, file)
    client.execute("select 1")
    session_id = str(client.manager.session_id)
    deadline = Deadline.after(here.runtime, 60)
    client.manager._api.submit_statement(session_id, sql, Operation.SUBMIT_WRITE, deadline)
    # What the operating system does with the locks of a process that ends.
    client.close()


SLOW = (Rule("slow", duration=600),)


def states_of(here: World) -> list[str]:
    return [event.after for event in here.server.journal.events(StatementMoved)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_crashed_run_left_running_is_cancelled_before_its_session_is_used(file: Path, dialect: str) -> None:
    with world(dialect=dialect, rules=SLOW) as here:

        def work() -> None:
            crash(here, file)
            once(here, file, "select 2")

        here.scheduler.run(work)
        assert here.sessions_made == 1
        assert "cancelled" in states_of(here)
        assert here.executions("select 2") == 1
        assert here.runtime.monotonic() < 120


@pytest.mark.parametrize(
    "faults",
    [
        ["cancel_statement:before:status(500)"],
        ["list_statements:before:status(403)"],
        # The session says of itself that it is idle, and the list has shown what it is not.
        ["cancel_statement:before:status(400)", "get_session:body:stick_state(idle)"],
        ["list_statements:before:status(403)@nth(2)", "get_session:body:stick_state(idle)"],
    ],
    ids=["cancel", "list", "cancel, idle", "second list, idle"],
)
def test_a_session_in_which_something_cannot_be_stopped_is_deleted_and_not_used(file: Path, faults: list[str]) -> None:
    with world(rules=SLOW) as here:

        def work() -> None:
            crash(here, file)
            with contextlib.ExitStack() as stack:
                for fault in faults:
                    stack.enter_context(here.server.fault(fault))
                once(here, file, "select 2")

        here.scheduler.run(work)
        assert here.sessions_made == 2
        assert alive(here) == 1
        assert here.executions("select 2") == 1
        assert here.runtime.monotonic() < 200


def test_a_kept_session_that_nobody_can_look_into_stays_for_later(file: Path) -> None:
    with world(rules=SLOW) as here:

        def work() -> None:
            crash(here, file)
            looks_fail = here.server.fault("get_session:before:status(503)@nth(3)")
            with here.server.fault("list_statements:before:status(503)"), looks_fail:
                client = a_run(here, file)
                with pytest.raises(FailedToConnectError, match="cannot be looked at"):
                    client.execute("select 2")
                client.close()
            once(here, file, "select 3")

        here.scheduler.run(work)
        assert here.sessions_made == 1
        assert here.executions("select 3") == 1


def test_a_session_whose_statements_cannot_be_listed_is_used_if_it_is_idle(file: Path) -> None:
    with world() as here:

        def work() -> None:
            once(here, file)
            with here.server.fault("list_statements:before:status(403)"):
                once(here, file, "select 2")

        here.scheduler.run(work)
        assert here.sessions_made == 1
