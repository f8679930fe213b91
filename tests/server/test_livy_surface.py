"""The lesser used parts of vanilla Livy, over a real socket."""

from __future__ import annotations

import pytest

from fakelivy import FakeLivy, Knobs, ManualClock
from tests.server.toy import Client, ToyEngine


@pytest.mark.parametrize(
    ("verb", "status", "body"), [("stop", 204, b""), ("interrupt", 200, b'{"msg": "interrupted"}')]
)
def test_a_stopped_session_is_dead_until_its_retention_is_over(
    livy: Client, engine: ToyEngine, clock: ManualClock, verb: str, status: int, body: bytes
) -> None:
    session = livy.session()
    reply = livy.post(f"{session}/{verb}")
    assert (reply.status_code, reply.content) == (status, body)
    assert engine.sessions[0].closed == 1
    assert livy.state(session) == "dead"
    assert livy.post(f"{session}/{verb}").status_code == status
    clock.advance(600)
    assert livy.get(session).status_code == 404


def test_completion_has_nothing_to_offer_but_wants_a_session_that_runs(livy: Client) -> None:
    session = livy.session()
    reply = livy.post(f"{session}/completion", {"code": "sel", "kind": "sql", "cursor": 3})
    assert (reply.status_code, reply.json()) == (200, {"candidates": []})
    assert livy.post(f"{session}/completion", {"nope": 1}).status_code == 400
    livy.post(f"{session}/stop")
    assert livy.post(f"{session}/completion", {"code": "sel"}).status_code == 500


def test_a_session_lives_no_longer_than_its_ttl_even_while_it_works(livy: Client, clock: ManualClock) -> None:
    session = livy.session(ttl="2h")
    livy.submit(session, "never")
    for _ in range(2):
        clock.advance(3599)
        assert livy.post(f"{session}/connect").status_code == 200
    clock.advance(2)
    assert livy.get(session).status_code == 404


def test_any_look_at_a_session_is_a_heartbeat(livy: Client, clock: ManualClock) -> None:
    session = livy.session(heartbeatTimeoutInSecond=60)
    for _ in range(3):
        clock.advance(59)
        assert livy.get(f"{session}/state").status_code == 200
    clock.advance(59)
    assert livy.get("/sessions").json()["total"] == 1  # a list is no sign of life
    clock.advance(1)
    assert livy.get(session).status_code == 404


def test_csrf_protection_refuses_with_a_page_of_html(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(csrf_protection=True)) as server:
        livy = Client(server.url)
        reply = livy.post("/sessions", {})
        assert reply.status_code == 400
        assert reply.headers["Content-Type"].startswith("text/html")
        assert "Missing Required Header for CSRF protection." in reply.text
        assert livy.get("/sessions").json()["total"] == 0
        assert livy.post("/sessions", {}, headers={"X-Requested-By": "me"}).status_code == 201


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/vnd.livy.v0.1+json", 200), ("application/vnd.livy.v0.2+json", 406), ("application/json", 200)],
)
def test_another_version_of_the_interface_is_not_acceptable(livy: Client, accept: str, status: int) -> None:
    assert livy.get("/sessions", headers={"Accept": accept}).status_code == status


def test_security_headers_are_on_replies_and_refusals(livy: Client, fabric: Client) -> None:
    for path in ("/sessions", "/sessions/9", "/nowhere"):
        assert livy.get(path).headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Frame-Options" not in fabric.get("/sessions").headers


def test_do_as_is_refused_unless_impersonation_is_on(livy: Client, clock: ManualClock, engine: ToyEngine) -> None:
    reply = livy.post("/sessions?doAs=ann", {})
    assert (reply.status_code, reply.json()) == (
        403,
        {"msg": "User 'null' not allowed to impersonate 'Some(ann)'."},
    )
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(impersonation=True)) as server:
        reply = Client(server.url).post("/sessions?doAs=ann", {"proxyUser": "bob"})
        assert reply.json()["proxyUser"] == "ann"
