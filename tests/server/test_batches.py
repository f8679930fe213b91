"""Batches of both dialects, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakelivy import FakeLivy, ManualClock
from fakelivy.engine.port import Failure
from fakelivy.engine.scripted import Rule
from fakelivy.journal import BatchMoved
from tests.server.toy import Client, ToyEngine, fabric_base

RULES = [Rule("slow", duration=60), Rule("broken", Failure("no such class"), duration=5)]


@pytest.fixture
def server(clock: ManualClock, engine: ToyEngine) -> Iterator[FakeLivy]:
    with FakeLivy(engine=engine, clock=clock, seed=1, batches=RULES) as server:
        yield server


def test_a_batch_runs_by_the_rule_for_its_file(livy: Client, server: FakeLivy, clock: ManualClock) -> None:
    reply = livy.post("/batches", {"file": "s3://x/slow.jar", "name": "mine"})
    assert (reply.status_code, reply.headers["Location"]) == (201, "/batches/0")
    assert set(reply.json()) == {"id", "name", "owner", "proxyUser", "state", "appId", "appInfo", "log"}
    seen = [reply.json()["state"]]
    for seconds in (1, 59, 1):
        clock.advance(seconds)
        seen.append(livy.get("/batches/0/state").json()["state"])
    assert seen == ["starting", "running", "running", "success"]
    assert [event.after for event in server.journal.events(BatchMoved)] == ["starting", "running", "success"]
    clock.advance(600)
    reply = livy.get("/batches/0")
    assert (reply.status_code, reply.json()) == (404, {"msg": "Session '0' not found."})


def test_a_batch_that_fails_is_dead_and_its_log_says_why(livy: Client, clock: ManualClock) -> None:
    livy.post("/batches", {"file": "broken.py"})
    clock.advance(6)
    assert livy.state("/batches/0") == "dead"
    log = livy.get("/batches/0/log?from=-1&size=1").json()
    assert (log["from"], log["total"], log["log"]) == (2, 3, ["no such class"])


def test_a_deleted_batch_was_killed_and_is_forgotten(livy: Client, server: FakeLivy) -> None:
    livy.post("/batches", {"file": "slow.py"})
    assert livy.delete("/batches/0").json() == {"msg": "deleted"}
    assert server.journal.events(BatchMoved)[-1].after == "killed"
    assert livy.get("/batches").json() == {"from": 0, "total": 0, "sessions": []}
    assert livy.delete("/batches/0").status_code == 404
    assert livy.get("/sessions").json()["total"] == 0


def test_a_batch_needs_a_file(livy: Client, fabric: Client) -> None:
    reply = livy.post("/batches", {})
    assert (reply.status_code, reply.json()) == (400, {"msg": "requirement failed: File is required."})
    assert fabric.post("/batches", {}).json()["errorCode"] == "InvalidInput"
    assert livy.post("/batches", {"nope": 1}).status_code == 400


def test_a_fabric_batch_is_202_and_its_own_lakehouses(fabric: Client, clock: ManualClock) -> None:
    reply = fabric.post("/batches", {"file": "slow.py", "className": "x.Y", "tags": {"a": "b"}})
    assert (reply.status_code, set(reply.json())) == (202, {"id", "artifactId"})
    path = f"/batches/{reply.json()['id']}"
    clock.advance(1)
    assert fabric.get(path.upper().replace("BATCHES", "batches")).json()["livyInfo"]["currentState"] == "running"
    clock.advance(60)
    assert (fabric.state(path), fabric.get(path).json()["result"]) == ("success", "Succeeded")
    assert fabric.get("/batches").json()["totalCountOfMatchedItems"] == 1
    assert fabric.delete(path).status_code == 200
    assert fabric.get(path).json()["errorCode"] == "EntityNotFound"
    assert fabric.get("/batches/3").status_code == 405


def test_without_rules_every_batch_succeeds(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock) as server:
        fabric = Client(fabric_base(server), "fakelivy")
        path = f"/batches/{fabric.post('/batches', {'file': 'slow.py'}).json()['id']}"
        clock.advance(1)
        assert fabric.state(path) == "success"
