"""Each recipe of the cookbook, armed, and the symptom looked at on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests

from fakelivy import FakeLivy, Fault, ManualClock, Oracle
from fakelivy.cookbook import NOT_A_FAULT, RECIPES
from fakelivy.journal import Execution, HandlerError
from tests.server.toy import Client, ToyEngine, eventually, fabric_base


@dataclass
class Run:
    """A server with a session and an ended statement in each dialect, made before the fault was armed."""

    server: FakeLivy
    engine: ToyEngine
    clock: ManualClock
    livy: Client
    fabric: Client
    session: str
    statement: str
    fabric_session: str
    fabric_statement: str

    def look(self) -> requests.Response:
        return self.livy.get(self.statement)

    def submit(self, code: str = "insert") -> requests.Response:
        return self.livy.post(f"{self.session}/statements", {"code": code, "kind": "sql"})

    def create(self) -> requests.Response:
        return self.livy.post("/sessions", {"kind": "sql"})

    def executed(self, code: str = "insert") -> int:
        return sum(event.code == code for event in self.server.journal.events(Execution))


@pytest.fixture
def run(engine: ToyEngine, clock: ManualClock) -> Iterator[Run]:
    with FakeLivy(engine=engine, clock=clock, seed=1, listen=False) as server:
        livy, fabric = Client(server.url), Client(fabric_base(server), "fakelivy")
        server.mount(livy.http)
        server.mount(fabric.http)
        sessions = livy.session(), fabric.session()
        statements = livy.submit(sessions[0], "select 1"), fabric.submit(sessions[1], "select 1")
        yield Run(server, engine, clock, livy, fabric, sessions[0], statements[0], sessions[1], statements[1])
        assert server.journal.events(HandlerError) == []


def gone(call: Callable[[], object], kind: type[Exception] = requests.ConnectionError) -> None:
    with pytest.raises(requests.RequestException) as caught:
        call()
    assert type(caught.value) is kind


def starting_for_ever(run: Run, _: Fault) -> None:
    session = f"/sessions/{run.create().json()['id']}"
    eventually(lambda: len(run.engine.sessions) == 3)
    run.clock.advance(12 * 3600)
    assert run.livy.state(session) == "starting"


def dies_while_starting(run: Run, _: Fault) -> None:
    run.engine.gate.clear()
    session = f"/sessions/{run.create().json()['id']}"
    assert run.livy.state(session) == "dead"
    run.engine.gate.set()
    assert run.livy.state(session) == "dead"


def ends_in_another_state(run: Run, fault: Fault) -> None:
    state = fault.effect.model_dump()["state"]
    assert run.livy.state(run.session) == state
    assert run.livy.state(run.session) == state


def capacity_is_refused_later(run: Run, _: Fault) -> None:
    created = run.fabric.post("/sessions", {})
    assert created.status_code == 202
    view = run.fabric.get(f"/sessions/{created.json()['id']}")
    assert (view.status_code, view.json()["state"]) == (200, None)
    assert view.json()["fabricSessionStateInfo"]["state"] == "error"


def livyinfo_is_not_there(run: Run, _: Fault) -> None:
    assert run.fabric.get(run.fabric_session).json().get("livyInfo") is None


def no_state_at_creation(run: Run, _: Fault) -> None:
    assert set(run.create().json()) >= {"id"}
    assert "state" not in run.create().json()


def refused_twice_then_made(run: Run, _: Fault) -> None:
    assert [run.create().status_code for _ in range(3)] == [404, 404, 201]


def not_found_for_five_seconds(run: Run, fault: Fault) -> None:
    path = run.session if fault.select.operation == "get_session" else run.statement
    assert run.livy.get(path).status_code == 404
    run.clock.advance(4)
    assert run.livy.get(path).status_code == 404
    run.clock.advance(1)
    assert run.livy.get(path).status_code == 200


def session_has_vanished(run: Run, _: Fault) -> None:
    reply = run.livy.get(run.session)
    assert (reply.status_code, reply.json()) == (404, {"msg": "Session '0' not found."})
    assert run.livy.get("/sessions").json()["total"] == 0


def session_is_not_active(run: Run, _: Fault) -> None:
    for __ in range(2):
        assert (run.look().status_code, "isn't active" in run.look().json()["msg"]) == (400, True)


def rpc_channel_is_closed(run: Run, _: Fault) -> None:
    assert (run.look().status_code, run.look().json()) == (500, "RPC channel is closed.")


def submitted_too_early(run: Run, _: Fault) -> None:
    session = f"/sessions/{run.create().json()['id']}"
    eventually(lambda: len(run.engine.sessions) == 3)
    reply = run.livy.post(f"{session}/statements", {"code": "x", "kind": "sql"})
    assert reply.status_code == 500
    assert "Session is in state starting" in reply.json()
    run.clock.advance(60)
    eventually(lambda: run.livy.state(session) == "idle")


def carried_out_but_the_reply_is_lost(run: Run, fault: Fault) -> None:
    if fault.select.operation == "create_session":
        gone(run.create)
        assert run.livy.get("/sessions").json()["total"] == 2
    elif fault.effect.type == "status":
        assert run.submit().status_code == 504
        assert run.executed() == 1
    else:
        gone(run.submit, requests.ReadTimeout if fault.effect.type == "hang" else requests.ConnectionError)
        assert run.executed() == 1


def a_page_once(run: Run, fault: Fault) -> None:
    reply = run.look()
    assert reply.status_code == fault.effect.model_dump()["code"]
    assert reply.headers["Content-Type"].startswith("text/html")
    assert run.look().status_code == 200


def a_success_that_is_no_json(run: Run, fault: Fault) -> None:
    if fault.effect.type == "truncate":
        gone(run.look, requests.exceptions.ChunkedEncodingError)
        return
    reply = run.look()
    assert reply.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        reply.json()


def a_page_twice_and_nothing_carried_out(run: Run, _: Fault) -> None:
    replies = [run.submit() for _ in range(3)]
    assert [reply.status_code for reply in replies] == [415, 415, 201]
    assert replies[0].text.startswith("<html>")
    assert run.executed() == 1


def times_out_once(run: Run, _: Fault) -> None:
    assert [run.create().status_code for _ in range(2)] == [408, 201]


RETRY_AFTER = {
    ("seconds", 55.0): ("55", ""),
    ("http-date", 55.0): ("Thu, 01 Jan 2026 00:00:55 GMT", ""),
    ("http-date", -60.0): ("Wed, 31 Dec 2025 23:59:00 GMT", ""),
    ("body-until", 55.0): (None, "until: 1/1/2026 12:00:55 AM (UTC)"),
    ("body-until-bare", 55.0): (None, "until: 1/1/2026 12:00:55 AM"),
    ("absent", 55.0): (None, "Request is blocked by the upstream service"),
}


def come_back_later(run: Run, fault: Fault) -> None:
    effect = fault.effect.model_dump()
    header, text = RETRY_AFTER[effect["retry_after"], effect["retry_seconds"]]
    reply = run.fabric.get(run.fabric_statement)
    assert (reply.status_code, reply.json()["errorCode"]) == (429, "RequestBlocked")
    assert reply.headers.get("Retry-After") == header
    assert reply.json()["message"].endswith(text)
    assert run.fabric.get(run.fabric_statement).status_code == 200


def too_fast(run: Run, _: Fault) -> None:
    assert [run.look().status_code for _ in range(6)] == [200] * 5 + [429]
    assert run.fabric.get(run.fabric_statement).status_code == 200, "another token, another quota"
    assert run.look().status_code == 429
    assert len(Oracle(run.server.journal).early_callers()) == 1


def no_capacity(run: Run, _: Fault) -> None:
    reply = run.fabric.post("/sessions", {})
    assert (reply.status_code, reply.json()["errorCode"]) == (430, "TooManyRequestsForCapacity")
    assert run.fabric.post("/sessions", {}).status_code == 202


def token_expires(run: Run, fault: Fault) -> None:
    assert run.fabric.get(run.fabric_statement).status_code == 200
    reply = run.fabric.get(run.fabric_statement)
    if fault.effect.type == "status":
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "TokenExpired")
        return
    if "empty" in str(fault):
        assert (reply.status_code, reply.content) == (401, b"")
        assert reply.headers["RequestId"]
    else:
        assert (reply.status_code, reply.headers["x-ms-public-api-error-code"]) == (401, "TokenExpired")
    assert run.fabric.get("/sessions").status_code == 401, "the token stays expired for everything"


def token_is_too_new(run: Run, _: Fault) -> None:
    reply = run.fabric.get("/sessions")
    assert (reply.status_code, reply.json()["errorCode"]) == (401, "Unauthorized")
    run.clock.advance(5)
    assert run.fabric.get("/sessions").status_code == 200


def never_ends(run: Run, _: Fault) -> None:
    run.clock.advance(600)
    assert (run.look().json()["state"], run.look().json()["output"]) == ("running", None)


def looking_hangs(run: Run, _: Fault) -> None:
    gone(run.look, requests.ReadTimeout)
    assert run.look().status_code == 200


def statement_is_not_found(run: Run, fault: Fault) -> None:
    submitted = run.submit()
    assert (submitted.status_code, submitted.json()["state"]) == (201, "waiting")
    reply = run.livy.get(f"{run.session}/statements/{submitted.json()['id']}")
    assert (reply.status_code, reply.json()) == (404, "Statement not found")
    assert run.executed() == (1 if fault.phase == "after_commit" else 0)


def error_with_a_capital(run: Run, _: Fault) -> None:
    view = run.fabric.get(run.fabric_statement).json()
    assert (view["state"], view["output"]["status"]) == ("Error", "error")


def cancelled_without_output(run: Run, _: Fault) -> None:
    assert (run.look().json()["state"], run.look().json()["output"]) == ("cancelled", None)


def no_state_once(run: Run, _: Fault) -> None:
    assert ["state" in run.look().json() for _ in range(2)] == [False, True]


def output_comes_late(run: Run, _: Fault) -> None:
    views = [run.look().json() for _ in range(3)]
    assert {view["state"] for view in views} == {"available"}
    assert [view["output"] is None for view in views] == [True, True, False]


def sounds_retryable(run: Run, _: Fault) -> None:
    view = run.look().json()
    assert (view["state"], view["output"]["status"]) == ("available", "error")
    assert "timeout" in view["output"]["evalue"]


def text_only(run: Run, _: Fault) -> None:
    assert run.look().json()["output"]["data"] == {"text/plain": "1"}


def idle_but_closed(run: Run, _: Fault) -> None:
    assert run.livy.state(run.session) == "idle"
    assert (run.submit().status_code, "IllegalStateException" in run.submit().json()) == (500, True)


def deleting_goes_wrong(run: Run, fault: Fault) -> None:
    if fault.effect.type == "delay":
        gone(lambda: run.livy.delete(run.session), requests.ReadTimeout)
    else:
        assert run.livy.delete(run.session).status_code == fault.effect.model_dump()["code"]
    assert run.livy.get("/sessions").json()["total"] == 1


def list_fails(run: Run, _: Fault) -> None:
    assert run.livy.get("/sessions").status_code == 500


def lakehouse_fails_five_times(run: Run, _: Fault) -> None:
    lakehouse = run.fabric.base.partition("/livyapi")[0]
    replies = [run.fabric.http.get(lakehouse, timeout=5).status_code for _ in range(6)]
    assert replies == [503] * 5 + [200]


def resent_is_run_twice(run: Run, _: Fault) -> None:
    gone(run.submit)
    assert run.submit().status_code == 201
    assert Oracle(run.server.journal).executions_by_code()["insert"] == 2


def breaks_or_drips(run: Run, fault: Fault) -> None:
    if fault.effect.type == "reset":
        gone(run.look)
        return
    began = run.clock.monotonic()
    reply = run.look()
    assert reply.json()["state"] == "available"
    assert run.clock.monotonic() - began == pytest.approx(len(reply.content) * 0.5)


def impossible_times(run: Run, _: Fault) -> None:
    view = run.look().json()
    assert view["state"] == "available"
    assert view["started"] > view["completed"]


def from_the_future(run: Run, fault: Fault) -> None:
    view = run.look().json()
    assert "addedInAFutureVersion" in view or view["state"] == "hibernating"


SYMPTOMS: dict[str, Callable[[Run, Fault], None]] = {
    "F1": starting_for_ever,
    "F2": dies_while_starting,
    "F3": ends_in_another_state,
    "F4": capacity_is_refused_later,
    "F5": livyinfo_is_not_there,
    "F6": no_state_at_creation,
    "F7": refused_twice_then_made,
    "F8": not_found_for_five_seconds,
    "F9": session_has_vanished,
    "F10": session_is_not_active,
    "F11": rpc_channel_is_closed,
    "F12": submitted_too_early,
    "F13": carried_out_but_the_reply_is_lost,
    "F14": a_page_once,
    "F15": a_success_that_is_no_json,
    "F16": a_page_twice_and_nothing_carried_out,
    "F17": times_out_once,
    "F18": come_back_later,
    "F19": too_fast,
    "F20": no_capacity,
    "F21": token_expires,
    "F22": token_is_too_new,
    "F24": never_ends,
    "F25": looking_hangs,
    "F26": statement_is_not_found,
    "F27": error_with_a_capital,
    "F28": cancelled_without_output,
    "F29": no_state_once,
    "F30": output_comes_late,
    "F31": sounds_retryable,
    "F32": text_only,
    "F35": idle_but_closed,
    "F36": deleting_goes_wrong,
    "F41": list_fails,
    "F42": lakehouse_fails_five_times,
    "F45": resent_is_run_twice,
    "F46": breaks_or_drips,
    "F47": impossible_times,
    "F48": from_the_future,
}
CASES = [(recipe.number, spec) for recipe in RECIPES for spec in recipe.specs]


@pytest.mark.parametrize(("number", "spec"), CASES)
def test_a_recipe_shows_its_symptom(run: Run, number: str, spec: str) -> None:
    fault = run.server.arm(spec)
    SYMPTOMS[number](run, fault)
    assert Oracle(run.server.journal).never_fired() == []


def test_every_failure_of_the_catalogue_has_a_recipe_or_a_reason() -> None:
    numbers = [recipe.number for recipe in RECIPES]
    assert sorted([*numbers, *NOT_A_FAULT], key=lambda n: int(n[1:])) == [f"F{n}" for n in range(1, 49)]
    assert list(SYMPTOMS) == numbers


@pytest.mark.parametrize(("number", "spec"), CASES)
def test_a_recipe_is_written_as_the_fault_writes_itself(number: str, spec: str) -> None:
    assert Fault.parse(str(Fault.parse(spec))) == Fault.parse(spec)
