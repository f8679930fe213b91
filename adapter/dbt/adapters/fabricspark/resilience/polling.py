"""When to look next at something that runs, knowing or not knowing how long it took last time.

Without knowledge a look comes after a tenth of the time already waited. With it, looks are saved while nothing is to be
expected, and spent around the moment when it is. The figures below were found by search on the mix of durations in
``tests/bench/noticing.py``, which prints what they cost.

Where a quota leaves fewer looks than all threads would like, the one that most likely sees an end comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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

GLIMPSE = 0.001
"""Seconds: nothing is taken to have been looked at sooner after its beginning."""

FORGOTTEN = 60.0
"""Seconds not looked at that count as much as being sure to have ended. Found by ``tests/bench/together.py``: with it
the mean lag is a third less and the longest wait a fifth, for a quarter more lag of what is short."""

SURPRISES = 0.2
"""Share of the expectations that are wrong, so that what should have ended long ago is still worth a look."""

FINENESS, FLATTENING, TAILS = 0.057, 0.885, 0.17
"""In that window a pause is FINENESS * expectation ** FLATTENING at its middle, and longer towards its edges."""


HASTE = 0.25
"""The least part of a pause that is left when the server says that the end is near: an operation that is always about
to end costs four times the looks at most."""


def poll_pause(elapsed: float, longest: float, expected: float | None = None, left: float | None = None) -> float:
    """The pause before the next poll, in seconds.

    Args:
        elapsed: seconds waited so far.
        longest: the profile's ``poll_wait`` or ``poll_statement_wait``; no pause is longer.
        expected: seconds the same operation took last time, if known.
        left: seconds to its end by what the server says of its progress, if it does. A look comes sooner for it and
            never later: Spark knows only the stages that it has planned so far.
    """
    pause = elapsed * LAG_SHARE if not expected or expected <= 0 else _informed(elapsed, expected)
    pause = min(longest, max(SHORTEST_PAUSE, pause))
    return pause if left is None else min(pause, max(SHORTEST_PAUSE, left, pause * HASTE))


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


@dataclass(frozen=True)
class Look:
    """A look that is due at something that runs.

    Attributes:
        begun: when it began, on the monotonic clock.
        seen: when it was looked at last.
        expected: seconds it took last time, if known.
    """

    begun: float
    seen: float
    expected: float | None = None

    def worth(self, now: float) -> float:
        """What comes first where not all looks can be had: how likely it has ended since it was looked at, and more
        the longer that is ago, so that nothing is forgotten."""
        return self._chance(now) + (now - self.seen) / FORGOTTEN

    def _chance(self, now: float) -> float:
        before = max(self.seen - self.begun, GLIMPSE)
        elapsed = max(now - self.begun, before)
        # Durations of all magnitudes are equally likely: half of what has run for a second is done after another.
        unknown = math.log(elapsed / before)
        if not self.expected or self.expected <= 0:
            return unknown
        ended_before, ended_now = (_share_ended(each, self.expected) for each in (before, elapsed))
        return (ended_now - ended_before) / (1 - ended_before + SURPRISES) + SURPRISES * unknown


def _share_ended(elapsed: float, expected: float) -> float:
    """Of the operations that usually take so long, the share that has ended by then: log-normal."""
    return 0.5 * (1 + math.erf(math.log(elapsed / expected) / (SPREAD * math.sqrt(2))))
