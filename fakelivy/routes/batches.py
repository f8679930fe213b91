"""Batches in both dialects (contract 1.2, 2.1)."""

from __future__ import annotations

from typing import Any

from fakelivy.batches import Batch, Batches
from fakelivy.bodies import FABRIC_BATCH, LIVY_BATCH
from fakelivy.call import Call, Reply, Route
from fakelivy.errors import Problem, Refused
from fakelivy.routes.fabric import BASE
from fakelivy.routes.lakehouses import lakehouse

_RESULTS = {"dead": "Failed", "killed": "Cancelled", "success": "Succeeded"}


def _batches(call: Call) -> Batches:
    return call.services.batches[call.dialect]


def _livy_view(batch: Batch) -> dict[str, Any]:
    return {
        "id": int(batch.id),
        "name": batch.name,
        "owner": None,
        "proxyUser": batch.request.get("proxyUser"),
        "state": batch.state,
        "appId": None,
        "appInfo": {"driverLogUrl": None, "sparkUiUrl": None, "executorLogUrls": None},
        "log": list(batch.log[-10:]),
    }


def create(call: Call) -> Reply:
    batch = _batches(call).create(call.json(LIVY_BATCH), scope="")
    return Reply(201, _livy_view(batch), {"Location": f"/batches/{batch.id}"})


def listing(call: Call) -> Reply:
    start, size = call.number("from", 0), call.number("size", 100)
    batches = _batches(call).batches("")
    page = batches[max(start, 0) : max(start + size, 0)]
    return Reply(200, {"from": start, "total": len(batches), "sessions": [_livy_view(batch) for batch in page]})


def _batch(call: Call) -> Batch:
    return _batches(call).batch("", call.params["batch"])


def get(call: Call) -> Reply:
    return Reply(200, _livy_view(_batch(call)))


def state(call: Call) -> Reply:
    batch = _batch(call)
    return Reply(200, {"id": int(batch.id), "state": batch.state})


def log(call: Call) -> Reply:
    start, size = call.number("from", -1), call.number("size", 100)
    batch = _batch(call)
    total = len(batch.log)
    size = total if size < 0 else size
    start = max(total - size, 0) if start < 0 else min(start, total)
    lines = batch.log[start : start + size]
    return Reply(200, {"id": int(batch.id), "from": start, "total": total, "log": list(lines)})


def delete(call: Call) -> Reply:
    _batches(call).delete("", call.params["batch"])
    return Reply(200, {"msg": "deleted"})


LIVY_ROUTES = (
    Route("create_batch", "POST", "/batches", create),
    Route("list_batches", "GET", "/batches", listing),
    Route("get_batch", "GET", "/batches/<batch>", get),
    Route("get_batch_state", "GET", "/batches/<batch>/state", state),
    Route("get_batch_log", "GET", "/batches/<batch>/log", log),
    Route("delete_batch", "DELETE", "/batches/<batch>", delete),
)


def _fabric_view(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "name": batch.name,
        "appId": None,
        "artifactId": batch.scope,
        "state": batch.state,
        "jobType": "SparkBatch",
        "log": None,
        "tags": batch.request.get("tags", {}),
        "errorInfo": [],
        "result": _RESULTS.get(batch.state, "Uncertain"),
        "livyInfo": {"currentState": batch.state},
    }


def _place(call: Call) -> tuple[str, str]:
    scope = lakehouse(call).id
    if call.params["batch"].isdigit():
        raise Refused(Problem.NUMERIC_SESSION)
    return scope, call.params["batch"].lower()


def fabric_create(call: Call) -> Reply:
    batch = _batches(call).create(call.json(FABRIC_BATCH), scope=lakehouse(call).id)
    if call.services.knobs.create_reply == "id-only":
        return Reply(202, {"id": batch.id, "artifactId": batch.scope})
    return Reply(202, _fabric_view(batch))


def fabric_listing(call: Call) -> Reply:
    top, skip = call.number("$top", 100), call.number("$skip", 0)
    batches = _batches(call).batches(lakehouse(call).id)
    items = [_fabric_view(batch) for batch in batches[max(skip, 0) : max(skip, 0) + max(top, 0)]]
    return Reply(200, {"items": items, "totalCountOfMatchedItems": len(batches), "pageSize": top})


def fabric_get(call: Call) -> Reply:
    return Reply(200, _fabric_view(_batches(call).batch(*_place(call))))


def fabric_delete(call: Call) -> Reply:
    _batches(call).delete(*_place(call))
    return Reply(200)


FABRIC_ROUTES = (
    Route("create_batch", "POST", BASE + "/batches", fabric_create),
    Route("list_batches", "GET", BASE + "/batches", fabric_listing),
    Route("get_batch", "GET", BASE + "/batches/<batch>", fabric_get),
    Route("delete_batch", "DELETE", BASE + "/batches/<batch>", fabric_delete),
)
