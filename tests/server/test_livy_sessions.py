"""Vanilla sessions over a real socket."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from fakelivy import FakeLivy, Knobs, ManualClock, Oracle
from fakelivy.engine.port import EngineUnavailable
from fakelivy.journal import FaultDecision, HandlerError, Request, SessionForgotten, SessionMoved
from tests.server.toy import Client, ToyEngine, ToySession, eventually


def test_a_new_session_is_201_with_location_and_every_key(livy: Client, engine: ToyEngine) -> None:
    engine.gate.clear()
    reply = livy.post("/sessions", {"kind": "sql", "name": "mine", "conf": {"spark.x": 1}, "numExecutors": "3"})
    assert reply.status_code == 201
    assert reply.headers["Location"] == "/sessions/0"
    assert reply.headers["Content-Type"] == "application/json;charset=utf-8"
    assert reply.json() == {
        "id": 0,
        "name": "mine",
        "appId": None,
        "owner": None,
        "proxyUser": None,
        "state": "starting",
        "kind": "sql",
        "appInfo": {"driverLogUrl": None, "sparkUiUrl": None, "executorLogUrls": None},
        "log": ["stdout: ", "\nstderr: "],
        "ttl": None,
        "idleTimeout": None,
        "driverMemory": None,
        "driverCores": 0,
        "executorMemory": None,
        "executorCores": 0,
        "conf": {"spark.x": "1"},
        "archives": [],
        "files": [],
        "heartbeatTimeoutInSecond": 0,
        "jars": [],
        "numExecutors": 3,
        "pyFiles": [],
        "queue": None,
    }
    assert livy.get("/sessions/0/state").json() == {"id": 0, "state": "starting"}
    engine.gate.set()
    eventually(lambda: livy.state("/sessions/0") == "idle")
    assert engine.sessions[0].spec.lakehouse == "lakehouse"
    assert engine.sessions[0].spec.conf == {"spark.x": "1"}


def test_ids_count_from_zero_and_names_stand_for_them(livy: Client) -> None:
    assert [livy.post("/sessions", {"name": name}).json()["id"] for name in "ab"] == [0, 1]
    assert livy.get("/sessions/b").json()["id"] == 1
    assert livy.get("/sessions/b").json()["kind"] == "shared"


def test_a_list_is_paged_in_order_of_creation(livy: Client) -> None:
    for _ in range(5):
        livy.post("/sessions", {})
    page = livy.get("/sessions?from=1&size=2").json()
    assert (page["from"], page["total"], [s["id"] for s in page["sessions"]]) == (1, 5, [1, 2])
    assert [s["id"] for s in livy.get("/sessions").json()["sessions"]] == [0, 1, 2, 3, 4]
    assert livy.get("/sessions?from=9").json()["sessions"] == []


def test_version_is_one_clients_can_parse(livy: Client) -> None:
    version = livy.get("/version").json()
    assert set(version) == {"version", "user", "revision", "branch", "date", "url"}
    assert version["version"].split("-")[0].count(".") == 2


def test_delete_stops_the_engine_and_forgets_the_session(livy: Client, engine: ToyEngine) -> None:
    session = livy.session()
    reply = livy.delete(session)
    assert (reply.status_code, reply.json()) == (200, {"msg": "deleted"})
    assert engine.sessions[0].closed == 1
    assert livy.get(session).status_code == 404
    assert livy.delete(session).status_code == 404


def test_an_engine_that_fails_to_close_does_not_keep_its_session_alive(
    livy: Client, server: FakeLivy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ToySession) -> None:
        raise OSError("the child does not die")

    monkeypatch.setattr(ToySession, "close", broken)
    session = livy.session()
    livy.submit(session, "never")
    assert livy.delete(session).status_code == 200
    assert Oracle(server.journal).live_sessions() == []
    (error,) = server.journal.events(HandlerError)
    assert "the child does not die" in error.traceback


@pytest.mark.parametrize("held", ["before:hang", "before:delay(600)", "body:stick_state(running)"])
def test_a_session_ends_on_record_before_its_end_is_answered_though_its_client_left_a_request(
    livy: Client, server: FakeLivy, held: str
) -> None:
    session = livy.session()
    statement = livy.submit(session, "never")
    # Gone before the reply, as a process that a signal ends.
    with server.fault(f"get_statement:{held}"), socket.create_connection((server.host, server.port)) as dying:
        dying.sendall(f"GET {statement} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        eventually(lambda: any(each.fired for each in server.journal.events(FaultDecision)))
        dying.close()
        assert livy.delete(session).status_code == 200
        events = [entry.event for entry in server.journal.entries()]
    (ended,) = (place for place, each in enumerate(events) if isinstance(each, SessionForgotten))
    deletes = [isinstance(each, Request) and each.operation == "delete_session" for each in events]
    assert ended < deletes.index(True)
    assert Oracle(server.journal).live_sessions() == []


def test_a_session_deleted_while_it_starts_leaves_no_engine(livy: Client, engine: ToyEngine, server: FakeLivy) -> None:
    engine.gate.clear()
    livy.post("/sessions", {})
    assert livy.delete("/sessions/0").status_code == 200
    engine.gate.set()
    eventually(lambda: engine.sessions and engine.sessions[0].closed)
    assert server.journal.events(SessionMoved)[-1].after == "dead"


def test_an_engine_that_does_not_come_up_gives_a_dead_session_with_the_reason(livy: Client, engine: ToyEngine) -> None:
    engine.failure = EngineUnavailable("no memory\nfor a child")
    session = livy.session()
    assert livy.state(session) == "dead"
    assert livy.get(f"{session}/log").json()["log"][-2:] == ["no memory", "for a child"]
    assert livy.get(session).json()["log"][-1] == "for a child"


def test_an_engine_bug_at_start_gives_an_error_session_and_is_on_record(
    livy: Client, engine: ToyEngine, server: FakeLivy
) -> None:
    engine.failure = KeyError("secret internals")
    session = livy.session()
    assert livy.state(session) == "error"
    assert "secret internals" not in livy.get(f"{session}/log").text
    assert "secret internals" in server.journal.events(HandlerError)[0].traceback


def test_a_failed_session_is_visible_for_ten_minutes(livy: Client, engine: ToyEngine, clock: ManualClock) -> None:
    engine.failure = EngineUnavailable("no")
    session = livy.session()
    clock.advance(599)
    assert livy.state(session) == "dead"
    clock.advance(2)
    assert livy.get(session).status_code == 404
    assert livy.get("/sessions").json()["total"] == 0


@pytest.mark.parametrize(("body", "limit"), [({}, 3600), ({"idleTimeout": "10m"}, 600)])
def test_an_idle_session_is_reaped(
    livy: Client, engine: ToyEngine, clock: ManualClock, body: dict[str, Any], limit: int
) -> None:
    session = livy.session(**body)
    clock.advance(limit - 1)
    assert livy.state(session) == "idle"
    livy.post(f"{session}/connect")
    clock.advance(limit - 1)
    assert livy.state(session) == "idle"
    clock.advance(1)
    assert livy.get(session).status_code == 404
    assert engine.sessions[0].closed == 1


def test_a_busy_session_is_reaped_too(livy: Client, clock: ManualClock) -> None:
    session = livy.session()
    livy.submit(session, "never")
    clock.advance(3600)
    assert livy.get(session).status_code == 404


def test_log_pages_from_the_end_by_default(livy: Client) -> None:
    session = livy.session()
    assert livy.get(f"{session}/log").json() == {
        "id": 0,
        "from": 0,
        "total": 2,
        "log": ["stdout: ", "\nstderr: "],
    }
    assert livy.get(f"{session}/log?size=1").json()["log"] == ["\nstderr: "]
    assert livy.get(f"{session}/log?from=0&size=1").json()["log"] == ["stdout: "]
    assert livy.get(f"{session}/log?size=-1").json()["total"] == 2


REFUSALS = [
    ("GET", "/sessions/824", None, 404, {"msg": "Session '824' not found."}),
    ("GET", "/sessions/no-such-name/state", None, 404, {"msg": "Session 'no-such-name' not found."}),
    ("DELETE", "/sessions/824", None, 404, {"msg": "Session '824' not found."}),
    ("GET", "/sessions?from=abc", None, 400, {"msg": 'For input string: "abc"'}),
    ("GET", "/sessions?size=99999999999", None, 400, {"msg": 'For input string: "99999999999"'}),
    ("POST", "/sessions", {"name": "123"}, 400, {"msg": "Rejected, Reason: Invalid session name: 123"}),
    ("POST", "/sessions", {"ttl": "soon"}, 400, {"msg": "Rejected, Reason: Invalid time string: soon"}),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "expected"), REFUSALS)
def test_a_refusal_is_livys(livy: Client, method: str, path: str, body: Any, status: int, expected: Any) -> None:
    reply = livy.call(method, path, json=body)
    assert (reply.status_code, reply.json()) == (status, expected)


BAD_BODIES = [
    (b"", "No content to map due to end-of-input"),
    (b"{", "Cannot parse JSON"),
    (b"[]", "not an object"),
    (b"\xff", "Cannot parse JSON"),
    (b'{"numExecutors": NaN}', "Cannot parse JSON"),
    (b"[" * 100_000, "Cannot parse JSON"),
    (b'{"numExecutors": ' + b"1" * 5000 + b"}", "Cannot parse JSON"),
    (b'{"nope": 1}', 'Unrecognized field "nope" (class org.apache.livy.server.interactive.'),
    (b'{"kind": "cobol"}', "Invalid kind: cobol"),
    (b'{"numExecutors": "many"}', "`int`"),
    (b'{"numExecutors": 3000000000}', "`int`"),
    (b'{"name": {}}', "java.lang.String"),
    (b'{"jars": "a"}', "List"),
    (b'{"conf": []}', "Map"),
]


@pytest.mark.parametrize(("raw", "text"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_body_is_400_with_a_json_string(livy: Client, raw: bytes, text: str) -> None:
    reply = livy.call("POST", "/sessions", data=raw)
    assert reply.status_code == 400
    assert isinstance(reply.json(), str)
    assert text in reply.json()
    assert livy.get("/sessions").json()["total"] == 0


def test_nulls_in_a_body_count_as_left_out(livy: Client) -> None:
    assert livy.post("/sessions", {"name": None, "conf": None, "kind": None}).status_code == 201


def test_a_name_is_taken_once(livy: Client) -> None:
    livy.post("/sessions", {"name": "x"})
    reply = livy.post("/sessions", {"name": "x"})
    expected = {"msg": "Rejected, Reason: Duplicate session name: Some(x) for session 1"}
    assert (reply.status_code, reply.json()) == (400, expected)


def test_too_many_sessions_at_once_are_rejected_with_400(clock: ManualClock, engine: ToyEngine) -> None:
    engine.gate.clear()
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(max_creating=2)) as server:
        livy = Client(server.url)
        replies = [livy.post("/sessions", {}) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [201, 201, 400]
        assert replies[2].json() == {"msg": "Rejected, too many sessions are being created!"}
        engine.gate.set()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("PUT", "/sessions", 405)])
def test_a_missing_route_is_html(livy: Client, method: str, path: str, status: int) -> None:
    reply = livy.call(method, path)
    assert reply.status_code == status
    assert reply.headers["Content-Type"].startswith("text/html")
