"""Time that passes faster than it does, for runs that mostly wait: a server's clock and the adapter's runtime."""

from __future__ import annotations

import datetime as dt
import threading

from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime

from fakelivy.clock import SystemClock


class ScaledClock(SystemClock):
    """The server's.

    Args:
        speed: its seconds in a real one.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = (super().monotonic(), super().now())

    def monotonic(self) -> float:
        moment, _ = self._began
        return moment + (super().monotonic() - moment) * self._speed

    def now(self) -> dt.datetime:
        moment, wall = self._began
        return wall + dt.timedelta(seconds=self.monotonic() - moment)


class ScaledRuntime(SystemRuntime):
    """The adapter's.

    Args:
        speed: its seconds in a real one.
    """

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed
        self._clock = ScaledClock(speed)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now(self) -> dt.datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / self._speed)

    def condition(self) -> ScaledCondition:
        return ScaledCondition(self._speed)


class ScaledCondition(threading.Condition):
    """A condition whose time-outs are in scaled seconds."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(None if timeout is None else timeout / self._speed)
