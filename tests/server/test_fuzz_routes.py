"""Every route there is, called with what nobody should send: no bug of ours shows, and nothing is broken afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakelivy import FakeLivy, ManualClock
from fakelivy.call import Route
from fakelivy.journal import HandlerError
from fakelivy.knobs import Dialect
from fakelivy.routes import ROUTES
from fakelivy.routes.control import HEADER
from tests.server.test_fuzz import BODIES, JSON, SEGMENT, check_shape
from tests.server.toy import Client, ToyEngine, eventually, fabric_base

CALLS = [(dialect, route) for dialect, routes in ROUTES.items() for route in routes]
FIELDS = ["kind", "name", "conf", "jars", "numExecutors", "ttl", "idleTimeout", "code", "tags", "sessionTag", "file"]
FIELDS += ["args", "path", "target", "oneLake", "workspaceId", "itemId", "displayName", "creationPayload", "type"]
FIELDS += ["enableSchemas", "enabled", "configuration", "startDateTime", "endDateTime", "cursor"]
VALUES = JSON | st.sampled_from(
    ["sql", "10m", "OneLake", "x", "2026-01-01T00:00:00Z", True, {}, {"enableSchemas": True}]
)
DOCUMENTS = BODIES | st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5).map(lambda d: json.dumps(d).encode())
QUERY = st.dictionaries(
    st.sampled_from(
        ["from", "size", "order", "$top", "$skip", "$count", "doAs", "resource", "client_id", "continuationToken"]
    ),
    st.text(max_size=12) | st.sampled_from(["0", "-1", "99999999999", "desc", "true", "https://storage.azure.com"]),
    max_size=3,
)
HEADERS = st.dictionaries(
    st.sampled_from(["Metadata", "X-IDENTITY-HEADER", "Accept", "Content-Type", "X-Requested-By"]),
    st.sampled_from(["true", "x", "application/vnd.livy.v9.9", "application/json", "fakelivy-identity-header"]),
    max_size=2,
)


@dataclass(frozen=True)
class Target:
    """A server with one of each thing, so that what is asked for may exist."""

    server: FakeLivy
    livy: Client
    known: dict[str, list[str]]


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    clock = ManualClock()
    with FakeLivy(engine=ToyEngine(clock), clock=clock, seed=1, listen=False) as server:
        livy, fabric = Client(server.url), Client(fabric_base(server), "fakelivy")
        for client in (livy, fabric):
            server.mount(client.http)
        session, own = livy.session(name="named"), fabric.session()
        livy.submit(session, "select 1")
        fabric.submit(own, "select 1")
        acquired = fabric.post("/highConcurrencySessions", {"sessionTag": "t"}).json()
        path = f"/highConcurrencySessions/{acquired['id']}"
        view = eventually(lambda: (seen := fabric.get(path).json())["replId"] and seen)
        place = fabric.base.split("/")
        yield Target(
            server,
            livy,
            {
                "workspace": [place[5]],
                "lakehouse": [place[7]],
                "item": [place[7]],
                "session": ["0", "named", own.rpartition("/")[2], view["sessionId"]],
                "statement": ["0", "-1", "007", "99999999999", "٣"],
                "repl": [view["replId"]],
                "hc": [view["id"]],
                "batch": ["0"],
                "type": ["RefreshMaterializedLakeViews", "spark"],
                "path": ["Tables", "Files/a"],
                "tenant": [server.authority.options.tenant_id],
                "_": ["livyApi", "LIVYAPI"],
            },
        )


@st.composite
def paths(draw: st.DrawFn, route: Route, known: dict[str, list[str]]) -> str:
    """The rule with something in each place, known or made up."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        there = st.sampled_from(known.get(name, ["x"]))
        return quote(draw(there if name == "_" else there | there | SEGMENT), safe="/")

    return re.sub(r"<(?:[^:<>]*:)?(\w+)>", fill, route.rule)


@pytest.mark.parametrize(("dialect", "route"), CALLS, ids=[f"{d.value}.{r.operation}" for d, r in CALLS])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_route_shows_a_bug_of_ours(target: Target, dialect: Dialect, route: Route, data: st.DataObject) -> None:
    path = data.draw(paths(route, target.known))
    reply = target.livy.http.request(
        route.method,
        target.server.url + path,
        params=data.draw(QUERY),
        data=data.draw(DOCUMENTS),
        headers={"Authorization": "Bearer fakelivy", **data.draw(HEADERS)},
        timeout=20,
        allow_redirects=False,
    )
    assert target.server.journal.events(HandlerError) == []
    assert "Traceback" not in reply.text
    if reply.status_code < 400:
        assert reply.status_code in (200, 201, 202, 204)
    elif route.public and "errorCode" not in reply.text:
        assert {"error", "statusCode"} & set(reply.json())
    else:
        check_shape_of(dialect, reply)
    assert target.livy.get("/sessions").status_code == 200, "the server is broken"


def check_shape_of(dialect: Dialect, reply: requests.Response) -> None:
    if dialect is Dialect.LIVY and reply.status_code in (400, 403, 406):
        # The errors of Livy's filters and of its parser are no objects.
        assert reply.headers["Content-Type"].startswith(("application/json", "text/html"))
        return
    check_shape(dialect.value, reply)


CONTROL = [("GET", "faults"), ("POST", "faults"), ("DELETE", "faults"), ("GET", "journal"), ("POST", "clock")]
PAGES = [("GET", ""), ("GET", "dashboard/live"), ("POST", "dashboard/arm"), ("POST", "dashboard/clear")]


@pytest.mark.parametrize(("method", "path"), [*CONTROL, ("POST", "restart"), *PAGES])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=DOCUMENTS | st.text(max_size=30).map(str.encode),
    query=st.dictionaries(st.sampled_from(["name", "after", "last", "event", "window", "token"]), st.text(max_size=9)),
)
def test_no_page_and_no_control_shows_a_bug_of_ours(
    target: Target, method: str, path: str, body: bytes, query: dict[str, str]
) -> None:
    reply = target.livy.http.request(
        method, f"{target.server.url}/_fake/{path}", data=body, params=query, headers={HEADER: "1"}, timeout=20
    )
    target.server.clear()
    assert target.server.journal.events(HandlerError) == []
    assert reply.status_code < 500
    assert "Traceback" not in reply.text


def known_operations() -> set[str]:
    return {f"{dialect.value}.{route.operation}" for dialect, route in CALLS}


def test_the_newer_routes_are_among_them() -> None:
    new: Any = {
        "fabric.acquire_hc",
        "fabric.start_job",
        "fabric.create_schedule",
        "livy.create_batch",
        "fabric.entra_token",
    }
    assert new <= known_operations()
