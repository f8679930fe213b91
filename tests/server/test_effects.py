"""Effects the cookbook has no recipe for, and their edges."""

from __future__ import annotations

import pytest
import requests

from fakelivy import FakeLivy, ManualClock
from fakelivy.journal import Execution, FaultDecision, HandlerError, SessionMoved
from tests.server.toy import Client, ToyEngine, eventually


def why_not(server: FakeLivy) -> list[str]:
    return [decision.why_not for decision in server.journal.events(FaultDecision)]


def test_a_stale_read_shows_what_was_true_before(server: FakeLivy, livy: Client, clock: ManualClock) -> None:
    statement = livy.submit(livy.session(), "take 10")
    server.arm("get_statement:body:stale_read(5)")
    seen = []
    for _ in range(6):
        seen.append(livy.state(statement))
        clock.advance(4)
    assert seen == ["running", "running", "running", "running", "running", "available"]
    assert why_not(server)[0] == "nobody has looked before"


def test_a_stale_read_keeps_to_its_own_url(server: FakeLivy, livy: Client) -> None:
    first, second = livy.session(), livy.session()
    server.arm("get_session:body:stale_read(0)")
    assert [livy.get(path).json()["id"] for path in (first, second, first, second)] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("garbage(wrong_type)", ["idle"]),
        ("garbage(wrong_type,field=id)", "idle"),
        ("garbage(unknown_state)", "hibernating"),
        ("garbage(null_field)", None),
        ('set_field(state,"busy")', "busy"),
    ],
)
def test_fields_are_damaged_one_at_a_time(server: FakeLivy, livy: Client, spec: str, value: object) -> None:
    path = livy.session()
    whole = livy.get(path).json()
    server.arm(f"get_session:body:{spec}")
    damaged = livy.get(path).json()
    assert damaged["state"] == value
    changed = {name for name in whole if whole[name] != damaged[name]}
    assert changed <= {"state", "id"}
    assert isinstance(damaged["id"], str) == ("field=id" in spec)


def test_a_nested_field_is_reached_by_its_path(server: FakeLivy, fabric: Client) -> None:
    path = fabric.session()
    server.arm("get_session:body:garbage(missing_field,field=livyInfo.currentState)")
    info = fabric.get(path).json()["livyInfo"]
    assert "idleAt" in info
    assert "currentState" not in info


@pytest.mark.parametrize("spec", ["set_field(a.b,1)", "stick_state(x)", "garbage(null_output)", "garbage(wrong_type)"])
def test_a_reply_that_is_an_error_or_lacks_the_field_is_left_alone(server: FakeLivy, livy: Client, spec: str) -> None:
    server.arm(f"get_session_log:body:{spec}")
    assert livy.get("/sessions/99/log").json() == {"msg": "Session '99' not found."}
    assert why_not(server)[0]


def test_a_status_is_sent_as_it_was_written(server: FakeLivy, livy: Client) -> None:
    server.arm(
        'version:before:status(418,body="<tea>",content_type="text/tea",headers={"X-Pot":"short","Retry-After":"never"})'
    )
    reply = livy.get("/version")
    assert (reply.status_code, reply.text, reply.headers["Content-Type"]) == (418, "<tea>", "text/tea")
    assert (reply.headers["X-Pot"], reply.headers["Retry-After"]) == ("short", "never")


@pytest.mark.parametrize("state", ["dead", "error", "killed", "shutting_down", "gone"])
def test_a_session_goes_to_a_state_once_and_its_engine_ends(
    server: FakeLivy, fabric: Client, engine: ToyEngine, state: str
) -> None:
    path = fabric.session()
    fabric.submit(path, "never")
    server.arm(f"get_session:before:session_to({state})@first(2)")
    replies = [fabric.get(path.upper().replace("/SESSIONS", "/sessions")) for _ in range(2)]
    shown = [404 if reply.status_code == 404 else reply.json()["state"] for reply in replies]
    assert shown == [404 if state == "gone" else state] * 2
    assert [session.closed for session in engine.sessions] == [1]
    assert [decision.fired for decision in server.journal.events(FaultDecision)] == [True, False]
    moves = [event for event in server.journal.events(SessionMoved) if event.why == "fault"]
    assert [event.after for event in moves] == ["dead" if state == "gone" else state]


def test_a_session_can_die_at_the_moment_it_is_made(server: FakeLivy, fabric: Client) -> None:
    server.arm("create_session:after_commit:session_to(dead)")
    created = fabric.post("/sessions", {})
    assert created.status_code == 202
    assert fabric.state(f"/sessions/{created.json()['id']}") == "dead"


def test_a_lost_statement_leaves_the_others_alone(server: FakeLivy, livy: Client) -> None:
    session = livy.session()
    server.arm("submit_statement:before:lose_statement@nth(2)")
    for code in ("a", "b", "c"):
        livy.post(f"{session}/statements", {"code": code, "kind": "sql"})
    assert [event.code for event in server.journal.events(Execution)] == ["a", "c"]
    assert [each["id"] for each in livy.get(f"{session}/statements").json()["statements"]] == [0, 2]


def test_a_slow_start_keeps_to_the_session_it_struck(server: FakeLivy, livy: Client, clock: ManualClock) -> None:
    server.arm("create_session:before:slow_start(60)@first(1)")
    slow = f"/sessions/{livy.post('/sessions', {'kind': 'sql'}).json()['id']}"
    livy.session()
    clock.advance(59)
    assert livy.state(slow) == "starting"
    clock.advance(1)
    eventually(lambda: livy.state(slow) == "idle")


def test_a_slow_session_that_is_deleted_ends_at_once(server: FakeLivy, livy: Client, engine: ToyEngine) -> None:
    server.arm("create_session:before:slow_start(60)")
    slow = f"/sessions/{livy.post('/sessions', {'kind': 'sql'}).json()['id']}"
    eventually(lambda: engine.sessions)
    assert livy.delete(slow).status_code == 200
    eventually(lambda: engine.sessions[0].closed == 1)
    assert livy.get(slow).status_code == 404


def test_an_expired_token_is_good_again_when_the_fault_is_cleared(server: FakeLivy, fabric: Client) -> None:
    with server.fault("list_sessions:before:expire_token@first(1)"):
        assert [fabric.get("/sessions").status_code for _ in range(3)] == [401] * 3
    assert fabric.get("/sessions").status_code == 200


def test_many_hung_connections_leave_the_server_to_others(engine: ToyEngine) -> None:
    with FakeLivy(engine=engine) as server:
        server.arm("list_sessions:before:hang")
        hung = Client(server.url)
        for _ in range(20):
            with pytest.raises(requests.ReadTimeout):
                hung.http.get(f"{server.url}/sessions", timeout=(5, 0.01))
        assert hung.get("/version").status_code == 200
        assert server.journal.events(HandlerError) == []
