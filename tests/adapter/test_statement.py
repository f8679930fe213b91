"""A statement is sent once, waited for within its deadline, and judged by the server's own words."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import (
    DeadlineExceeded,
    HttpError,
    OutcomeUnknown,
    StatementCancelled,
    StatementFailed,
)
from dbt.adapters.fabricspark.livy.kinds import PYTHON, marked
from dbt.adapters.fabricspark.livy.line import Line
from dbt.adapters.fabricspark.livy.place import StatementSettings
from dbt.adapters.fabricspark.livy.statement import WATCH, Statement
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.halt import CANCEL_BUDGET, Halted, HaltingRuntime
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt.adapters.fabricspark.resilience.policy import SENDS
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.tokens import Token, TokenSource
from dbt.adapters.fabricspark.resilience.transport import Transport

from chaos.simulation import Scheduler, SimulatedRuntime
from tests.adapter.conftest import ScriptedServer, VirtualRuntime

WRITE = "insert into t values (1)"
SUBMIT = "POST /sessions/0/statements"
LIST = "GET /sessions/0/statements?from=0&size=50&order=desc"
LOOK = "GET /sessions/0/statements/7"
CANCEL = "POST /sessions/0/statements/7/cancel"

TABLE = {"schema": {"type": "struct", "fields": [{"name": "n", "type": "integer"}]}, "data": [[1]]}
OK = {"status": "ok", "execution_count": 1, "data": {"application/json": TABLE}}


@dataclass
class SomePlace:
    """A session that has had no statement and lives."""

    session_id: str | None = "0"
    newest: int = -1
    how: str | None = None
    there: bool = True
    line: Line = field(default_factory=lambda: Line(VirtualRuntime()))

    def is_there(self) -> bool:
        return self.there and self.how is None

    def saw(self, statement_id: int) -> None:
        self.newest = max(self.newest, statement_id)

    def ended(self) -> str | None:
        return self.how


PLACE = SomePlace()


def view(state: object, output: object = None) -> tuple[int, object]:
    return 200, {"id": 7, "state": state, "output": output}


@pytest.fixture
def statement(api: LivyApi, runtime: VirtualRuntime, logger: logging.Logger) -> Statement:
    return Statement(api, WRITE, StatementSettings(timeout=3600, longest_pause=5), runtime, logger)


@pytest.fixture
def answers(server: ScriptedServer) -> Callable[..., None]:
    def script(*looks: Any, submit: Any = None) -> None:
        server.answers = {SUBMIT: [submit or view("waiting")], LOOK: list(looks), CANCEL: [(200, {"msg": "canceled"})]}

    return script


def test_a_result_is_returned_and_the_statement_sent_once(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(view("running"), view("available", OK))
    assert statement.run(PLACE).rows == ((1,),)
    assert server.seen[0] == (SUBMIT, {"code": f"{WRITE}\n{statement.mark}", "kind": "sql"})
    assert server.count(SUBMIT) == 1
    assert server.count(CANCEL) == 0


def test_a_result_in_the_reply_to_the_submission_needs_no_further_request(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(submit=view("available", OK))
    assert statement.run(PLACE).rows == ((1,),)
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
        statement.run(PLACE)


def test_an_error_state_without_output_still_names_the_statement(
    statement: Statement, answers: Callable[..., None]
) -> None:
    answers(view("error", None))
    with pytest.raises(StatementFailed, match="statement 7 of Livy session 0"):
        statement.run(PLACE)


@pytest.mark.parametrize("state", ["cancelled", "cancelling"])
def test_a_cancelled_statement_without_output_is_reported_as_cancelled(
    state: str, statement: Statement, answers: Callable[..., None]
) -> None:
    answers(view(state, None))
    with pytest.raises(StatementCancelled, match="statement 7 of Livy session 0 was cancelled"):
        statement.run(PLACE)


@pytest.mark.parametrize("state", ["running", "waiting", "napping", "", None])
def test_a_statement_that_never_ends_is_cancelled_at_its_deadline(
    state: Any, statement: Statement, server: ScriptedServer, runtime: VirtualRuntime, answers: Callable[..., None]
) -> None:
    answers(view(state))
    server.answers[CANCEL] = [lambda: answers(view("cancelled")) or (200, {"msg": "canceled"})]  # type: ignore[func-returns-value]  # both, in one expression
    with pytest.raises(DeadlineExceeded, match=r"after 3600 s .*told to stop.*statement_timeout"):
        statement.run(PLACE)
    assert runtime.elapsed == pytest.approx(3600)
    assert server.count(CANCEL) == 1
    assert server.count(SUBMIT) == 1


@pytest.mark.parametrize("cancel", [(200, {"msg": "canceled"}), (500, "no")])
def test_a_write_that_does_not_stop_at_its_deadline_is_unknown(
    cancel: tuple[int, object],
    statement: Statement,
    server: ScriptedServer,
    runtime: VirtualRuntime,
    answers: Callable[..., None],
) -> None:
    answers(view("running"))
    server.answers[CANCEL] = [cancel]
    with pytest.raises(OutcomeUnknown, match=r"after 3600 s .*statement_timeout.*Its end was not seen.*may have run"):
        statement.run(PLACE)
    assert server.count(SUBMIT) == 1
    assert runtime.elapsed < 3600 + 30


def test_a_read_that_does_not_stop_at_its_deadline_has_failed(
    api: LivyApi, runtime: VirtualRuntime, logger: logging.Logger, answers: Callable[..., None]
) -> None:
    answers(view("running"))
    read = Statement(api, "select 1", StatementSettings(timeout=3600, longest_pause=5), runtime, logger)
    with pytest.raises(DeadlineExceeded):
        read.run(PLACE)
    assert runtime.elapsed == pytest.approx(3600)


def test_a_write_that_ended_just_before_it_was_told_to_stop_has_ended_well(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(view("running"))
    server.answers[CANCEL] = [lambda: answers(view("available", OK)) or (200, {"msg": "canceled"})]  # type: ignore[func-returns-value]  # both, in one expression
    assert statement.run(PLACE).rows == ((1,),)
    assert server.count(SUBMIT) == 1


def test_polling_stretches_with_the_time_waited(
    statement: Statement, server: ScriptedServer, runtime: VirtualRuntime, answers: Callable[..., None]
) -> None:
    answers(view("running"))
    server.answers[CANCEL] = [lambda: answers(view("cancelled")) or (200, {"msg": "canceled"})]  # type: ignore[func-returns-value]  # both, in one expression
    with pytest.raises(DeadlineExceeded):
        statement.run(PLACE)
    assert runtime.sleeps[0] == pytest.approx(0.05)
    assert max(runtime.sleeps) == pytest.approx(5)
    # Short of the cap every pause is a tenth of the time waited, beyond it one look in five seconds.
    assert server.count(LOOK) < 50 + 3600 / 5


def test_an_available_statement_whose_output_is_late_is_looked_at_again(
    statement: Statement, answers: Callable[..., None]
) -> None:
    answers(view("available", None), view("available", OK))
    assert statement.run(PLACE).rows == ((1,),)


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
    assert statement.run(PLACE).rows == ((1,),)
    assert server.count(SUBMIT) == 1


@pytest.mark.parametrize("seconds", [90, 3000])
def test_a_token_may_need_two_minutes_to_count_while_a_statement_runs(
    seconds: float,
    server: ScriptedServer,
    answers: Callable[..., None],
    runtime: VirtualRuntime,
    logger: logging.Logger,
) -> None:
    tokens = TokenSource(lambda _: Token("t"), runtime)
    transport = Transport("http://livy", http_timeout=120, user_agent="tests", adapter=server, tokens=tokens)
    api = LivyApi(transport, Retrier(runtime, Pace(runtime), tokens, logger))
    statement = Statement(api, WRITE, StatementSettings(timeout=3600, longest_pause=5), runtime, logger)
    answers(lambda: (401, {"message": "no"}) if runtime.elapsed < seconds else view("available", OK))
    if seconds < 120:
        assert statement.run(PLACE).rows == ((1,),)
        assert server.count(CANCEL) == 0
    else:
        with pytest.raises(OutcomeUnknown):
            statement.run(PLACE)
        assert 120 <= runtime.elapsed <= 120 + 2 * WATCH
        assert server.count(CANCEL) == 1


def test_a_statement_that_outlives_its_session_is_noticed_within_a_minute(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None], runtime: VirtualRuntime
) -> None:
    answers(view("running"))
    with pytest.raises(OutcomeUnknown, match=r"Livy session 0 is dead\. Its result cannot be read any more") as caught:
        statement.run(SomePlace(how="Livy session 0 is dead"))
    assert caught.value.session_ended
    assert WATCH <= runtime.elapsed <= WATCH + 5
    assert server.count(SUBMIT) == 1


def test_anothers_statement_under_our_number_is_not_taken_for_ours(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    theirs = {"id": 7, "state": "available", "output": OK, "code": "select 1 /* theirs */"}
    answers((200, theirs))
    with pytest.raises(OutcomeUnknown, match="is another statement now: the server was restarted"):
        statement.run(SomePlace())
    assert server.count(SUBMIT) == 1


LOST: list[Any] = [
    requests.ReadTimeout(),
    requests.ConnectionError("reset"),
    (502, b"<html>bad gateway</html>"),
    (504, b""),
    (201, b"<html>sign in</html>"),
    (201, {"state": "waiting"}),
]


def listed(*statements: dict[str, object]) -> tuple[int, object]:
    return 200, {"total_statements": len(statements), "statements": list(statements)}


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_reply_to_the_submission_is_unknown_when_the_server_cannot_tell(
    lost: Any, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(submit=lost)
    server.answers[LIST] = [(500, "no")]
    with pytest.raises(OutcomeUnknown, match=r"may have run.*not sent again.*session 0") as caught:
        statement.run(PLACE)
    assert server.count(SUBMIT) == 1
    assert (caught.value.session_id, caught.value.mark) == ("0", statement.mark)
    assert statement.mark in str(caught.value)


@pytest.mark.parametrize("lost", LOST)
def test_a_statement_whose_reply_was_lost_is_found_by_its_mark(
    lost: Any, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(view("available", OK), submit=lost)
    other = {"id": 6, "state": "available", "code": "select 1"}
    server.answers[LIST] = [listed({"id": 7, "state": "running", "code": f"x {statement.mark}"}, other)]
    assert statement.run(PLACE).rows == ((1,),)
    assert server.count(SUBMIT) == 1


def test_that_a_statement_is_sent_again_is_said_only_where_it_is(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    answers(submit=requests.ConnectionError("reset"))
    server.answers[LIST] = [listed()]
    with pytest.raises(TransportError):
        statement.run(SomePlace())
    assert server.count(SUBMIT) == SENDS
    assert caplog.text.count("sending it again") == SENDS - 1


@pytest.mark.parametrize(
    "list_reply",
    [
        listed({"id": 150, "state": "available", "code": "x"}),  # the older ones are forgotten
        listed({"id": 0, "state": "available"}),  # nobody knows what it is
        (200, {"hello": "world"}),
        (404, "no such list"),
    ],
)
def test_a_list_that_could_hide_a_write_does_not_prove_it_absent(
    list_reply: Any, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(submit=requests.ConnectionError("reset"))
    server.answers[LIST] = [list_reply]
    with pytest.raises(OutcomeUnknown):
        statement.run(PLACE)
    assert server.count(SUBMIT) == 1


@pytest.mark.parametrize(
    ("lost", "sends"),
    [
        (requests.ConnectionError("reset"), 2),
        ((502, b""), 2),
        ((500, b""), 2),
        ((201, b"<html>sign in</html>"), 2),
        (requests.ReadTimeout(), 1),
        ((408, b""), 1),
        ((504, b""), 1),
    ],
)
def test_an_absent_write_is_sent_again_unless_it_may_still_be_on_its_way(
    lost: Any, sends: int, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers()
    server.answers[SUBMIT] = [lost, view("available", OK)]
    server.answers[LIST] = [listed()]
    with contextlib.nullcontext() if sends == 2 else pytest.raises(OutcomeUnknown, match="is complete and does not"):
        assert statement.run(SomePlace()).rows == ((1,),)
    assert server.count(SUBMIT) == sends


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (SomePlace(how="Livy session 0 is somebody else's now"), "The session is no more"),
        (SomePlace(there=False), "could not be read to its end"),
    ],
)
def test_the_list_of_another_session_does_not_prove_a_write_absent(
    place: SomePlace, why: str, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(submit=requests.ConnectionError("reset"))
    server.answers[LIST] = [listed()]
    with pytest.raises(OutcomeUnknown, match=why):
        statement.run(place)
    assert server.count(SUBMIT) == 1


def test_a_session_that_is_still_starting_is_waited_for_and_then_named(
    statement: Statement, server: ScriptedServer, runtime: VirtualRuntime, answers: Callable[..., None]
) -> None:
    answers(submit=(500, "java.lang.IllegalStateException: Session is in state starting"))
    with pytest.raises(HttpError, match=r"Session is in state starting \(tried \d+ times"):
        statement.run(PLACE)
    assert 1 < server.count(SUBMIT) < 30
    assert runtime.elapsed < 200


@pytest.mark.parametrize(
    "reply",
    [
        (404, {"msg": "Session '0' not found."}),
        (400, {"msg": "requirement failed: Session isn't active."}),
        (404, {"errorCode": "EntityNotFound", "message": "Session '0' not found.", "requestId": "r-1"}),
    ],
)
def test_a_session_that_is_gone_is_recognised_at_once(
    reply: Any, statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    answers(reply)
    with pytest.raises(OutcomeUnknown, match="may have run") as caught:
        statement.run(PLACE)
    assert server.count(LOOK) == 1
    assert caught.value.session_ended


@pytest.mark.parametrize("how", [None, "Livy session 0 is dead"])
def test_a_missing_statement_is_taken_for_a_missing_session_only_after_a_look_at_it(
    how: str | None, statement: Statement, runtime: VirtualRuntime, answers: Callable[..., None]
) -> None:
    answers((404, "Statement not found"))
    with pytest.raises(OutcomeUnknown, match=how or "Statement not found") as caught:
        statement.run(SomePlace(how=how))
    assert caught.value.session_ended is (how is not None)
    assert 30 <= runtime.elapsed < 120  # it may only not be visible yet


def test_python_is_not_run_again_though_it_may_read_like_a_query(
    api: LivyApi, runtime: VirtualRuntime, logger: logging.Logger, answers: Callable[..., None]
) -> None:
    settings = StatementSettings(timeout=3600, longest_pause=5)
    code = Statement(api, "table = spark.table('t').write.saveAsTable('u')", settings, runtime, logger, kind=PYTHON)
    answers((404, "Statement not found"))
    with pytest.raises(OutcomeUnknown):
        code.run(SomePlace(how="Livy session 0 is dead"))


@pytest.mark.parametrize(("sql", "error"), [(WRITE, OutcomeUnknown), ("select 1", HttpError)])
def test_a_write_that_may_not_be_looked_at_any_more_is_called_off_and_unknown(
    sql: str,
    error: type[Exception],
    api: LivyApi,
    runtime: VirtualRuntime,
    logger: logging.Logger,
    server: ScriptedServer,
    answers: Callable[..., None],
) -> None:
    statement = Statement(api, sql, StatementSettings(timeout=3600, longest_pause=5), runtime, logger)
    answers(view("running"), (403, {"message": "you may not look"}))
    with pytest.raises(error, match="you may not look"):
        statement.run(PLACE)
    assert server.count(CANCEL) == 1


def test_ctrl_c_while_waiting_cancels_on_the_server(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    def interrupt() -> tuple[int, object]:
        raise KeyboardInterrupt

    answers(interrupt)
    with pytest.raises(KeyboardInterrupt):
        statement.run(PLACE)
    assert server.count(CANCEL) == 1


def test_cancel_before_the_id_is_known_takes_effect_when_it_is(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    def cancelled_meanwhile() -> tuple[int, object]:
        statement.cancel()
        return view("waiting")

    answers(view("cancelled"), submit=cancelled_meanwhile)
    server.answers[LIST] = [(200, {"statements": []})]
    with pytest.raises(StatementCancelled):
        statement.run(PLACE)
    assert server.count(CANCEL) == 1


def test_cancel_finds_a_statement_whose_reply_has_not_come(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    cancels: list[int] = []

    def cancelled_meanwhile() -> tuple[int, object]:
        statement.cancel()
        statement.cancel()
        cancels.append(server.count(CANCEL))
        return view("waiting")

    answers(view("cancelled"), submit=cancelled_meanwhile)
    server.answers[LIST] = [(200, {"statements": [{"id": 7, "state": "running", "code": statement.mark}]})]
    with pytest.raises(StatementCancelled):
        statement.run(PLACE)
    assert cancels == [1], "it was not stopped while its reply was on its way"
    assert server.count(CANCEL) == 1


def test_ctrl_c_while_a_statement_is_sent_stops_it_on_the_server(
    statement: Statement, server: ScriptedServer, answers: Callable[..., None]
) -> None:
    def interrupted() -> tuple[int, object]:
        raise KeyboardInterrupt

    answers(view("running"), submit=interrupted)
    server.answers[LIST] = [(200, {"statements": [{"id": 7, "state": "running", "code": statement.mark}]})]
    with pytest.raises(KeyboardInterrupt):
        statement.run(PLACE)
    assert server.count(CANCEL) == 1


@pytest.mark.parametrize("listed", [True, False], ids=["it is there", "it is not"])
def test_a_halt_while_a_statement_is_sent_stops_it_on_the_server(
    listed: bool, server: ScriptedServer, answers: Callable[..., None], logger: logging.Logger
) -> None:
    scheduler = Scheduler(seed=1)
    runtime = HaltingRuntime(SimulatedRuntime(scheduler))
    transport = Transport("http://livy", http_timeout=120, user_agent="tests", adapter=server, left=runtime.left)
    api = LivyApi(transport, Retrier(runtime, Pace(runtime), None, logger))
    statement = Statement(api, WRITE, StatementSettings(timeout=3600, longest_pause=5), runtime, logger)

    def halted() -> tuple[int, object]:
        runtime.halt()
        raise requests.ReadTimeout

    answers(view("running"), submit=halted)
    item = {"id": 7, "state": "running", "code": statement.mark if listed else None}
    server.answers[LIST] = [(200, {"statements": [item]})]

    def work() -> None:
        with pytest.raises(Halted):
            statement.run(SomePlace(line=Line(runtime)))
        assert runtime.monotonic() <= CANCEL_BUDGET

    scheduler.run(work)
    assert scheduler.errors == []
    assert server.count(CANCEL) == listed


def test_cancel_before_submission_sends_nothing(statement: Statement, server: ScriptedServer) -> None:
    statement.cancel()
    with pytest.raises(StatementCancelled):
        statement.run(PLACE)
    assert server.seen == []


@pytest.mark.parametrize(
    "sql", ["set a=b", "  RESET a", '/* {"app": "dbt"} */\n SET a=b', "-- y\nset a=b", "add jar x"]
)
def test_the_mark_stands_before_what_spark_takes_to_the_end(sql: str) -> None:
    assert marked(sql, "/* m */") == f"/* m */\n{sql}"


@pytest.mark.parametrize(
    "sql", ["select 1", "/* set a */ select 1", "-- set\nselect 1", "settle", "insert into t select 'set'"]
)
def test_the_mark_stands_after_all_else(sql: str) -> None:
    assert marked(sql, "/* m */") == f"{sql}\n/* m */"
