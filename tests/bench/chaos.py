"""How many scenarios in virtual time run in a minute, on the adapter: ``make bench``.

The figure that is promised counts processor time, so that it is the same on a machine that has other things to do.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence

from chaos.client import OURS
from chaos.crew import carry_out, orders
from chaos.results import Verdict
from chaos.scenario import shipped
from tests.bench.results import PROMISES, Figure, Results, judged, parser

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


RESULTS = Results("chaos", PROMISES)


def figures(share: int) -> Iterator[Figure]:
    """All of them."""
    runs, red, wall, processors = measure(["smoke"], share)
    yield Figure(f"runs of the smoke set, {ROUNDS} times its seeds, that are not green", red, f"of {runs:,}", 0)
    yield Figure("runs in a minute, as it was", 60 * runs / wall, "")
    yield Figure(f"runs in a minute of {JOBS} processors", 60 * JOBS * runs / processors, "", PROMISED, "more")


def main() -> int:
    """Measure, print, and with ``--check`` judge."""
    said = parser(__doc__)
    said.add_argument("--check", action="store_true", help="exit 1 if it is slower than promised")
    options = said.parse_args()
    return judged(RESULTS, figures(12 if options.quick else 1), keep=options.keep, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
