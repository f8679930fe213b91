"""How long to pause between two looks at the same thing."""

from __future__ import annotations

SHORTEST_PAUSE = 0.05
"""Seconds. A statement of a few milliseconds is noticed at once, and a fast server is not hammered."""

LAG_SHARE = 0.1
"""An ended operation is noticed at most this share of its own duration late (above the shortest pause)."""


def poll_pause(elapsed: float, longest: float) -> float:
    """The pause before the next poll, in seconds.

    It grows with the time already waited, so the number of requests is logarithmic in the duration until
    ``longest`` is reached.

    Args:
        elapsed: seconds waited so far.
        longest: the profile's ``poll_wait`` or ``poll_statement_wait``.
    """
    return min(longest, max(SHORTEST_PAUSE, elapsed * LAG_SHARE))


def retry_pause(attempt: int, first: float, longest: float) -> float:
    """The pause after failed attempt number ``attempt`` (from 0): doubling from ``first``, capped, in seconds."""
    return min(longest, first * 2.0 ** min(attempt, 30))
