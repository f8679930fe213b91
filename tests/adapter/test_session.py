"""Sessions: waited for within bounds, shared by all threads, never left behind."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Any

import pytest
import requests
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.credentials import Settings
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import OutcomeUnknown, SessionLost
from dbt.adapters.fabricspark.livysession import LivySession, LivySessionManager
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from urllib3.exceptions import NewConnectionError

from tests.adapter.conftest import ScriptedServer, VirtualRuntime

CREATE, LOOK, DELETE = "POST /sessions", "GET /sessions/0", "DELETE /sessions/0"
LIST = "GET /sessions?from=0&size=50&$skip=0&$top=50"
REFUSED = requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]  # no connection needed
BODY = {"name": "dbt-fabricspark", "kind": "sql"}


def view(state: object, **more: object) -> tuple[int, object]:
    return 200, {"id": 0, "state": state, **more}


def script(server: ScriptedServer, *looks: Any, create: Any = None) -> None:
    server.answers = {
        CREATE: create if isinstance(create, list) else [create or (201, {"id": 0, "state": "starting"})],
        LOOK: list(looks) or [view("idle")],
        DELETE: [(200, {"msg": "deleted"})],
    }


@pytest.fixture
def session(api: LivyApi, settings: Settings, runtime: VirtualRuntime, logger: logging.Logger) -> LivySession:
    return LivySession(api, settings, runtime, logger)


@pytest.fixture
def manager(api: LivyApi, settings: Settings, runtime: VirtualRuntime, logger: logging.Logger) -> LivySessionManager:
    return LivySessionManager(api, settings, BODY, runtime, logger)


@pytest.mark.parametrize(
    ("path", "waits"),
    [
        ([view("idle")], 0),
        ([view("starting"), view("idle")], 1),
        ([view("not_started"), view("recovering"), view("starting"), view("busy")], 3),
        ([view("some_state_of_tomorrow"), view(None), view("idle")], 2),
        # Fabric: ready by livyInfo, whatever else is missing or null.
        ([(200, {"id": "0"}), view(None, livyInfo=None), view(None, livyInfo={"currentState": "idle"})], 2),
    ],
)
def test_a_session_is_waited_for_without_spinning(
    path: list[Any], waits: int, session: LivySession, server: ScriptedServer, runtime: VirtualRuntime
) -> None:
    script(server, *path)
    session.create_session(BODY)
    session.wait_for_session_start()
    assert len(runtime.sleeps) == waits
    assert all(pause > 0 for pause in runtime.sleeps)


@pytest.mark.parametrize("state", ["error", "dead", "killed", "shutting_down", "success"])
def test_a_session_that_ends_while_starting_is_named_at_once(
    state: str, session: LivySession, server: ScriptedServer, runtime: VirtualRuntime
) -> None:
    script(server, view("starting"), view(state, log=["stderr: ", "Not enough cores\n"]))
    session.create_session(BODY)
    with pytest.raises(FailedToConnectError, match=f"ended in state '{state}'.*Not enough cores"):
        session.wait_for_session_start()
    assert runtime.elapsed < 1


def test_a_rejection_for_lack_of_capacity_is_seen_though_the_state_is_absent(
    session: LivySession, server: ScriptedServer
) -> None:
    script(server, (200, {"id": "0", "fabricSessionStateInfo": {"state": "error", "errorMessage": "no capacity"}}))
    session.create_session(BODY)
    with pytest.raises(FailedToConnectError, match="no capacity"):
        session.wait_for_session_start()


def test_waiting_for_a_session_ends_at_session_start_timeout(
    session: LivySession, server: ScriptedServer, runtime: VirtualRuntime
) -> None:
    script(server, view("starting"))
    session.create_session(BODY)
    with pytest.raises(FailedToConnectError, match=r"still 'starting' after 600 s.*session_start_timeout"):
        session.wait_for_session_start()
    assert runtime.elapsed == pytest.approx(600)
    assert max(runtime.sleeps) == pytest.approx(10)


def test_a_session_that_takes_long_is_told_of_now_and_then(
    session: LivySession, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    script(server, view("starting"))
    session.create_session(BODY)
    with caplog.at_level(logging.INFO), pytest.raises(FailedToConnectError):
        session.wait_for_session_start()
    told = [record.getMessage() for record in caplog.records if "has been starting for" in record.getMessage()]
    assert len(told) == 5, "at 30 s and at 1, 2, 4 and 8 min"


@pytest.mark.parametrize("trouble", [requests.ReadTimeout(), (503, b"<html>busy</html>"), (200, b"<html/>"), (404, "")])
def test_http_errors_while_waiting_are_survived(trouble: Any, session: LivySession, server: ScriptedServer) -> None:
    script(server, trouble, trouble, view("idle"))
    session.create_session(BODY)
    session.wait_for_session_start()
    assert server.count(CREATE) == 1


def test_an_unreachable_server_is_tried_again_and_then_named(
    session: LivySession, server: ScriptedServer, runtime: VirtualRuntime
) -> None:
    script(server, create=REFUSED)
    with pytest.raises(FailedToConnectError, match=r"http://livy/sessions: connection refused .*tried 2 times in 0 s"):
        session.create_session(BODY)
    assert server.count(CREATE) == 2
    assert runtime.sleeps == [0.5]


def test_a_server_that_comes_up_late_is_reached_by_the_second_try(session: LivySession, server: ScriptedServer) -> None:
    script(server, create=[REFUSED, (201, {"id": 0})])
    assert session.create_session(BODY) == "0"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((404, b"<html><body>Not Found</body></html>"), "404: text/html: Not Found"),
        ((403, {"errorCode": "InsufficientPrivileges", "message": "no"}), "InsufficientPrivileges: no"),
        ((302, b""), "302: an empty body"),
    ],
)
def test_a_session_that_is_refused_is_asked_for_once(
    reply: Any, words: str, session: LivySession, server: ScriptedServer
) -> None:
    script(server, create=reply)
    with pytest.raises(FailedToConnectError, match=words):
        session.create_session(BODY)
    assert server.count(CREATE) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((400, {"msg": "Rejected, too many sessions are being created!"}), "too many sessions"),
        ((430, {"errorCode": "TooManyRequestsForCapacity", "message": "full"}), "TooManyRequestsForCapacity: full"),
    ],
)
def test_capacity_is_waited_for_until_session_start_timeout(
    reply: Any, words: str, session: LivySession, server: ScriptedServer, runtime: VirtualRuntime
) -> None:
    script(server, create=reply)
    with pytest.raises(FailedToConnectError, match=rf"{words}.*tried \d+ times in 5\d\d s"):
        session.create_session(BODY)
    assert runtime.elapsed == pytest.approx(600)
    assert server.count(CREATE) < 100


LOST: list[tuple[Any, str]] = [
    (requests.ReadTimeout(), "no reply within 120 s"),
    (requests.ConnectionError("reset"), "connection broke"),
    ((502, b"<html>bad</html>"), "502"),
    ((200, b"<html>hello</html>"), "is this a Livy server"),
    ((200, {"hello": "world"}), "without an id"),
]


@pytest.mark.parametrize(("reply", "words"), LOST)
def test_a_session_whose_reply_was_lost_is_found_by_its_name(
    reply: Any, words: str, session: LivySession, server: ScriptedServer
) -> None:
    script(server, create=reply)
    others = [{"id": 3, "name": "other", "state": "idle"}, {"id": 0, "name": BODY["name"], "state": "starting"}]
    server.answers[LIST] = [(200, {"from": 0, "total": 2, "sessions": others})]
    assert session.create_session(BODY) == "0"
    assert server.count(CREATE) == 1


@pytest.mark.parametrize(("reply", "words"), LOST)
def test_a_session_that_is_nowhere_is_asked_for_again_and_then_given_up(
    reply: Any, words: str, session: LivySession, server: ScriptedServer
) -> None:
    script(server, create=reply)
    server.answers[LIST] = [(200, {"from": 0, "total": 0, "sessions": []})]
    with pytest.raises(FailedToConnectError, match=rf"{words}.*session 'dbt-fabricspark'"):
        session.create_session(BODY)
    assert server.count(CREATE) == 3


@pytest.mark.parametrize(
    ("reply", "valid"),
    [
        (view("idle"), True),
        (view("busy"), True),
        (view("starting"), False),
        (view("dead"), False),
        ((404, {"msg": "Session '0' not found."}), False),
        ((200, b"<html/>"), False),
        (requests.ConnectionError("reset"), False),
    ],
)
def test_is_valid_session_answers_and_never_raises(
    reply: Any, valid: bool, session: LivySession, server: ScriptedServer
) -> None:
    script(server, reply)
    assert session.is_valid_session() is False  # there is none yet
    session.create_session(BODY)
    assert session.is_valid_session() is valid


@pytest.mark.parametrize(
    ("reply", "deleted"),
    [
        ((200, {}), True),
        ((204, b""), True),
        ((404, {"msg": "Session '0' not found."}), True),
        ((500, "no"), False),
        (requests.ReadTimeout(), False),
    ],
)
def test_deleting_never_raises_and_what_failed_can_be_tried_again(
    reply: Any, deleted: bool, session: LivySession, server: ScriptedServer
) -> None:
    gone = isinstance(reply, tuple) and reply[0] == 404
    script(server, *([reply] if gone else []))
    server.answers[DELETE] = [reply]
    session.create_session(BODY)
    assert session.delete_session() is deleted
    tried = server.count(DELETE)
    assert session.delete_session() is deleted
    assert server.count(DELETE) == (tried if deleted else 2 * tried)


def test_a_session_that_is_said_to_be_gone_and_is_not_is_deleted_again(
    session: LivySession, server: ScriptedServer
) -> None:
    script(server)
    server.answers[DELETE] = [(404, {"msg": "Session '0' not found."}), (200, {"msg": "deleted"})]
    session.create_session(BODY)
    assert session.delete_session()
    assert server.count(DELETE) == 2


@pytest.mark.parametrize("seconds", [20, 4e8])
def test_a_throttle_does_not_keep_a_session_from_being_deleted(
    seconds: float, session: LivySession, server: ScriptedServer, api: LivyApi, runtime: VirtualRuntime
) -> None:
    script(server)
    session.create_session(BODY)
    api.retrier.pace.stay_away(seconds)
    assert session.delete_session()
    assert runtime.elapsed <= 21


def test_a_delete_that_failed_is_logged(
    session: LivySession, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    script(server)
    server.answers[DELETE] = [(500, "no way")]
    session.create_session(BODY)
    session.delete_session()
    assert "could not be deleted" in caplog.text
    assert "no way" in caplog.text


def test_many_threads_share_one_session(manager: LivySessionManager, server: ScriptedServer) -> None:
    script(server, view("starting"), view("starting"), view("idle"))
    found: list[LivySession] = []
    barrier = threading.Barrier(16)

    def connect() -> None:
        barrier.wait()
        found.append(manager.connect())

    threads = [threading.Thread(target=connect) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len({id(session) for session in found}) == 1
    assert server.count(CREATE) == 1


def test_a_session_that_fails_to_start_is_deleted(manager: LivySessionManager, server: ScriptedServer) -> None:
    script(server, view("dead"))
    with pytest.raises(FailedToConnectError):
        manager.connect()
    assert server.count(DELETE) == 1


def test_a_start_takes_session_start_timeout_in_all(
    api: LivyApi, settings: Settings, server: ScriptedServer, runtime: VirtualRuntime, logger: logging.Logger
) -> None:
    def prepare(deadline: Deadline) -> None:
        deadline.pause(100)

    def slowly() -> tuple[int, object]:
        if runtime.elapsed < 300:
            return 430, {"errorCode": "TooManyRequestsForCapacity", "message": "full"}
        return 201, {"id": 0, "state": "starting"}

    manager = LivySessionManager(api, settings, BODY, runtime, logger, prepare=prepare)
    script(server, view("starting"), create=[slowly])
    with pytest.raises(FailedToConnectError, match="still 'starting' after 600 s"):
        manager.connect()
    assert runtime.elapsed == pytest.approx(600)


def test_ctrl_c_while_a_session_starts_deletes_it(manager: LivySessionManager, server: ScriptedServer) -> None:
    def interrupt() -> tuple[int, object]:
        raise KeyboardInterrupt

    script(server, interrupt, view("starting"))
    with pytest.raises(KeyboardInterrupt):
        manager.connect()
    assert server.count(DELETE) == 1


def test_ctrl_c_while_a_session_is_asked_for_deletes_what_was_made(
    manager: LivySessionManager, server: ScriptedServer
) -> None:
    def interrupt() -> tuple[int, object]:
        raise KeyboardInterrupt

    script(server, create=[interrupt])
    others = [{"id": 3, "name": "other", "state": "idle"}, {"id": 0, "name": f"{BODY['name']}-1", "state": "starting"}]
    server.answers[LIST] = [(200, {"from": 0, "total": 2, "sessions": others})]
    with pytest.raises(KeyboardInterrupt):
        manager.connect()
    assert server.count(DELETE) == 1


def test_a_lost_session_is_replaced_by_a_fresh_one(manager: LivySessionManager, server: ScriptedServer) -> None:
    script(server)
    first = manager.connect()
    first.lost = True
    second = manager.connect()
    assert second is not first
    assert manager.connect() is second
    names = [body["name"] for route, body in server.seen if route == CREATE and isinstance(body, dict)]
    assert names == ["dbt-fabricspark-1", "dbt-fabricspark-2"]
    assert server.count(DELETE) == 1, "the dead one, before its replacement is asked for"
    manager.disconnect()
    assert server.count(DELETE) == 2


@pytest.mark.parametrize(("sql", "error"), [("select 1", SessionLost), ("insert into t values (1)", OutcomeUnknown)])
@pytest.mark.parametrize(("state", "sessions"), [("idle", 1), ("dead", 2)])
def test_a_session_is_replaced_if_it_has_ended_and_not_because_a_statement_is_missing_in_it(
    sql: str,
    error: type[Exception],
    state: str,
    sessions: int,
    api: LivyApi,
    settings: Settings,
    runtime: VirtualRuntime,
    logger: logging.Logger,
    server: ScriptedServer,
) -> None:
    manager = LivySessionManager(api, replace(settings, connect_retries=0), BODY, runtime, logger)
    script(server, view("idle"), view(state))
    server.answers |= {
        "POST /sessions/0/statements": [(200, {"id": 7, "state": "running"})],
        "GET /sessions/0/statements/7": [(404, "Statement not found")],
    }
    with pytest.raises(error):
        manager.run(manager.statement(sql))
    server.answers[LOOK] = [view("idle")]
    manager.connect()
    assert server.count(CREATE) == sessions


def test_disconnect_deletes_the_session_once(manager: LivySessionManager, server: ScriptedServer) -> None:
    script(server)
    manager.connect()
    manager.disconnect()
    manager.disconnect()
    assert server.count(DELETE) == 1
