"""What a verdict rests on: each kind of call is judged, and a run in which nothing was put to the proof is unknown."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from chaos.client import OURS, Options, factory
from chaos.judge import PROVES, judge
from chaos.results import Finding, Verdict
from chaos.runner import run
from chaos.scenario import Scenario, shipped
from chaos.simulation import SimulatedRuntime
from tests.chaos.clients import broken
from tests.chaos.clients.reference import Failed, OutcomeUnknown, Reference


def scenario(*, faults: Sequence[str] = (), expect: Any = None, **workload: Any) -> Scenario:
    return Scenario.of(
        {
            "title": "A scenario of one test",
            "why": "One finding matters.",
            "workload": {"dialects": ["livy"], "threads": 1, **workload},
            "faults": {"plan": "explicit", "faults": list(faults)},
            "expect": expect or {},
        }
    )


def found(client: type[Reference], what: Scenario, invariant: str, seed: int = 0) -> Finding:
    finding = judge(run("a test", what, seed, client), client.__name__).of(invariant)
    assert finding is not None
    return finding


class CannotList(Reference):
    """Knows no tables."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        if sql.startswith("show"):
            raise Failed("tables cannot be listed here")
        return super().execute(sql)


def test_what_is_expected_of_a_build_holds_for_each_of_its_statements() -> None:
    finding = found(CannotList, scenario(script=["build"], expect={"build": ["ok"]}), "errors_speak")
    assert finding.verdict is Verdict.FAIL
    assert finding.detail == "list  is failed, where ok is right: Failed: tables cannot be listed here"


def test_what_is_expected_of_a_step_that_was_never_tried_is_unknown() -> None:
    never = scenario(script=["write", "read"], interrupt_after=1, expect={"read": ["ok"]})
    assert found(Reference, never, PROVES).detail == "no read was tried, for which outcomes are expected"


class CannotConnect(Reference):
    """Wants a server to begin with, and it is not there yet."""

    def __init__(self, url: str, adapter: HTTPAdapter, runtime: SimulatedRuntime, options: Options) -> None:
        super().__init__(url, adapter, runtime, options)
        if runtime.monotonic() < 1:
            raise Failed("there is no server yet")


@pytest.mark.parametrize(("allowed", "verdict"), [(["ok"], Verdict.FAIL), (["failed", "unknown"], Verdict.PASS)])
def test_who_cannot_connect_has_failed_at_everything(allowed: list[str], verdict: Verdict) -> None:
    result = judge(run("a test", scenario(script=["write"], expect={"write": allowed}), 0, CannotConnect), "")
    assert result.verdict is verdict, result.findings


class LateRiser(Reference):
    """Does nothing for the first two seconds, in which all that is asked of it fails."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        if self.runtime.monotonic() < 2:
            raise Failed("it is too early in the morning")
        return super().execute(sql)


def test_a_proof_of_life_is_no_proof_that_something_succeeded_under_the_faults() -> None:
    finding = found(LateRiser, scenario(script=["write"]), PROVES)
    assert (finding.verdict, finding.detail) == (Verdict.UNKNOWN, "nothing succeeded in the safety phase")
    assert found(LateRiser, scenario(script=["write"], expect={"write": ["failed"]}), PROVES).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("workload", "message"),
    [
        ({"cancel_after": 5000}, "nobody cancelled: all had ended"),
        ({"cancel_after": 0.01}, "nothing ran or was queued when somebody cancelled, at 0.01 s"),
        ({"interrupt_after": 5000}, "the interrupt never came: its thread had ended"),
    ],
)
def test_a_moment_that_never_came_proves_nothing(workload: dict[str, Any], message: str) -> None:
    finding = found(Reference, scenario(script=["write"], **workload), PROVES)
    assert (finding.verdict, finding.detail) == (Verdict.UNKNOWN, message)


class CancelsOne(Reference):
    """Cancelling stops the statement that runs; those behind it have their turn."""

    def cancel(self) -> None:
        for path in list(self.running)[:1]:
            self.call_off(path)


def test_what_waits_its_turn_when_somebody_cancels_is_not_to_run_either() -> None:
    queue = scenario(script=["slow"], threads=3, takes=2, cancel_after=30, settings={"statement_timeout": 3600})
    assert found(Reference, queue, "cancel_reaches_the_server").verdict is Verdict.PASS
    finding = found(CancelsOne, queue, "cancel_reaches_the_server")
    assert finding.verdict is Verdict.FAIL
    assert len(finding.detail.splitlines()) == 2


def test_what_goes_on_after_its_time_out_was_to_be_cancelled() -> None:
    late = shipped()["smoke/statement-never-ends"]
    finding = found(broken.ForgetsToCancel, late, "cancel_reaches_the_server")
    assert finding.verdict is Verdict.FAIL
    assert "after slow slow-st" in finding.detail


class SeesThings(Reference):
    """Has a row for every question."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        return super().execute(sql) or [["nothing"]]


def test_what_nobody_wrote_is_not_to_be_read() -> None:
    finding = found(SeesThings, scenario(script=["read"]), "success_is_true")
    assert finding.detail.startswith("reading what nobody wrote gave [('nothing',)]")


class ThrottlesOnly(Reference):
    """Comes back at once to a server that says it is down for a while."""

    def told(self, reply: requests.Response, text: str) -> float:
        return 1.0 if reply.status_code == 503 else super().told(reply, text)


def test_who_is_told_to_come_back_later_by_a_503_stays_away_too() -> None:
    down = scenario(
        script=["write"], faults=["get_statement:before:status(503,retry_after=seconds,retry_seconds=20)@nth(1)"]
    )
    assert found(Reference, down, "waits_as_told").verdict is Verdict.PASS
    finding = found(ThrottlesOnly, down, "waits_as_told")
    assert finding.detail.endswith("too early after a 503")


def test_what_the_engine_says_of_a_statement_is_to_be_in_the_error() -> None:
    wrong = scenario(script=["wrong"])
    assert found(Reference, wrong, "errors_speak").verdict is Verdict.PASS
    finding = found(broken.Mumbles, wrong, "errors_speak")
    assert "was refused with TABLE_OR_VIEW_NOT_FOUND and says 'the statement has failed'" in finding.detail


def test_who_was_never_told_what_the_engine_said_need_not_say_it() -> None:
    other = '{"status":"error","execution_count":0,"ename":"Error","evalue":"no","traceback":[]}'
    damaged = scenario(script=["wrong"], faults=[f"get_statement:body:set_field(output,{other})@every(1)"])
    assert found(broken.Mumbles, damaged, "errors_speak").verdict is Verdict.PASS


class Shrugs(Reference):
    """Nobody knows, and nobody asks."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        super().execute(sql)
        raise OutcomeUnknown


def test_that_nobody_knows_is_to_be_said_in_words() -> None:
    finding = found(Shrugs, scenario(script=["write"]), "errors_speak")
    assert finding.detail.startswith("write is unknown with OutcomeUnknown and says only ''")


class TellsTheLog(Reference):
    """Logs its trouble with a traceback, which ends with what was sent."""

    def __init__(self, url: str, adapter: HTTPAdapter, runtime: SimulatedRuntime, options: Options) -> None:
        super().__init__(url, adapter, runtime, options)
        try:
            raise Failed(f"sent with {self.bearer().value}")
        except Failed:
            logging.getLogger("client").warning("something was refused", exc_info=True)


class DiesOfIt(Reference):
    """Has a thread of its own, and lets it die with what it was doing."""

    def __init__(self, url: str, adapter: HTTPAdapter, runtime: SimulatedRuntime, options: Options) -> None:
        super().__init__(url, adapter, runtime, options)
        runtime.spawn("housekeeping", self.keep_house)

    def keep_house(self) -> None:
        raise Failed(f"sent with {self.bearer().value}")


@pytest.mark.parametrize(
    ("client", "where"), [(TellsTheLog, "the log"), (DiesOfIt, "what ended a thread")], ids=["log", "thread"]
)
def test_secrets_are_looked_for_in_tracebacks_and_in_what_ended_threads(client: type[Reference], where: str) -> None:
    finding = found(client, scenario(dialects=["fabric"], script=["write"]), "no_secret")
    assert finding.detail == f"a token shows in {where}"


class Leaves(Reference):
    """Ends the program when it has nothing more to do."""

    def close(self) -> None:
        super().close()
        raise SystemExit(0)


class NeverComes(Reference):
    """Ends the program before it has begun."""

    def __init__(self, *args: Any) -> None:
        raise SystemExit(0)


def test_a_client_that_ends_the_program_ends_no_run() -> None:
    finding = found(Leaves, scenario(script=["write"]), "none_left")
    assert finding.detail == "close raised SystemExit: 0"
    result = judge(run("a test", scenario(script=["write"], expect={"write": ["ok"]}), 0, NeverComes), "")
    assert result.verdict is Verdict.FAIL


def test_faults_that_are_drawn_may_leave_nothing_to_succeed_while_they_strike() -> None:
    made = run("drawn", shipped()["nightly/every-pair-thrice"], 107, factory(OURS))
    assert not any(call.outcome == "ok" for call in made.calls if call.phase == "safety")
    assert all(each.verdict is Verdict.PASS for each in judge(made, OURS).findings)
