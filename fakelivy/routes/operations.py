"""Long-running operations as clients poll them (contract 3)."""

from __future__ import annotations

from fakelivy.call import Call, Reply, Route
from fakelivy.errors import Problem, Refused
from fakelivy.machines import OPERATION
from fakelivy.operations import Operation

RETRY_AFTER = "1"
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_PERCENT = {"Succeeded": 100}


def accepted(call: Call, operation: Operation) -> Reply:
    """The 202 that points at an operation."""
    headers = {
        "Location": f"{call.origin}/v1/operations/{operation.id}",
        "x-ms-operation-id": operation.id,
        "Retry-After": RETRY_AFTER,
    }
    return Reply(202, headers=headers)


def get(call: Call) -> Reply:
    operation, now = call.services.operations.look(call.params["operation"].lower())
    state = operation.state(now)
    view = {
        "status": state,
        "createdTimeUtc": operation.created.strftime(_TIME),
        "lastUpdatedTimeUtc": operation.updated(now).strftime(_TIME),
        "percentComplete": _PERCENT.get(state, 0),
        "error": None,
    }
    headers = (
        {"Location": f"{call.origin}/v1/operations/{operation.id}/result"}
        if state in OPERATION.terminal
        else {"Retry-After": RETRY_AFTER}
    )
    return Reply(200, view, headers)


def result(call: Call) -> Reply:
    operation, now = call.services.operations.look(call.params["operation"].lower())
    if operation.state(now) not in OPERATION.terminal:
        raise Refused(Problem.NO_RESULT, id=operation.id)
    return Reply(200, operation.result)


ROUTES = (
    Route("get_operation", "GET", "/v1/operations/<operation>", get),
    Route("get_operation_result", "GET", "/v1/operations/<operation>/result", result),
)
