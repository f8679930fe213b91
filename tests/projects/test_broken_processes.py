"""Process scenarios are judged themselves: programs broken on purpose come out red, and for the right reason."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from chaos import picture
from chaos.judge import HarnessError
from chaos.processes.baseline import Baseline, BaselineError, prepare
from chaos.processes.judge import INVARIANTS, PROVES, judge
from chaos.processes.model import Moment, Scenario
from chaos.processes.outcome import evidence, outcome, result
from chaos.processes.run import Run, run
from chaos.processes.target import Target
from chaos.results import Finding, Verdict
from chaos.toxics import Toxic
from fakelivy.journal import (
    EarlyCall,
    Entry,
    Event,
    Execution,
    FaultArmed,
    FaultDecision,
    HandlerError,
    Request,
    SessionForgotten,
    SessionMoved,
    StatementMoved,
    TokenIssued,
    TokenRefused,
    read,
)

_log = logging.getLogger(__name__)

TOY = Path(__file__).parents[1] / "chaos" / "toy"
INSERT_LOST = 'submit_statement[contains="insert into"]:after_commit:reset@first(1)'
INSERT_REFUSED = 'submit_statement[contains="insert into"]:before:status(500)@first(1)'
TABLES_FAIL = 'submit_statement[contains="show tables"]:before:status(500)@first(1)'
THROTTLED = "submit_statement:before:throttle(1,burst=2,retry_seconds=5)"
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
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        done = run(scenario(**more), baseline, target(tmp_path, breaks), folder, seed=1)
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
    assert "no early call" in judged("hasty", faults=[THROTTLED], threads=1)


def test_a_call_that_was_on_its_way_is_not_early_and_neither_is_one_that_calls_off(two: Run) -> None:
    armed = FaultArmed("t", "t=*:before:throttle(60,burst=2,retry_seconds=5)")
    strike = FaultDecision("first", "t", "get_statement", "before", 3, fired=True, why_not="")
    calls = [EarlyCall(f"r{number}", "t", "get_statement", 4.9) for number in range(8)]
    assert judged_with(two, armed, strike, *calls[:7]) == {}
    assert set(judged_with(two, armed, strike, *calls)) == {"no early call"}
    late = dataclasses.replace(calls[0], early=2.0)
    assert set(judged_with(two, armed, strike, late)) == {"no early call"}
    assert judged_with(two, armed, strike, dataclasses.replace(late, operation="delete_session")) == {}


def test_who_writes_a_token_into_a_log_is_red(judged: Judged) -> None:
    assert judged("chatty", faults=[INSERT_REFUSED]) == {"no secret shown": "a secret is in dbt_0/debug.log"}


def test_a_token_that_was_issued_and_files_beside_the_projects_are_searched_too(judged: Judged) -> None:
    # Over TLS every bearer is a token of its own.
    assert judged("chatty", faults=[INSERT_REFUSED], tls=True)["no secret shown"] == "a secret is in dbt_0/debug.log"
    again = judged("careless", faults=[INSERT_REFUSED])
    assert again == {"no secret shown": "a secret is in sessions.json"}


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


def judged_with(done: Run, *events: Event, apart: float = 0.0) -> dict[str, Finding]:
    """What is red of the run when these had happened in it too, ``apart`` seconds from one another, after a second."""
    moment = done.steps[0].began + dt.timedelta(seconds=1)
    more = [Entry(-1, moment + dt.timedelta(seconds=apart * place), event) for place, event in enumerate(events)]
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
    asked = [Request("r", "fabric", "get_statement", "GET", f"/{number}", 200) for number in range(401)]
    found = judged_with(two, *asked)
    assert set(found) == {"bounded rate"}
    assert "more than 400 requests in a minute" in found["bounded rate"].detail
    assert judged_with(two, *asked[:350]) == {}
    own = two.scenario.model_copy(update={"profile": {"requests_per_minute": 60}})
    limited = judged_with(dataclasses.replace(two, scenario=own), *asked[:161])
    assert "more than 160 requests in a minute" in limited["bounded rate"].detail


def test_so_few_requests_say_nothing_about_a_limit(two: Run) -> None:
    own = two.scenario.model_copy(update={"profile": {"requests_per_minute": 150}, "dialect": "fabric"})
    doubts = {each.invariant: each.detail for each in judge(dataclasses.replace(two, scenario=own))}[PROVES]
    assert doubts == "so few requests never met the limit of requests_per_minute"


def test_asking_without_a_pause_is_red(two: Run) -> None:
    looks = [Request("r", "livy", "get_statement", "GET", "/sessions/9/statements/1", 200)] * 121
    found = judged_with(two, *looks)
    assert set(found) == {"no hot loop"}
    assert "GET /sessions/9/statements/1 came more than 120 times in a second" in found["no hot loop"].detail
    assert judged_with(two, *looks, apart=0.02) == {}
    assert judged_with(two, *[dataclasses.replace(each, method="POST", status=201) for each in looks]) == {}
    assert set(judged_with(two, *[dataclasses.replace(each, method="POST", status=500) for each in looks])) == {
        "no hot loop"
    }


SPOILT = (
    FaultArmed("end", "end=get_statement:before:expire_token"),
    FaultDecision("r1", "end", "get_statement", "before", 1, fired=True, why_not=""),
)


def test_a_token_that_nothing_has_spoilt_is_fetched_once(two: Run) -> None:
    fetched = [TokenIssued(number, "client_credentials", "x", "fabric", 0) for number in range(5)]
    assert judged_with(two, *fetched[:2]) == {}
    assert set(judged_with(two, *fetched[:3])) == {"one refresh"}
    assert judged_with(two, *SPOILT, *fetched[:4]) == {}
    assert set(judged_with(two, *SPOILT, *fetched)) == {"one refresh"}
    lost = [
        FaultArmed("e", "e=entra_token:after_commit:reset"),
        FaultDecision("r", "e", "entra_token", "after_commit", 1, True, ""),
    ]
    assert judged_with(two, *lost, *fetched[:3]) == {}


def test_a_token_that_was_refused_as_expired_is_not_sent_again(two: Run) -> None:
    refused = [TokenRefused(f"r{number}", "expired by a fault") for number in range(12)]
    # Both processes may be told, each by all requests that were on their way.
    assert judged_with(two, *SPOILT, *refused[:9]) == {}
    assert set(judged_with(two, *SPOILT, *refused)) == {"no dead token"}
    assert judged_with(two, *SPOILT, refused[0], apart=3) == {}
    assert set(judged_with(two, *SPOILT, *refused[:2], apart=3)) == {"no dead token"}
    assert set(judged_with(two, refused[0])) == {"no dead token"}, "nothing has spoilt it"


def test_a_statement_that_goes_on_after_its_process_was_stopped_is_red(two: Run) -> None:
    gone = [dataclasses.replace(each, ended=dataclasses.replace(each.ended, stop_seconds=1.0)) for each in two.steps]
    stopped = dataclasses.replace(two, steps=gone)
    going = [StatementMoved("kept", 7, None, "waiting"), StatementMoved("kept", 7, "waiting", "running")]
    found = judged_with(stopped, *going)
    assert set(found) == {"cancel reaches the server"}
    assert "statement 7 of session kept goes on" in found["cancel reaches the server"].detail
    assert judged_with(two, *going) == {}, "nobody stopped it"
    for end in (StatementMoved("kept", 7, "running", "cancelling"), SessionForgotten("kept", "deleted")):
        assert judged_with(stopped, *going, end) == {}


def test_a_statement_that_seemed_to_run_and_was_not_called_off_is_red(two: Run) -> None:
    gone = [dataclasses.replace(each, ended=dataclasses.replace(each.ended, stop_seconds=1.0)) for each in two.steps]
    stopped = dataclasses.replace(two, steps=gone)
    path = "/sessions/kept/statements/7"
    look = Request("r1", "livy", "get_statement", "GET", path, 200, "kept")
    shown = (
        FaultArmed("stuck", "stuck=get_statement:body:stick_state(running)"),
        FaultDecision("r1", "stuck", "get_statement", "body", 1, fired=True, why_not=""),
        look,
    )
    assert f"but {path} goes on" in judged_with(stopped, *shown)["cancel reaches the server"].detail
    cancel = dataclasses.replace(look, request_id="r2", operation="cancel_statement", path=f"{path}/cancel")
    for end in (cancel, dataclasses.replace(look, request_id="r2"), SessionForgotten("kept", "deleted")):
        assert judged_with(stopped, *shown, end) == {}


def test_sessions_that_are_kept_are_counted(two: Run) -> None:
    keeping = two.scenario.model_copy(update={"keeps_sessions": True})
    found = judged_with(dataclasses.replace(two, scenario=keeping))
    assert "0 sessions were left to the next run after dbt 0 (faults), not 2" in found["no session left"].detail


def doubts_of(done: Run) -> str:
    return {each.invariant: each.detail for each in judge(done)}[PROVES]


def test_what_the_lab_itself_asks_is_no_proof_that_something_was_executed(two: Run) -> None:
    assert doubts_of(two) == ""
    end = max(step.end for step in two.steps)
    nothing = Request("r", "livy", "get_statement", "GET", "/", 200)
    journal = [
        dataclasses.replace(entry, event=nothing) if place < end and isinstance(entry.event, Execution) else entry
        for place, entry in enumerate(two.journal)
    ]
    assert any(isinstance(entry.event, Execution) for entry in journal)
    assert doubts_of(dataclasses.replace(two, journal=journal)) == "no statement was ever executed"


def test_a_toxic_that_left_no_trace_proves_nothing(two: Run) -> None:
    reset, slow = Toxic(type="reset_peer"), Toxic(type="latency", attributes={"latency": 50})
    crash = Moment(code="insert into", do="crash_proxy")
    own = two.scenario.model_copy(update={"toxics": [reset, slow], "moments": [crash]})
    start, end = two.steps[0].begin, max(step.end for step in two.steps)
    happened = [(str(reset), start), (str(slow), start), (str(crash), start)]
    done = dataclasses.replace(two, scenario=own, happened=happened, complaints=[])
    assert doubts_of(done) == f"left no trace in what dbt says: {crash}\nleft no trace in what dbt says: {reset}"
    done = dataclasses.replace(done, complaints=["the connection was reset"])
    assert doubts_of(done) == ""
    late = [(what, end) for what, _ in happened]
    assert doubts_of(dataclasses.replace(done, happened=late)) == f"no request went through {slow}"


def test_what_dbt_says_of_connections_that_broke_is_found(judged: Judged, baseline: Baseline, tmp_path: Path) -> None:
    done = run(scenario(faults=[INSERT_LOST]), baseline, target(tmp_path, "nothing"), tmp_path / "run", seed=1)
    assert [line.split(":")[0] for line in done.complaints] == ["failed"]


def test_a_bug_of_the_server_is_an_error_of_the_harness(two: Run) -> None:
    with pytest.raises(HarnessError, match="a bug of fakelivy in get_statement"):
        judged_with(two, HandlerError("get_statement", "Traceback: a bug"))


def test_a_template_without_the_fields_of_a_scenario_proves_nothing(judged: Judged, tmp_path: Path) -> None:
    red = judged("nothing", faults=[INSERT_LOST], profile={"colour": "red"})
    assert set(red) == {PROVES}
    assert "makes no use of `profile`, and the scenario needs colour" in red[PROVES]
    with_it = tmp_path / "with.yml"
    with_it.write_text(
        "type: toy\n{% for key, value in profile.items() %}{{ key }}: {{ value }}\n{% endfor %}", "utf-8"
    )
    assert Target(TOY / "dbt", with_it).leaves_out(scenario(profile={"colour": "red"})) == []


def test_a_project_makes_its_data_ready_and_loads_it_undisturbed(tmp_path: Path) -> None:
    project = tmp_path / "own"
    shutil.copytree(TOY, project)
    (project / "dbt_project.yml").write_text("name: toy\nprofile: own\n", encoding="utf-8")
    (project / "make.py").write_text("import sys; open('made', 'w').write(sys.argv[1])", encoding="utf-8")
    facts = (project / "chaos.yml").read_text(encoding="utf-8")
    more = 'before: {setup: [make.py, "1"], work: [make.py, "2"]}\nload: [seed, "7"]\n'
    (project / "chaos.yml").write_text(facts + more, encoding="utf-8")
    one, whose = scenario(project=str(project), faults=[INSERT_LOST]), target(tmp_path, "nothing")
    made = prepare(one, whose, tmp_path / "cache")
    assert made.setup.tables == {"entries": [[1, 10], [7, 70]]}
    done = run(one, made, whose, tmp_path / "run", seed=1)
    assert [(step.phase, step.ended.ok) for step in done.steps] == [("load", True), ("faults", False), ("healed", True)]
    assert [each for each in judge(done) if each.verdict is not Verdict.PASS] == []
    space = tmp_path / "run" / "dbt_0"
    assert (space / "made").read_text(encoding="utf-8") == "2"
    assert (space / "profiles.yml").read_text(encoding="utf-8").startswith("own:")
    (project / "make.py").write_text("raise SystemExit('no data')", encoding="utf-8")
    with pytest.raises(BaselineError, match="no data"):
        prepare(one, whose, tmp_path / "another cache")


def test_a_run_that_is_red_leaves_its_journal_and_logs(tmp_path: Path) -> None:
    for breaks, kept in {"lies": True, "nothing": False}.items():
        keep, one = tmp_path / breaks, scenario(faults=[INSERT_REFUSED])
        outcome(one, target(tmp_path, breaks), 1, tmp_path / "cache", keep=keep)
        folder = evidence(one, 1, keep)
        assert folder.exists() is kept
        if kept:
            assert [each.event for each in read(folder / "journal.jsonl") if isinstance(each.event, Execution)]
            assert "failed: 500" in (folder / "dbt_0" / "faults.log").read_text("utf-8")
            assert not list(folder.rglob("profiles.yml"))


def test_a_finding_says_when_it_broke_and_opens_what_was_going_on(baseline: Baseline, tmp_path: Path) -> None:
    done = run(scenario(faults=[INSERT_LOST]), baseline, target(tmp_path, "resends"), tmp_path / "run", seed=1)
    findings = {each.invariant: each.at for each in judge(done)}
    second = [e.at for e in done.journal if isinstance(e.event, Execution) and "insert into" in e.event.code][1]
    assert findings["writes once"] == pytest.approx((second - done.steps[0].began).total_seconds())
    first = picture.first_violation(result(done, target(tmp_path, "resends")))
    assert first is not None
    assert "insert into" in first.detail


def test_a_server_that_restarts_loses_sessions_and_no_data(judged: Judged) -> None:
    restart = {"struck": "stuck", "do": "restart_server", "seconds": 0}
    assert judged("nothing", moments=[STUCK, restart], ends="failed") == {}


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
