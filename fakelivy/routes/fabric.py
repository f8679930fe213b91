"""Sessions and statements of Fabric's Livy API (contract 2.1 to 2.4)."""

from __future__ import annotations

from typing import Any

from fakelivy.bodies import FABRIC_SESSION, FABRIC_STATEMENT
from fakelivy.call import Call, Reply, Route, java_int
from fakelivy.errors import Problem, Refused
from fakelivy.machines import ACTIVE
from fakelivy.model import Session
from fakelivy.routes.lakehouses import lakehouse
from fakelivy.views import fabric_activity, fabric_session, fabric_statement, window


def _place(call: Call) -> tuple[str, str]:
    """Scope and id of the session in the path."""
    scope = lakehouse(call).id
    session = call.params["session"]
    if session.isdigit():
        raise Refused(Problem.NUMERIC_SESSION)
    return scope, session.lower()


def _view(call: Call, session: Session) -> dict[str, object]:
    return fabric_session(session, livyinfo=call.services.knobs.livyinfo_during_start)


def create(call: Call) -> Reply:
    place = lakehouse(call)
    session = call.store.create(call.json(FABRIC_SESSION), scope=place.id, lakehouse=place.name, orders=call.orders)
    if call.services.knobs.create_reply == "id-only":
        return Reply(202, {"id": session.id, "artifactId": place.id})
    return Reply(202, _view(call, session))


def listing(call: Call) -> Reply:
    place = lakehouse(call)
    top, skip = call.number("$top", 100), call.number("$skip", 0)
    sessions = call.store.sessions(place.id)
    page = sessions[max(skip, 0) : max(skip, 0) + max(top, 0)]
    if call.services.knobs.list_shape == "sessions":
        views = [_view(call, session) for session in page]
        return Reply(200, {"from": skip, "total": len(sessions), "sessions": views})
    if call.services.knobs.list_shape == "count-only" and call.query.get("$count", "").lower() == "true":
        page = []
    items = [fabric_activity(session, place) for session in page]
    return Reply(200, {"items": items, "totalCountOfMatchedItems": len(sessions), "pageSize": top})


def get(call: Call) -> Reply:
    return Reply(200, _view(call, call.store.session(*_place(call))))


def reset_timeout(call: Call) -> Reply:
    if call.store.touch(*_place(call)).state not in ACTIVE:
        raise Refused(Problem.NOT_ACTIVE)
    return Reply(204)


def delete(call: Call) -> Reply:
    call.store.delete(*_place(call))
    return Reply(200)


def submit(call: Call) -> Reply:
    place = _place(call)
    request = call.json(FABRIC_STATEMENT)
    if "code" not in request:
        raise Refused(Problem.BAD_BODY, text="Required property 'code' not found in JSON.")
    statement = call.store.submit(*place, code=request["code"], kind=request.get("kind"), orders=call.orders)
    return Reply(call.services.knobs.statement_post_status, fabric_statement(statement))


def list_statements(call: Call) -> Reply:
    statements = [fabric_statement(statement) for statement in call.store.statements(*_place(call))]
    return Reply(200, {"total_statements": len(statements), "statements": statements})


def get_statement(call: Call) -> Reply:
    number = java_int(call.params["statement"])
    view = fabric_statement(call.store.statement(*_place(call), number))
    return Reply(200, windowed(call, view))


def windowed(call: Call, view: dict[str, Any]) -> dict[str, Any]:
    """A statement's view with its output cut to the ``from`` and ``size`` of the query."""
    start = call.number("from", 0)
    size = call.number("size", 0) if "size" in call.query else None
    if start < 0 or (size is not None and size < 0):
        raise Refused(Problem.BAD_NUMBER, text=str(min(start, size or 0)))
    return {**view, "output": window(view["output"], start, size)}


def cancel(call: Call) -> Reply:
    number = java_int(call.params["statement"])
    if not call.store.cancel(*_place(call), number):
        raise Refused(Problem.NO_STATEMENT, id=number)
    return Reply(200, {"msg": "canceled"})


BASE = "/v1/workspaces/<workspace>/lakehouses/<lakehouse>/<anycase('livyapi'):_>/versions/2023-12-01"

ROUTES = tuple(
    Route(operation, method, BASE + path, handler)
    for operation, method, path, handler in (
        ("create_session", "POST", "/sessions", create),
        ("list_sessions", "GET", "/sessions", listing),
        ("get_session", "GET", "/sessions/<session>", get),
        ("reset_timeout", "POST", "/sessions/<session>/reset-timeout", reset_timeout),
        ("delete_session", "DELETE", "/sessions/<session>", delete),
        ("submit_statement", "POST", "/sessions/<session>/statements", submit),
        ("list_statements", "GET", "/sessions/<session>/statements", list_statements),
        ("get_statement", "GET", "/sessions/<session>/statements/<statement>", get_statement),
        ("cancel_statement", "POST", "/sessions/<session>/statements/<statement>/cancel", cancel),
    )
)
