"""The ``chaos`` command."""

from __future__ import annotations

import contextlib
import difflib
import importlib.metadata
import secrets
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from chaos import records
from chaos.client import OURS, ClientError, factory
from chaos.crew import carry_out as crew
from chaos.crew import orders
from chaos.invariants import INVARIANTS
from chaos.judge import PROVES, HarnessError, judge
from chaos.minimise import NothingToMinimise
from chaos.minimise import minimise as minimised
from chaos.plans import cells
from chaos.processes import cli as real
from chaos.processes.model import shipped as real_scenarios
from chaos.processes.model import source
from chaos.results import EXIT_CODES, Result, Verdict, slim, worst
from chaos.runner import run as run_once
from chaos.scenario import SETS, Pairs, Scenario, ScenarioError, dump, dump_whole, load, shipped
from chaos.terminal import Terminal

HARNESS_ERROR = 3

REPLAYED = "the same run, to the byte"
CHANGED = "not the same run: client, server or chaos have changed"
ANOTHER = "another client than the record's, and another run"

ROUND = 8
"""Seeds of each scenario between two looks at what to do next, when there is no end but the clock."""


class Trouble(click.ClickException):
    """Something that is not the client's fault."""

    exit_code = HARNESS_ERROR


class Group(click.Group):
    """A bug of chaos, or an interrupt, is no verdict: its exit code is none of theirs."""

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command. Raises Trouble for whatever it did not foresee."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            raise Trouble("interrupted; nothing is known of what had not ended") from None
        except Exception as error:
            traceback.print_exc()
            raise Trouble(f"chaos itself failed: {type(error).__name__}: {error}") from error


@click.group(cls=Group)
@click.version_option(importlib.metadata.version("dbt-fabricspark"), prog_name="chaos")
def main() -> None:
    """Run failure scenarios against a dbt adapter or any other Livy client.

    Exit codes: 0 all passed, 1 something is broken, 2 something was not proven (or the command was misspelt),
    3 an error of chaos itself.
    """


main.add_command(real.processes)
main.add_command(real.report)


@main.command("list")
@click.argument("sets", nargs=-1, type=click.Choice(SETS))
def list_(sets: Sequence[str]) -> None:
    """The scenarios there are: name, failures covered, title."""
    found = {name: (scenario.covers, scenario.title) for name, scenario in _shipped(sets or SETS).items()}
    found |= {
        f"processes/{each.tier}/{each.name}": (tuple(each.covers), each.title)
        for each in real_scenarios()
        if not sets or each.tier in sets
    }
    for name, (covers, title) in found.items():
        click.echo(f"{name:54} {','.join(covers) or '-':14} {title}")


@main.command()
@click.argument("name")
def show(name: str) -> None:
    """A scenario in full, with what is left to defaults spelt out."""
    if _is_real(name):
        (process,) = real.chosen([name], ())
        click.echo(f"# processes/{process.tier}/{process.name}")
        click.echo(source(process).read_text(encoding="utf-8"), nl=False)
        click.echo(f"# processes: {process.processes}; threads: {process.threads}; dialect: {process.dialect}")
        return
    (found,) = _named([name])
    click.echo(f"# {found[0]}")
    scenario = found[1]
    click.echo(dump_whole(scenario), nl=False)
    click.echo(f"# judged: {', '.join(name for name in (*INVARIANTS, PROVES) if name not in scenario.except_)}")
    if isinstance(scenario.faults, Pairs):
        for dialect in scenario.workload.dialects:
            pairs = cells(scenario.faults.operations, dialect, scenario.workload.high_concurrency)
            click.echo(f"# {dialect}: {len(pairs)} pairs")


_client_option = click.option(
    "--client", default=OURS, show_default=True, help="package.module:factory of the client to test, in virtual time."
)
_jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Processes; as many as there are processors if absent."
)
_sets_option = click.option(
    "--set", "sets", multiple=True, type=click.Choice(SETS), help="All scenarios of a set; may be repeated."
)
_records_option = click.option(
    "--records",
    "keep",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("chaos-records"),
    show_default=True,
    help="Folder for the records of runs that do not pass.",
)


@main.command()
@click.argument("names", nargs=-1)
@_sets_option
@click.option("--seed", type=int, help="This seed only.")
@click.option("--seeds", type=click.IntRange(min=1), help="So many seeds instead of each scenario's own number.")
@click.option("--first", type=click.IntRange(min=0), default=0, help="With --seeds: the first of them.")
@_client_option
@_jobs_option
@_records_option
@real.target_options
@real.report_options
@real.cache_option
def run(
    names: Sequence[str],
    sets: Sequence[str],
    seed: int | None,
    seeds: int | None,
    first: int,
    client: str,
    jobs: int | None,
    keep: Path,
    **options: Any,
) -> None:
    """Run scenarios by name (as chaos list has them), by file, or by set; without any, the smoke set.

    With --dbt, or for scenarios of the folder processes, real dbt processes are run; else threads of a client, in
    virtual time.
    """
    wanted = [seed] if seed is not None else list(range(first, first + seeds)) if seeds else None
    asked, files = real.Asked.of(options), real.Files.of(options)
    if asked.is_given or (names and all(map(_is_real, names))):
        real.carry_out(names, sets, wanted, asked, files, keep)
    if any(map(_is_real, names)):
        raise click.UsageError("scenarios with real processes and those in virtual time are run one after the other")
    chosen = [*_named(names), *_shipped(sets or (() if names else ("smoke",))).items()]
    work = orders(chosen, client, wanted)
    done: list[Result] = []
    with _reported(done, files), Terminal(len(work), quiet=True) as terminal:
        for result in _done(work, client, jobs, keep, terminal):
            done.append(result)
    raise SystemExit(EXIT_CODES[worst(done)])


@main.command()
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), required=True, help="How long to go on.")
@_sets_option
@click.option("--seed", type=int, help="The first; each round takes the next ones. Random and printed unless given.")
@_client_option
@_jobs_option
@_records_option
@real.target_options
@real.report_options
@real.cache_option
def soak(
    minutes: float,
    sets: Sequence[str],
    seed: int | None,
    client: str,
    jobs: int | None,
    keep: Path,
    **options: Any,
) -> None:
    """Go on with new seeds until the time is up: all sets unless some are named; with --dbt, real dbt processes."""
    seed = secrets.randbits(31) if seed is None else seed
    asked, files = real.Asked.of(options), real.Files.of(options)
    if asked.is_given:
        real.go_on(minutes, sets, seed, asked, files, keep)
    end, chosen = time.monotonic() + minutes * 60, list(_shipped(sets or SETS).items())
    click.echo(f"{len(chosen)} scenarios for {minutes:g} minutes, {client}, first seed {seed}")
    done: list[Result] = []
    with _reported(done, files), Terminal(None, quiet=True) as terminal:
        while not done or time.monotonic() < end:
            for result in _done(orders(chosen, client, range(seed, seed + ROUND)), client, jobs, keep, terminal):
                done.append(result if result.verdict is not Verdict.PASS else slim(result))
                if time.monotonic() >= end:
                    break
            seed += ROUND
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
    with Terminal(1, quiet=True) as terminal:
        terminal.ended(result)
    same = records.lines(happened, client) == before
    other = client != order.client
    click.echo(REPLAYED if same else ANOTHER if other else CHANGED)
    # What passes now, and is not what was recorded, proves nothing.
    proven = same or other or result.verdict is not Verdict.PASS
    raise SystemExit(EXIT_CODES[result.verdict] if proven else HARNESS_ERROR)


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
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "chaos list prints all there are"
            raise click.UsageError(f"no scenario {name!r}; {hint}")
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


def _done(
    work: Sequence[records.Order], client: str, jobs: int | None, keep: Path, terminal: Terminal
) -> Iterator[Result]:
    try:
        factory(client)
        for each in crew(work, jobs=jobs, keep=keep):
            terminal.ended(each.result, each.record)
            yield each.result
    except (ClientError, HarnessError) as error:
        raise Trouble(str(error)) from error


@contextlib.contextmanager
def _reported(done: Sequence[Result], files: real.Files) -> Iterator[None]:
    """Whatever ends the work, what is done by then is told."""
    try:
        yield
    finally:
        real.write_reports(done, files)
        _sum_up(done)


def _is_real(name: str) -> bool:
    try:
        return real.is_process_scenario(name)
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None


def _sum_up(done: Sequence[Result]) -> None:
    by_scenario: dict[str, Counter[str]] = {}
    for result in done:
        by_scenario.setdefault(result.scenario, Counter())[result.verdict.value] += 1
    for name, counts in by_scenario.items():
        click.echo(f"{name:44} {', '.join(f'{count} {verdict}' for verdict, count in sorted(counts.items()))}")
    click.echo(f"{len(done)} runs: {worst(done).value}")
