"""A statement is sent once, waited for within its deadline, and judged by the server's own words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import (
    DeadlineExceeded,
    HttpError,
    OutcomeUnknown,
    SessionGone,
    StatementCancelled,
    StatementFailed,
)
from dbt.adapters.fabricspark.livy.statement import Statement, StatementSettings

from tests.adapter.conftest import ScriptedServer, VirtualRuntime

SUBMIT = "POST /sessions/0/statements"
LOOK = "GET /sessions/0/statements/7"
CANCEL = "POST /sessions/0/statements/7/cancel"

TABLE = {"schema": {"type": "struct", "fields": [{"name": "n", "type": "integer"}]}, "data": [[1]]}
OK = {"status": "ok", "execution_count": 1, "data": {"application/json": TABLE}}


def view(state: object, output: object = None) -> tuple[int, object]:
    return 200, {"id": 7, "state": state, "output": output}


@pytest.fixture
def statement(api: LivyApi, runtime: VirtualRuntime, logger: logging.Logger) -> Statement:
    return Statement(api, "0", "select 1", StatementSettings(timeout=3600, longest_pause=5), runtime, logger)


@pytest.fixture
def answers(server: ScriptedServer) -> Callable[..., None]:
    def script(*looks: Any, submit: Any = None) -> None:
        server.answers = {SUBMIT: [submit or view("waiting")], LOOK: list(looks), CANCEL: [(200, {"msg": "canceled"})]}

    return script


def test_a_result_is_returned_and_the_statement_sent_once(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(view("running"), view("available", OK))
    assert statement.run().rows == ((1,),)
    assert server.seen[0] == (SUBMIT, {"code": "select 1", "kind": "sql"})
    assert server.count(SUBMIT) == 1
    assert server.count(CANCEL) == 0


def test_a_result_in_the_reply_to_the_submission_needs_no_further_request(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(submit=view("available", OK))
    assert statement.run().rows == ((1,),)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "ending",
    [
        view("available", {"status": "error", "ename": "Error", "evalue": "[PARSE_SYNTAX_ERROR] near 'selec'"}),
        view("error", {"status": "error", "evalue": "[PARSE_SYNTAX_ERROR] near 'selec'"}),
        view("Error", {"status": "Error", "traceback": ["[PARSE_SYNTAX_ERROR] near 'selec'\n"], "evalue": None}),
    ],
)
def test_a_failed_statement_is_reported_in_the_servers_words(
    ending: Any, statement: Statement, answers: Callable[..., None]
) -> None:
    answers(view("running"), ending)
    with pytest.raises(StatementFailed, match=r"\[PARSE_SYNTAX_ERROR\] near 'selec'"):
        statement.run()


def test_an_error_state_without_output_still_names_the_statement(
    statement: Statement, answers: Callable[..., None]
) -> None:
    answers(view("error", None))
    with pytest.raises(StatementFailed, match="statement 7 of Livy session 0"):
        statement.run()


@pytest.mark.parametrize("state", ["cancelled", "cancelling"])
def test_a_cancelled_statement_without_output_is_reported_as_cancelled(
    state: str, statement: Statement, answers: Callable[..., None]
) -> None:
    answers(view(state, None))
    with pytest.raises(StatementCancelled, match="statement 7 of Livy session 0 was cancelled"):
        statement.run()


@pytest.mark.parametrize("state", ["running", "waiting", "napping", "", None])
def test_a_statement_that_never_ends_is_cancelled_at_its_deadline(
    state: Any, statement: Statement, server: ScriptedServer, runtime: VirtualRuntime, answers: Callable[..., None]
) -> None:
    answers(view(state))
    with pytest.raises(DeadlineExceeded, match=r"after 3600 s .*statement_timeout"):
        statement.run()
    assert runtime.elapsed == pytest.approx(3600)
    assert server.count(CANCEL) == 1
    assert server.count(SUBMIT) == 1


def test_polling_stretches_with_the_time_waited(
    statement: Statement, server: ScriptedServer, runtime: VirtualRuntime, answers: Callable[..., None]
) -> None:
    answers(view("running"))
    with pytest.raises(DeadlineExceeded):
        statement.run()
    assert runtime.sleeps[0] == pytest.approx(0.05)
    assert max(runtime.sleeps) == pytest.approx(5)
    # Short of the cap every pause is a tenth of the time waited, beyond it one look in five seconds.
    assert server.count(LOOK) < 50 + 3600 / 5


def test_an_available_statement_whose_output_is_late_is_looked_at_again(
    statement: Statement, answers: Callable[..., None]
) -> None:
    answers(view("available", None), view("available", OK))
    assert statement.run().rows == ((1,),)


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ReadTimeout(),
        requests.ConnectionError("reset"),
        (502, b"<html>bad gateway</html>"),
        (429, {"errorCode": "RequestBlocked"}),
        (200, b"<html>sign in</html>"),
        (200, []),
    ],
)
def test_trouble_while_looking_is_survived(
    trouble: Any, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(trouble, trouble, view("available", OK))
    assert statement.run().rows == ((1,),)
    assert server.count(SUBMIT) == 1


@pytest.mark.parametrize(
    "lost",
    [
        requests.ReadTimeout(),
        requests.ConnectionError("reset"),
        (502, b"<html>bad gateway</html>"),
        (504, b""),
        (201, b"<html>sign in</html>"),
        (201, {"state": "waiting"}),
    ],
)
def test_a_lost_reply_to_the_submission_is_unknown_and_never_sent_again(
    lost: Any, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(submit=lost)
    with pytest.raises(OutcomeUnknown, match=r"may have run.*not sent again.*session 0"):
        statement.run()
    assert server.count(SUBMIT) == 1


def test_a_refused_submission_fails_with_the_bodys_message(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(submit=(500, "java.lang.IllegalStateException: Session is in state starting"))
    with pytest.raises(HttpError, match="Session is in state starting"):
        statement.run()
    assert server.count(SUBMIT) == 1


@pytest.mark.parametrize(
    "reply",
    [
        (404, {"msg": "Session '0' not found."}),
        (400, {"msg": "requirement failed: Session isn't active."}),
        (404, {"errorCode": "EntityNotFound", "message": "no such session", "requestId": "r-1"}),
    ],
)
def test_a_session_that_is_gone_is_recognised_at_once(
    reply: Any, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(reply)
    with pytest.raises(SessionGone):
        statement.run()
    assert server.count(LOOK) == 1


def test_a_missing_statement_is_not_taken_for_a_missing_session(
    statement: Statement, answers: Callable[..., None]
) -> None:
    answers((404, "Statement not found"))
    with pytest.raises(HttpError, match="Statement not found") as caught:
        statement.run()
    assert not isinstance(caught.value, SessionGone)


def test_ctrl_c_while_waiting_cancels_on_the_server(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    def interrupt() -> tuple[int, object]:
        raise KeyboardInterrupt

    answers(interrupt)
    with pytest.raises(KeyboardInterrupt):
        statement.run()
    assert server.count(CANCEL) == 1


def test_cancel_before_the_id_is_known_takes_effect_when_it_is(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    def cancelled_meanwhile() -> tuple[int, object]:
        statement.cancel()
        return view("waiting")

    answers(view("cancelled"), submit=cancelled_meanwhile)
    with pytest.raises(StatementCancelled):
        statement.run()
    assert server.count(CANCEL) == 1


def test_cancel_before_submission_sends_nothing(statement: Statement, server: ScriptedServer) -> None:
    statement.cancel()
    with pytest.raises(StatementCancelled):
        statement.run()
    assert server.seen == []


def test_a_server_that_refuses_to_cancel_does_not_hide_the_time_out(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(view("running"))
    server.answers[CANCEL] = [(500, "no")]
    with pytest.raises(DeadlineExceeded):
        statement.run()
