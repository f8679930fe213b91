"""Scenarios of the process kind are read strictly, and run from the command line against any dbt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chaos import results
from chaos.cli import main
from chaos.processes import cli
from chaos.processes.model import Scenario, load, project_facts, project_folder, shipped
from chaos.results import Finding, Verdict
from chaos.scenario import ScenarioError

TOY = Path(__file__).with_name("toy")
GOOD = "title: Nothing much happens\nwhy: A reason.\n"

Chaos = Callable[..., Result]


@pytest.fixture
def chaos() -> Chaos:
    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["processes", *map(str, arguments)])

    return run


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(content: str, name: str = "it") -> Path:
        path = tmp_path / "own" / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_every_scenario_that_ships_is_whole() -> None:
    for scenario in shipped():
        assert project_facts(project_folder(scenario.project)).tables, scenario.name
    assert {scenario.tier for scenario in shipped()} == {"smoke", "nightly"}
    names = [scenario.name for scenario in shipped()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("fautls: []", "fautls"),
        ("faults: ['get_statment']", "faults"),
        ("toxics: [{type: latancy}]", "there are latency"),
        ("moments: [{do: terminate}]", "give one of them"),
        ("moments: [{code: x, operation: get_session, do: terminate}]", "give one of them"),
        ("moments: [{code: x, do: toxic}]", "a toxic goes with do: toxic"),
        ("moments: [{code: x, do: terminate, fault: 'get_session:before:reset'}]", "a fault goes with do: fault"),
        ("moments: [{code: x, after: 2, do: fault, fault: 'get_session:before:reset'}]", "armed at the moment itself"),
        ("ends: badly", "'ok', 'failed' or 'either'"),
        ("says: ['(']", "is not a pattern"),
        ("covers: [F99]", "covers"),
        ("seconds: 0", "seconds"),
        ("keeps_sessions: true\nmay_leave_sessions: why", "give one of them"),
        ("tls: true\nmoments: [{code: x, do: restart_server}]", "another certificate"),
    ],
)
def test_what_makes_no_sense_is_refused(more: str, message: str, file: Callable[[str], Path]) -> None:
    with pytest.raises(ScenarioError, match=message):
        load(file(GOOD + more + "\n"))


def test_a_scenario_has_its_name_and_tier_from_its_place(file: Callable[[str], Path]) -> None:
    scenario = load(file(GOOD))
    assert (scenario.name, scenario.tier, scenario.proxied) == ("it", "nightly", False)
    assert {(each.tier, each.file) for each in shipped("smoke")} == {("smoke", "")}


def test_a_scenario_with_a_toxic_anywhere_needs_the_proxy() -> None:
    base = {"name": "x", "title": "Something happens", "why": "", "tier": "smoke"}
    toxic = {"type": "down"}
    for more in ({"toxics": [toxic]}, {"moments": [{"code": "x", "do": "toxic", "toxic": toxic}]}):
        assert Scenario.model_validate({**base, **more}).proxied


def test_a_project_that_is_not_there_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(ScenarioError, match=r"give a path, or one of .*ledger"):
        project_folder("no-such-project")


def test_list_names_every_scenario(chaos: Chaos) -> None:
    assert [line.split()[1] for line in chaos("list").output.splitlines()] == [each.name for each in shipped()]


def test_run_judges_any_dbt_and_writes_every_report(file: Callable[[str], Path], tmp_path: Path) -> None:
    template = tmp_path / "target.yml"
    template.write_text("type: toy\nurl: {{ url }}\ntoken: {{ token }}\nbreaks: lies\n", encoding="utf-8")
    fault = """faults: ['submit_statement[contains="insert into"]:before:status(500)@first(1)']\n"""
    scenario = file(f"{GOOD}project: {TOY}\ndialect: livy\n{fault}")
    files = {kind: tmp_path / f"result.{kind}" for kind in ("json", "html", "junit")}
    options = [text for kind, path in files.items() for text in (f"--{kind}", path)]
    which = ["--dbt", TOY / "dbt", "--profile-template", template, "--label", "a liar", "--seed", 7]
    done = CliRunner().invoke(main, ["run", *map(str, (scenario, *which, *options))])
    assert done.exit_code == 1, done.output
    assert "✗ fail processes/nightly/it, seed 7" in done.output
    assert re.search(
        r"success is true at \d+\.\d\d s: dbt 0 \(faults\) reported success, but entries of dbt 0 has 1 rows",
        done.output,
    )
    (result,) = results.read(files["json"])
    assert (result.target, result.seed, result.verdict) == ("a liar", 7, Verdict.FAIL)
    assert result.replay in done.output
    assert f"{scenario} --seed 7 --dialect livy" in result.replay
    assert {operation.lane for operation in result.operations} >= {"dbt 0", "session 0"}
    assert [window for window in result.windows if window.label.startswith("struck submit_statement")]
    assert "a liar" in files["html"].read_text(encoding="utf-8")
    assert "<failure" in files["junit"].read_text(encoding="utf-8")


def test_a_scenario_is_run_over_tls_when_the_adapter_speaks_nothing_else(
    chaos: Chaos, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, bool]] = []

    def outcome(scenario: Scenario, target: object, seed: int, *rest: object) -> results.Result:
        seen.append((scenario.name, scenario.dialect, scenario.tls))
        return results.Result(scenario.name, "t", "w", "ours", seed, 1.0, [Finding("x", Verdict.PASS)], "again")

    monkeypatch.setattr(cli, "outcome", outcome)
    assert chaos("run", "nothing_goes_wrong", "--tls", "--dialect", "fabric").exit_code == 0
    assert seen == [("nothing_goes_wrong", "fabric", True)]
    seen.clear()
    refused = chaos("run", "the_server_restarts", "--tls")
    assert (refused.exit_code, "another certificate" in refused.output) == (3, True)
    rest = chaos("run", "the_server_restarts", "nothing_goes_wrong", "--tls")
    assert (rest.exit_code, [name for name, _, _ in seen]) == (0, ["nothing_goes_wrong"])
    assert "left out: the_server_restarts: " in rest.output


@pytest.mark.parametrize("error", [AssertionError("odd"), KeyError("odd"), RuntimeError("odd"), OSError("odd")])
def test_an_error_in_the_middle_is_none_of_the_adapters_and_loses_no_result(
    error: Exception, chaos: Chaos, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def outcome(scenario: Scenario, target: object, seed: int, *rest: object) -> results.Result:
        if scenario.name == "two_runs_at_once":
            raise error
        return results.Result(scenario.name, "t", "w", "ours", seed, 1.0, [Finding("x", Verdict.PASS)], "again")

    monkeypatch.setattr(cli, "outcome", outcome)
    written = tmp_path / "results.json"
    done = chaos("run", "nothing_goes_wrong", "two_runs_at_once", "--json", written)
    assert (done.exit_code, "odd" in done.output) == (3, True)
    assert [each.scenario for each in results.read(written)] == ["nothing_goes_wrong"]


def test_a_project_that_is_not_there_is_left_out(
    file: Callable[[str], Path], chaos: Chaos, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outcome(scenario: Scenario, target: object, seed: int, *rest: object) -> results.Result:
        return results.Result(scenario.name, "t", "w", "ours", seed, 1.0, [Finding("x", Verdict.PASS)], "again")

    monkeypatch.setattr(cli, "outcome", outcome)
    done = chaos("run", "nothing_goes_wrong", file(f"{GOOD}project: no-such-project\n"))
    assert (done.exit_code, "left out: it: no dbt project" in done.output) == (0, True)


def test_reports_of_two_adapters_are_compared(chaos: Chaos, tmp_path: Path) -> None:
    for name, verdict in {"ours": Verdict.PASS, "theirs": Verdict.UNKNOWN}.items():
        one = results.Result("s", "A title", "why", name, 1, 1.0, [Finding("x", verdict)], "replay it")
        results.write([one], tmp_path / f"{name}.json")
    done = chaos("report", tmp_path / "ours.json", tmp_path / "theirs.json", "--json", tmp_path / "both.json")
    assert done.exit_code == 2, done.output
    assert "1 pass" in done.output
    assert "1 unknown" in done.output
    assert json.loads((tmp_path / "both.json").read_text(encoding="utf-8"))["verdict"] == "unknown"


def test_soak_goes_on_with_the_next_seed_until_the_time_is_up() -> None:
    first, second = shipped()[:2]
    clock = iter(range(10))
    runs = cli.in_turn([first, second], 5, end=5, now=lambda: float(next(clock)))
    assert list(runs) == [(first, 5), (second, 5), (first, 6), (second, 6), (first, 7)]


def test_one_command_runs_both_kinds_and_tells_them_apart(
    file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []

    def outcome(scenario: Scenario, target: object, seed: int, *rest: object) -> results.Result:
        seen.append((scenario.name, seed))
        return results.Result(scenario.name, "t", "w", "ours", seed, 1.0, [Finding("x", Verdict.PASS)], "again")

    monkeypatch.setattr(cli, "outcome", outcome)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["run", *map(str, arguments)])

    assert run("processes/nightly/nothing_goes_wrong", file(GOOD), "--seeds", 2, "--first", 3).exit_code == 0
    assert seen == [("nothing_goes_wrong", 3), ("it", 3), ("nothing_goes_wrong", 4), ("it", 4)]
    assert run("nothing_goes_wrong", "smoke/quiet-day").exit_code == 2
    assert run("--set", "rare", "--tls").exit_code == 3
    shown = CliRunner().invoke(main, ["show", "nothing_goes_wrong"])
    assert "title: Nothing goes wrong" in shown.output
    assert "processes/nightly/nothing_goes_wrong" in CliRunner().invoke(main, ["list"]).output


def test_soak_in_virtual_time_goes_on_until_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    written = tmp_path / "soak.json"
    which = ["--set", "smoke", "--seed", "7", "--client", "tests.chaos.clients.reference:connect", "-j", "1"]
    done = CliRunner().invoke(main, ["soak", "--minutes", "1e-9", *which, "--json", str(written)])
    assert done.exit_code == 0, done.output
    assert "first seed 7" in done.output
    # One run is always made: without any there would be no verdict.
    (only,) = results.read(written)
    assert (only.seed, only.verdict, list(only.operations)) == (7, Verdict.PASS, [])


def test_soak_sums_up_what_it_ran(chaos: Chaos, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(scenario: Scenario, target: object, seed: int, *rest: object) -> results.Result:
        return results.Result(scenario.name, "t", "w", "ours", seed, 1.0, [Finding("x", Verdict.FAIL)], "again")

    def once(scenarios: list[Scenario], seed: int, **rest: object) -> list[tuple[Scenario, int]]:
        return [(scenarios[0], seed)]

    monkeypatch.setattr(cli, "outcome", outcome)
    monkeypatch.setattr(cli, "in_turn", once)
    monkeypatch.setattr(cli, "find_server", lambda: Path("toxiproxy-server"))
    done = chaos("soak", "--minutes", 2, "--seed", 5)
    assert done.exit_code == 1, done.output
    assert "1 fail" in done.output


def test_what_is_not_the_adapters_doing_has_an_exit_code_of_its_own(
    chaos: Chaos, file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = chaos("run", "no_such_scenario")
    assert (unknown.exit_code, "there are" in unknown.output) == (3, True)
    nowhere = chaos("run", "--dbt", tmp_path / "dbt")
    assert (nowhere.exit_code, "there is no dbt at" in nowhere.output) == (3, True)
    monkeypatch.setattr(cli, "find_server", lambda: None)
    proxyless = chaos("run", file(f"{GOOD}project: {TOY}\ntoxics: [{{type: down}}]\n"))
    assert (proxyless.exit_code, "go install" in proxyless.output) == (3, True)
    (tmp_path / "odd.yml").write_text("{{ no_such_variable }}", encoding="utf-8")
    other = ("--dbt", TOY / "dbt", "--profile-template", tmp_path / "odd.yml")
    odd = chaos("run", file(f"{GOOD}project: {TOY}\n"), *other)
    assert (odd.exit_code, "no_such_variable" in odd.output) == (3, True)
