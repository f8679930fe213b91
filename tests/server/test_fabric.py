"""Fabric's dialect over a real socket."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakelivy import FakeLivy, Knobs, ManualClock
from fakelivy.engine.port import EngineUnavailable
from tests.server.toy import Client, ToyEngine, eventually, fabric_base, table


def error(reply: Any) -> tuple[int, str]:
    """Status and error code, after checking that body and headers agree."""
    body = reply.json()
    assert set(body) == {"errorCode", "message", "requestId"}
    assert reply.headers["x-ms-public-api-error-code"] == body["errorCode"]
    assert reply.headers["RequestId"] == body["requestId"]
    return reply.status_code, body["errorCode"]


def test_a_new_session_is_202_with_id_and_artifact_only(fabric: Client, engine: ToyEngine, server: FakeLivy) -> None:
    engine.gate.clear()
    reply = fabric.post("/sessions", {})
    assert reply.status_code == 202
    target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    assert set(reply.json()) == {"id", "artifactId"}
    assert reply.json()["artifactId"] == target["lakehouseid"]
    path = f"/sessions/{uuid.UUID(reply.json()['id'])}"
    starting = fabric.get(path).json()
    assert starting["state"] == "starting"
    assert "livyInfo" not in starting
    engine.gate.set()
    eventually(lambda: fabric.state(path) == "idle")
    idle = fabric.get(path).json()
    assert idle["livyInfo"]["currentState"] == "idle"
    assert idle["livyInfo"]["idleAt"] == "2026-01-01T00:00:00.000000Z"
    assert engine.sessions[0].spec.lakehouse == "lakehouse"


def test_the_contested_replies_follow_their_knobs(clock: ManualClock, engine: ToyEngine) -> None:
    knobs = Knobs(
        create_reply="full",
        livyinfo_during_start="null",
        statement_post_status=201,
        list_shape="sessions",
    )
    engine.gate.clear()
    with FakeLivy(engine=engine, clock=clock, knobs=knobs) as server:
        fabric = Client(fabric_base(server), "fakelivy")
        created = fabric.post("/sessions", {}).json()
        assert (created["state"], created["livyInfo"]) == ("starting", None)
        engine.gate.set()
        session = f"/sessions/{created['id']}"
        eventually(lambda: fabric.state(session) == "idle")
        assert fabric.post(f"{session}/statements", {"code": "x", "kind": "sql"}).status_code == 201
        assert set(fabric.get("/sessions").json()) == {"from", "total", "sessions"}


def test_a_statement_is_200_and_shows_neither_progress_nor_times(fabric: Client, engine: ToyEngine) -> None:
    engine.answers["q"] = table((1,), n="integer", truncated=True)
    session = fabric.session()
    reply = fabric.post(f"{session}/statements", {"code": "q", "kind": "sql"})
    assert reply.status_code == 200
    assert reply.json() == {"id": 0, "code": "q", "state": "waiting", "sourceId": None, "output": None}
    statement = fabric.get(f"{session}/statements/0").json()
    assert statement["state"] == "available"
    data = statement["output"]["data"]["application/json"]
    assert (data["data"], data["truncated"]) == ([[1]], True)
    listed = fabric.get(f"{session}/statements").json()
    assert listed == {"total_statements": 1, "statements": [statement]}


def test_paths_are_case_insensitive_where_fabrics_are(fabric: Client, server: FakeLivy) -> None:
    session = fabric.session()
    for change in (str.upper, str.lower, str):
        base = fabric_base(server)
        guids = [part for part in base.split("/") if len(part) == 36]
        for guid in guids:
            base = base.replace(guid, change(guid))
        client = Client(base.replace("livyapi", change("livyApi")), "fakelivy")
        assert client.get(f"/sessions/{change(session.removeprefix('/sessions/'))}").status_code == 200


def test_a_session_belongs_to_its_lakehouse(fabric: Client, server: FakeLivy) -> None:
    session = fabric.session()
    listing = Client(f"{server.url}/v1", "fakelivy")
    workspace = listing.get("/workspaces").json()["value"][0]["id"]
    other = listing.get(f"/workspaces/{workspace}/lakehouses").json()["value"][1]["id"]
    base = f"{server.url}/v1/workspaces/{workspace}/lakehouses/{other}/livyapi/versions/2023-12-01"
    elsewhere = Client(base, "fakelivy")
    assert error(elsewhere.get(session)) == (404, "EntityNotFound")
    assert elsewhere.get("/sessions").json()["totalCountOfMatchedItems"] == 0
    assert fabric.get("/sessions").json()["totalCountOfMatchedItems"] == 1


def test_vanilla_and_fabric_do_not_see_each_others_sessions(fabric: Client, livy: Client) -> None:
    fabric.session()
    assert livy.get("/sessions").json()["total"] == 0
    livy.session()
    assert fabric.get("/sessions").json()["totalCountOfMatchedItems"] == 1


def test_a_deleted_session_is_killed_and_its_engine_closed(fabric: Client, engine: ToyEngine) -> None:
    session = fabric.session()
    statement = fabric.submit(session, "never")
    assert fabric.delete(session).status_code == 200
    assert engine.sessions[0].closed == 1
    view = fabric.get(session).json()
    assert (view["state"], view["livyInfo"]["currentState"], view["result"]) == (
        "killed",
        "killed",
        "Cancelled",
    )
    assert error(fabric.get(statement)) == (400, "InvalidHttpRequestToLivy")
    assert error(fabric.post(f"{session}/statements", {"code": "x", "kind": "sql"}))[0] == 400
    assert error(fabric.post(f"{session}/reset-timeout"))[0] == 400
    assert fabric.delete(session).status_code == 200


def test_a_session_that_failed_to_start_says_why(fabric: Client, engine: ToyEngine) -> None:
    engine.failure = EngineUnavailable("no cores left")
    view = fabric.get(fabric.session()).json()
    assert (view["state"], view["result"]) == ("dead", "Failed")
    assert view["errorInfo"][0]["message"] == "no cores left"


def test_idle_sessions_are_reaped_after_20_minutes_and_stay_visible_as_dead(fabric: Client, clock: ManualClock) -> None:
    session = fabric.session()
    clock.advance(1199)
    assert fabric.post(f"{session}/reset-timeout").status_code == 204
    clock.advance(1199)
    assert fabric.state(session) == "idle"
    clock.advance(1)
    assert fabric.state(session) == "dead"
    clock.advance(600)
    assert error(fabric.get(session)) == (404, "EntityNotFound")


def test_a_busy_session_is_not_reaped(fabric: Client, clock: ManualClock) -> None:
    session = fabric.session()
    fabric.submit(session, "take 7200")
    clock.advance(7000)
    assert fabric.state(session) == "busy"
    clock.advance(200 + 1199)
    assert fabric.state(session) == "idle"


def test_cancel(fabric: Client) -> None:
    session = fabric.session()
    statement = fabric.submit(session, "never")
    reply = fabric.post(f"{statement}/cancel", {})
    assert (reply.status_code, reply.json()) == (200, {"msg": "canceled"})
    assert fabric.state(statement) == "cancelled"
    assert error(fabric.post(f"{session}/statements/9/cancel", {})) == (404, "EntityNotFound")


@pytest.mark.parametrize(
    "token", [None, "", "wrong", "fakelivy2", "é"], ids=["none", "empty", "wrong", "longer", "not-ascii"]
)
def test_without_the_token_every_fabric_route_is_401(server: FakeLivy, fabric: Client, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    for path in ("", "/no/such/route", fabric_base(server).removeprefix(f"{server.url}/v1") + "/sessions"):
        stranger = Client(f"{server.url}/v1")
        assert error(stranger.get(path, headers=headers)) == (401, "Unauthorized")


def test_basic_credentials_are_no_token(server: FakeLivy) -> None:
    stranger = Client(f"{server.url}/v1")
    assert error(stranger.get("/workspaces", headers={"Authorization": "Basic fakelivy"}))[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/sessions/3", None, 405, "MethodNotAllowed"),
        ("GET", f"/sessions/{uuid.UUID(int=1)}", None, 404, "EntityNotFound"),
        ("DELETE", f"/sessions/{uuid.UUID(int=1)}", None, 404, "EntityNotFound"),
        ("POST", "/sessions", b"{", 400, "InvalidInput"),
        ("POST", "/sessions", b"", 400, "InvalidInput"),
        ("POST", "/sessions", b'{"nope": 1}', 400, "InvalidInput"),
        ("POST", "/sessions", b'{"conf": 1}', 400, "InvalidInput"),
        ("GET", "/sessions?$top=x", None, 400, "InvalidParameter"),
        ("GET", "/version", None, 404, "EndpointNotFound"),
        ("PUT", "/sessions", None, 405, "MethodNotAllowed"),
    ],
)
def test_a_refusal_is_fabrics(
    fabric: Client, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    assert error(fabric.call(method, path, data=body)) == (status, code)


def test_an_explicit_statement_kind_is_needed(fabric: Client) -> None:
    session = fabric.session(kind=None)
    reply = fabric.post(f"{session}/statements", {"code": "select 1"})
    assert error(reply) == (400, "InvalidHttpRequestToLivy")
    assert "Code type should be specified" in reply.json()["message"]
    assert error(fabric.post(f"{session}/statements", {"kind": "sql"})) == (400, "InvalidInput")


@pytest.mark.parametrize("schemas", [True, False])
def test_a_lakehouse_has_a_default_schema_exactly_when_it_has_schemas(
    clock: ManualClock, engine: ToyEngine, schemas: bool
) -> None:
    with FakeLivy(engine=engine, clock=clock, schemas=schemas) as server:
        target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
        client = Client(f"{server.url}/v1/workspaces/{target['workspaceid'].upper()}", "fakelivy")
        item = client.get(f"/lakehouses/{target['lakehouseid'].upper()}").json()
        assert (item["displayName"], item["type"]) == ("lakehouse", "Lakehouse")
        assert item["properties"].get("defaultSchema") == ("dbo" if schemas else None)
        assert target["schema"] == ("dbo" if schemas else "lakehouse")
        assert client.get("/lakehouses").json()["value"] == [item]
        assert client.get("").json()["displayName"] == "fakelivy"


@pytest.mark.parametrize("spoil", [lambda ws, lh: (str(uuid.UUID(int=1)), lh), lambda ws, lh: (ws, "nonsense")])
def test_an_unknown_workspace_or_lakehouse_is_404(
    server: FakeLivy, spoil: Callable[[str, str], tuple[str, str]]
) -> None:
    target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    workspace, lakehouse = spoil(target["workspaceid"], target["lakehouseid"])
    client = Client(f"{server.url}/v1/workspaces/{workspace}/lakehouses/{lakehouse}", "fakelivy")
    assert error(client.get("")) == (404, "ItemNotFound")
    assert error(client.post("/livyapi/versions/2023-12-01/sessions", {})) == (404, "ItemNotFound")


def test_from_and_size_are_a_window_over_the_output(fabric: Client, engine: ToyEngine) -> None:
    engine.answers["q"] = table(("é" * 20,), s="string")
    statement = fabric.submit(fabric.session(), "q")
    whole = fabric.get(statement).json()["output"]["data"]["application/json"]
    assert fabric.get(f"{statement}?from=0&size=100000").json()["output"]["data"]["application/json"] == whole
    pieces, start = "", 0
    while piece := fabric.get(f"{statement}?from={start}&size=9").json()["output"]["data"]["application/json"]:
        pieces, start = pieces + piece, start + len(piece.encode())
    assert json.loads(pieces) == whole
    assert error(fabric.get(f"{statement}?from=-1")) == (400, "InvalidParameter")


def test_a_count_alone_can_come_without_its_items(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(list_shape="count-only")) as server:
        fabric = Client(fabric_base(server), "fakelivy")
        fabric.session()
        counted = fabric.get("/sessions?$count=true").json()
        assert (counted["totalCountOfMatchedItems"], counted["items"]) == (1, [])
        assert len(fabric.get("/sessions").json()["items"]) == 1


@contextlib.contextmanager
def knobbed(engine: ToyEngine, clock: ManualClock, **knobs: Any) -> Iterator[Client]:
    """A Fabric client of a server with these knobs."""
    with FakeLivy(engine=engine, clock=clock, seed=1, knobs=Knobs(**knobs)) as server:
        client = Client(fabric_base(server), "fakelivy")
        with client.http:
            yield client


def test_a_new_session_can_be_shown_with_everything_null(engine: ToyEngine, clock: ManualClock) -> None:
    with knobbed(engine, clock, create_reply="full-null") as fabric:
        created = fabric.post("/sessions", {}).json()
        shown = {name for name, value in created.items() if value is not None}
        assert shown == {"id", "artifactId", "state"}
        assert created["state"] == "not_started"
        assert set(created) >= {"appInfo", "result", "errorInfo"}


def test_what_was_never_captured_is_a_knob(engine: ToyEngine, clock: ManualClock) -> None:
    with knobbed(engine, clock, no_session_code="SessionNotFound", unauthorized_body="empty") as fabric:
        missing = fabric.get(f"/sessions/{'0' * 8}-0000-0000-0000-{'0' * 12}")
        assert (missing.status_code, missing.json()["errorCode"]) == (404, "SessionNotFound")
        assert missing.headers["x-ms-public-api-error-code"] == "SessionNotFound"
        refused = fabric.get("/sessions", headers={"Authorization": "Bearer wrong"})
        assert (refused.status_code, refused.content) == (401, b"")
        assert refused.headers["x-ms-public-api-error-code"] == "Unauthorized"


def test_acquires_that_follow_quickly_can_get_sessions_of_their_own(engine: ToyEngine, clock: ManualClock) -> None:
    with knobbed(engine, clock, hc_pack_delay=10.0) as fabric:

        def acquired() -> str:
            session: str = fabric.post("/highConcurrencySessions", {"sessionTag": "t"}).json()["sessionId"]
            return session

        first, second = acquired(), acquired()
        assert first != second
        clock.advance(10)
        assert acquired() == first
