"""``chaos processes``: scenarios with real dbt processes, of this adapter or any other that speaks Livy."""

from __future__ import annotations

import contextlib
import secrets
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import click
import yaml
from fakelivy import FakeLivyError
from pydantic import ValidationError
from rich.console import Console

from chaos.judge import HarnessError
from chaos.processes.baseline import BaselineError
from chaos.processes.dbt import default_dbt
from chaos.processes.model import Scenario, load, project_folder, shipped
from chaos.processes.outcome import evidence, outcome
from chaos.processes.tables import TableError
from chaos.processes.target import Target, TemplateError
from chaos.report import html, junit
from chaos.results import EXIT_CODES, Result, Verdict, read, worst, write
from chaos.scenario import ScenarioError
from chaos.terminal import Terminal
from chaos.toxics import HOW_TO_GET, ToxiproxyError, find_server

HARNESS_ERROR = 3
"""Exit code when the harness itself failed: nothing is known about the adapter then."""

TIERS = ("smoke", "nightly")

_FILE = click.Path(path_type=Path)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


target_options = _options(
    click.option("--dbt", type=_FILE, help="The dbt program of another virtual environment; ours unless given."),
    click.option(
        "--profile-template",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Jinja template of one dbt target; needed for an adapter that is not ours.",
    ),
    click.option("--dialect", type=click.Choice(["livy", "fabric"]), help="Instead of what each scenario says."),
    click.option("--tls", is_flag=True, help="Over TLS whatever a scenario says: some adapters speak nothing else."),
    click.option("--label", help="What reports call the adapter; the path of --dbt unless given."),
)
report_options = _options(
    click.option("--json", "json_file", type=_FILE, help="File for the results; reports are made of it."),
    click.option("--html", "html_file", type=_FILE, help="File for a page to look at."),
    click.option("--junit", "junit_file", type=_FILE, help="File for CI systems."),
)
records_option = click.option(
    "--records",
    "keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the journal and dbt's logs of runs that do not pass.",
)
cache_option = click.option(
    "--cache", type=_FILE, help="Folder that keeps the runs without faults from one command to the next."
)


@dataclass(frozen=True)
class Asked:
    """What ``target_options`` and ``cache_option`` say."""

    dbt: Path | None
    profile_template: Path | None
    label: str | None
    dialect: str | None
    tls: bool
    cache: Path | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Asked:
        """Those among all options of a command."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})

    @property
    def is_given(self) -> bool:
        """Whether the command line speaks of a dbt at all."""
        return bool(self.dbt or self.profile_template or self.label or self.dialect or self.tls)

    def target(self) -> Target:
        """Whose dbt to run.

        Raises:
            ScenarioError: there is none.
        """
        if self.dbt is None and self.profile_template is None:
            return Target.ours() if self.label is None else Target(default_dbt(), None, self.label)
        program = (self.dbt or default_dbt()).absolute()
        if not program.is_file():
            raise ScenarioError(f"there is no dbt at {program}")
        return Target(program, self.profile_template, self.label or str(program))


@dataclass(frozen=True)
class Files:
    """What ``report_options`` say."""

    json_file: Path | None
    html_file: Path | None
    junit_file: Path | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Files:
        """Those among all options of a command."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})


@click.group()
def processes() -> None:
    """Real dbt processes under faults, on real sockets, judged by the server's journal and by the tables."""


@processes.command("list")
def list_command() -> None:
    """List the scenarios that come with chaos."""
    for scenario in shipped():
        needs = " (needs toxiproxy)" if scenario.proxied else ""
        click.echo(f"{scenario.tier:8} {scenario.name:32} {scenario.title}{needs}")


@processes.command()
@click.argument("scenarios", nargs=-1)
@click.option("--tier", type=click.Choice(TIERS), help="All scenarios of a tier.")
@click.option("--seed", type=int, help="Of ids and faults; random and printed unless given.")
@target_options
@report_options
@cache_option
@records_option
def run(
    scenarios: tuple[str, ...],
    tier: str | None,
    seed: int | None,
    keep: Path | None,
    **options: Any,
) -> None:
    """Run SCENARIOS, by name or file; the smoke tier if none are given.

    Exit code 0: all hold; 1: an invariant is broken; 2: a run proved nothing; 3: the harness failed.
    """
    carry_out(
        scenarios,
        [tier] if tier else [],
        None if seed is None else [seed],
        Asked.of(options),
        Files.of(options),
        keep,
    )


@processes.command()
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), required=True, help="How long to go on.")
@click.option("--tier", type=click.Choice(TIERS), help="Only scenarios of this tier.")
@click.option("--seed", type=int, help="Of the first run; each next one takes the next; random unless given.")
@target_options
@report_options
@cache_option
@records_option
def soak(
    minutes: float,
    tier: str | None,
    seed: int | None,
    keep: Path | None,
    **options: Any,
) -> None:
    """Run all scenarios in turn, each time with the next seed, until the time is up; exit codes as for run."""
    go_on(
        minutes,
        [tier] if tier else [],
        secrets.randbits(31) if seed is None else seed,
        Asked.of(options),
        Files.of(options),
        keep,
    )


@processes.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@report_options
def report(results: tuple[Path, ...], **options: Any) -> None:
    """Make one report of RESULTS, files that --json wrote; those of several adapters are compared side by side."""
    with _harness_errors():
        found = [result for path in results for result in read(path)]
        write_reports(found, Files.of(options))
        _print_comparison(found)
    sys.exit(EXIT_CODES[worst(found)])


def carry_out(
    names: Sequence[str],
    tiers: Sequence[str],
    seeds: Sequence[int] | None,
    asked: Asked,
    files: Files,
    keep: Path | None = None,
) -> NoReturn:
    """Run scenarios with each of the seeds, one that is drawn and printed unless given, report, and exit."""
    with _harness_errors():
        wanted = _all_over(chosen(names, tiers), asked)
        target = asked.target()
        seeds = seeds or [secrets.randbits(31)]
        shown = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
        click.echo(f"{len(wanted)} scenarios, {target.label}, {shown}")
        runs = [(scenario, seed) for seed in seeds for scenario in wanted]
        results = _run(wanted, target, runs, asked.cache, len(runs), files, keep)
    sys.exit(EXIT_CODES[worst(results)])


def go_on(
    minutes: float,
    tiers: Sequence[str],
    seed: int,
    asked: Asked,
    files: Files,
    keep: Path | None = None,
) -> NoReturn:
    """Run all scenarios in turn, each time with the next seed, until the time is up, report, and exit."""
    with _harness_errors():
        wanted = _all_over(chosen((), tiers or TIERS), asked)
        target = asked.target()
        click.echo(f"{len(wanted)} scenarios in turn for {minutes:g} minutes, {target.label}, first seed {seed}")
        runs = in_turn(wanted, seed, end=time.monotonic() + minutes * 60, now=time.monotonic)
        results = _run(wanted, target, runs, asked.cache, None, files, keep)
    sys.exit(EXIT_CODES[worst(results)])


def is_process_scenario(name: str) -> bool:
    """Whether a name or file is of a scenario with real processes, rather than of one in virtual time.

    Raises:
        ScenarioError: the file cannot be read.
    """
    if not Path(name).is_file():
        return name.startswith("processes/") or name in {scenario.name for scenario in shipped()}
    try:
        content = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ScenarioError(f"{name}: {error}") from None
    # In virtual time faults are a plan, with processes a list of faults.
    return isinstance(content, dict) and not isinstance(content.get("faults"), dict)


def chosen(names: Sequence[str], tiers: Sequence[str]) -> list[Scenario]:
    """The scenarios of these names or files, and those of these tiers; the smoke tier when there are neither.

    Raises:
        ScenarioError: there is no such scenario, or none of a tier.
    """
    known = {scenario.name: scenario for scenario in shipped()}
    found = []
    for name in names:
        short = name.rsplit("/", 1)[-1]
        if short in known and not Path(name).is_file():
            found.append(known[short])
        elif Path(name).is_file():
            found.append(load(Path(name)))
        else:
            raise ScenarioError(f"no scenario {name!r}; there are {', '.join(known)}")
    for tier in tiers or (() if names else ("smoke",)):
        if tier not in TIERS:
            raise ScenarioError(f"no scenarios with real processes are {tier}; there are {', '.join(TIERS)}")
        found += shipped(tier)
    return found


def _all_over(scenarios: Sequence[Scenario], asked: Asked) -> list[Scenario]:
    """The scenarios with what the command line says instead of what they say themselves; those that cannot be are left
    out, with a word.

    Raises:
        ScenarioError: none is left.
    """
    change = {**({"dialect": asked.dialect} if asked.dialect else {}), **({"tls": True} if asked.tls else {})}
    found: list[Scenario] = []
    why = ""
    for scenario in scenarios:
        try:
            # Validated anew: what a scenario says and what the command line says may not go together.
            changed = Scenario.model_validate({**scenario.model_dump(), **change})
            project_folder(changed.project)
            found.append(changed)
        except (ValidationError, ScenarioError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            click.echo(f"left out: {scenario.name}: {why}", err=True)
    if scenarios and not found:
        raise ScenarioError(why)
    return found


def _run(
    scenarios: Sequence[Scenario],
    target: Target,
    runs: Iterable[tuple[Scenario, int]],
    cache: Path | None,
    total: int | None,
    files: Files,
    keep: Path | None,
) -> list[Result]:
    """Run them, and report what there is also when something stops it in the middle."""
    toxiproxy = find_server()
    if toxiproxy is None and any(scenario.proxied for scenario in scenarios):
        raise ToxiproxyError(HOW_TO_GET)
    results: list[Result] = []
    try:
        with tempfile.TemporaryDirectory(prefix="chaos-cache-") as folder, Terminal(total) as terminal:
            for scenario, seed in runs:
                terminal.begins(scenario.name, seed)
                results.append(outcome(scenario, target, seed, cache or Path(folder), toxiproxy, keep))
                terminal.ended(results[-1])
                if keep is not None and results[-1].verdict is not Verdict.PASS:
                    click.echo(f"    kept: {evidence(scenario, seed, keep)}")
    finally:
        write_reports(results, files)
    return results


def in_turn(
    scenarios: Sequence[Scenario], seed: int, *, end: float, now: Callable[[], float]
) -> Iterator[tuple[Scenario, int]]:
    """All scenarios with a seed, then with the next one, until the clock says ``end``."""
    while True:
        for scenario in scenarios:
            if now() >= end:
                return
            yield scenario, seed
        seed += 1


def write_reports(results: Sequence[Result], files: Files) -> None:
    """Write the reports that were asked for. Raises OSError."""
    if files.json_file:
        write(results, files.json_file)
    for path, make in ((files.html_file, html), (files.junit_file, junit)):
        if path:
            path.write_text(make(results), encoding="utf-8")


def _print_comparison(results: Sequence[Result]) -> None:
    from rich.table import Table

    from chaos.report import compare, targets

    table = Table("scenario", "seeds", *targets(results))
    for each in compare(results):
        cells = [", ".join(f"{count} {verdict.value}" for verdict, count in one.items()) for one in each.verdicts]
        table.add_row(each.scenario, str(each.seeds), *(cell or "not run" for cell in cells))
    Console().print(table)


_KNOWN = (
    ScenarioError,
    TemplateError,
    BaselineError,
    HarnessError,
    TableError,
    ToxiproxyError,
    FakeLivyError,
    OSError,
    ValueError,
)
"""Errors whose message says all; others are bugs of chaos."""


@contextlib.contextmanager
def _harness_errors() -> Iterator[None]:
    """Exit code 3 for what is not the adapter's doing, with a line on stderr, and where a bug of chaos was met."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except _KNOWN as error:
        click.echo(f"chaos: {error}", err=True)
        sys.exit(HARNESS_ERROR)
    except Exception as error:  # noqa: BLE001 - whatever it is, it says nothing about the adapter
        click.echo(f"{traceback.format_exc()}chaos itself failed: {type(error).__name__}: {error}", err=True)
        sys.exit(HARNESS_ERROR)
