"""``chaos processes``: scenarios with real dbt processes, of this adapter or any other that speaks Livy."""

from __future__ import annotations

import contextlib
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from fakelivy import FakeLivyError
from rich.console import Console

from chaos.processes.baseline import BaselineError
from chaos.processes.dbt import default_dbt
from chaos.processes.model import Scenario, load, shipped
from chaos.processes.outcome import outcome
from chaos.processes.tables import TableError
from chaos.processes.target import Target, TemplateError
from chaos.report import html, junit
from chaos.results import EXIT_CODES, Result, read, worst, write
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


_target_options = _options(
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
_report_options = _options(
    click.option("--json", "json_file", type=_FILE, help="File for the results; reports are made of it."),
    click.option("--html", "html_file", type=_FILE, help="File for a page to look at."),
    click.option("--junit", "junit_file", type=_FILE, help="File for CI systems."),
)
_cache_option = click.option(
    "--cache", type=_FILE, help="Folder that keeps the runs without faults from one command to the next."
)


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
@_target_options
@_report_options
@_cache_option
def run(
    scenarios: tuple[str, ...],
    tier: str | None,
    seed: int | None,
    dbt: Path | None,
    profile_template: Path | None,
    label: str | None,
    dialect: str | None,
    tls: bool,
    cache: Path | None,
    **files: Path | None,
) -> None:
    """Run SCENARIOS, by name or file; the smoke tier if none are given.

    Exit code 0: all hold; 1: an invariant is broken; 2: a run proved nothing; 3: the harness failed.
    """
    with _harness_errors():
        chosen = _all_over(_chosen(scenarios, tier), dialect, tls)
        target = _target(dbt, profile_template, label)
        seed = secrets.randbits(31) if seed is None else seed
        click.echo(f"{len(chosen)} scenarios, {target.label}, seed {seed}")
        results = _run(chosen, target, ((scenario, seed) for scenario in chosen), cache, len(chosen))
        _reports(results, **files)
    sys.exit(EXIT_CODES[worst(results)])


@processes.command()
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), required=True, help="How long to go on.")
@click.option("--tier", type=click.Choice(TIERS), help="Only scenarios of this tier.")
@click.option("--seed", type=int, help="Of the first run; each next one takes the next; random unless given.")
@_target_options
@_report_options
@_cache_option
def soak(
    minutes: float,
    tier: str | None,
    seed: int | None,
    dbt: Path | None,
    profile_template: Path | None,
    label: str | None,
    dialect: str | None,
    tls: bool,
    cache: Path | None,
    **files: Path | None,
) -> None:
    """Run all scenarios in turn, each time with the next seed, until the time is up; exit codes as for run."""
    with _harness_errors():
        chosen = _all_over(shipped(tier), dialect, tls)
        target = _target(dbt, profile_template, label)
        first = secrets.randbits(31) if seed is None else seed
        click.echo(f"{len(chosen)} scenarios in turn for {minutes:g} minutes, {target.label}, first seed {first}")
        runs = in_turn(chosen, first, end=time.monotonic() + minutes * 60, now=time.monotonic)
        results = _run(chosen, target, runs, cache, None)
        _reports(results, **files)
    sys.exit(EXIT_CODES[worst(results)])


@processes.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_report_options
def report(results: tuple[Path, ...], **files: Path | None) -> None:
    """Make one report of RESULTS, files that --json wrote; those of several adapters are compared side by side."""
    with _harness_errors():
        found = [result for path in results for result in read(path)]
        _reports(found, **files)
        _print_comparison(found)
    sys.exit(EXIT_CODES[worst(found)])


def _chosen(names: Sequence[str], tier: str | None) -> list[Scenario]:
    if not names:
        return shipped(tier or "smoke")
    known = {scenario.name: scenario for scenario in shipped()}
    chosen = []
    for name in names:
        short = name.rsplit("/", 1)[-1]
        if short in known and not Path(name).is_file():
            chosen.append(known[short])
        elif Path(name).is_file():
            chosen.append(load(Path(name)))
        else:
            raise ScenarioError(f"no scenario {name!r}; there are {', '.join(known)}")
    return chosen


def _all_over(scenarios: Sequence[Scenario], dialect: str | None, tls: bool) -> list[Scenario]:
    """The scenarios with what the command line says instead of what they say themselves."""
    change = {**({"dialect": dialect} if dialect else {}), **({"tls": True} if tls else {})}
    # Validated anew: what a scenario says and what the command line says may not go together.
    return [Scenario.model_validate({**scenario.model_dump(), **change}) for scenario in scenarios]


def _target(dbt: Path | None, template: Path | None, label: str | None) -> Target:
    if dbt is None and template is None:
        return Target.ours() if label is None else Target(default_dbt(), None, label)
    program = (dbt or default_dbt()).absolute()
    if not program.is_file():
        raise ScenarioError(f"there is no dbt at {program}")
    return Target(program, template, label or str(program))


def _run(
    scenarios: Sequence[Scenario],
    target: Target,
    runs: Iterable[tuple[Scenario, int]],
    cache: Path | None,
    total: int | None,
) -> list[Result]:
    toxiproxy = find_server()
    if toxiproxy is None and any(scenario.proxied for scenario in scenarios):
        raise ToxiproxyError(HOW_TO_GET)
    results = []
    with tempfile.TemporaryDirectory(prefix="chaos-cache-") as folder, Terminal(total) as terminal:
        for scenario, seed in runs:
            terminal.begins(scenario.name, seed)
            results.append(outcome(scenario, target, seed, cache or Path(folder), toxiproxy))
            terminal.ended(results[-1])
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


def _reports(results: Sequence[Result], **files: Path | None) -> None:
    if json := files["json_file"]:
        write(results, json)
    for name, make in {"html_file": html, "junit_file": junit}.items():
        if path := files[name]:
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
    TableError,
    ToxiproxyError,
    FakeLivyError,
    OSError,
    ValueError,
)


@contextlib.contextmanager
def _harness_errors() -> Iterator[None]:
    """One line on stderr and exit code 3 for what is not the adapter's doing."""
    try:
        yield
    except _KNOWN as error:
        click.echo(f"chaos: {error}", err=True)
        sys.exit(HARNESS_ERROR)
