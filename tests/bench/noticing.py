"""How late a finished statement is noticed, and how many requests that takes, for several ways of polling.

Everything is computed in virtual time, so the figures are exact: ``python -m tests.bench.noticing``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dbt.adapters.fabricspark.resilience.polling import poll_pause

LONGEST = 5.0
"""``poll_statement_wait``: the longest pause of every strategy here, in seconds."""

MIX = ((0.6, 0.2, 3.0), (0.3, 3.0, 60.0), (0.1, 60.0, 3600.0))
"""Share of the statements, and the bounds of their durations in seconds, log-uniform in between."""

SPREAD = 0.2
"""How much a duration differs from the last one, as a standard deviation of its logarithm."""

Pauses = Callable[[float, int, "float | None"], float]
"""(seconds waited, pauses made, seconds expected) -> the next pause."""


@dataclass(frozen=True)
class Cost:
    """Means over all statements.

    Attributes:
        lag: seconds from a statement's end to the look that sees it.
        share: that lag as a share of the statement's duration.
        requests: looks per statement.
        longest: the longest pause of all, in seconds.
    """

    lag: float
    share: float
    requests: float
    longest: float


def durations(count: int = 4000) -> list[float]:
    """The mix, spread evenly over each of its parts instead of drawn: no luck in the figures."""
    return [
        low * (high / low) ** ((number + 0.5) / (count * share))
        for share, low, high in MIX
        for number in range(round(count * share))
    ]


def expectations(seconds: Sequence[float], factor: float = 1.0, seed: int = 1) -> list[float]:
    """What each took last time: about as long, times ``factor``."""
    chance = random.Random(seed)
    return [each * factor * math.exp(chance.gauss(0.0, SPREAD)) for each in seconds]


def cost(pauses: Pauses, seconds: Sequence[float], expected: Sequence[float | None] | None = None) -> Cost:
    """What noticing costs when each statement is alone on its thread."""
    lag = share = longest = 0.0
    requests = 0
    for number, duration in enumerate(seconds):
        moment = 0.0
        for pause in _walk(pauses, expected[number] if expected else None, duration):
            moment += pause
            requests += 1
            longest = max(longest, pause)
        lag += moment - duration
        share += (moment - duration) / duration
    return Cost(lag / len(seconds), share / len(seconds), requests / len(seconds), longest)


RUNTIMES = (0.2, 1.0, 5.0, 30.0, 120.0, 600.0)
"""Durations told of one by one, in seconds."""


def around(seconds: float) -> list[float]:
    """That duration, a tenth more and a tenth less, and a hundred in between: where in a pause it ends is luck."""
    return [seconds * (0.9 + step / 500) for step in range(101)]


def _walk(pauses: Pauses, expected: float | None, duration: float) -> Iterator[float]:
    moment, made = 0.0, 0
    while moment < duration:
        pause = pauses(moment, made, expected)
        yield pause
        moment += pause
        made += 1


def ours(elapsed: float, made: int, expected: float | None) -> float:
    """What the adapter does."""
    return poll_pause(elapsed, LONGEST, expected)


def told(elapsed: float, made: int, duration: float | None) -> float:
    """What the adapter does if nothing is known but what the server says of the progress, which is true."""
    return poll_pause(elapsed, LONGEST, left=duration and duration - elapsed)


def told_always(elapsed: float, made: int, expected: float | None) -> float:
    """What the adapter does if the server always says that it is nearly done."""
    return poll_pause(elapsed, LONGEST, left=0.0)


STRATEGIES: dict[str, Pauses] = {
    "every 5 s": lambda elapsed, made, expected: LONGEST,
    "0.3 s, growing by half up to 1.5 s": lambda elapsed, made, expected: min(1.5, 0.3 * 1.5 ** min(made, 9)),
    "0.5, 1, 2, then every 3 s": lambda elapsed, made, expected: (0.5, 1.0, 2.0, 3.0)[min(made, 3)],
    "a tenth of the time waited": lambda elapsed, made, expected: min(LONGEST, max(0.05, elapsed / 10)),
    "ours": ours,
}
"""Baselines, and the adapter's."""


@dataclass(frozen=True)
class Row:
    """A line of the table: what was done, under which circumstances, and what it cost."""

    name: str
    circumstances: str
    cost: Cost


def rows() -> list[Row]:
    """All that is measured, in the order of the table."""
    mix = durations()
    found = [Row(name, "", cost(pauses, mix)) for name, pauses in STRATEGIES.items()]
    known = {
        "took about as long last time": expectations(mix),
        "took ten times as long last time": [each * 10 for each in mix],
        "took a tenth as long last time": [each / 10 for each in mix],
        "took three times as long last time": [each * 3 for each in mix],
        "took a third as long last time": [each / 3 for each in mix],
    }
    found += [Row("ours", each, cost(ours, mix, expected)) for each, expected in known.items()]
    return [
        *found,
        Row("ours", "Livy tells its progress, and it is even", cost(told, mix, mix)),
        Row("ours", "Livy always says that it is nearly done", cost(told_always, mix)),
    ]


def table() -> str:
    """The figures as Markdown."""
    lines = ["| pauses | when it | lag | lag / duration | requests |", "|---|---|---|---|---|"]
    for row in rows():
        c = row.cost
        what = f"| {row.name} | {row.circumstances or '—'} "
        lines.append(f"{what}| {c.lag:.2f} s | {c.share:.1%} | {c.requests:.1f} |")
    return "\n".join(lines)


def table_by_runtime() -> str:
    """What noticing costs, by how long the statement runs; as Markdown."""
    lines = ["| runs for | every 5 s | ours, not known | ours, known |", "|---|---|---|---|"]
    for seconds in RUNTIMES:
        taken = around(seconds)
        every = cost(STRATEGIES["every 5 s"], taken)
        cells = (every, cost(ours, taken), cost(ours, taken, [seconds] * len(taken)))
        lines.append(f"| {seconds:g} s | " + " | ".join(f"{c.lag:.2f} s, {c.requests:.0f}" for c in cells) + " |")
    return "\n".join(lines)
