"""Sessions in vanilla Livy (contract 1.2 to 1.5)."""

from __future__ import annotations

from fakelivy.bodies import LIVY_COMPLETION, LIVY_SESSION
from fakelivy.call import Call, Reply, Route
from fakelivy.errors import Problem, Refused
from fakelivy.machines import ACCEPTING
from fakelivy.model import Session
from fakelivy.views import livy_session


def _session(call: Call) -> Session:
    return call.store.session("", call.params["session"])


def create(call: Call) -> Reply:
    request = call.json(LIVY_SESSION)
    if "doAs" in call.query:
        request["proxyUser"] = call.query["doAs"]
    session = call.store.create(request, scope="", lakehouse=call.services.default_lakehouse.name, orders=call.orders)
    return Reply(201, livy_session(session), {"Location": f"/sessions/{session.id}"})


def listing(call: Call) -> Reply:
    start, size = call.number("from", 0), call.number("size", 100)
    sessions = call.store.sessions("")
    page = sessions[max(start, 0) : max(start + size, 0)]
    return Reply(200, {"from": start, "total": len(sessions), "sessions": [livy_session(session) for session in page]})


def get(call: Call) -> Reply:
    return Reply(200, livy_session(_session(call)))


def state(call: Call) -> Reply:
    session = _session(call)
    return Reply(200, {"id": int(session.id), "state": session.state})


def log(call: Call) -> Reply:
    start, size = call.number("from", -1), call.number("size", 100)
    session = _session(call)
    total = len(session.log)
    size = total if size < 0 else size
    start = max(total - size, 0) if start < 0 else min(start, total)
    lines = session.log[start : start + size]
    return Reply(200, {"id": int(session.id), "from": start, "total": total, "log": list(lines)})


def connect(call: Call) -> Reply:
    return Reply(200, livy_session(call.store.touch("", call.params["session"])))


def delete(call: Call) -> Reply:
    call.store.delete("", call.params["session"])
    return Reply(200, {"msg": "deleted"})


def stop(call: Call) -> Reply:
    call.store.stop("", call.params["session"])
    return Reply(204)


def interrupt(call: Call) -> Reply:
    # Whatever its name says, it stops the session (Livy source).
    call.store.stop("", call.params["session"])
    return Reply(200, {"msg": "interrupted"})


def complete(call: Call) -> Reply:
    call.json(LIVY_COMPLETION)
    session = call.store.touch("", call.params["session"])
    if session.state not in ACCEPTING:
        raise Refused(Problem.NOT_RUNNING, state=session.state)
    # Livy's SQL interpreter has none to offer, and no other is reproduced.
    return Reply(200, {"candidates": []})


ROUTES = (
    Route("create_session", "POST", "/sessions", create),
    Route("list_sessions", "GET", "/sessions", listing),
    Route("get_session", "GET", "/sessions/<session>", get),
    Route("get_session_state", "GET", "/sessions/<session>/state", state),
    Route("get_session_log", "GET", "/sessions/<session>/log", log),
    Route("connect_session", "POST", "/sessions/<session>/connect", connect),
    Route("stop_session", "POST", "/sessions/<session>/stop", stop),
    Route("interrupt_session", "POST", "/sessions/<session>/interrupt", interrupt),
    Route("complete_code", "POST", "/sessions/<session>/completion", complete),
    Route("delete_session", "DELETE", "/sessions/<session>", delete),
)
