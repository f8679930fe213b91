"""The journal over HTTP: what is asked for comes, nothing else, and what cannot be asked is refused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakelivy import FakeLivy, ManualClock
from fakelivy.journal import EVENTS, HandlerError
from tests.server.toy import Client, ToyEngine


@pytest.fixture(scope="module")
def server() -> Iterator[FakeLivy]:
    """An hour between two sessions, each with a statement."""
    clock = ManualClock()
    with FakeLivy(engine=ToyEngine(clock), clock=clock, seed=1) as server:
        livy = Client(server.url)
        with livy.http:
            for code in ("select 1", "select 2"):
                session = livy.session()
                livy.submit(session, code)
                livy.get("/version")
                clock.advance(3600)
        yield server


@pytest.fixture(scope="module")
def everything(server: FakeLivy) -> list[dict[str, Any]]:
    return [json.loads(entry.line()) for entry in server.journal.entries()]


def ask(server: FakeLivy, query: Any) -> Any:
    client = Client(f"{server.url}/_fake")
    client.http.headers["X-Fakelivy-Control"] = "1"
    with client.http:
        return client.get("/journal", params=query)


def lines(server: FakeLivy, **query: Any) -> list[dict[str, Any]]:
    reply = ask(server, query)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/x-ndjson"), reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


def test_without_a_question_all_of_it_comes(server: FakeLivy, everything: list[dict[str, Any]]) -> None:
    assert lines(server) == everything
    assert [line["seq"] for line in everything] == list(range(len(everything)))


def test_fields_and_kinds_of_events_narrow_it(server: FakeLivy) -> None:
    assert {line["event"] for line in lines(server, event="Execution")} == {"Execution"}
    assert [line["code"] for line in lines(server, event="Execution", session="1")] == ["select 2"]
    assert {line["operation"] for line in lines(server, operation="version")} == {"version"}
    assert {line["event"] for line in lines(server, session="1")} >= {"SessionMoved", "StatementMoved", "Request"}
    assert lines(server, session="7") == []
    assert {line["event"] for line in lines(server, before="null")} == {"SessionMoved", "StatementMoved"}
    assert {line["statement"] for line in lines(server, event="StatementMoved", statement=0)} == {0}


def test_a_field_given_twice_lets_either_value_pass(server: FakeLivy) -> None:
    seen = lines(server, event=["Execution", "Request"], session=["0", "1"])
    assert {line["event"] for line in seen} == {"Execution", "Request"}
    assert {line["session"] for line in seen} == {"0", "1"}


def test_times_narrow_it_and_a_plus_sign_may_be_lost_in_the_url(
    server: FakeLivy, everything: list[dict[str, Any]]
) -> None:
    later = [line for line in everything if line["at"].startswith("2026-01-01T01:")]
    assert 0 < len(later) < len(everything)
    for since in ("2026-01-01T01:00:00Z", "2026-01-01 01:00:00", "2026-01-01T02:00:00+01:00"):
        assert lines(server, since=since) == later
    assert ask(server, "since=2026-01-01T02:00:00+01:00").text.splitlines() == [json.dumps(line) for line in later]
    assert lines(server, until="2026-01-01T00:59:59") == everything[: -len(later)]


def test_pages_put_together_are_the_whole(server: FakeLivy, everything: list[dict[str, Any]]) -> None:
    wanted = [line for line in everything if line["event"] == "StatementMoved"]
    seen: list[dict[str, Any]] = []
    while page := lines(server, event="StatementMoved", limit=2, after=seen[-1]["seq"] if seen else -1):
        assert len(page) <= 2
        seen += page
    assert seen == wanted
    assert len(wanted) > 2
    assert lines(server, event="StatementMoved", last=3) == wanted[-3:]


def test_who_asks_for_what_is_no_longer_remembered_is_told(engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, journal_keep=4) as server:
        livy = Client(server.url)
        with livy.http:
            for _ in range(6):
                livy.get("/version")
        reply = ask(server, {})
    assert reply.headers["X-Fakelivy-Oldest"] == "2"
    assert [json.loads(line)["seq"] for line in reply.text.splitlines()] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sesion=1", "no field 'sesion'; did you mean 'session'?"),
        ("evnt=Request", "no field 'evnt'; did you mean 'event'?"),
        ("event=Requests", "no event 'Requests'; did you mean 'Request'?"),
        ("event=Execution&operation=version", "no field 'operation' of Execution"),
        ("after=x", "after is a number, not 'x'"),
        ("limit=0", "limit is at least 1, not '0'"),
        ("last=-3", "last is a number, not '-3'"),
        ("since=yesterday", "since is a time such as 2026-01-31T12:00:00Z, not 'yesterday'"),
        ("limit=1&limit=2", "give limit once"),
        ("limit=1&last=1", "give one of the two"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_was_meant(server: FakeLivy, query: str, message: str) -> None:
    reply = ask(server, query)
    assert reply.status_code == 400
    assert message in reply.json()["error"]


NAMES = st.sampled_from(
    ["event", "session", "statement", "before", "status", "after", "since", "until", "limit", "last"]
)
VALUES = st.one_of(
    st.sampled_from([*EVENTS, "0", "1", "null", "2026-01-01T01:00:00Z", "0001-01-01T00:00:00+23:59", "9" * 5000]),
    st.datetimes(timezones=st.none() | st.timezones()).map(dt.datetime.isoformat),
    st.integers().map(str),
    st.text(max_size=8),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_whatever_is_asked_the_answer_is_a_part_of_the_journal_or_a_reason(
    server: FakeLivy, everything: list[dict[str, Any]], query: list[tuple[str, str]]
) -> None:
    reply = ask(server, query)
    assert reply.status_code in (200, 400), reply.text
    if reply.status_code == 400:
        assert reply.json()["error"]
        return
    part = [json.loads(line) for line in reply.text.splitlines()]
    assert part == [line for line in everything if line in part]
    for name, value in query:
        if name in ("event", "session"):
            assert {line[name] for line in part} <= {given for each, given in query if each == name}
        elif name in ("limit", "last"):
            assert len(part) <= int(value)
    assert server.journal.events(HandlerError) == []
