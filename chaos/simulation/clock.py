"""The fake server's clock in a simulation: who waits for the server waits in the scheduler."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

from chaos.simulation.scheduler import Scheduler, Thread

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


class SimulatedClock:
    """A ``fakelivy.clock.VirtualClock`` on a scheduler's time.

    Args:
        latency: virtual seconds a request takes on its way to the server, and its reply on the way back.
    """

    def __init__(self, scheduler: Scheduler, *, latency: float = 0.0) -> None:
        self._scheduler = scheduler
        self._latency = latency

    def monotonic(self) -> float:
        return self._scheduler.elapsed

    def now(self) -> dt.datetime:
        return START + dt.timedelta(seconds=self._scheduler.elapsed)

    def spawn(self, name: str, work: Callable[[], None]) -> Thread:
        return self._scheduler.spawn(name, work)

    def pause(self, seconds: float, released: threading.Event) -> float:
        begin = self._scheduler.elapsed
        if self._scheduler.current is None:
            self._scheduler.sleep(seconds)
        else:
            self._scheduler.block(f"kept waiting {seconds:g} by the server", seconds, released.is_set)
        return self._scheduler.elapsed - begin

    def handover(self, what: str) -> None:
        if self._scheduler.current is not None:
            self._scheduler.block(what, self._latency, None)
