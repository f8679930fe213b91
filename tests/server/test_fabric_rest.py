"""Fabric's REST interface around Livy, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from fakelivy import FakeLivy, Knobs, ManualClock
from fakelivy.engine.port import StoredTable
from fakelivy.journal import JobMoved
from tests.server.toy import Client, ToyEngine


def workspace(server: FakeLivy) -> Client:
    target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    return Client(f"{target['endpoint']}/workspaces/{target['workspaceid']}", "fakelivy")


def absolute(url: str) -> Client:
    return Client(url, "fakelivy")


@pytest.fixture
def rest(server: FakeLivy) -> Iterator[Client]:
    client = workspace(server)
    yield client
    client.http.close()


@pytest.fixture
def item(rest: Client) -> str:
    return f"/items/{rest.get('/lakehouses').json()['value'][0]['id']}"


def test_a_lakehouse_can_be_made_used_and_removed(rest: Client, engine: ToyEngine) -> None:
    reply = rest.post("/lakehouses", {"displayName": "fresh", "creationPayload": {"enableSchemas": True}})
    assert reply.status_code == 201
    assert reply.json()["properties"]["defaultSchema"] == "dbo"
    path = f"/lakehouses/{reply.json()['id']}"
    assert absolute(reply.headers["Location"]).get("").json() == reply.json()
    livy = Client(f"{rest.base}{path}/livyapi/versions/2023-12-01", "fakelivy")
    livy.session()
    assert engine.sessions[0].spec.lakehouse == "fresh"
    again = rest.post("/lakehouses", {"displayName": "FRESH"})
    assert (again.status_code, again.json()["errorCode"]) == (409, "ItemDisplayNameAlreadyInUse")
    assert rest.delete(path).status_code == 200
    assert rest.get(path).json()["errorCode"] == "ItemNotFound"
    assert engine.sessions[0].closed == 1
    assert "defaultSchema" not in rest.post("/lakehouses", {"displayName": "fresh"}).json()["properties"]


@pytest.mark.parametrize(
    "body", [{}, {"displayName": 3}, {"displayName": "../x"}, {"displayName": "a", "creationPayload": 1}]
)
def test_a_lakehouse_that_cannot_be_is_refused(rest: Client, body: Any) -> None:
    assert rest.post("/lakehouses", body).json()["errorCode"] == "InvalidInput"


def test_a_long_running_operation_ends_by_the_clock(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(lakehouse_create="accepted")) as server:
        reply = workspace(server).post("/lakehouses", {"displayName": "fresh"})
        assert (reply.status_code, reply.content) == (202, b"")
        assert reply.headers["Location"].endswith(f"/v1/operations/{reply.headers['x-ms-operation-id']}")
        operation = absolute(reply.headers["Location"])
        seen = [operation.get("").json()["status"]]
        assert operation.get("").headers["Retry-After"] == "1"
        assert operation.get("/result").json()["errorCode"] == "OperationHasNoResult"
        for _ in range(2):
            clock.advance(1)
            seen.append(operation.get("").json()["status"])
        assert seen == ["NotStarted", "Running", "Succeeded"]
        assert operation.get("").json()["percentComplete"] == 100
        assert operation.get("/result").json()["displayName"] == "fresh"
        assert absolute(f"{server.url}/v1/operations/nope").get("").status_code == 404


def test_a_reset_forgets_long_running_operations(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(lakehouse_create="accepted")) as server:
        made = workspace(server).post("/lakehouses", {"displayName": "new"})
        operation = absolute(made.headers["Location"])
        assert operation.get("").status_code == 200
        requests.post(f"{server.url}/_fake/reset", headers={"X-Fakelivy-Control": "1"}, timeout=10)
        assert operation.get("").json()["errorCode"] == "OperationNotFound"


def test_lists_come_in_pages(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, lakehouses=["a", "b", "c"], knobs=Knobs(page_size=2)) as server:
        first = workspace(server).get("/lakehouses").json()
        assert [each["displayName"] for each in first["value"]] == ["a", "b"]
        second = absolute(first["continuationUri"]).get("").json()
        assert [each["displayName"] for each in second["value"]] == ["c"]
        assert "continuationToken" not in second
        assert workspace(server).get("/lakehouses?continuationToken=x").status_code == 400


def test_tables_are_listed_only_where_there_are_no_schemas(clock: ManualClock, engine: ToyEngine, rest: Client) -> None:
    refused = rest.get(f"/lakehouses/{rest.get('/lakehouses').json()['value'][0]['id']}/tables")
    assert (refused.status_code, refused.json()["errorCode"]) == (
        400,
        "UnsupportedOperationForSchemasEnabledLakehouse",
    )
    flat = rest.post("/lakehouses", {"displayName": "flat"}).json()["id"]
    engine.stored["flat"] = [StoredTable("t", "delta")]
    listed = rest.get(f"/lakehouses/{flat}/tables").json()
    assert listed["continuationToken"] is None
    assert [(each["name"], each["type"], each["format"]) for each in listed["data"]] == [("t", "Managed", "delta")]
    assert listed["data"][0]["location"].endswith(f"/{flat}/Tables/t")


ONELAKE = {"oneLake": {"workspaceId": "w", "itemId": "i", "path": "Tables/t"}}


def test_a_shortcut_comes_back_with_the_type_of_its_target(rest: Client, item: str) -> None:
    made = rest.post(f"{item}/shortcuts", {"path": "/Tables/dbo", "name": "s", "target": ONELAKE})
    assert made.status_code == 201
    assert made.json() == {"path": "Tables/dbo", "name": "s", "target": {"type": "OneLake", **ONELAKE}}
    assert absolute(made.headers["Location"]).get("").json() == made.json()
    assert rest.get(f"{item}/shortcuts").json()["value"] == [made.json()]
    assert rest.delete(f"{item}/shortcuts/Tables/dbo/s").status_code == 200
    assert rest.get(f"{item}/shortcuts/Tables/dbo/s").json()["errorCode"] == "ItemNotFound"
    assert rest.delete(f"{item}/shortcuts/Tables/dbo/s").status_code == 404


@pytest.mark.parametrize(
    ("policy", "free", "taken", "name"),
    [
        ("Abort", 201, 409, None),
        ("GenerateUniqueName", 201, 201, "s_1"),
        ("CreateOrOverwrite", 201, 200, "s"),
        ("OverwriteOnly", 404, 200, "s"),
        ("Nonsense", 400, 400, None),
    ],
)
def test_a_taken_name_follows_the_conflict_policy(
    rest: Client, item: str, policy: str, free: int, taken: int, name: str | None
) -> None:
    wanted = {"path": "Tables", "name": "s", "target": ONELAKE}
    path = f"{item}/shortcuts?shortcutConflictPolicy={policy}"
    assert rest.post(path, wanted).status_code == free
    if free != 201:
        rest.post(f"{item}/shortcuts", wanted)
    second = rest.post(path, wanted)
    assert second.status_code == taken
    if name:
        assert second.json()["name"] == name


@pytest.mark.parametrize("kind", ["items", "lakehouses"])
def test_a_job_is_accepted_and_completes_by_the_clock(
    server: FakeLivy, rest: Client, item: str, clock: ManualClock, kind: str
) -> None:
    base = item.replace("items", kind)
    reply = rest.post(f"{base}/jobs/refreshMaterializedLakeViews/instances")
    assert (reply.status_code, reply.content, reply.headers["Retry-After"]) == (202, b"", "60")
    job = absolute(reply.headers["Location"])
    seen = []
    for _ in range(3):
        seen.append(job.get("").json()["status"])
        clock.advance(3)
    assert seen == ["NotStarted", "InProgress", "Completed"]
    view = job.get("").json()
    assert (view["jobType"], view["failureReason"]) == ("RefreshMaterializedLakeViews", None)
    assert view["endTimeUtc"] == "2026-01-01T00:00:06.000000Z"
    assert job.post("/cancel").status_code == 202
    assert job.get("").json()["status"] == "Completed"
    moves = [(each.before, each.after) for each in server.journal.events(JobMoved)]
    assert moves == [(None, "NotStarted"), ("NotStarted", "InProgress"), ("InProgress", "Completed")]


def test_a_job_can_be_cancelled_and_can_fail_for_a_reason(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, knobs=Knobs(job_failure="MLV_NOT_FOUND")) as server:
        rest = workspace(server)
        jobs = f"/items/{rest.get('/lakehouses').json()['value'][0]['id']}/jobs"
        start = f"{jobs}/RefreshMaterializedLakeViews/instances"
        one, two = (absolute(rest.post(start).headers["Location"]) for _ in range(2))
        clock.advance(2)
        assert one.post("/cancel").status_code == 202
        clock.advance(10)
        assert one.get("").json()["status"] == "Cancelled"
        assert [each.after for each in server.journal.events(JobMoved)][-1] == "Cancelled"
        view = two.get("").json()
        assert (view["status"], view["failureReason"]["errorCode"]) == ("Failed", "MLV_NOT_FOUND")
        assert rest.post(f"{jobs}/Nonsense/instances").json()["errorCode"] == "InvalidJobType"
        assert rest.get(f"{jobs}/instances/nope").status_code == 404


def test_a_schedule_needs_an_end(rest: Client, item: str) -> None:
    path = f"{item}/jobs/RefreshMaterializedLakeViews/schedules"
    when = {
        "type": "Cron",
        "interval": 10,
        "startDateTime": "2026-01-01T00:00:00",
        "endDateTime": "2027-01-01T00:00:00Z",
    }
    endless = {key: value for key, value in when.items() if key != "endDateTime"}
    refused = rest.post(path, {"enabled": True, "configuration": endless})
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "InvalidInput")
    made = rest.post(path, {"enabled": True, "configuration": when})
    assert made.status_code == 201
    one = absolute(made.headers["Location"])
    assert one.call("PATCH", "", json={"enabled": False, "configuration": when}).json()["enabled"] is False
    assert rest.get(path).json()["value"] == [one.get("").json()]
    assert one.delete("").status_code == 200
    assert one.get("").status_code == 404


def test_a_reset_leaves_no_shortcut_job_or_schedule(server: FakeLivy, rest: Client, item: str) -> None:
    rest.post(f"{item}/shortcuts", {"path": "/Tables/dbo", "name": "s", "target": ONELAKE})
    jobs = f"{item}/jobs/RefreshMaterializedLakeViews"
    job = absolute(rest.post(f"{jobs}/instances").headers["Location"])
    when = {"type": "Cron", "interval": 1, "startDateTime": "2026-01-01T00:00:00", "endDateTime": "2027-01-01T00:00:00"}
    assert rest.post(f"{jobs}/schedules", {"enabled": True, "configuration": when}).status_code == 201
    requests.post(f"{server.url}/_fake/reset", headers={"X-Fakelivy-Control": "1"}, timeout=10)
    assert rest.get(f"{item}/shortcuts").json()["value"] == []
    assert rest.get(f"{jobs}/schedules").json()["value"] == []
    assert job.get("").status_code == 404


def test_a_name_that_no_url_can_hold_is_no_error_of_ours(rest: Client, item: str) -> None:
    body = (
        b'{"path": "Tables", "name": "\\ud800", "target": {"oneLake": {"workspaceId": "", "itemId": "", "path": ""}}}'
    )
    assert rest.call("POST", f"{item}/shortcuts", data=body).status_code == 201
