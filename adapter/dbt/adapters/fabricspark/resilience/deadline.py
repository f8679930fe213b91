"""The moment by which an operation must have ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from dbt.adapters.fabricspark.resilience.runtime import Runtime

FOREVER = min(1e9, threading.TIMEOUT_MAX)
"""Seconds: what is to take longer never ends, and Python does not wait for it either."""

GRAIN = 0.001
"""Seconds that are not worth a pause: added to the clock so little can be lost in rounding, and waiting never end."""


@dataclass(frozen=True)
class Deadline:
    """An absolute end on the monotonic clock, made once per operation and handed down to everything it does."""

    runtime: Runtime
    started: float
    seconds: float

    @classmethod
    def after(cls, runtime: Runtime, seconds: float) -> Deadline:
        """A deadline ``seconds`` from now."""
        return cls(runtime=runtime, started=runtime.monotonic(), seconds=min(seconds, FOREVER))

    @property
    def elapsed(self) -> float:
        """Seconds since the operation began."""
        return self.runtime.monotonic() - self.started

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def expired(self) -> bool:
        """Whether nothing is left that is worth a pause."""
        return self.remaining < GRAIN

    def pause(self, seconds: float) -> None:
        """Sleep ``seconds``, but not past the deadline."""
        self.runtime.sleep(min(seconds, self.remaining))

    def sooner(self, seconds: float) -> Deadline:
        """A deadline ``seconds`` from now, or this one if that comes first."""
        return Deadline.after(self.runtime, min(seconds, self.remaining))
