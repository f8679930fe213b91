"""High-concurrency sessions and the statements of their REPLs (contract 2.1, 2.5)."""

from __future__ import annotations

from typing import Any

from fakelivy.bodies import FABRIC_HIGH_CONCURRENCY, FABRIC_STATEMENT
from fakelivy.call import Call, Reply, Route, java_int
from fakelivy.errors import Problem, Refused
from fakelivy.highconcurrency import Acquired
from fakelivy.model import Lakehouse
from fakelivy.routes.fabric import BASE, windowed
from fakelivy.routes.lakehouses import lakehouse
from fakelivy.views import fabric_statement


def _view(acquired: Acquired, place: Lakehouse) -> dict[str, Any]:
    # The REPL shows when it can be used (Fabric docs).
    view: dict[str, Any] = {
        "id": acquired.id,
        "state": acquired.state,
        "sessionId": acquired.session,
        "replId": None if acquired.state in ("NotStarted", "AcquiringHighConcurrencySession") else acquired.repl,
        "workspaceId": place.workspace_id,
        "artifactId": place.id,
        "creatorId": None,
        "createdAt": acquired.created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "sessionTag": acquired.tag,
    }
    if acquired.error:
        view["fabricSessionStateInfo"] = {"state": "error", "errorMessage": acquired.error}
    return view


def acquire(call: Call) -> Reply:
    place = lakehouse(call)
    header = call.services.knobs.hc_idempotency_header
    acquired = call.services.high_concurrency.acquire(
        call.json(FABRIC_HIGH_CONCURRENCY),
        scope=place.id,
        lakehouse=place.name,
        orders=call.orders,
        key=call.header(header) if header else "",
    )
    return Reply(call.services.knobs.acquire_status, _view(acquired, place))


def get(call: Call) -> Reply:
    place = lakehouse(call)
    return Reply(200, _view(call.services.high_concurrency.get(place.id, call.params["hc"].lower()), place))


def release(call: Call) -> Reply:
    call.services.high_concurrency.release(lakehouse(call).id, call.params["hc"].lower())
    return Reply(200)


def _place(call: Call) -> tuple[str, str]:
    return lakehouse(call).id, call.params["session"].lower()


def _repl(call: Call) -> str:
    return call.params["repl"].lower()


def submit(call: Call) -> Reply:
    place = _place(call)
    request = call.json(FABRIC_STATEMENT)
    if "code" not in request:
        raise Refused(Problem.BAD_BODY, text="Required property 'code' not found in JSON.")
    statement = call.store.submit(
        *place, code=request["code"], kind=request.get("kind"), repl=_repl(call), orders=call.orders
    )
    return Reply(call.services.knobs.statement_post_status, fabric_statement(statement))


def list_statements(call: Call) -> Reply:
    statements = [fabric_statement(each) for each in call.store.statements(*_place(call), _repl(call))]
    return Reply(200, {"total_statements": len(statements), "statements": statements})


def get_statement(call: Call) -> Reply:
    number = java_int(call.params["statement"])
    return Reply(200, windowed(call, fabric_statement(call.store.statement(*_place(call), number, _repl(call)))))


def cancel(call: Call) -> Reply:
    number = java_int(call.params["statement"])
    if not call.store.cancel(*_place(call), number, _repl(call)):
        raise Refused(Problem.NO_STATEMENT, id=number)
    return Reply(200, {"msg": "canceled"})


_HC = BASE + "/highConcurrencySessions"
_STATEMENTS = _HC + "/<session>/repls/<repl>/statements"

ROUTES = (
    Route("acquire_hc", "POST", _HC, acquire),
    Route("get_hc", "GET", _HC + "/<hc>", get),
    Route("delete_hc", "DELETE", _HC + "/<hc>", release),
    Route("submit_repl_statement", "POST", _STATEMENTS, submit),
    Route("list_repl_statements", "GET", _STATEMENTS, list_statements),
    Route("get_repl_statement", "GET", _STATEMENTS + "/<statement>", get_statement),
    Route("cancel_repl_statement", "POST", _STATEMENTS + "/<statement>/cancel", cancel),
)
