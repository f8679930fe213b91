"""Whole dbt runs: wall time, statements and requests of a generated project, against the same with fixed polling.

The server really runs the SQL, takes 50 ms to answer each request and 3 s to start a session (a tenth of Fabric's half
minute). The baseline is this adapter with a look every 5 seconds and a connection for each request; everything else is
the same. ``python -m tests.bench.runs``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from fakelivy import FakeLivy
from fakelivy.journal import Entry, Execution, Request

LATENCY, START = 0.05, 3.0
"""Seconds that an answer and a session take."""

WIDTH = 10
"""Models that depend on nothing of each other."""

FAULTS = (f"*:before:delay({LATENCY})", f"create_session:before:slow_start({START})")

OURS = """
from dbt.cli.main import cli
cli()
"""

BASELINE = """
import dbt.adapters.fabricspark.livy.statement as statement
import dbt.adapters.fabricspark.session as session
import requests
from dbt.cli.main import cli

statement.poll_pause = session.poll_pause = lambda elapsed, longest, expected=None: longest
send = requests.adapters.HTTPAdapter.send
def alone(self, request, **more):
    request.headers["Connection"] = "close"
    return send(self, request, **more)
requests.adapters.HTTPAdapter.send = alone
cli()
"""
"""Looks at fixed intervals, and no connection is used twice."""


@dataclass(frozen=True)
class Run:
    """A run's wall time in seconds, its statements and its requests."""

    seconds: float
    statements: int
    requests: int


def generate(folder: Path, models: int) -> None:
    """A project of so many tables in layers: each reads two of the layer below."""
    (folder / "dbt_project.yml").write_text(
        yaml.safe_dump(
            {"name": "wide", "profile": "fakelivy", "models": {"+materialized": "table", "+file_format": "delta"}}
        )
    )
    (folder / "models").mkdir()
    for number in range(models):
        layer, place = divmod(number, WIDTH)
        below = [(layer - 1) * WIDTH + (place + step) % WIDTH for step in (0, 1)] if layer else []
        source = " union all ".join(f"select n from {{{{ ref('m{each:03}') }}}}" for each in below)
        sql = f"select n + 1 as n from ({source}) limit 100" if source else "select id as n from range(100)"
        (folder / "models" / f"m{number:03}.sql").write_text(sql)


def run(program: str, models: int, threads: int) -> Run:
    """``dbt build`` of the generated project, in a fresh lakehouse.

    Raises:
        RuntimeError: it failed.
    """
    seen: Counter[type] = Counter()

    def note(entry: Entry) -> None:
        seen[type(entry.event)] += 1

    with tempfile.TemporaryDirectory() as name, FakeLivy(engine="sail", faults=FAULTS) as server:
        folder = Path(name)
        generate(folder, models)
        profile = server.profile("livy")
        for output in profile["fakelivy"]["outputs"].values():
            output.update(threads=threads)
        (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
        server.journal.listen(note)
        command = [sys.executable, "-c", program, "build", "--quiet", "--threads", str(threads)]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"dbt failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return Run(seconds, seen[Execution], seen[Request])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small project, for a test of the benchmark itself")
    parser.add_argument("--models", type=int, default=200)
    options = parser.parse_args()
    models, numbers = (5, (4,)) if options.quick else (options.models, (1, 4, 16))
    sys.stdout.write("| models | threads | polling | wall time | statements | requests | of the baseline |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for threads in numbers:
        found = {name: run(program, models, threads) for name, program in (("fixed", BASELINE), ("ours", OURS))}
        for name, each in found.items():
            part = each.seconds / found["fixed"].seconds
            sys.stdout.write(
                f"| {models} | {threads} | {name} | {each.seconds:.0f} s | {each.statements:,} "
                f"| {each.requests:,} | {part:.0%} |\n"
            )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
