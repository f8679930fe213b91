"""Vanilla statements over a real socket: order, states, times, cancelling, retention, wrong states."""

from __future__ import annotations

import dataclasses

from fakelivy import FakeLivy, ManualClock
from fakelivy.engine.port import EngineUnavailable, Failure
from fakelivy.journal import Execution, HandlerError
from tests.server.toy import Client, ToyEngine, eventually, table

MILLIS = 1_767_225_600_000
"""The manual clock's start, 2026-01-01 UTC, in epoch milliseconds."""


def test_a_statement_is_201_waiting_with_location(livy: Client) -> None:
    session = livy.session()
    reply = livy.post(f"{session}/statements", {"code": "select 1"})
    assert reply.status_code == 201
    assert reply.headers["Location"] == "/sessions/0/statements/0"
    assert reply.json() == {
        "id": 0,
        "code": "select 1",
        "state": "waiting",
        "output": None,
        "progress": 0.0,
        "started": 0,
        "completed": 0,
    }


def test_code_reaches_the_engine_byte_for_byte(livy: Client, engine: ToyEngine) -> None:
    session = livy.session()
    code = "select '\\\\', \"é\U0001f600\", '%s' /* ; */ -- x\n\t"
    livy.submit(session, code)
    assert [each.code for each in engine.sessions[0].started] == [code]


def test_a_result_is_livy_json(livy: Client, engine: ToyEngine) -> None:
    engine.answers["q"] = table((1, "é"), n="integer", s="string")
    statement = livy.submit(livy.session(), "q")
    assert livy.get(statement).json() == {
        "id": 0,
        "code": "q",
        "state": "available",
        "output": {
            "status": "ok",
            "execution_count": 0,
            "data": {
                "application/json": {"schema": engine.answers["q"].schema, "data": [[1, "é"]]},  # type: ignore[union-attr]  # a Table
            },
        },
        "progress": 1.0,
        "started": MILLIS,
        "completed": MILLIS,
    }


def test_what_the_engine_notices_is_in_the_sessions_log(livy: Client, engine: ToyEngine) -> None:
    engine.answers["q"] = dataclasses.replace(table((1,), n="integer"), notices=("this differs",))
    session = livy.session()
    livy.submit(session, "q")
    livy.submit(session, "select 1")
    assert livy.get(f"{session}/log").json()["log"][-1] == "WARN statement 0: this differs"


def test_failed_sql_is_available_with_an_error_output(livy: Client, engine: ToyEngine) -> None:
    engine.answers["bad"] = Failure("[TABLE_OR_VIEW_NOT_FOUND] no", traceback=("at x", "at y"))
    statement = livy.get(livy.submit(livy.session(), "bad")).json()
    assert statement["state"] == "available"
    assert statement["output"] == {
        "status": "error",
        "execution_count": 0,
        "ename": "Error",
        "evalue": "[TABLE_OR_VIEW_NOT_FOUND] no",
        "traceback": ["at x", "at y"],
    }


def test_statements_run_one_at_a_time_in_order_and_without_gaps(livy: Client, clock: ManualClock) -> None:
    session = livy.session()
    statements = [livy.submit(session, f"take {seconds}") for seconds in (5, 3, 2)]

    def states() -> list[str]:
        return [livy.state(statement) for statement in statements]

    assert states() == ["running", "waiting", "waiting"]
    assert livy.state(session) == "busy"
    clock.advance(5)
    assert states() == ["available", "running", "waiting"]
    clock.advance(100)
    assert states() == ["available", "available", "available"]
    assert livy.state(session) == "idle"
    times = [(s["started"] - MILLIS, s["completed"] - MILLIS) for s in (livy.get(p).json() for p in statements)]
    assert times == [(0, 5000), (5000, 8000), (8000, 10000)]


def test_the_next_statement_starts_though_nobody_looks(livy: Client, engine: ToyEngine) -> None:
    session = livy.session()
    livy.submit(session, "never 1")
    livy.submit(session, "never 2")
    started = engine.sessions[0].started
    started[0].end()
    eventually(lambda: [each.code for each in started] == ["never 1", "never 2"])


def test_sessions_do_not_wait_for_each_other(livy: Client) -> None:
    blocked, free = livy.session(), livy.session()
    livy.submit(blocked, "never")
    assert livy.state(livy.submit(free, "select 1")) == "available"


def test_cancelling_a_waiting_statement_keeps_it_from_running(livy: Client, engine: ToyEngine) -> None:
    session = livy.session()
    first, second = livy.submit(session, "never"), livy.submit(session, "insert")
    reply = livy.post(f"{second}/cancel", {})
    assert (reply.status_code, reply.json()) == (200, {"msg": "canceled"})
    cancelled = livy.get(second).json()
    assert (cancelled["state"], cancelled["output"]) == ("cancelled", None)
    engine.sessions[0].started[0].end()
    assert livy.state(first) == "available"
    assert [each.code for each in engine.sessions[0].started] == ["never"]


def test_cancelling_a_running_statement_reaches_the_engine(livy: Client, engine: ToyEngine) -> None:
    session = livy.session()
    statement = livy.submit(session, "never")
    livy.post(f"{statement}/cancel", {})
    cancelled = livy.get(statement).json()
    assert (cancelled["state"], cancelled["output"]["status"]) == ("cancelled", "error")
    assert engine.sessions[0].started[0].cancels == 1
    assert livy.state(session) == "idle"


def test_a_statement_that_does_not_stop_is_called_cancelled_after_30_seconds(
    livy: Client, engine: ToyEngine, clock: ManualClock
) -> None:
    session = livy.session()
    statement = livy.submit(session, "never stops")
    behind = livy.submit(session, "select 1")
    livy.post(f"{statement}/cancel", {})
    clock.advance(29)
    assert livy.state(statement) == "cancelling"
    clock.advance(1)
    assert livy.state(statement) == "cancelled"
    assert livy.get(statement).json()["output"] is None
    # The interpreter is still taken.
    assert (livy.state(behind), livy.state(session)) == ("waiting", "busy")
    engine.sessions[0].started[0].end()
    assert (livy.state(behind), livy.state(statement)) == ("available", "cancelled")


def test_a_statement_that_finishes_while_being_cancelled_is_cancelled_without_output(
    livy: Client, engine: ToyEngine
) -> None:
    statement = livy.submit(livy.session(), "never stops")
    livy.post(f"{statement}/cancel", {})
    engine.sessions[0].started[0].end()
    cancelled = livy.get(statement).json()
    assert (cancelled["state"], cancelled["output"]) == ("cancelled", None)


def test_cancelling_what_ended_or_never_was_is_a_200_that_does_nothing(livy: Client, engine: ToyEngine) -> None:
    session = livy.session()
    statement = livy.submit(session, "select 1")
    for number in (0, 77):
        assert livy.post(f"{session}/statements/{number}/cancel", {}).json() == {"msg": "canceled"}
    assert livy.state(statement) == "available"
    assert engine.sessions[0].started[0].cancels == 0


def test_the_list_is_paged_and_can_be_reversed(livy: Client) -> None:
    session = livy.session()
    for _ in range(4):
        livy.submit(session, "select 1")

    def ids(query: str) -> list[int]:
        page = livy.get(f"{session}/statements{query}").json()
        assert page["total_statements"] == 4
        return [statement["id"] for statement in page["statements"]]

    assert ids("") == [0, 1, 2, 3]
    assert ids("?from=1&size=2") == [1, 2]
    assert ids("?order=desc&size=2") == [3, 2]


def test_only_a_hundred_statements_are_remembered_even_if_the_oldest_still_waits(
    livy: Client, engine: ToyEngine
) -> None:
    session = livy.session()
    livy.submit(session, "never")
    for number in range(100):
        livy.submit(session, f"insert {number}")
    gone = livy.get(f"{session}/statements/0")
    assert (gone.status_code, gone.json()) == (404, "Statement not found")
    assert livy.get(f"{session}/statements").json()["total_statements"] == 100
    # Forgotten is not called off.
    livy.submit(session, "insert 100")
    engine.sessions[0].started[0].end()
    eventually(lambda: livy.state(session) == "idle")
    assert [each.code for each in engine.sessions[0].started][1:] == [f"insert {n}" for n in range(101)]


def test_a_statement_to_a_starting_session_is_500_with_a_json_string(livy: Client, engine: ToyEngine) -> None:
    engine.gate.clear()
    livy.post("/sessions", {})
    reply = livy.post("/sessions/0/statements", {"code": "x", "kind": "sql"})
    assert reply.status_code == 500
    assert reply.json() == "java.lang.IllegalStateException: Session is in state starting"
    engine.gate.set()


def test_a_session_that_is_not_active_answers_400_to_reads_and_500_to_submits(livy: Client, engine: ToyEngine) -> None:
    session = livy.session()
    livy.submit(session, "select 1")
    reply = livy.post(f"{session}/statements", {"code": "die"})
    assert reply.status_code == 201
    died = livy.get(f"{session}/statements/1").json()
    assert died["output"]["evalue"] == "Interpreter died:\nthe child is gone"
    assert livy.state(session) == "error"
    assert engine.sessions[0].closed == 1
    # In `error` the session still counts as active for reads; nothing can be submitted.
    assert livy.get(f"{session}/statements/0").json()["state"] == "available"
    refused = livy.post(f"{session}/statements", {"code": "x"})
    assert refused.status_code == 500
    assert refused.json() == "java.lang.IllegalStateException: Session is in state error"


def test_reads_of_a_dead_session_are_400(livy: Client, engine: ToyEngine) -> None:
    engine.failure = EngineUnavailable("no")
    session = livy.session()
    for path in ("/statements", "/statements/0"):
        reply = livy.get(session + path)
        assert (reply.status_code, reply.json()) == (
            400,
            {"msg": "requirement failed: Session isn't active."},
        )
    assert livy.post(f"{session}/statements", {"code": "x", "kind": "sql"}).json().endswith("state dead")


def test_an_engine_bug_at_a_statement_is_on_record_and_not_on_the_wire(livy: Client, server: FakeLivy) -> None:
    session = livy.session()
    statement = livy.get(livy.submit(session, "bug")).json()
    assert statement["output"]["ename"] == "Internal Error: KeyError"
    assert "secret internals" not in livy.get(f"{session}/statements").text
    assert "secret internals" in server.journal.events(HandlerError)[0].traceback


def test_a_result_that_breaks_the_encoder_fails_the_statement_only(livy: Client, engine: ToyEngine) -> None:
    engine.answers["odd"] = table((object(),), x={"type": "no such type"})
    session = livy.session()
    statement = livy.get(livy.submit(session, "odd")).json()
    assert (statement["state"], statement["output"]["ename"]) == ("available", "Internal Error: KeyError")
    assert livy.state(livy.submit(session, "select 1")) == "available"


def test_a_kind_is_needed_somewhere(livy: Client) -> None:
    shared = livy.session(kind="shared")
    reply = livy.post(f"{shared}/statements", {"code": "x"})
    assert reply.status_code == 500
    assert reply.json().endswith("Code type should be specified if session kind is shared")
    assert livy.post(f"{shared}/statements", {"code": "x", "kind": "no"}).json().endswith("Invalid kind: no")
    assert livy.post(f"{shared}/statements", {"code": "x", "kind": "sql"}).status_code == 201


def test_missing_code_and_odd_ids_are_400(livy: Client) -> None:
    session = livy.session()
    assert livy.post(f"{session}/statements", {}).status_code == 400
    assert livy.get(f"{session}/statements/x").json() == {"msg": 'For input string: "x"'}
    assert livy.get(f"{session}/statements/5").json() == "Statement not found"
    assert livy.post("/sessions/9/statements", {"code": "x"}).json() == {"msg": "Session '9' not found."}


def test_each_execution_is_in_the_journal_once(livy: Client, server: FakeLivy) -> None:
    session = livy.session()
    for _ in range(2):
        livy.submit(session, "insert into t")
    assert server.journal.events(Execution) == [
        Execution("0", 0, "sql", "insert into t"),
        Execution("0", 1, "sql", "insert into t"),
    ]


def test_a_thousand_rows_are_asked_for_unless_the_session_says_otherwise(livy: Client, engine: ToyEngine) -> None:
    for conf in ({}, {"livy.rsc.sql.num-rows": "5"}, {"livy.rsc.sql.num-rows": "all"}):
        livy.submit(livy.session(conf=conf), "select 1")
    assert [session.started[0].max_rows for session in engine.sessions] == [1000, 5, 1000]
