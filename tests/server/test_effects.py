"""Effects the cookbook has no recipe for, and their edges."""

from __future__ import annotations

import pytest
import requests

from fakelivy import FakeLivy, ManualClock, Oracle
from fakelivy.journal import Execution, FaultDecision, HandlerError, ServerRestarted, SessionMoved
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


def test_work_goes_on_through_a_restart_that_remembers(server: FakeLivy, livy: Client, clock: ManualClock) -> None:
    session = livy.session()
    statement = livy.submit(session, "take 10")
    server.restart("livy", recovery=True, down=5)
    with pytest.raises(requests.ConnectionError):
        livy.get(session)
    clock.advance(5)
    assert livy.state(session) == "busy"
    clock.advance(5)
    assert livy.state(statement) == "available"
    assert len(server.journal.events(Execution)) == 1
    moves = [(move.before, move.after) for move in server.journal.events(SessionMoved)]
    assert ("busy", "recovering") in moves
    assert server.journal.events(ServerRestarted) == [ServerRestarted("livy", True, 5)]


def test_a_session_that_recovers_takes_nothing_and_can_be_deleted(server: FakeLivy, livy: Client) -> None:
    session = livy.session()
    server.arm("list_sessions:before:restart(recovery=true,down=0)@first(1)")
    server.arm("version:before:restart(recovery=true,down=5)")
    with pytest.raises(requests.ConnectionError):
        livy.get("/sessions")
    assert livy.state(session) == "idle"
    assert livy.delete(session).status_code == 200


def test_batches_are_forgotten_and_counted_anew(server: FakeLivy, livy: Client) -> None:
    assert [livy.post("/batches", {"file": "x.py"}).json()["id"] for _ in range(2)] == [0, 1]
    server.restart("livy")
    assert livy.get("/batches").json()["total"] == 0
    assert livy.post("/batches", {"file": "x.py"}).json()["id"] == 0


@pytest.mark.parametrize("spec", ["revoke_tokens", "clock_skew(10)"])
def test_a_fixed_token_has_neither_a_date_nor_an_end(server: FakeLivy, fabric: Client, spec: str) -> None:
    server.arm(f"list_sessions:before:{spec}")
    assert fabric.get("/sessions").status_code == 200
    assert "bears no token" in why_not(server)[0]


def test_who_shows_a_token_that_a_fault_expired_is_on_record(server: FakeLivy, fabric: Client) -> None:
    server.arm("list_sessions:before:expire_token@first(1)")
    assert [fabric.get("/sessions").status_code for _ in range(3)] == [401, 401, 401]
    assert len(Oracle(server.journal).expired_callers()) == 2, "the first call learned of it, the others knew"


def test_a_repls_statement_is_lost_evicted_and_cut_too(server: FakeLivy, fabric: Client, engine: ToyEngine) -> None:
    acquired = fabric.post("/highConcurrencySessions", {"sessionTag": "t"}).json()["id"]
    path = f"/highConcurrencySessions/{acquired}"
    eventually(lambda: fabric.state(path) == "Idle")
    view = fabric.get(path).json()
    statements = f"/highConcurrencySessions/{view['sessionId']}/repls/{view['replId']}/statements"
    server.arm("submit_repl_statement:before:lose_statement@nth(1)")
    server.arm("submit_repl_statement:after_commit:lose_statement(evicted)@nth(2)")
    server.arm("submit_repl_statement:before:cut_rows(7)@nth(3)")
    seen = []
    for _ in range(3):
        number = fabric.post(statements, {"code": "x", "kind": "sql"}).json()["id"]
        seen.append(fabric.get(f"{statements}/{number}").status_code)
    assert seen == [404, 404, 200]
    assert [execution.max_rows for execution in engine.sessions[-1].started] == [1000, 7]


def test_a_slow_statement_is_the_engines_only_when_its_time_is_over(
    server: FakeLivy, livy: Client, clock: ManualClock, engine: ToyEngine
) -> None:
    server.arm("submit_statement:before:slow_statement(60)")
    session = livy.session()
    first, second, third = (livy.submit(session, code) for code in ("a", "b", "c"))
    assert [livy.state(each) for each in (first, second, third)] == ["running", "waiting", "waiting"]
    clock.advance(59)
    assert (livy.state(first), server.journal.events(Execution)) == ("running", [])
    clock.advance(1)
    assert [livy.state(each) for each in (first, second, third)] == ["available", "running", "waiting"]
    livy.post(f"{second}/cancel", {})
    assert [livy.state(each) for each in (second, third)] == ["cancelled", "running"]
    clock.advance(60)
    assert [livy.state(each) for each in (second, third)] == ["cancelled", "available"]
    assert [execution.code for execution in engine.sessions[0].started] == ["a", "c"]


def test_a_slow_statement_ends_with_its_session(server: FakeLivy, livy: Client, clock: ManualClock) -> None:
    server.arm("submit_statement:before:slow_statement(60)@first(1)")
    session = livy.session()
    livy.submit(session, "a")
    livy.delete(session)
    clock.advance(61)
    assert server.journal.events(Execution) == []
