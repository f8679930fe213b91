"""Statements in vanilla Livy (contract 1.2, 1.6)."""

from __future__ import annotations

from fakelivy.bodies import LIVY_STATEMENT
from fakelivy.call import Call, Reply, Route, java_int
from fakelivy.errors import Problem, Refused
from fakelivy.views import livy_statement


def submit(call: Call) -> Reply:
    request = call.json(LIVY_STATEMENT)
    if "code" not in request:
        raise Refused(Problem.BAD_BODY, text="Missing required creator property 'code'")
    session = call.store.session("", call.params["session"])
    statement = call.store.submit("", session.id, code=request["code"], kind=request.get("kind"), orders=call.orders)
    location = f"/sessions/{session.id}/statements/{statement.id}"
    return Reply(201, livy_statement(statement), {"Location": location})


def listing(call: Call) -> Reply:
    statements = call.store.statements("", call.params["session"])
    total = len(statements)
    start, size = call.number("from", 0), call.number("size", total)
    if call.query.get("order", "").lower() == "desc":
        statements.reverse()
    page = statements[max(start, 0) : max(start + size, 0)]
    return Reply(200, {"total_statements": total, "statements": [livy_statement(statement) for statement in page]})


def get(call: Call) -> Reply:
    number = java_int(call.params["statement"])
    return Reply(200, livy_statement(call.store.statement("", call.params["session"], number)))


def cancel(call: Call) -> Reply:
    # Livy answers the same for a statement that ended or never was.
    call.store.cancel("", call.params["session"], java_int(call.params["statement"]))
    return Reply(200, {"msg": "canceled"})


ROUTES = (
    Route("submit_statement", "POST", "/sessions/<session>/statements", submit),
    Route("list_statements", "GET", "/sessions/<session>/statements", listing),
    Route("get_statement", "GET", "/sessions/<session>/statements/<statement>", get),
    Route("cancel_statement", "POST", "/sessions/<session>/statements/<statement>/cancel", cancel),
)
