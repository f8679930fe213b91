"""The ``chaos`` command."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from chaos import records, results
from chaos.client import OURS, ClientError, factory
from chaos.crew import carry_out, orders
from chaos.judge import HarnessError, judge
from chaos.minimise import NothingToMinimise
from chaos.minimise import minimise as minimised
from chaos.plans import cells
from chaos.processes.cli import processes, report
from chaos.results import EXIT_CODES, Result, Verdict, worst
from chaos.runner import run as run_once
from chaos.scenario import SETS, Pairs, Scenario, ScenarioError, dump, load, meant, shipped

HARNESS_ERROR = 3


class Trouble(click.ClickException):
    """Something that is not the client's fault."""

    exit_code = HARNESS_ERROR


@click.group()
@click.version_option(importlib.metadata.version("dbt-fabricspark"), prog_name="chaos")
def main() -> None:
    """Run failure scenarios against a dbt adapter or any other Livy client.

    Exit codes: 0 all passed, 1 something is broken, 2 something was not proven (or the command was misspelt),
    3 an error of chaos itself.
    """


main.add_command(processes)
main.add_command(report)


@main.command("list")
@click.argument("sets", nargs=-1, type=click.Choice(SETS))
def list_(sets: Sequence[str]) -> None:
    """The scenarios there are: name, failures covered, title."""
    for name, scenario in _shipped(sets or SETS).items():
        click.echo(f"{name:44} {','.join(scenario.covers) or '-':14} {scenario.title}")


@main.command()
@click.argument("name")
def show(name: str) -> None:
    """A scenario in full, with what is left to defaults spelt out."""
    (found,) = _named([name])
    click.echo(f"# {found[0]}")
    click.echo(dump(found[1]), nl=False)
    scenario = found[1]
    click.echo(f"# threads: {scenario.workload.threads}; seeds: {scenario.budget.seeds}")
    if isinstance(scenario.faults, Pairs):
        for dialect in scenario.workload.dialects:
            click.echo(f"# {dialect}: {len(cells(scenario.faults.operations, dialect))} pairs")


@main.command()
@click.argument("names", nargs=-1)
@click.option("--set", "sets", multiple=True, type=click.Choice(SETS), help="All scenarios of a set; may be repeated.")
@click.option("--seed", type=int, help="This seed only.")
@click.option("--seeds", type=click.IntRange(min=1), help="So many seeds instead of each scenario's own number.")
@click.option("--first", type=click.IntRange(min=0), default=0, help="With --seeds: the first of them.")
@click.option("--client", default=OURS, show_default=True, help="package.module:factory of the client to test.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Processes; as many as there are processors if absent.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results here.")
@click.option(
    "--records",
    "keep",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("chaos-records"),
    show_default=True,
    help="Folder for the records of runs that do not pass.",
)
def run(
    names: Sequence[str],
    sets: Sequence[str],
    seed: int | None,
    seeds: int | None,
    first: int,
    client: str,
    jobs: int | None,
    json_file: Path | None,
    keep: Path,
) -> None:
    """Run scenarios by name (as chaos list has them), by file, or by set; without any, the smoke set."""
    chosen = [*_named(names), *_shipped(sets or (() if names else ("smoke",))).items()]
    wanted = [seed] if seed is not None else list(range(first, first + seeds)) if seeds else None
    done: list[Result] = []
    try:
        factory(client)
        for each in carry_out(orders(chosen, client, wanted), jobs=jobs, keep=keep):
            done.append(each.result)
            if each.result.verdict is not Verdict.PASS:
                _tell(each.result, each.record)
    except (ClientError, HarnessError) as error:
        raise Trouble(str(error)) from error
    if json_file:
        results.write(done, json_file)
    _sum_up(done)
    raise SystemExit(EXIT_CODES[worst(done)])


@main.command()
@click.argument("record", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--client", help="Another client than the record's own.")
def replay(record: Path, client: str | None) -> None:
    """Have a recorded run happen again, and say whether it is the same to the byte."""
    order, before = _read(record)
    client = client or order.client
    try:
        happened = run_once(order.name, order.scenario, order.seed, factory(client))
        result = judge(happened, client)
    except (ClientError, HarnessError) as error:
        raise Trouble(str(error)) from error
    _tell(result, None)
    same = records.lines(happened, client) == before
    click.echo("the same run, to the byte" if same else "not the same run: client, server or chaos have changed")
    raise SystemExit(EXIT_CODES[result.verdict])


@main.command()
@click.argument("record", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where the scenario goes.")
def minimise(record: Path, output: Path | None) -> None:
    """Reduce a failed run to the fewest faults, threads and steps, as a scenario file."""
    order, _ = _read(record)
    try:
        small, broken = minimised(order, factory(order.client))
    except NothingToMinimise as error:
        raise Trouble(str(error)) from None
    except (ClientError, HarnessError) as error:
        raise Trouble(str(error)) from error
    path = output or record.with_suffix(".yml")
    path.write_text(dump(small), encoding="utf-8")
    click.echo(f"{path}: breaks {', '.join(broken)}")
    click.echo(f"chaos run {path} --client {order.client}")


def _named(names: Sequence[str]) -> list[tuple[str, Scenario]]:
    known = _shipped(SETS) if names else {}
    found = []
    for name in names:
        if name in known:
            found.append((name, known[name]))
        elif Path(name).is_file():
            try:
                found.append((name, load(Path(name))))
            except ScenarioError as error:
                raise click.UsageError(str(error)) from None
        else:
            raise click.UsageError(f"no scenario {name!r}{meant(name, known)}")
    return found


def _shipped(sets: Sequence[str]) -> dict[str, Scenario]:
    try:
        return dict(shipped(sets))
    except ScenarioError as error:
        raise Trouble(str(error)) from error


def _read(path: Path) -> tuple[records.Order, list[str]]:
    try:
        return records.read(path)
    except records.RecordError as error:
        raise click.UsageError(str(error)) from None


def _tell(result: Result, record: Path | None) -> None:
    click.echo(f"{result.verdict.value.upper()} {result.scenario} seed {result.seed}: {result.title}")
    for finding in result.findings:
        if finding.verdict is not Verdict.PASS:
            at = f" at {finding.at:.2f} s" if finding.at is not None else ""
            click.echo(f"  {finding.invariant}{at}:")
            for line in finding.detail.splitlines():
                click.echo(f"    {line}")
    click.echo(f"  again: {result.replay}")
    if record:
        click.echo(f"  smaller: chaos minimise {record}")


def _sum_up(done: Sequence[Result]) -> None:
    by_scenario: dict[str, Counter[str]] = {}
    for result in done:
        by_scenario.setdefault(result.scenario, Counter())[result.verdict.value] += 1
    for name, counts in by_scenario.items():
        click.echo(f"{name:44} {', '.join(f'{count} {verdict}' for verdict, count in sorted(counts.items()))}")
    click.echo(f"{len(done)} runs: {worst(done).value}")
