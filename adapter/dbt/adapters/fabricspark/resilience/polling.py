"""When to look next at something that runs, knowing or not knowing how long it took last time.

Without knowledge a look comes after a tenth of the time already waited. With it, looks are saved while nothing is to be
expected, and spent around the moment when it is. The figures below were found by search on the mix of durations in
``tests/bench/noticing.py``, which prints what they cost.
"""

from __future__ import annotations

import math

SHORTEST_PAUSE = 0.05
"""Seconds. A statement of a few milliseconds is noticed at once, and a fast server is not hammered."""

LAG_SHARE = 0.1
"""An ended operation is noticed at most this share of its own duration late (above the shortest pause)."""

SPREAD = 0.2
"""How much an operation's duration usually differs from the last one: a standard deviation of its logarithm."""

GUARD = 0.105
"""Share of the expectation at which the first look comes: one that is ten times too long must not cost much."""

EARLY, OVERDUE = -1.7, 2.3
"""Between these, in spreads around the expectation, is when to look often; after it, it counts as wrong."""

FINENESS, FLATTENING, TAILS = 0.057, 0.885, 0.17
"""In that window a pause is FINENESS * expectation ** FLATTENING at its middle, and longer towards its edges."""


def poll_pause(elapsed: float, longest: float, expected: float | None = None) -> float:
    """The pause before the next poll, in seconds.

    Args:
        elapsed: seconds waited so far.
        longest: the profile's ``poll_wait`` or ``poll_statement_wait``; no pause is longer.
        expected: seconds the same operation took last time, if known.
    """
    pause = elapsed * LAG_SHARE if not expected or expected <= 0 else _informed(elapsed, expected)
    return min(longest, max(SHORTEST_PAUSE, pause))


def _informed(elapsed: float, expected: float) -> float:
    guard = expected * GUARD
    if elapsed < guard:
        return guard - elapsed
    window = expected * math.exp(SPREAD * EARLY)
    if elapsed < window:
        return window - elapsed
    late = math.log(elapsed / expected) / SPREAD
    if late > OVERDUE:
        return elapsed * LAG_SHARE
    return float(FINENESS * expected**FLATTENING * math.exp(TAILS * late * late / 2))
