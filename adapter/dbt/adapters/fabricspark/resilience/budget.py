"""Manners towards the server, shared by all threads of a target: its quota, its throttling, and a limit to retrying."""

from __future__ import annotations

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


class Pace:
    """When the next request may be sent, and whether the next retry is worth it.

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

    def wait(self, deadline: Deadline, *, urgent: bool = False) -> None:
        """Pause until a request may be sent, but not past the deadline.

        Args:
            deadline: of the operation.
            urgent: do not wait at all, but count the request: for stopping what runs.
        """
        due = self._take()
        if urgent:
            return
        # Another thread may learn of a longer throttle meanwhile, so look again; each turn ends later than the last.
        while not deadline.expired:
            with self._lock:
                if due < self._closed_until:
                    due = self._turn(self._closed_until)
                pause = due - self._runtime.monotonic()
            if pause < GRAIN:
                return
            deadline.pause(pause)

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

    def _take(self) -> float:
        """The moment at which the next request's turn comes."""
        with self._lock:
            now = self._runtime.monotonic()
            if self._rate is None:
                return self._turn(now)
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            self._tokens -= 1
            return self._turn(now if self._tokens >= 0 else now - self._tokens / self._rate)

    def _turn(self, earliest: float) -> float:
        """The next moment from ``earliest`` that keeps the gap to the others; called with the lock held."""
        due = max(earliest, self._next) if self._gap else earliest
        self._next = due + self._gap
        return due
