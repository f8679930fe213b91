"""Each recipe of the cookbook, armed, and the symptom looked at on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from fakelivy import FakeLivy, Fault, ManualClock, Oracle
from fakelivy.cookbook import RECIPES
from fakelivy.engine.port import StoredTable
from fakelivy.journal import Execution, HandlerError, HighConcurrencyMoved, SessionMoved
from tests.server.toy import Client, ToyEngine, eventually, fabric_base, table

HC = "/highConcurrencySessions"
METADATA = {"Metadata": "true"}
RESOURCE = "https://api.fabric.microsoft.com"


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

    def acquire(self) -> requests.Response:
        return self.fabric.post(HC, {"sessionTag": "dbt"})

    def settled(self, key: str) -> dict[str, Any] | None:
        view: dict[str, Any] = self.fabric.get(f"{HC}/{key}").json()
        return None if view["state"] == "AcquiringHighConcurrencySession" else view

    def imds(self) -> requests.Response:
        return self.livy.get("/metadata/identity/oauth2/token", params={"resource": RESOURCE}, headers=METADATA)

    def entra(self) -> requests.Response:
        options = self.server.authority.options
        form = {
            "grant_type": "client_credentials",
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "scope": f"{RESOURCE}/.default",
        }
        return self.livy.call("POST", f"/{options.tenant_id}/oauth2/v2.0/token", data=form)

    def discover(self) -> requests.Response:
        return self.livy.get(f"/{self.server.authority.options.tenant_id}/v2.0/.well-known/openid-configuration")

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
    elif fault.select.operation == "acquire_hc":
        gone(run.acquire)
        assert len({each.id for each in run.server.journal.events(HighConcurrencyMoved)}) == 1
    elif fault.select.operation == "submit_repl_statement":
        acquired = run.acquire().json()["id"]
        view = eventually(lambda: run.settled(acquired))
        statements = f"{HC}/{view['sessionId']}/repls/{view['replId']}/statements"
        gone(lambda: run.fabric.post(statements, {"code": "insert", "kind": "sql"}))
        assert run.executed() == 1
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
    elif "gateway" in str(fault):
        assert (reply.status_code, set(reply.json()["error"])) == (401, {"code", "message"})
    else:
        assert (reply.status_code, reply.headers["x-ms-public-api-error-code"]) == (401, "TokenExpired")
    assert run.fabric.get("/sessions").status_code == 401, "the token stays expired for everything"


def token_is_good_at_the_wrong_time(run: Run, fault: Fault) -> None:
    effect = fault.effect.type
    token = run.imds().json()
    if effect != "reject_token":
        run.fabric.http.headers["Authorization"] = f"Bearer {token['access_token']}"
    if effect == "revoke_tokens":
        assert run.fabric.get("/sessions").status_code == 200
    if effect == "token_lifetime":
        assert token["expires_in"] == "2"
        assert run.fabric.get("/sessions").status_code == 200
        run.clock.advance(2)
    if effect in ("revoke_tokens", "token_lifetime") or "3600" in str(fault):
        refused = run.fabric.get("/sessions")
        assert (refused.status_code, refused.json()["errorCode"]) == (401, "TokenExpired")
        return
    reply = run.fabric.get("/sessions")
    assert (reply.status_code, reply.json()["errorCode"]) == (401, "Unauthorized")
    run.clock.advance(5)
    assert run.fabric.get("/sessions").status_code == 200


def never_ends(run: Run, fault: Fault) -> None:
    run.clock.advance(600)
    state = fault.effect.model_dump()["state"]
    assert (run.look().json()["state"], run.look().json()["output"]) == (state, None)


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


def ended_without_output(run: Run, fault: Fault) -> None:
    state = fault.effect.model_dump()["state"]
    assert (run.look().json()["state"], run.look().json()["output"]) == (state, None)


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


def no_token(run: Run, fault: Fault) -> None:
    if fault.effect.type == "delay":
        gone(run.entra, requests.ReadTimeout)
        return
    effect = fault.effect.model_dump()
    ask = {"entra_token": run.entra, "imds_token": run.imds, "openid_configuration": run.discover}
    replies = [ask[fault.select.operation]() for _ in range(2)]
    assert [reply.status_code for reply in replies] == [effect["code"], 200]
    if effect["shape"] == "entra":
        assert replies[0].json()["error"] == effect["error_code"] or effect["code"] == 404
    assert replies[0].headers.get("Retry-After") == ("2" if effect["code"] == 429 else None)


def cut_in_silence(run: Run, _: Fault) -> None:
    run.engine.answers["many"] = table(*[(n,) for n in range(50)], n="long")
    livy = run.livy.get(run.livy.submit(run.session, "many")).json()["output"]["data"]["application/json"]
    fabric = run.fabric.get(run.fabric.submit(run.fabric_session, "many")).json()["output"]["data"]["application/json"]
    assert (len(livy["data"]), "truncated" in livy) == (10, False)
    assert (len(fabric["data"]), fabric["truncated"]) == (10, True)


def reaped_while_it_works(run: Run, _: Fault) -> None:
    session = run.livy.session()
    run.livy.submit(session, "never")
    run.clock.advance(59)
    assert run.livy.state(session) == "busy"
    run.clock.advance(1)
    assert run.livy.get(session).status_code == 404


def high_concurrency_goes_wrong(run: Run, fault: Fault) -> None:
    if fault.effect.type == "status":
        assert [run.acquire().status_code for _ in range(3)] == [202, 500, 202]
        return
    acquired = run.acquire().json()
    view = eventually(lambda: run.settled(acquired["id"]))
    if "replId" in str(fault):
        assert (view["state"], view["replId"]) == ("Idle", None)
    elif "sessionId" in str(fault):
        assert view["sessionId"] != acquired["sessionId"]
    else:
        assert (view["state"], view.get("fabricSessionStateInfo")) == ("Failed", None)


def alone_in_spite_of_its_tag(run: Run, _: Fault) -> None:
    sessions = {run.acquire().json()["sessionId"] for _ in range(3)}
    assert len(sessions) == 3


def session_is_gone_under_a_repl(run: Run, fault: Fault) -> None:
    acquired = run.acquire().json()
    view = eventually(lambda: run.settled(acquired["id"]))
    statements = f"{HC}/{view['sessionId']}/repls/{view['replId']}/statements"
    reply = run.fabric.post(statements, {"code": "select 1", "kind": "sql"})
    if fault.select.operation == "get_repl_statement":
        assert reply.status_code == 200
        reply = run.fabric.get(f"{statements}/0")
    assert reply.status_code in (400, 404)
    assert run.fabric.get(f"{HC}/{acquired['id']}").json()["state"] in ("Dead", "Killed")


def restarts(run: Run, fault: Fault) -> None:
    gone(lambda: run.livy.get(run.session))
    if not fault.effect.model_dump()["recovery"]:
        assert run.livy.get(run.session).status_code == 404
        assert run.create().json()["id"] == 0, "another owner's session under the old id"
        return
    gone(lambda: run.livy.get(run.session))
    run.clock.advance(30)
    assert run.livy.get(run.statement).json()["state"] == "available"
    assert run.livy.state(run.session) == "idle"
    moves = run.server.journal.events(SessionMoved)
    assert ("idle", "recovering") in [(move.before, move.after) for move in moves if move.session == "0"]
    assert run.create().json()["id"] == 1


def table_is_listed_late(run: Run, _: Fault) -> None:
    lakehouses = run.fabric.base.partition("/lakehouses/")[0] + "/lakehouses"
    flat = run.fabric.http.post(lakehouses, json={"displayName": "flat"}, timeout=5).json()["id"]

    def tables() -> list[str]:
        reply = run.fabric.http.get(f"{lakehouses}/{flat}/tables", timeout=5)
        return [each["name"] for each in reply.json()["data"]]

    assert tables() == []
    run.engine.stored["flat"] = [StoredTable("new", "delta")]
    assert tables() == []
    run.clock.advance(31)
    assert tables() == ["new"]


def job_cannot_be_followed(run: Run, fault: Fault) -> None:
    items = run.fabric.base.partition("/livyapi")[0].replace("/lakehouses/", "/items/")
    http = run.fabric.http
    started = http.post(f"{items}/jobs/RefreshMaterializedLakeViews/instances", timeout=5)
    assert started.status_code == 202
    if fault.effect.type == "set_header":
        there = {name for name in ("Location", "Retry-After") if name in started.headers}
        assert there == {"Location", "Retry-After"} - {fault.effect.model_dump()["name"]}
        return
    look = http.get(started.headers["Location"], timeout=5)
    if fault.effect.type == "not_found_window":
        assert look.status_code == 404
        run.clock.advance(5)
        assert http.get(started.headers["Location"], timeout=5).status_code == 200
        return
    effect = fault.effect.model_dump()
    assert look.json()[effect["path"]] == effect["value"]


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
    "F22": token_is_good_at_the_wrong_time,
    "F23": no_token,
    "F24": never_ends,
    "F25": looking_hangs,
    "F26": statement_is_not_found,
    "F27": error_with_a_capital,
    "F28": ended_without_output,
    "F29": no_state_once,
    "F30": output_comes_late,
    "F31": sounds_retryable,
    "F32": text_only,
    "F33": cut_in_silence,
    "F34": reaped_while_it_works,
    "F35": idle_but_closed,
    "F36": deleting_goes_wrong,
    "F37": high_concurrency_goes_wrong,
    "F38": alone_in_spite_of_its_tag,
    "F39": session_is_gone_under_a_repl,
    "F40": restarts,
    "F41": list_fails,
    "F42": lakehouse_fails_five_times,
    "F43": table_is_listed_late,
    "F44": job_cannot_be_followed,
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


def test_every_failure_of_the_catalogue_has_a_recipe_and_a_test() -> None:
    numbers = [recipe.number for recipe in RECIPES]
    assert numbers == [f"F{n}" for n in range(1, 49)]
    assert set(SYMPTOMS) == set(numbers)


@pytest.mark.parametrize(("number", "spec"), CASES)
def test_a_recipe_is_written_as_the_fault_writes_itself(number: str, spec: str) -> None:
    assert Fault.parse(str(Fault.parse(spec))) == Fault.parse(spec)
