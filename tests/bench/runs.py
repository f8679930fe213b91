"""Whole dbt runs: wall time, statements and requests of ``dbt build``, against the same with fixed polling.

The server takes 50 ms to answer each request and 30 s to start a session. The baseline is this adapter with a look
every ``poll_statement_wait`` and a connection for each request; everything else is the same. Wall time counts from the
first request to the last: dbt's own start is measured elsewhere (``startup.py``). Two projects:

- a generated one of 200 tables. Its statements take 0.5 to 5 seconds by rule, and time passes faster than it does, so
  that dbt's own work weighs more here than it would;
- the web shop of the examples, whose SQL is really run, at the speed of this machine.

``python -m tests.bench.runs``.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from dbt.adapters.fabricspark.credentials import FABRIC_REQUEST_RATE

from fakelivy import FakeLivy
from fakelivy.engine.scripted import ScriptedEngine
from fakelivy.journal import Entry, Execution, Request
from tests.bench.projects import Wide, webshop
from tests.bench.results import Results, Row, parser
from tests.bench.scaled import ScaledClock

ROOT = Path(__file__).parents[2]

LATENCY, START = 0.05, 30.0
"""Seconds that an answer and a session take."""


@dataclass(frozen=True)
class Way:
    """A way to run a project.

    Attributes:
        name: in the table.
        polling: ``fixed`` or ``ours``.
        profile: fields of the target.
        again: whether the project has run before, so that it is known how long its statements take.
    """

    name: str
    polling: str
    profile: tuple[tuple[str, Any], ...] = ()
    again: bool = False


BASELINE = Way("a look every 5 s, no keep-alive", "fixed")
WAYS = (
    BASELINE,
    Way("ours", "ours"),
    Way("ours, run before", "ours", again=True),
    Way("ours, run before, high concurrency", "ours", (("high_concurrency", True),), again=True),
)


@dataclass(frozen=True)
class Run:
    """What a run took: seconds, statements, requests."""

    seconds: float
    statements: int
    requests: int


@dataclass(frozen=True)
class Bench:
    """A project to run.

    Attributes:
        name: in the table.
        write: puts its files into a folder.
        server: a server for one run of it.
        speed: seconds that pass in a real one.
        least: how long it takes at the least, with so many threads in a way; ``None`` if that cannot be told.
    """

    name: str
    write: Callable[[Path], None]
    server: Callable[[], FakeLivy]
    speed: float
    least: Callable[[int, Way], float | None]


def generated(models: int, speed: float) -> Bench:
    """The project of so many tables, on an engine that only takes its time."""
    wide = Wide(models)

    def server() -> FakeLivy:
        clock = ScaledClock(speed)
        return FakeLivy(engine=ScriptedEngine(clock, wide.rules()), clock=clock, faults=faults(speed))

    def least(threads: int, way: Way) -> float:
        return START + wide.least(threads, alone=not way.profile) + LATENCY

    return Bench(f"{models} tables", wide.write, server, speed, least)


def shop(scale: float) -> Bench:
    """The web shop, on the embedded engine."""
    return Bench(
        "web shop",
        partial(webshop, scale=scale),
        lambda: FakeLivy(engine="sail", faults=faults(1.0)),
        1.0,
        lambda threads, way: None,
    )


def faults(speed: float) -> tuple[str, ...]:
    """What makes the server as slow as a real one; it waits for the reply's delay in real seconds."""
    return f"*:before:delay({LATENCY / speed})", f"create_session:before:slow_start({START})"


def run(bench: Bench, folder: Path, way: Way, threads: int) -> Run:
    """``dbt build`` in a lakehouse that is empty.

    Raises:
        RuntimeError: it failed.
    """
    seen: Counter[type] = Counter()
    asked: list[dt.datetime] = []

    def note(entry: Entry) -> None:
        seen[type(entry.event)] += 1
        if isinstance(entry.event, Request):
            asked.append(entry.at)

    with bench.server() as server:
        profile = server.profile("fabric")
        for output in profile["fakelivy"]["outputs"].values():
            # On this machine there is no quota unless asked for.
            output.update(way.profile, requests_per_minute=int(FABRIC_REQUEST_RATE))
        (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
        server.journal.listen(note)
        program = [sys.executable, "-m", "tests.bench.dbt_at_speed", str(bench.speed), way.polling]
        places = ["--project-dir", str(folder), "--profiles-dir", str(folder)]
        command = [*program, "build", "--quiet", "--threads", str(threads), *places]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"dbt failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return Run((asked[-1] - asked[0]).total_seconds(), seen[Execution], seen[Request])


def measure(bench: Bench, threads: int) -> Iterator[tuple[Way, Run]]:
    """All ways, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        for way in WAYS:
            # What one way of polling has learned is not for the other.
            folder = Path(name) / way.polling
            if not way.again:
                folder.mkdir()
                bench.write(folder)
            yield way, run(bench, folder, way, threads)


RESULTS = Results(
    "runs",
    {
        "project": "{}",
        "threads": "{}",
        "looks": "{}",
        "wall time": "{:,.0f} s",
        "of the first": "{:.0%}",
        "of the least": "{:.2f}",
        "statements": "{:,}",
        "requests": "{:,}",
    },
)


def rows(benches: Iterable[Bench], threads: Iterable[int]) -> Iterator[Row]:
    """Lines of the table."""
    for bench in benches:
        for number in threads:
            baseline = None
            for way, found in measure(bench, number):
                baseline = baseline or found
                least = bench.least(number, way)
                yield {
                    "project": bench.name,
                    "threads": number,
                    "looks": way.name,
                    "wall time": found.seconds,
                    "of the first": found.seconds / baseline.seconds,
                    "of the least": None if least is None else found.seconds / least,
                    "statements": found.statements,
                    "requests": found.requests,
                }


def main() -> None:
    """Measure and print."""
    said = parser(__doc__)
    said.add_argument("--models", type=int, default=200, help="tables of the generated project (default 200)")
    said.add_argument("--scale", type=float, default=0.1, help="size of the web shop (default 0.1)")
    said.add_argument("--speed", type=float, default=2.0, help="seconds of the generated project in a real one")
    said.add_argument("--threads", type=int, nargs="+", default=[1, 4, 16], help="dbt's (default 1 4 16)")
    said.add_argument("--only", choices=("generated", "shop"), help="one of the projects")
    options = said.parse_args()
    models, speed, threads = (8, 10.0, [4]) if options.quick else (options.models, options.speed, options.threads)
    benches = {"generated": generated(models, speed), "shop": shop(options.scale)}
    if options.quick or options.only:
        benches = {each: benches[each] for each in [options.only or "generated"]}
    RESULTS.show(rows(benches.values(), threads), keep=options.keep)


if __name__ == "__main__":
    main()
