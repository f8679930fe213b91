"""One seed, one run, to the byte: again, in any order, in another process; a failure can be replayed and reduced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from click.testing import CliRunner

from chaos import records
from chaos.cli import main
from chaos.client import ClientError
from chaos.crew import Done, carry_out, orders
from chaos.judge import HarnessError, judge
from chaos.minimise import NothingToMinimise, ddmin, minimise
from chaos.records import Order, RecordError
from chaos.results import Result, Verdict
from chaos.results import read as read_results
from chaos.runner import Run, run
from chaos.scenario import SETTINGS, Explicit, Scenario, load, shipped
from chaos.simulation import STRATEGIES
from tests.chaos.clients.broken import DoubleSubmit, LeaksSessions
from tests.chaos.clients.reference import Reference

ROOT = Path(__file__).parents[2]
REFERENCE = "tests.chaos.clients.reference:connect"
BROKEN = "tests.chaos.clients.broken:DoubleSubmit"
LOST = "smoke/lost-submit-reply"
SAMPLE = [(name, seed) for name in ("smoke/random-faults", "smoke/interrupted-anywhere", LOST) for seed in range(2)]


def record(name: str, seed: int) -> str:
    return "\n".join(records.lines(run(name, shipped()[name], seed, Reference), REFERENCE))


def test_a_seed_repeats_a_run_to_the_byte_in_any_order() -> None:
    forwards = {each: record(*each) for each in SAMPLE}
    backwards = {each: record(*each) for each in reversed(SAMPLE)}
    assert forwards == backwards
    assert len(set(forwards.values())) == len(SAMPLE)


def test_a_seed_repeats_a_run_to_the_byte_in_another_process() -> None:
    code = (
        "import sys; from tests.chaos.test_replay import record\n"
        "sys.stdout.write(record('smoke/random-faults', 5) + record('smoke/throttle-storm', 1))"
    )
    # Another order of sets and dictionaries' hashes must change nothing.
    env = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    there = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert there.stdout == record("smoke/random-faults", 5) + record("smoke/throttle-storm", 1)


def test_workers_give_the_same_results_as_one_process_in_the_same_order(tmp_path: Path) -> None:
    work = orders([(LOST, shipped()[LOST])], REFERENCE, range(4))
    assert list(carry_out(work, jobs=2)) == list(carry_out(work, jobs=1))


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    chaos = str(Path(sys.executable).with_name("chaos"))
    command = [chaos, "soak", "--minutes", "10", "--client", REFERENCE, "-j", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as parent:
        try:
            workers = _workers(psutil.Process(parent.pid))
        finally:
            parent.kill()
    _, alive = psutil.wait_procs(workers, timeout=60)
    for each in alive:
        each.kill()
    assert alive == []


def _workers(parent: psutil.Process) -> list[psutil.Process]:
    """Its two workers, once they work."""
    pause = threading.Event()
    for _ in range(1800):
        found = [each for each in parent.children() if "spawn_main" in " ".join(each.cmdline())]
        if len(found) == 2 and all(each.cpu_times().user > 0.5 for each in found):
            return found
        pause.wait(0.1)
    raise AssertionError("there were never two workers")


def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The record of a run that fails."""
    monkeypatch.chdir(ROOT)
    arguments = ["run", LOST, "--seed", "2", "--client", BROKEN, "-j", "1", "--records", str(tmp_path)]
    ended = CliRunner().invoke(main, [*arguments, "--json", str(tmp_path / "results.json")])
    assert ended.exit_code == 1, ended.output
    assert f"replay: chaos run {LOST} --seed 2 --client {BROKEN}" in ended.output
    assert "writes_at_most_once at " in ended.output
    (path,) = tmp_path.glob("*.jsonl")
    return path


def test_a_failure_is_recorded_and_replayed_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = failed(tmp_path, monkeypatch)
    (result,) = read_results(tmp_path / "results.json")
    assert result.verdict is Verdict.FAIL
    assert result.operations
    assert result.windows
    again = CliRunner().invoke(main, ["replay", str(path)])
    assert again.exit_code == 1
    assert "the same run, to the byte" in again.output
    other = CliRunner().invoke(main, ["replay", str(path), "--client", REFERENCE])
    assert other.exit_code == 0
    assert "another client than the record's" in other.output


def test_a_run_that_passes_and_is_not_the_recorded_one_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = failed(tmp_path, monkeypatch)
    path.write_text(path.read_text().replace(BROKEN, REFERENCE, 1))
    again = CliRunner().invoke(main, ["replay", str(path)])
    assert "not the same run" in again.output
    assert again.exit_code == 3


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("a bug"), "chaos itself failed: RuntimeError: a bug"),
        (HarnessError("a bug of the server"), "a bug of the server"),
        (KeyboardInterrupt(), "interrupted"),
    ],
    ids=["bug", "harness", "interrupt"],
)
def test_an_error_of_chaos_is_no_verdict_and_loses_no_result(
    error: BaseException, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_and_no_more(*_: Any, **__: Any) -> Iterator[Done]:
        happened = run(LOST, shipped()[LOST], 0, Reference)
        yield Done(judge(happened, REFERENCE))
        raise error

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("chaos.cli.crew", one_and_no_more)
    file = tmp_path / "results.json"
    ended = CliRunner().invoke(main, ["run", LOST, "--client", REFERENCE, "--json", str(file)])
    assert ended.exit_code == 3
    assert message in ended.output
    assert [each.scenario for each in read_results(file)] == [LOST]


def test_a_bug_in_a_run_is_told_with_its_seed_after_the_results_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_the_second(happened: Run, client: str) -> Result:
        if happened.seed == 1:
            raise RuntimeError("a bug of the judge")
        return judge(happened, client)

    monkeypatch.setattr("chaos.crew.judge", at_the_second)
    results = carry_out(orders([(LOST, shipped()[LOST])], REFERENCE, range(2)), jobs=1)
    assert next(results).result.seed == 0
    with pytest.raises(HarnessError, match=f"{LOST} with seed 1: .*") as told:
        next(results)
    assert "a bug of the judge" in str(told.value)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_worker_cannot_do_is_an_error_of_the_whole(jobs: int) -> None:
    with pytest.raises(ClientError, match=r"no client no\.such:thing"):
        list(carry_out(orders([(LOST, shipped()[LOST])], "no.such:thing", range(2)), jobs=jobs))


def test_a_client_whose_module_ends_the_program_is_no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ends_the_program.py").write_text("raise SystemExit(0)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(ROOT)
    ended = CliRunner().invoke(main, ["run", LOST, "--client", "ends_the_program:connect"])
    assert ended.exit_code == 3
    assert "no client ends_the_program:connect: SystemExit" in ended.output


def test_a_scenario_is_shown_with_all_that_is_left_to_defaults() -> None:
    shown = CliRunner().invoke(main, ["show", "smoke/quiet-day"])
    told = yaml.safe_load(shown.output)
    assert told["workload"]["settings"] == dict(SETTINGS)
    assert told["workload"]["dialects"] == ["livy", "fabric"]
    assert told["phases"] == {"heal_after": 120.0, "end_within": None, "recover_within": 120.0}
    assert told["budget"]["strategies"] == list(STRATEGIES)
    assert "# judged: writes_at_most_once, " in shown.output
    scenario = shipped()["smoke/quiet-day"]
    assert Scenario.of(told).model_dump(exclude={"workload"}) == scenario.model_dump(exclude={"workload"})


def test_a_failure_is_reduced_to_a_scenario_that_fails_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = failed(tmp_path, monkeypatch)
    small = tmp_path / "small.yml"
    ended = CliRunner().invoke(main, ["minimise", str(path), "-o", str(small)])
    assert ended.exit_code == 0, ended.output
    assert "breaks writes_at_most_once" in ended.output
    scenario = load(small)
    assert scenario.workload.threads == 1
    assert scenario.workload.script == ("write",)
    again = CliRunner().invoke(main, ["run", str(small), "--client", BROKEN, "-j", "1", "--records", str(tmp_path)])
    assert again.exit_code == 1


def test_faults_that_do_not_matter_are_left_out() -> None:
    culprit = "submit_statement:after_commit:reset@first(1)"
    innocent = [f"get_statement:before:status(503)@nth({nth})" for nth in range(2, 7)]
    scenario = Scenario.of(
        {
            "title": "A statement whose reply was lost",
            "why": "One of these faults matters.",
            "faults": {"plan": "explicit", "faults": [*innocent[:3], culprit, *innocent[3:]]},
        }
    )
    small, broken = minimise(Order("x", scenario, 3, BROKEN), DoubleSubmit)
    assert small.faults == Explicit(faults=(culprit,))
    assert "writes_at_most_once" in broken
    with pytest.raises(NothingToMinimise):
        minimise(Order("x", scenario, 3, REFERENCE), Reference)


@pytest.mark.parametrize("needed", [{3}, {0, 7}, {1, 2, 5}, set(range(8))])
def test_ddmin_finds_just_what_is_needed(needed: set[int]) -> None:
    assert ddmin(range(8), lambda some: needed <= set(some)) == sorted(needed)


def test_a_fault_that_never_struck_proves_nothing_and_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    idle = {"title": "A fault for nobody", "why": "Nobody asks for batches."}
    path = tmp_path / "idle.yml"
    path.write_text(json.dumps({**idle, "faults": {"plan": "explicit", "faults": ["list_batches:before:reset"]}}))
    arguments = ["run", str(path), "--seed", "1", "--client", REFERENCE, "--records", str(tmp_path)]
    ended = CliRunner().invoke(main, arguments)
    assert ended.exit_code == 2
    assert "list_batches:before:reset never struck" in ended.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "smoke/lost-submit-repl"], 2, "did you mean 'smoke/lost-submit-reply'?"),
        (["run", LOST, "--client", "no.such.module:thing"], 3, "no client no.such.module:thing"),
        (["run", LOST, "--client", "chaos.scenario:SETS"], 3, "is no function"),
        (["show", LOST], 0, "submit_statement:after_commit:reset@first(2)"),
        (["list"], 0, "smoke/every-pair"),
        (["replay", "pyproject.toml"], 2, "no record of a run"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    ended = CliRunner().invoke(main, arguments)
    assert ended.exit_code == code, ended.output
    assert message in ended.output


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps({"chaos": 0}))
    with pytest.raises(RecordError, match="version 0"):
        records.read(path)


def test_the_journal_is_judged_whole(tmp_path: Path) -> None:
    happened = run("smoke/quiet-day", shipped()["smoke/quiet-day"], 0, LeaksSessions)
    assert happened.journal[0].seq == 0
