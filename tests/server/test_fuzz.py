"""Whatever is sent, the answer is one the real server could give, and nothing of ours shows or breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakelivy import FakeLivy, ManualClock
from fakelivy.journal import HandlerError
from tests.server.toy import Client, ToyEngine, fabric_base

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["kind", "name", "conf", "jars", "numExecutors", "ttl", "idleTimeout", "code", "tags", "x"])
BODIES = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(FIELDS, JSON | st.sampled_from(["sql", "10m"]), max_size=4).map(lambda d: json.dumps(d).encode()),
)
SEGMENT = st.text(
    st.characters(codec="utf-8", exclude_characters="/?#%\\", exclude_categories=["Cc"]), min_size=1, max_size=8
).filter(lambda text: text not in (".", ".."))
IDS = st.one_of(st.integers(-3, 200).map(str), SEGMENT)
PATHS = st.one_of(
    st.just("/sessions"),
    st.builds("/sessions/{}".format, IDS),
    st.builds("/sessions/{}/{}".format, IDS, st.sampled_from(["state", "log", "connect", "reset-timeout"])),
    st.builds("/sessions/{}/statements".format, IDS),
    st.builds("/sessions/{}/statements/{}".format, IDS, IDS),
    st.builds("/sessions/{}/statements/{}/cancel".format, IDS, IDS),
    st.builds("/{}/{}".format, SEGMENT, SEGMENT),
)
QUERIES = st.dictionaries(st.sampled_from(["from", "size", "order", "$top", "$skip"]), st.text(max_size=12), max_size=2)


@pytest.fixture(scope="module")
def target() -> Iterator[FakeLivy]:
    clock = ManualClock()
    with FakeLivy(engine=ToyEngine(clock), clock=clock) as server:
        yield server


@pytest.mark.parametrize("dialect", ["livy", "fabric"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]), path=PATHS, query=QUERIES, body=BODIES)
def test_any_request_gets_an_answer_of_the_dialect(
    target: FakeLivy, dialect: str, method: str, path: str, query: dict[str, str], body: bytes
) -> None:
    client = Client(target.url) if dialect == "livy" else Client(fabric_base(target), "fakelivy")
    with client.http:
        reply = client.call(method, path, params=query, data=body)
    assert target.journal.events(HandlerError) == []
    assert "Traceback" not in reply.text
    if reply.status_code >= 400:
        check_shape(dialect, reply)
    else:
        assert reply.status_code in (200, 201, 202, 204)


def check_shape(dialect: str, reply: requests.Response) -> None:
    if dialect == "fabric":
        assert reply.json()["errorCode"] == reply.headers["x-ms-public-api-error-code"]
        return
    if reply.headers["Content-Type"].startswith("text/html"):
        assert reply.status_code in (404, 405)
        return
    body: Any = reply.json()
    assert isinstance(body, str) or set(body) == {"msg"}
    if reply.status_code == 500:
        assert "IllegalStateException" in body or "IllegalArgumentException" in body
