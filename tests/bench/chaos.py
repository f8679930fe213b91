"""How many scenarios in virtual time run in a minute, on the adapter: ``make bench``.

The figure that is promised counts processor time, so that it is the same on a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Sequence

from chaos.client import OURS
from chaos.crew import carry_out, orders
from chaos.results import Verdict
from chaos.scenario import shipped

PROMISED = 1000
"""Runs in a minute on two processors."""

JOBS = 2

ROUNDS = 3
"""Times as many seeds as a scenario has: so that the start of two processes, some seconds, is not what is measured."""


def measure(sets: Sequence[str], share: int) -> tuple[int, int, float, float]:
    """Runs, those that did not pass, seconds, and seconds of processors: every ``share``-th run of the sets."""
    rounds = [orders([(name, each)], OURS, range(ROUNDS * each.budget.seeds)) for name, each in shipped(sets).items()]
    work = [order for some in rounds for order in some][::share]
    wall, before = time.perf_counter(), _processors()
    red = sum(each.result.verdict is not Verdict.PASS for each in carry_out(work, jobs=JOBS))
    return len(work), red, time.perf_counter() - wall, _processors() - before


def _processors() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> int:
    """Measure, print, and with ``--check`` judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if it is slower than promised")
    parser.add_argument("--quick", action="store_true", help="a part of the runs")
    options = parser.parse_args()
    runs, red, wall, processors = measure(["smoke"], 12 if options.quick else 1)
    rate = 60 * JOBS * runs / processors
    sys.stdout.write(
        f"{os.cpu_count()} cores, {JOBS} processes, the smoke set with {ROUNDS} times its seeds: "
        f"{runs} runs, {red} not green\n\n"
        "| what | measured | promised |\n|---|---|---|\n"
        f"| runs in a minute, as it was | {60 * runs / wall:,.0f} | |\n"
        f"| runs in a minute of two processors | {rate:,.0f} | at least {PROMISED:,} |\n"
    )
    return 1 if options.check and (rate < PROMISED or red) else 0


if __name__ == "__main__":
    sys.exit(main())
