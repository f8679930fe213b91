"""Manners towards the server, shared by all threads of a target: its quota, its throttling, and a limit to retrying."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dbt.adapters.fabricspark.resilience.deadline import GRAIN, Deadline
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.runtime import Runtime

RETRIES = 60.0
"""Retries in hand at the start, and at most."""

EARNED = 0.2
"""Retries earned by a success: under a lasting outage at most one request in six is a retry."""

BURST = 40.0
"""Requests that may be made at once before the rate counts; 150 a minute and these stay below Fabric's 200."""

FIRST_GAP, LONGEST_GAP = 0.2, 5.0
"""Seconds between two requests, over all threads, after a first and after many refusals for too many requests."""

CLOSING_UP = 0.8
"""What a success leaves of that gap: the threads find the rate that the server bears, and do not come as a herd."""


NEXT_IN_LINE = 0.01
"""Seconds in which whoever comes first has taken its turn."""

Worth = Callable[[float], float]
"""What a request is worth at a moment of the monotonic clock; any measure that can be compared."""


@dataclass(eq=False)
class _Ticket:
    """A request that waits for its turn."""

    worth: Worth | None

    def rank(self, now: float) -> float:
        return math.inf if self.worth is None else self.worth(now)


class Pace:
    """When the next request may be sent and whose it is, and whether the next retry is worth it.

    Args:
        runtime: clock and lock.
        per_minute: requests a minute, over all threads; ``None`` is no limit.
    """

    def __init__(self, runtime: Runtime, per_minute: float | None = None) -> None:
        self._runtime = runtime
        self._rate = None if per_minute is None else per_minute / 60.0
        self._lock = RankedCondition(runtime, Rank.PACE)
        self._burst = BURST if per_minute is None else max(1.0, min(BURST, per_minute / 4))
        self._tokens = self._burst
        self._filled_at = runtime.monotonic()
        self._closed_until = 0.0
        self._gap = 0.0
        self._next = 0.0
        self._retries = RETRIES
        self._queue: list[_Ticket] = []

    def wait(self, deadline: Deadline, *, urgent: bool = False, worth: Worth | None = None) -> None:
        """Pause until a request may be sent, but not past the deadline.

        Args:
            deadline: of the operation.
            urgent: do not wait at all, but count the request: for stopping what runs.
            worth: what the request is worth at a moment, for those that can wait for each other; without it, it comes
                before all of those, in the order of arrival.
        """
        if urgent:
            with self._lock:
                self._spend(self._runtime.monotonic())
            return
        ticket = _Ticket(worth)
        with self._lock:
            self._queue.append(ticket)
        try:
            while (pause := self._until_turn(ticket)) > 0 and not deadline.expired:
                deadline.pause(pause)
        finally:
            with self._lock:
                self._queue.remove(ticket)

    def _until_turn(self, ticket: _Ticket) -> float:
        """Seconds after which to ask again whether it is this one's turn; 0 if it is, and the request is counted."""
        with self._lock:
            now = self._runtime.monotonic()
            pause = self._earliest(now) - now
            if pause >= GRAIN:
                return pause
            if max(self._queue, key=lambda each: each.rank(now)) is not ticket:
                return NEXT_IN_LINE
            self._spend(now)
            return 0.0

    def is_closed_for(self, seconds: float) -> bool:
        """Whether a server's throttle goes on for at least so many seconds."""
        with self._lock:
            return self._closed_until - self._runtime.monotonic() >= seconds

    def stay_away(self, seconds: float) -> None:
        """The server told one thread to stay away for so many seconds: no thread comes before."""
        with self._lock:
            now = self._runtime.monotonic()
            # What was on its way when the first was refused is refused too, and says nothing new.
            if now >= self._closed_until:
                self._gap = min(LONGEST_GAP, max(FIRST_GAP, self._gap * 2))
            self._closed_until = max(self._closed_until, now + seconds)

    def succeeded(self) -> None:
        """A request was answered: retrying is worth a little more again."""
        with self._lock:
            self._retries = min(RETRIES, self._retries + EARNED)
            self._gap = self._gap * CLOSING_UP if self._gap > FIRST_GAP / 10 else 0.0

    def may_retry(self) -> bool:
        """Take one retry from the budget; ``False`` if nothing is left."""
        with self._lock:
            if self._retries < 1:
                return False
            self._retries -= 1
            return True

    def _fill(self, now: float) -> None:
        if self._rate is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now

    def _earliest(self, now: float) -> float:
        """The first moment at which anyone may send a request; called with the lock held."""
        self._fill(now)
        affordable = now if self._rate is None else now + max(0.0, 1 - self._tokens) / self._rate
        return max(affordable, self._closed_until, self._next)

    def _spend(self, now: float) -> None:
        """Count a request that is sent now; called with the lock held."""
        self._fill(now)
        self._tokens -= 1
        self._next = now + self._gap
