"""Every request that must not be sent twice: carried out though its reply was lost, and not carried out before that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
import requests

from fakelivy import FakeLivy
from fakelivy.journal import BatchMoved, Event, Execution, HighConcurrencyMoved, JobMoved, SessionMoved
from fakelivy.routes import ROUTES
from tests.server.test_fabric_rest import ONELAKE, workspace
from tests.server.toy import Client, eventually

CODE = {"code": "insert", "kind": "sql"}
WHEN = {"type": "Cron", "interval": 1, "startDateTime": "2026-01-01T00:00:00", "endDateTime": "2027-01-01T00:00:00"}
JOBS = "jobs/RefreshMaterializedLakeViews"
HC = "/highConcurrencySessions"


@dataclass
class Target:
    """A server with a session in each dialect, a lakehouse and a REPL."""

    server: FakeLivy
    livy: Client
    fabric: Client
    rest: Client
    session: str
    fabric_session: str
    item: str
    repl: str

    def born(self, kind: type[Event]) -> int:
        """How many things of a kind were made."""
        return sum(getattr(event, "before", None) is None for event in self.server.journal.events(kind))

    def listed(self, path: str) -> int:
        return len(self.rest.get(path).json()["value"])


@pytest.fixture
def target(server: FakeLivy, livy: Client, fabric: Client) -> Iterator[Target]:
    rest = workspace(server)
    with rest.http:
        acquired = fabric.post(HC, {"sessionTag": "t"}).json()
        path = f"{HC}/{acquired['id']}"
        eventually(lambda: fabric.state(path) == "Idle")
        view = fabric.get(path).json()
        repl = f"{HC}/{view['sessionId']}/repls/{view['replId']}"
        item = rest.get("/lakehouses").json()["value"][0]["id"]
        yield Target(server, livy, fabric, rest, livy.session(), fabric.session(), item, repl)


Ask = Callable[[Target], requests.Response]
Count = Callable[[Target], int]

LOSABLE: Mapping[tuple[str, str], tuple[Ask, Count]] = {
    # (dialect, operation): (the request, what it makes)
    ("livy", "create_session"): (lambda t: t.livy.post("/sessions", {}), lambda t: t.born(SessionMoved)),
    ("fabric", "create_session"): (lambda t: t.fabric.post("/sessions", {}), lambda t: t.born(SessionMoved)),
    ("livy", "submit_statement"): (
        lambda t: t.livy.post(f"{t.session}/statements", CODE),
        lambda t: t.born(Execution),
    ),
    ("fabric", "submit_statement"): (
        lambda t: t.fabric.post(f"{t.fabric_session}/statements", CODE),
        lambda t: t.born(Execution),
    ),
    ("fabric", "submit_repl_statement"): (
        lambda t: t.fabric.post(f"{t.repl}/statements", CODE),
        lambda t: t.born(Execution),
    ),
    ("livy", "create_batch"): (lambda t: t.livy.post("/batches", {"file": "a.py"}), lambda t: t.born(BatchMoved)),
    ("fabric", "create_batch"): (lambda t: t.fabric.post("/batches", {"file": "a.py"}), lambda t: t.born(BatchMoved)),
    ("fabric", "acquire_hc"): (
        lambda t: t.fabric.post(HC, {"sessionTag": "t"}),
        lambda t: t.born(HighConcurrencyMoved),
    ),
    ("fabric", "create_lakehouse"): (
        lambda t: t.rest.post("/lakehouses", {"displayName": "new"}),
        lambda t: t.listed("/lakehouses"),
    ),
    ("fabric", "create_shortcut"): (
        lambda t: t.rest.post(f"/items/{t.item}/shortcuts", {"path": "/Tables", "name": "s", "target": ONELAKE}),
        lambda t: t.listed(f"/items/{t.item}/shortcuts"),
    ),
    ("fabric", "start_job"): (
        lambda t: t.rest.post(f"/items/{t.item}/{JOBS}/instances"),
        lambda t: t.born(JobMoved),
    ),
    ("fabric", "create_schedule"): (
        lambda t: t.rest.post(f"/items/{t.item}/{JOBS}/schedules", {"enabled": True, "configuration": WHEN}),
        lambda t: t.listed(f"/items/{t.item}/{JOBS}/schedules"),
    ),
    ("fabric", "start_job_of_lakehouse"): (
        lambda t: t.rest.post(f"/lakehouses/{t.item}/{JOBS}/instances"),
        lambda t: t.born(JobMoved),
    ),
    ("fabric", "create_schedule_of_lakehouse"): (
        lambda t: t.rest.post(f"/lakehouses/{t.item}/{JOBS}/schedules", {"enabled": True, "configuration": WHEN}),
        lambda t: t.listed(f"/lakehouses/{t.item}/{JOBS}/schedules"),
    ),
}
HARMLESS = {
    # sent twice they do what they do once
    *("connect_session", "stop_session", "interrupt_session", "complete_code", "reset_timeout", "entra_token"),
    *("cancel_statement", "cancel_repl_statement", "cancel_job", "cancel_job_of_lakehouse"),
}

NAMED = {"create_lakehouse", "create_shortcut"}


@pytest.mark.parametrize(("dialect", "operation"), LOSABLE)
def test_a_request_whose_reply_is_lost_has_been_carried_out_once(target: Target, dialect: str, operation: str) -> None:
    ask, count = LOSABLE[dialect, operation]
    before = count(target)
    for phase, made in (("before", 0), ("after_commit", 1)):
        with target.server.fault(f"{operation}[dialect={dialect}]:{phase}:reset@first(1)"):
            with pytest.raises(requests.ConnectionError):
                ask(target)
            assert count(target) - before == made
    assert ask(target).ok != (operation in NAMED), "sent again it makes a second one, unless the name is taken"


def test_every_request_that_makes_something_is_lost_here() -> None:
    posts = {
        (dialect.value, route.operation)
        for dialect, routes in ROUTES.items()
        for route in routes
        if route.method == "POST"
    }
    assert {each for each in posts if each[1] not in HARMLESS} == set(LOSABLE)
