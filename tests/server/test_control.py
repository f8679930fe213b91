"""The control plane: what it does, and whom it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from fakelivy import FakeLivy, ManualClock
from fakelivy.cli import main
from fakelivy.journal import SessionForgotten
from tests.server.toy import Client, ToyEngine


@pytest.fixture
def control(server: FakeLivy) -> Iterator[Client]:
    client = Client(f"{server.url}/_fake")
    client.http.headers["X-Fakelivy-Control"] = "1"
    yield client
    client.http.close()


def arm(control: Client, text: str) -> requests.Response:
    return control.call("POST", "/faults", data=text.encode())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Fakelivy-Control": "yes"},
        {"X-Fakelivy-Control": "1", "Origin": "http://localhost"},
        {"X-Fakelivy-Control": "1", "User-Agent": "Mozilla/5.0 (X11)"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "faults"),
        ("POST", "faults"),
        ("DELETE", "faults"),
        ("GET", "journal"),
        ("GET", "clock"),
        ("POST", "clock"),
        ("POST", "reset"),
        ("POST", "restart"),
    ],
)
def test_browsers_and_those_who_do_not_mean_it_are_refused(
    server: FakeLivy, method: str, path: str, headers: dict[str, str]
) -> None:
    reply = requests.request(method, f"{server.url}/_fake/{path}", headers=headers, timeout=10)
    assert reply.status_code == 403
    assert set(reply.json()) == {"error"}


def test_a_fault_is_armed_listed_and_cleared(server: FakeLivy, control: Client, livy: Client) -> None:
    reply = arm(control, "slow=version:before:status(503)@first(1)")
    assert reply.status_code == 201
    other = json.dumps({**reply.json()["fault"], "name": "other", "trigger": {"type": "nth", "n": 2}})
    assert arm(control, other).json()["spec"] == "other=version:before:status(503)@nth(2)"
    assert [livy.get("/version").status_code for _ in range(3)] == [503, 503, 200]
    listed = control.get("/faults").json()["faults"]
    assert [(f["name"], f["matches"], f["fires"]) for f in listed] == [("slow", 3, 1), ("other", 3, 1)]
    assert [f["name"] for f in control.call("DELETE", "/faults?name=slow").json()["faults"]] == ["other"]
    assert control.delete("/faults").json() == {"faults": []}


@pytest.mark.parametrize("text", ["version:before:rest", '{"a": 1}', "", "[]", "\udcff"])
def test_what_is_no_fault_is_an_error_that_says_so(control: Client, text: str) -> None:
    reply = control.call("POST", "/faults", data=text.encode("utf-8", "surrogateescape"))
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_clearing_an_unknown_fault_is_404(control: Client) -> None:
    assert control.delete("/faults?name=x").status_code == 404


def test_the_clock_moves_when_told(control: Client, clock: ManualClock) -> None:
    assert control.post("/clock", {"advance": 90}).json()["monotonic"] == 90
    assert clock.monotonic() == 90
    assert control.get("/clock").json() == {"now": "2026-01-01T00:01:30+00:00", "monotonic": 90.0, "manual": True}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"advance": -1}', b'{"advance": true}', b'{"advance": NaN}', b"\xff"])
def test_a_clock_is_not_moved_by_nonsense(control: Client, clock: ManualClock, body: bytes) -> None:
    assert control.call("POST", "/clock", data=body).status_code == 400
    assert clock.monotonic() == 0


def test_real_time_cannot_be_moved(engine: ToyEngine) -> None:
    with FakeLivy(engine=engine) as server:
        reply = requests.post(
            f"{server.url}/_fake/clock", json={"advance": 1}, headers={"X-Fakelivy-Control": "1"}, timeout=10
        )
        assert reply.status_code == 409


def test_a_reset_leaves_no_session_and_no_fault(
    server: FakeLivy, control: Client, livy: Client, fabric: Client, engine: ToyEngine
) -> None:
    livy.submit(livy.session(), "never")
    fabric.session()
    acquired = fabric.post("/highConcurrencySessions", {"sessionTag": "t"}).json()["id"]
    livy.post("/batches", {"file": "a.py"})
    server.arm("list_sessions:before:status(503)")
    assert control.post("/reset").status_code == 204
    assert livy.get("/batches").json()["sessions"] == []
    assert fabric.get(f"/highConcurrencySessions/{acquired}").status_code == 404
    assert livy.get("/sessions").json()["total"] == 0
    assert fabric.get("/sessions").json()["totalCountOfMatchedItems"] == 0
    assert [session.closed for session in engine.sessions] == [1] * len(engine.sessions)
    assert {event.why for event in server.journal.events(SessionForgotten)} == {"reset"}
    livy.session()


def test_a_misspelt_fault_on_the_command_line_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        main, ["serve", "--engine", "scripted", "--port", "0", "--fault", "version:before:rest"]
    )
    assert result.exit_code == 1
    assert "no effect 'rest'; did you mean 'reset'?" in result.output
    assert list(tmp_path.iterdir()) == []


def test_one_dialect_restarts_and_the_other_does_not(control: Client, livy: Client, fabric: Client) -> None:
    vanilla, other = livy.session(), fabric.session()
    livy.submit(vanilla, "never")
    assert control.post("/restart", {"dialect": "livy", "recovery": True}).status_code == 204
    assert livy.state(vanilla) in ("idle", "busy")
    assert control.post("/restart", {"dialect": "livy"}).status_code == 204
    assert livy.get(vanilla).status_code == 404
    assert livy.post("/sessions", {}).json()["id"] == 0
    assert fabric.state(other) == "idle"
    assert control.post("/restart", {"dialect": "fabric"}).status_code == 204
    assert fabric.get(other).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "livy",
        {},
        {"dialect": "spark"},
        {"dialect": 1},
        {"dialect": "livy", "recovery": 1},
        {"dialect": "livy", "down": -1},
        {"dialect": "livy", "down": True},
        {"dialect": "livy", "down": "1"},
    ],
)
def test_a_restart_that_makes_no_sense_is_refused(control: Client, body: object) -> None:
    reply = control.post("/restart", body)
    assert reply.status_code == 400
    assert "say what restarts" in reply.json()["error"]
