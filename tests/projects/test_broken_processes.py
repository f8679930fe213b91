"""Process scenarios are judged themselves: programs broken on purpose come out red, and for the right reason."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from chaos import picture
from chaos.processes.baseline import Baseline, BaselineError, prepare
from chaos.processes.judge import INVARIANTS, PROVES, judge
from chaos.processes.model import Scenario
from chaos.processes.outcome import result
from chaos.processes.run import Run, run
from chaos.processes.target import Target
from chaos.results import Finding, Verdict
from fakelivy.journal import (
    Entry,
    Event,
    Execution,
    FaultArmed,
    FaultDecision,
    Request,
    SessionForgotten,
    SessionMoved,
)

_log = logging.getLogger(__name__)

TOY = Path(__file__).parents[1] / "chaos" / "toy"
INSERT_LOST = 'submit_statement[contains="insert into"]:after_commit:reset@first(1)'
INSERT_REFUSED = 'submit_statement[contains="insert into"]:before:status(500)@first(1)'
TABLES_FAIL = 'submit_statement[contains="show tables"]:before:status(500)@first(1)'
THROTTLED = "submit_statement:before:throttle(60,burst=2,retry_seconds=5)"
STUCK: Mapping[str, Any] = {
    "code": "insert into",
    "do": "fault",
    "fault": "stuck=get_statement:body:stick_state(running)",
}
SIGTERM: Mapping[str, Any] = {"struck": "stuck", "do": "terminate"}


def scenario(**more: Any) -> Scenario:
    content = {"name": "toy", "title": "A toy meets a fault", "why": "", "tier": "smoke", "project": str(TOY)}
    return Scenario.model_validate({**content, "dialect": "livy", **more})


def target(folder: Path, breaks: str) -> Target:
    template = folder / f"{breaks}.yml"
    template.write_text("type: toy\nurl: {{ url }}\ntoken: {{ token }}\nbreaks: " + breaks + "\n", encoding="utf-8")
    return Target(TOY / "dbt", template, "toy")


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    folder = tmp_path_factory.mktemp("baseline")
    return prepare(scenario(), target(folder, "nothing"), folder / "cache")


Judged = Callable[..., dict[str, str]]


@pytest.fixture
def judged(baseline: Baseline, tmp_path: Path) -> Judged:
    """Run a toy that breaks something, and give what is not green of it; what it printed is shown when a test fails."""

    def judged(breaks: str, **more: Any) -> dict[str, str]:
        done = run(scenario(**more), baseline, target(tmp_path, breaks), tmp_path / "run", seed=1)
        for step in done.steps:
            _log.warning("%s ended with %s\n%s", step.label, step.ended.code, step.ended.output)
        _log.warning("the journal's last lines\n%s", "\n".join(entry.line() for entry in done.journal[-40:]))
        return {each.invariant: each.detail for each in judge(done) if each.verdict is not Verdict.PASS}

    return judged


def test_an_honest_program_is_green_though_its_write_failed(judged: Judged) -> None:
    assert judged("nothing", faults=[INSERT_LOST], ends="failed", says=["failed: no reply"]) == {}


def test_who_sends_a_write_twice_is_red(judged: Judged) -> None:
    red = judged("resends", faults=[INSERT_LOST])
    assert set(red) == {"success is true", "tables are right", "writes once"}
    assert "ran 2 times, instead of 1: insert into" in red["writes once"]
    assert "has 3 rows instead of 2; missing: none; too many: [2, 20]" in red["tables are right"]


def test_who_reports_a_success_that_did_not_happen_is_red(judged: Judged) -> None:
    assert set(judged("lies", faults=[INSERT_REFUSED])) == {"success is true", "tables are right"}


def test_who_takes_a_failed_question_for_an_empty_answer_is_red(judged: Judged) -> None:
    red = judged("guesses", faults=[TABLES_FAIL])
    assert "lost 1 of the 1 rows" in red["nothing rebuilt"]


def test_who_leaves_a_session_is_red(judged: Judged) -> None:
    red = judged("leaks", faults=[INSERT_REFUSED])
    # The next one finds it still there beside its own.
    assert set(red) == {"no session left", "one session"}
    assert len(red["no session left"].splitlines()) == 2, "each process answers for its own"


def test_who_comes_back_too_early_is_red(judged: Judged) -> None:
    assert "no early call" in judged("hasty", faults=[THROTTLED])


def test_who_writes_a_token_into_a_log_is_red(judged: Judged) -> None:
    assert judged("chatty", faults=[INSERT_REFUSED]) == {"no secret shown": "a secret is in dbt_0/debug.log"}


def test_who_does_not_hear_a_signal_is_red(judged: Judged) -> None:
    red = judged("deaf", moments=[STUCK, SIGTERM], seconds_to_stop=1)
    assert "after its signal and had to be killed" in red["ends in time"]


def test_who_hears_it_is_green(judged: Judged) -> None:
    assert judged("nothing", moments=[STUCK, SIGTERM], ends="failed") == {}


def test_who_fails_although_all_is_healed_is_red(judged: Judged) -> None:
    red = judged("gives up", faults=[INSERT_REFUSED], ends="ok", says=["never said"])
    assert set(red) == {"ends as expected", "recovers"}


def test_a_fault_that_never_struck_and_a_moment_that_never_came_prove_nothing(judged: Judged) -> None:
    red = judged(
        "nothing",
        faults=["get_batch:before:reset"],
        moments=[{"code": "no such code", "do": "terminate"}],
    )
    assert set(red) == {PROVES}
    assert "never struck: get_batch" in red[PROVES]
    assert "never came: terminate at the code 'no such code'" in red[PROVES]


@pytest.fixture(scope="module")
def two(baseline: Baseline, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two toys at once on Fabric, with nothing wrong in what they did."""
    folder = tmp_path_factory.mktemp("two")
    done = run(scenario(processes=2, faults=[INSERT_LOST]), baseline, target(folder, "nothing"), folder / "run", seed=1)
    assert [each for each in judge(done) if each.verdict is Verdict.FAIL] == []
    return done


def judged_with(done: Run, *events: Event) -> dict[str, Finding]:
    """What is red of the run when these had happened in it too, one after the other, at the end of its first second."""
    moment = done.steps[0].began + dt.timedelta(seconds=1)
    more = [Entry(-1, moment, event) for event in events]
    begin = done.steps[0].begin
    later = {each.begin: each.begin + len(more) * (each.begin > begin) for each in done.steps}
    steps = [dataclasses.replace(each, begin=later[each.begin], end=each.end + len(more)) for each in done.steps]
    journal = [*done.journal[:begin], *more, *done.journal[begin:]]
    changed = dataclasses.replace(done, journal=journal, steps=steps)
    return {each.invariant: each for each in judge(changed) if each.verdict is Verdict.FAIL}


def test_more_sessions_than_processes_are_red(two: Run) -> None:
    born = [SessionMoved(f"extra {number}", None, "starting", "created") for number in range(3)]
    gone = [SessionForgotten(each.session, "deleted") for each in born]
    found = judged_with(two, *born, *gone)
    assert set(found) == {"one session"}
    assert "3 sessions were alive at one time, 2 at most" in found["one session"].detail
    assert found["one session"].at == pytest.approx(1)
    assert judged_with(two, *born[:2], *gone[:2]) == {}


def test_a_session_that_the_server_gave_to_one_repl_alone_is_accounted_for(two: Run) -> None:
    born = [SessionMoved(f"extra {number}", None, "starting", "created") for number in range(4)]
    gone = [SessionForgotten(each.session, "deleted") for each in born]
    strike = FaultDecision("r1", "alone", "acquire_hc", "before", 1, fired=True, why_not="")
    alone = [FaultArmed("alone", "alone=acquire_hc:before:alone"), strike]
    assert judged_with(two, *alone, *born[:3], *gone[:3]) == {}
    assert set(judged_with(two, *alone, *born, *gone)) == {"one session"}
    assert set(judged_with(two, *alone[:1], *born[:3], *gone[:3])) == {"one session"}


def test_a_session_that_works_for_two_processes_by_turns_is_red(two: Run) -> None:
    turns = [Execution("shared", number, "sql", f"select * from chaos_{number % 2}.t") for number in range(3)]
    found = judged_with(two, *turns)
    assert set(found) == {"sessions not shared"}
    assert "worked for dbt 1 and dbt 0 by turns" in found["sessions not shared"].detail
    assert judged_with(two, *turns[:2]) == {}


def test_more_requests_than_the_quota_allows_are_red(two: Run) -> None:
    asked = [Request("r", "fabric", "get_statement", "GET", "/", 200)] * 401
    found = judged_with(two, *asked)
    assert set(found) == {"bounded rate"}
    assert "more than 400 requests in a minute" in found["bounded rate"].detail
    assert judged_with(two, *asked[:350]) == {}


def test_a_finding_says_when_it_broke_and_opens_what_was_going_on(baseline: Baseline, tmp_path: Path) -> None:
    done = run(scenario(faults=[INSERT_LOST]), baseline, target(tmp_path, "resends"), tmp_path / "run", seed=1)
    findings = {each.invariant: each.at for each in judge(done)}
    second = [e.at for e in done.journal if isinstance(e.event, Execution) and "insert into" in e.event.code][1]
    assert findings["writes once"] == pytest.approx((second - done.steps[0].began).total_seconds())
    first = picture.first_violation(result(done, target(tmp_path, "resends")))
    assert first is not None
    assert "insert into" in first.detail


def test_a_server_that_restarts_loses_sessions_and_no_data(judged: Judged) -> None:
    restart = {"code": "insert into", "do": "restart_server", "seconds": 0}
    assert judged("nothing", moments=[restart], ends="failed") == {}


def test_without_a_run_that_succeeds_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="fails without any fault"):
        prepare(scenario(), target(tmp_path, "gives up"), tmp_path / "cache")


def test_every_invariant_was_red_here() -> None:
    """A new invariant needs a program that breaks it."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in INVARIANTS if f'"{name}"' not in source] == []


def test_a_baseline_is_made_once(baseline: Baseline, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert dataclasses.asdict(baseline.setup)["tables"] == {"entries": [[1, 10]]}
    assert baseline.work.tables == {"entries": [[1, 10], [2, 20]]}
    assert [times for code, times in baseline.work.writes.items() if code.startswith("insert")] == [1]
