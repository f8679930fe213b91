"""What noticing costs when many threads share a quota of requests: the one most likely to see an end looks first.

The adapter's own pace and pauses, in a simulation of threads in virtual time, so that the figures are exact:
``python -m tests.bench.together``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dbt.adapters.fabricspark.resilience.budget import Pace, Worth
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.polling import Look, poll_pause

from chaos.simulation import Scheduler, SimulatedClock, SimulatedRuntime
from tests.bench.noticing import LONGEST, durations, expectations
from tests.bench.results import Results, Row, parser

PER_MINUTE = 150.0
"""The adapter's default for Fabric, whose own limit is 200."""

Order = Callable[[Look, float], Worth]
"""(the look, when it is asked for) -> what it is worth."""

ORDERS: dict[str, Order] = {
    "in the order of arrival": lambda look, asked: lambda now: -asked,
    "ours": lambda look, asked: look.worth,
}


@dataclass(frozen=True)
class Shared:
    """Means over all statements.

    Attributes:
        submission: seconds until a statement may be sent.
        lag: seconds from a statement's end to the look that sees it.
        share: that lag as a share of its duration.
        requests: of a statement, its submission included.
        longest: seconds that any look waited for its turn at most.
    """

    submission: float
    lag: float
    share: float
    requests: float
    longest: float


def shared(threads: int, order: Order, *, known: bool, count: int = 500, seed: int = 1) -> Shared:
    """What ``count`` statements of the mix cost on so many threads."""
    mix = durations()
    took = expectations(mix)
    statements = [(each, last if known else None) for each, last in zip(mix, took, strict=True)]
    random.Random(seed).shuffle(statements)
    work = statements[:count]
    scheduler = Scheduler(seed, "random", step_limit=10_000_000)
    runtime = SimulatedRuntime(scheduler, SimulatedClock(scheduler))
    pace = Pace(runtime, PER_MINUTE)
    submissions: list[float] = []
    lags: list[tuple[float, float]] = []
    waits: list[float] = []
    requests = 0

    def turn(worth: Worth | None) -> float:
        nonlocal requests
        began = runtime.monotonic()
        # In the order of arrival means: submissions too.
        pace.wait(Deadline.after(runtime, 3600.0), worth=worth)
        requests += 1
        return runtime.monotonic() - began

    def run(duration: float, expected: float | None) -> None:
        asked = runtime.monotonic()
        first = None if order is ORDERS["ours"] else order(Look(asked, asked), asked)
        submissions.append(turn(first))
        begun = seen = runtime.monotonic()
        while (now := runtime.monotonic()) - begun < duration or seen == begun:
            runtime.sleep(poll_pause(now - begun, LONGEST, expected))
            waits.append(turn(order(Look(begun, seen, expected), runtime.monotonic())))
            seen = runtime.monotonic()
            if seen - begun >= duration:
                break
        lag = seen - begun - duration
        lags.append((lag, lag / duration))

    def thread() -> None:
        while work:
            run(*work.pop())

    def main() -> None:
        for each in [scheduler.spawn(f"t{number}", thread) for number in range(threads)]:
            each.join()

    scheduler.run(main)
    assert scheduler.errors == []
    return Shared(
        submission=sum(submissions) / count,
        lag=sum(lag for lag, _ in lags) / count,
        share=sum(share for _, share in lags) / count,
        requests=requests / count,
        longest=max(waits),
    )


RESULTS = Results(
    "together",
    {
        "threads": "{}",
        "who goes first": "{}",
        "known": "{}",
        "submission waits": "{:.2f} s",
        "lag": "{:.2f} s",
        "lag / duration": "{:.1%}",
        "requests": "{:.1f}",
        "longest wait for a look": "{:.0f} s",
    },
)


def rows(numbers: Iterable[int]) -> Iterator[Row]:
    """Lines of the table."""
    for threads, known, (name, order) in itertools.product(numbers, (False, True), ORDERS.items()):
        found = shared(threads, order, known=known)
        yield {
            "threads": threads,
            "who goes first": name,
            "known": "yes" if known else "no",
            "submission waits": found.submission,
            "lag": found.lag,
            "lag / duration": found.share,
            "requests": found.requests,
            "longest wait for a look": found.longest,
        }


def main() -> None:
    """Measure and print."""
    options = parser(__doc__).parse_args()
    RESULTS.show(rows((4,) if options.quick else (1, 4, 16, 32)), keep=options.keep)


if __name__ == "__main__":
    main()
