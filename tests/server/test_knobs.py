"""Every knob, turned, changes what a client sees; what cannot be turned is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from fakelivy import FakeLivy, FakeLivyError, Knobs, ManualClock
from fakelivy.knob_values import turned
from fakelivy.knobs import DialectKnobs
from tests.server.test_fabric_rest import absolute, workspace
from tests.server.toy import Client, ToyEngine, eventually, fabric_base, table

ACQUIRE = "/highConcurrencySessions"
NOBODY = "00000000-0000-4000-8000-000000000000"
JOBS = "jobs/RefreshMaterializedLakeViews/instances"


class Bench:
    """A server of its own for one look at it."""

    def __init__(self, settings: list[str], stack: contextlib.ExitStack) -> None:
        self.clock = ManualClock()
        self.engine = ToyEngine(self.clock)
        knobs = turned(Knobs(), settings)
        lakehouses = ["lakehouse", "other"]
        server = FakeLivy(engine=self.engine, clock=self.clock, knobs=knobs, lakehouses=lakehouses, seed=1)
        self.server = stack.enter_context(server)
        self.livy = Client(server.url)
        self.fabric = Client(fabric_base(server), "fakelivy")
        self.rest = workspace(server)
        for client in (self.livy, self.fabric, self.rest):
            stack.enter_context(client.http)

    def after(self, seconds: float, client: Client, path: str) -> Any:
        """Status and state, so much later."""
        self.clock.advance(seconds)
        reply = client.get(path)
        return reply.status_code, reply.json().get("state") if reply.ok else None

    def data(self, kind: str, value: Any) -> Any:
        """What becomes of a value on the vanilla wire."""
        self.engine.answers["q"] = table((value,), v=kind, truncated=True)
        statement = self.livy.submit(self.livy.session(), "q")
        return self.livy.get(statement).json()["output"]

    def acquire(self, **headers: str) -> Mapping[str, Any]:
        reply = self.fabric.call("POST", ACQUIRE, json={"sessionTag": "t"}, headers=headers)
        view: Mapping[str, Any] = reply.json()
        return view

    def job(self, seconds: float) -> Any:
        item = self.rest.get("/lakehouses").json()["value"][0]["id"]
        job = absolute(self.rest.post(f"/items/{item}/{JOBS}").headers["Location"])
        self.clock.advance(seconds)
        return job.get("").json()["status"]


def starting(bench: Bench) -> Any:
    """The replies to two new sessions whose engines do not open."""
    bench.engine.gate.clear()
    replies = [bench.fabric.post("/sessions", {}) for _ in range(2)]
    shown = bench.fabric.get(f"/sessions/{replies[0].json()['id']}").json()
    bench.engine.gate.set()
    return [reply.status_code for reply in replies], "livyInfo" in shown, sorted(replies[0].json())


def forgotten(bench: Bench, client: Client) -> Any:
    session = client.session()
    first = client.submit(session, "select 1")
    client.submit(session, "select 2")
    return client.get(first).status_code


def reaped(bench: Bench, client: Client, code: str = "select 1") -> Any:
    session = client.session()
    client.submit(session, code)
    return bench.after(30, client, session)


def cancelled(bench: Bench) -> Any:
    statement = bench.livy.submit(bench.livy.session(), "never stops")
    bench.livy.post(f"{statement}/cancel")
    return bench.after(6, bench.livy, statement)


def deleted(bench: Bench, client: Client, seconds: float = 0) -> Any:
    session = client.session()
    client.delete(session)
    return bench.after(seconds, client, session)


def named_twice(bench: Bench) -> Any:
    return [bench.fabric.post("/sessions", {"name": "n"}).status_code for _ in range(2)]


def released(bench: Bench) -> Any:
    acquired = bench.acquire()
    eventually(lambda: bench.fabric.state(f"{ACQUIRE}/{acquired['id']}") == "Idle")
    bench.fabric.delete(f"{ACQUIRE}/{acquired['id']}")
    return bench.after(0, bench.fabric, f"/sessions/{acquired['sessionId']}")


def operation(bench: Bench) -> Any:
    made = bench.rest.post("/lakehouses", {"displayName": "new"})
    bench.clock.advance(10)
    return absolute(made.headers["Location"]).get("").json()["status"]


Observe = Callable[[Bench], Any]

TURNED: Mapping[str, tuple[list[str], list[str], Observe]] = {
    # knob: (settings for both, the knob turned, what is looked at)
    "max_rows": ([], ["max_rows=1"], lambda b: (b.data("integer", 1), b.engine.sessions[0].started[0].max_rows)),
    "session_retention": ([], ["session_retention=5"], lambda b: deleted(b, b.fabric, 10)),
    "cancel_timeout": ([], ["cancel_timeout=5"], cancelled),
    "log_lines": ([], ["log_lines=1"], lambda b: b.livy.get(f"{b.livy.session()}/log").json()["total"]),
    "max_creating": ([], ["max_creating=1"], starting),
    "create_reply": ([], ["create_reply=full"], starting),
    "livyinfo_during_start": ([], ["livyinfo_during_start=null"], starting),
    "statement_post_status": (
        [],
        ["statement_post_status=201"],
        lambda b: b.fabric.post(f"{b.fabric.session()}/statements", {"code": "x", "kind": "sql"}).status_code,
    ),
    "list_shape": ([], ["list_shape=sessions"], lambda b: sorted(b.fabric.get("/sessions").json())),
    "acquire_status": ([], ["acquire_status=200"], lambda b: b.fabric.post(ACQUIRE, {}).status_code),
    "hc_max_repls": ([], ["hc_max_repls=1"], lambda b: len({b.acquire()["sessionId"] for _ in range(2)})),
    "hc_last_repl_delete": ([], ["hc_last_repl_delete=teardown"], released),
    "hc_pack_delay": ([], ["hc_pack_delay=60"], lambda b: len({b.acquire()["sessionId"] for _ in range(2)})),
    "hc_idempotency_header": (
        [],
        ["hc_idempotency_header=X-Key"],
        lambda b: len({b.acquire(**{"x-key": key})["id"] for key in ("one", "two", "one", "one")}),
    ),
    "no_session_code": (
        [],
        ["no_session_code=Gone"],
        lambda b: b.fabric.get(f"/sessions/{NOBODY}").json()["errorCode"],
    ),
    "unauthorized_body": (
        [],
        ["unauthorized_body=empty"],
        lambda b: len(b.fabric.get("/sessions", headers={"Authorization": ""}).content) > 0,
    ),
    "batch_start_time": (
        [],
        ["batch_start_time=100"],
        lambda b: b.after(10, b.livy, f"/batches/{b.livy.post('/batches', {'file': 'a.py'}).json()['id']}"),
    ),
    "page_size": ([], ["page_size=1"], lambda b: len(b.rest.get("/lakehouses").json()["value"])),
    "lakehouse_create": (
        [],
        ["lakehouse_create=accepted"],
        lambda b: b.rest.post("/lakehouses", {"displayName": "new"}).status_code,
    ),
    "operation_duration": (["lakehouse_create=accepted"], ["operation_duration=100"], operation),
    "job_queue_time": ([], ["job_queue_time=100"], lambda b: b.job(2)),
    "job_duration": ([], ["job_duration=100"], lambda b: b.job(10)),
    "job_failure": ([], ["job_failure=MLV_NOT_FOUND"], lambda b: b.job(10)),
    "csrf_protection": ([], ["csrf_protection=true"], lambda b: b.livy.post("/sessions", {}).status_code),
    "impersonation": ([], ["impersonation=true"], lambda b: b.livy.post("/sessions?doAs=u", {}).status_code),
    "idle_timeout": ([], ["fabric.idle_timeout=5"], lambda b: reaped(b, b.fabric)),
    "retained_statements": ([], ["livy.retained_statements=1"], lambda b: forgotten(b, b.livy)),
    "ttl": ([], ["livy.ttl=5"], lambda b: reaped(b, b.livy)),
    "reap_busy": (["livy.idle_timeout=5"], ["livy.reap_busy=false"], lambda b: reaped(b, b.livy, "never")),
    "reaped_view": (["fabric.idle_timeout=5"], ["fabric.reaped_view=gone"], lambda b: reaped(b, b.fabric)),
    "deleted_view": ([], ["livy.deleted_view=killed"], lambda b: deleted(b, b.livy)),
    "unique_names": ([], ["fabric.unique_names=true"], named_twice),
    "nonfinite": ([], ["livy.nonfinite=null"], lambda b: b.data("double", math.inf)),
    "ntz_encoding": ([], ["livy.ntz_encoding=empty"], lambda b: b.data("timestamp_ntz", "2026-01-01T00:00:00")),
    "stringify_wide": ([], ["livy.stringify_wide=true"], lambda b: b.data("long", 1)),
    "truncated_key": ([], ["livy.truncated_key=true"], lambda b: b.data("integer", 1)),
}


@pytest.fixture
def look() -> Iterator[Callable[[list[str], Observe], Any]]:
    with contextlib.ExitStack() as stack:
        yield lambda settings, observe: observe(Bench(settings, stack))


@pytest.mark.parametrize("knob", TURNED)
def test_a_knob_that_is_turned_changes_what_a_client_sees(look: Callable[[list[str], Observe], Any], knob: str) -> None:
    both, turn, observe = TURNED[knob]
    assert look([*both, *turn], observe) != look(both, observe)


def test_every_knob_is_turned_here() -> None:
    names = {field.name for kind in (Knobs, DialectKnobs) for field in dataclasses.fields(kind)} - {"dialects"}
    assert names == set(TURNED)


def test_a_released_repl_frees_its_key(look: Callable[[list[str], Observe], Any]) -> None:
    def observe(bench: Bench) -> int:
        seen = set()
        for _ in range(2):
            key = bench.acquire(**{"X-Key": "one"})["id"]
            bench.fabric.delete(f"{ACQUIRE}/{key}")
            seen.add(key)
        return len(seen)

    assert look(["hc_idempotency_header=X-Key"], observe) == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("create_reply=ful", "the knob create_reply is id-only or full-null or full, not 'ful'"),
        ("create_repl=full", "no knob 'create_repl'; did you mean 'create_reply'?"),
        ("create_reply", "say NAME=VALUE"),
        ("fabrik.ttl=5", "no dialect 'fabrik'; did you mean 'fabric'?"),
        ("fabric.tll=5", "no knob 'fabric.tll'; did you mean 'ttl'?"),
        ("ttl=5", "each dialect has its own ttl; say livy.ttl=5 or fabric.ttl=5"),
        ("dialects=5", "no knob 'dialects'"),
        ("max_rows=0", "the knob max_rows is a whole number from 1, not '0'"),
        ("job_duration=-1", "the knob job_duration is a number from 0, not '-1'"),
        ("job_duration=nan", "the knob job_duration is a number from 0, not 'nan'"),
        ("csrf_protection=1", "the knob csrf_protection is true or false, not '1'"),
        ("fabric.ttl=soon", "the knob ttl is a number from 0 or none, not 'soon'"),
    ],
)
def test_what_cannot_be_turned_is_refused_with_what_was_meant(setting: str, message: str) -> None:
    with pytest.raises(FakeLivyError) as refused:
        turned(Knobs(), [setting])
    assert message in str(refused.value)


def test_a_misspelt_value_in_python_is_refused_too() -> None:
    with pytest.raises(FakeLivyError, match="list_shape is items or sessions or count-only, not 'item'"):
        Knobs(list_shape="item")  # type: ignore[arg-type]  # what is to be refused
    with pytest.raises(FakeLivyError, match="page_size is a whole number from 1, not True"):
        Knobs(page_size=True)
