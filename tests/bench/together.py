"""What noticing costs when many threads share a quota of requests: the one most likely to see an end looks first.

The adapter's own pace and pauses, in a simulation of threads in virtual time, so that the figures are exact:
``python -m tests.bench.together``.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass

from dbt.adapters.fabricspark.resilience.budget import Pace, Worth
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.polling import Look, poll_pause

from chaos.simulation import Scheduler, SimulatedClock, SimulatedRuntime
from tests.bench.noticing import LONGEST, durations, expectations

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


def main() -> None:
    """Measure and print."""
    sys.stdout.write(
        "| threads | who looks first | known | submission | lag | lag / duration | requests | longest wait |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|\n")
    for threads in (4, 16, 32):
        for known in (False, True):
            for name, order in ORDERS.items():
                found = shared(threads, order, known=known)
                sys.stdout.write(
                    f"| {threads} | {name} | {'yes' if known else 'no'} | {found.submission:.2f} s "
                    f"| {found.lag:.2f} s | {found.share:.1%} | {found.requests:.1f} | {found.longest:.0f} s |\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
