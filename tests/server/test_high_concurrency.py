"""High-concurrency sessions over a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from fakelivy import FakeLivy, Knobs, ManualClock
from fakelivy.engine.port import EngineUnavailable
from fakelivy.journal import HighConcurrencyMoved
from tests.server.toy import Client, ToyEngine, eventually, fabric_base, table

HC = "/highConcurrencySessions"


def acquire(fabric: Client, tag: str | None = "dbt", **request: Any) -> dict[str, Any]:
    """A high-concurrency session that is no longer being acquired."""
    reply = fabric.post(HC, {"sessionTag": tag, **request})
    assert reply.status_code in (200, 202), reply.text
    path = f"{HC}/{reply.json()['id']}"

    def settled() -> dict[str, Any] | None:
        view: dict[str, Any] = fabric.get(path).json()
        return None if view["state"] == "AcquiringHighConcurrencySession" else view

    view: dict[str, Any] = eventually(settled)
    return view


def repl(view: dict[str, Any]) -> str:
    return f"{HC}/{view['sessionId']}/repls/{view['replId']}"


def test_a_repl_shows_only_when_it_can_be_used(fabric: Client, engine: ToyEngine) -> None:
    engine.gate.clear()
    reply = fabric.post(HC, {"sessionTag": "dbt"})
    assert reply.status_code == 202
    assert reply.json()["state"] == "AcquiringHighConcurrencySession"
    path = f"{HC}/{reply.json()['id']}"
    assert fabric.get(path).json()["replId"] is None
    early = fabric.post(f"{HC}/{reply.json()['sessionId']}/repls/{'0' * 8}/statements", {"code": "x", "kind": "sql"})
    assert early.status_code == 400
    engine.gate.set()
    eventually(lambda: fabric.state(path) == "Idle")
    assert fabric.get(path.upper().replace(HC.upper(), HC)).json()["replId"] is not None


def test_five_repls_share_a_session_and_the_sixth_gets_another(fabric: Client) -> None:
    views = [acquire(fabric) for _ in range(6)]
    sessions = [view["sessionId"] for view in views]
    assert len(set(sessions[:5])) == 1
    assert sessions[5] != sessions[0]
    assert len({view["replId"] for view in views}) == 6
    assert fabric.get("/sessions").json()["totalCountOfMatchedItems"] == 2


def test_the_repls_of_a_session_are_siblings_on_its_engine(fabric: Client, engine: ToyEngine) -> None:
    engine.gate.clear()
    early = [fabric.post(HC, {"sessionTag": "dbt"}).json()["id"] for _ in range(2)]
    engine.gate.set()
    eventually(lambda: all(fabric.state(f"{HC}/{each}") == "Idle" for each in early))
    acquire(fabric)
    base, *repls = engine.sessions
    assert len(repls) == 3
    assert base.siblings == repls


def test_another_tag_or_conf_or_none_means_another_session(fabric: Client) -> None:
    views = [
        acquire(fabric),
        acquire(fabric, "other"),
        acquire(fabric, conf={"spark.x": "1"}),
        acquire(fabric, None),
        acquire(fabric, None),
    ]
    assert len({view["sessionId"] for view in views}) == 5
    assert acquire(fabric, conf={"spark.x": "1"})["sessionId"] == views[2]["sessionId"]


def test_repls_of_a_session_run_at_the_same_time_and_number_their_own_statements(fabric: Client) -> None:
    one, two = repl(acquire(fabric)), repl(acquire(fabric))
    first, second = fabric.submit(one, "never"), fabric.submit(two, "never")
    queued = fabric.submit(one, "x")
    assert first.endswith("/0")
    assert second.endswith("/0")
    assert [fabric.state(each) for each in (first, second, queued)] == ["running", "running", "waiting"]
    assert fabric.post(f"{first}/cancel", {}).status_code == 200
    assert [fabric.state(each) for each in (first, second, queued)] == ["cancelled", "running", "available"]
    assert fabric.get(f"{two}/statements").json()["total_statements"] == 1


def test_releasing_a_repl_leaves_its_neighbour_alone(fabric: Client, engine: ToyEngine, server: FakeLivy) -> None:
    engine.answers["q"] = table((1,), n="integer")
    one, two = acquire(fabric), acquire(fabric)
    fabric.submit(repl(one), "never")
    assert fabric.delete(f"{HC}/{one['id']}").status_code == 200
    assert fabric.get(f"{HC}/{one['id']}").status_code == 404
    assert fabric.delete(f"{HC}/{one['id']}").status_code == 404
    assert fabric.post(f"{repl(one)}/statements", {"code": "q", "kind": "sql"}).status_code == 404
    statement = fabric.get(fabric.submit(repl(two), "q")).json()
    assert statement["output"]["data"]["application/json"]["data"] == [[1]]
    moves = [(m.before, m.after) for m in server.journal.events(HighConcurrencyMoved) if m.id == one["id"]]
    assert moves[-1] == ("Idle", "Deleting")


@pytest.mark.parametrize(("knob", "state"), [("linger", "idle"), ("teardown", "killed")])
def test_the_session_of_the_last_repl_follows_the_knob(
    clock: ManualClock, engine: ToyEngine, knob: Any, state: str
) -> None:
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(hc_last_repl_delete=knob)) as server:
        fabric = Client(fabric_base(server), "fakelivy")
        view = acquire(fabric)
        fabric.delete(f"{HC}/{view['id']}")
        assert fabric.state(f"/sessions/{view['sessionId']}") == state
        assert (acquire(fabric)["sessionId"] == view["sessionId"]) == (knob == "linger")


def test_deleting_the_session_kills_its_repls(fabric: Client, engine: ToyEngine) -> None:
    view = acquire(fabric)
    statement = fabric.submit(repl(view), "never")
    assert fabric.delete(f"/sessions/{view['sessionId']}").status_code == 200
    assert all(session.closed == 1 for session in engine.sessions)
    assert fabric.state(f"{HC}/{view['id']}") == "Killed"
    assert fabric.get(statement).status_code == 400
    assert acquire(fabric)["sessionId"] != view["sessionId"]


def test_a_repl_that_cannot_start_says_why(fabric: Client, engine: ToyEngine) -> None:
    engine.failure = EngineUnavailable("no cores left")
    view = acquire(fabric)
    assert view["state"] in ("Failed", "Dead")
    engine.failure = None
    healthy = acquire(fabric, "fresh")
    engine.failure = EngineUnavailable("no cores left")
    failed = acquire(fabric, "fresh")
    assert failed["state"] == "Failed"
    assert failed["fabricSessionStateInfo"] == {"state": "error", "errorMessage": "no cores left"}
    assert fabric.state(f"{HC}/{healthy['id']}") == "Idle"


def test_a_repl_that_dies_does_not_take_its_session_along(fabric: Client) -> None:
    one, two = acquire(fabric), acquire(fabric)
    fabric.submit(repl(one), "die")
    assert fabric.state(f"{HC}/{one['id']}") == "Failed"
    assert fabric.post(f"{repl(one)}/statements", {"code": "x", "kind": "sql"}).status_code == 400
    assert fabric.state(fabric.submit(repl(two), "x")) == "available"


def test_a_session_is_not_reaped_while_a_repl_works(fabric: Client, clock: ManualClock) -> None:
    view = acquire(fabric)
    fabric.submit(repl(view), "take 7200")
    clock.advance(7199)
    assert fabric.state(f"/sessions/{view['sessionId']}") == "busy"
    clock.advance(1200)
    assert fabric.state(f"{HC}/{view['id']}") == "Idle"
    clock.advance(1)
    assert fabric.state(f"{HC}/{view['id']}") == "Dead"


def test_the_status_of_an_acquisition_follows_its_knob(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(acquire_status=200)) as server:
        assert Client(fabric_base(server), "fakelivy").post(HC, {}).status_code == 200


def test_there_is_no_list_and_no_reset_of_the_timeout(fabric: Client) -> None:
    view = acquire(fabric)
    assert fabric.get(HC).status_code == 405
    assert fabric.post(f"{HC}/{view['id']}/reset-timeout").status_code == 404
