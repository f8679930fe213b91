"""One body of requests over a real socket and without one: the same answers, headers, errors and journal."""

from __future__ import annotations

import contextlib
from typing import Any

import requests

from fakelivy import FakeLivy, ManualClock, Oracle
from tests.server.toy import Client, fabric_base

PER_CONNECTION = {"date", "server", "connection"}
"""Headers of the web server, not of Livy."""

FAULTS = (
    "get_session_log:before:reset",
    "connect_session:after_commit:close",
    "list_sessions[dialect=livy]:body:truncate(10)",
    "version:before:hang(600)",
    "get_batch:body:garbage(html_login)",
    "list_workspaces:before:status(429,retry_after=http-date)",
    "get_session[dialect=fabric]:body:set_header(RequestId,fixed)",
    "list_batches:before:restart(recovery=true)@first(1)",
)
PATIENCE = 0.25
HC = "/highConcurrencySessions"


def answer(client: Client, method: str, path: str, **kwargs: Any) -> tuple[object, ...]:
    """What a client sees of one request: the reply, or the kind of its failure."""
    try:
        reply = client.http.request(method, client.base + path, timeout=kwargs.pop("timeout", 20), **kwargs)
    except requests.RequestException as error:
        return (type(error),)
    headers = {name.lower(): value for name, value in reply.headers.items()}
    kept = {name: value for name, value in headers.items() if name not in PER_CONNECTION}
    return reply.status_code, kept, reply.text.replace(client.base.partition("/v1")[0], "BASE")


def body(server: FakeLivy, livy: Client, fabric: Client, clock: ManualClock) -> list[tuple[object, ...]]:
    """Something of everything, and what goes wrong.

    Without a socket the client's time-out passes on the server's clock; over a socket it passes in real time, and the
    clock is moved by hand.
    """
    seen: list[tuple[object, ...]] = []

    def do(client: Client, method: str, path: str, **kwargs: Any) -> None:
        seen.append(answer(client, method, path, **kwargs))

    do(livy, "POST", "/sessions", json={"kind": "sql", "name": "é"})
    do(livy, "GET", "/sessions/0")
    do(livy, "POST", "/sessions/0/statements", json={"code": "select 'ü'"})
    do(livy, "POST", "/sessions/0/statements", data=b"{broken")
    do(livy, "GET", "/sessions/0/statements/0", params={"x": "a b&c"})
    do(livy, "GET", "/sessions/%C3%A9/state")
    do(livy, "GET", "/sessions/0/log")
    do(livy, "POST", "/sessions/0/connect")
    do(livy, "GET", "/sessions")
    do(livy, "GET", "/version", timeout=PATIENCE)
    clock.advance(PATIENCE - clock.monotonic())
    do(livy, "POST", "/batches", json={"file": "x.py"})
    do(livy, "GET", "/batches/0")
    do(livy, "GET", "/batches")
    do(livy, "GET", "/batches")
    do(livy, "PUT", "/sessions")
    do(livy, "GET", "/nowhere//else")
    do(livy, "GET", "/sessions/0", headers={"Origin": "http://evil.example"})
    do(fabric, "POST", "/sessions", json={})
    session = fabric.get("/sessions").json()["items"][0]["id"]
    do(fabric, "GET", f"/sessions/{session}")
    do(fabric, "POST", f"/sessions/{session.upper()}/statements", json={"code": "select 1", "kind": "sql"})
    do(fabric, "GET", f"/sessions/{session}/statements/0", params={"from": "0", "size": "3"})
    do(fabric, "POST", HC, json={"sessionTag": "t"})
    do(fabric, "GET", "/sessions", headers={"Authorization": "Bearer wrong"})
    do(fabric, "DELETE", f"/sessions/{session}")
    workspaces = Client(fabric.base.partition("/workspaces")[0], "fakelivy")
    workspaces.http = fabric.http
    do(workspaces, "GET", "/workspaces")
    do(livy, "DELETE", "/sessions/0")
    return seen


def run(listen: bool) -> tuple[list[tuple[object, ...]], list[str]]:
    """What the client saw, and the faults that struck nobody."""
    with contextlib.ExitStack() as stack:
        clock = ManualClock()
        server = stack.enter_context(FakeLivy(engine="scripted", clock=clock, seed=1, listen=listen, faults=FAULTS))
        livy, fabric = Client(server.url), Client(fabric_base(server), "fakelivy")
        for client in (livy, fabric):
            stack.enter_context(client.http)
            if not listen:
                server.mount(client.http)
        return body(server, livy, fabric, clock), Oracle(server.journal).never_fired()


def test_a_socket_and_no_socket_give_the_same_answers() -> None:
    over_socket, idle = run(listen=True)
    without, idle_too = run(listen=False)
    for one, other in zip(over_socket, without, strict=True):
        assert one == other
    assert (idle, idle_too) == ([], [])
    kinds = {answer[0] for answer in over_socket if len(answer) == 1}
    assert kinds == {requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.ReadTimeout}
    assert {answer[0] for answer in over_socket if len(answer) > 1} >= {200, 201, 202, 400, 401, 403, 404, 405, 429}
