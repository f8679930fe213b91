"""Triggers, lifetimes and what the journal says about decisions."""

from __future__ import annotations

import pytest

from fakelivy import FakeLivy, ManualClock
from fakelivy.journal import EarlyCall, Execution, FaultDecision, HandlerError, Request
from tests.server.toy import Client, ToyEngine


def statuses(livy: Client, times: int) -> list[int]:
    return [livy.get("/sessions").status_code for _ in range(times)]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("always", [503, 503, 503, 503, 503]),
        ("first(2)", [503, 503, 200, 200, 200]),
        ("nth(3)", [200, 200, 503, 200, 200]),
        ("every(2)", [200, 503, 200, 503, 200]),
        ("rate(0)", [200] * 5),
        ("rate(1)", [503] * 5),
        ("every(2)~fires(1)", [200, 503, 200, 200, 200]),
        ("always~lasts(0)", [200] * 5),
    ],
)
def test_triggers_choose_among_the_matches(server: FakeLivy, livy: Client, trigger: str, expected: list[int]) -> None:
    server.arm(f"f=list_sessions:before:status(503)@{trigger}")
    assert statuses(livy, 5) == expected
    decisions = server.journal.events(FaultDecision)
    assert [d.ordinal for d in decisions] == [1, 2, 3, 4, 5], "every match is journaled, fired or not"
    assert [d.fired for d in decisions] == [status == 503 for status in expected]
    assert (server.armed[0].matches, server.armed[0].fires) == (5, expected.count(503))


def test_a_window_and_a_lifetime_follow_the_servers_clock(server: FakeLivy, livy: Client, clock: ManualClock) -> None:
    server.arm("list_sessions:before:status(503)@window(10,20)")
    server.arm("version:before:status(503)~lasts(15)")
    seen = []
    for _ in range(4):
        seen.append((livy.get("/sessions").status_code, livy.get("/version").status_code))
        clock.advance(7.5)
    assert seen == [(200, 503), (200, 503), (503, 200), (200, 200)]


def test_a_rate_depends_on_seed_name_and_place_only(engine: ToyEngine, clock: ManualClock) -> None:
    def run(seed: int, name: str, *others: str) -> list[int]:
        with FakeLivy(engine=engine, clock=clock, seed=seed) as server:
            for spec in others:
                server.arm(spec)
            server.arm(f"{name}=list_sessions:before:status(503)@rate(0.5)")
            livy = Client(server.url)
            with livy.http:
                return statuses(livy, 24)

    first = run(1, "a")
    assert {200, 503} == set(first)
    assert run(1, "a") == first
    assert run(1, "a", "other=list_sessions:after_commit:delay(0)@rate(0.5)") == first
    assert run(2, "a") != first
    assert run(1, "b") != first


def test_the_same_seed_and_requests_give_the_same_journal(engine: ToyEngine) -> None:
    def run() -> list[str]:
        clock = ManualClock()
        with FakeLivy(engine=ToyEngine(clock), clock=clock, seed=7) as server:
            server.arm("list_sessions:body:garbage(not_json)@rate(0.5)")
            server.arm("version:before:throttle(1)")
            livy = Client(server.url)
            with livy.http:
                for _ in range(10):
                    livy.get("/sessions")
                    livy.get("/version")
            return [entry.line() for entry in server.journal.entries()]

    assert run() == run()


def test_a_selector_narrows_by_dialect_session_statement_and_body(
    server: FakeLivy, livy: Client, fabric: Client
) -> None:
    first, second = livy.session(), livy.session()
    server.arm("get_session[dialect=fabric]:before:status(503)")
    server.arm('get_session[session="1"]:before:status(504)')
    server.arm('submit_statement[contains="insert into"]:before:status(502)')
    assert (livy.get(first).status_code, livy.get(second).status_code) == (200, 504)
    assert fabric.get("/sessions/00000000-0000-0000-0000-000000000000").status_code == 503
    assert livy.post(f"{first}/statements", {"code": "select 1", "kind": "sql"}).status_code == 201
    assert livy.post(f"{first}/statements", {"code": "insert into t", "kind": "sql"}).status_code == 502


def test_a_request_lost_before_is_not_carried_out_and_one_lost_after_is(server: FakeLivy, livy: Client) -> None:
    session = livy.session()
    body = {"code": "insert", "kind": "sql"}
    with server.fault("submit_statement:before:status(503)"):
        assert livy.post(f"{session}/statements", body).status_code == 503
    assert server.journal.events(Execution) == []
    with server.fault("submit_statement:after_commit:status(503)"):
        assert livy.post(f"{session}/statements", body).status_code == 503
    assert [e.code for e in server.journal.events(Execution)] == ["insert"]


def test_after_commit_waits_for_a_request_that_is_carried_out(server: FakeLivy, livy: Client) -> None:
    server.arm("get_session:after_commit:status(503)@first(1)")
    assert livy.get("/sessions/99").status_code == 404
    assert server.journal.events(FaultDecision) == []
    session = livy.post("/sessions", {"kind": "sql"}).json()["id"]
    assert livy.get(f"/sessions/{session}").status_code == 503


def test_an_effect_without_a_target_is_journaled_as_not_fired(server: FakeLivy, livy: Client) -> None:
    server.arm("list_sessions:body:garbage(missing_field,field=nonsense)")
    assert livy.get("/sessions").status_code == 200
    decision = server.journal.events(FaultDecision)[0]
    assert (decision.fired, decision.why_not) == (False, "the reply has no nonsense")
    assert server.armed[0].fires == 0


def test_cleared_faults_strike_no_more(server: FakeLivy, livy: Client) -> None:
    server.arm("list_sessions:before:status(503)")
    server.arm("version:before:status(503)")
    server.clear("version:before:status(503)")
    assert (livy.get("/version").status_code, livy.get("/sessions").status_code) == (200, 503)
    server.clear()
    assert statuses(livy, 1) == [200]


def test_a_throttle_remembers_what_it_told_each_caller(server: FakeLivy, fabric: Client, clock: ManualClock) -> None:
    server.arm("list_sessions:before:throttle(60,burst=2,retry_seconds=10)")
    replies = [fabric.get("/sessions") for _ in range(3)]
    assert [r.status_code for r in replies] == [200, 200, 429]
    assert replies[2].headers["Retry-After"] == "10"
    assert replies[2].json()["errorCode"] == "RequestBlocked"
    clock.advance(4)
    assert fabric.get("/sessions").headers["Retry-After"] == "6"
    assert [e.early for e in server.journal.events(EarlyCall)] == [6.0]
    clock.advance(6)
    assert fabric.get("/sessions").status_code == 200
    assert len(server.journal.events(EarlyCall)) == 1


def test_a_throttle_counts_per_token(server: FakeLivy, livy: Client) -> None:
    server.arm("list_sessions:before:throttle(1)")
    one = livy.get("/sessions", headers={"Authorization": "Bearer a"})
    other = livy.get("/sessions", headers={"Authorization": "Bearer b"})
    again = livy.get("/sessions", headers={"Authorization": "Bearer a"})
    assert [one.status_code, other.status_code, again.status_code] == [200, 200, 429]


def test_a_request_without_an_answer_is_journaled_with_status_0(server: FakeLivy, livy: Client) -> None:
    with server.fault("list_sessions:before:reset"), pytest.raises(Exception, match="reset"):
        livy.get("/sessions")
    assert [r.status for r in server.journal.events(Request)] == [0]
    assert server.journal.events(HandlerError) == []


def test_a_fault_that_came_second_is_journaled_too(server: FakeLivy, livy: Client) -> None:
    server.arm("a=version:before:status(503)@first(1)")
    server.arm("b=version:before:status(504)@nth(2)")
    assert [livy.get("/version").status_code for _ in range(2)] == [503, 504]
    decisions = [(d.fault, d.ordinal, d.fired, d.why_not) for d in server.journal.events(FaultDecision)]
    assert decisions == [
        ("a", 1, True, ""),
        ("b", 1, False, "another fault came first"),
        ("a", 2, False, ""),
        ("b", 2, True, ""),
    ]
