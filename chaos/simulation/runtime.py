"""Time, locks, threads and chance for a client under test, all of one simulation.

It has the methods of the adapter's ``Runtime`` protocol, which it does not import: any client can be handed it.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

from chaos.simulation.clock import SimulatedClock
from chaos.simulation.locks import SimulatedCondition, SimulatedLock
from chaos.simulation.scheduler import Scheduler


class SimulatedRuntime:
    """What a client may ask of the machine. Numbers and names come from the scheduler's seed."""

    def __init__(self, scheduler: Scheduler, clock: SimulatedClock | None = None) -> None:
        self.scheduler = scheduler
        self.clock = clock or SimulatedClock(scheduler)
        self._random = random.Random(f"{scheduler.seed}/runtime")
        self._made = 0

    def monotonic(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.clock.monotonic()

    def now(self) -> dt.datetime:
        """The virtual wall clock, aware, UTC."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Pause this thread in virtual time."""
        self.scheduler.sleep(seconds)

    def lock(self) -> SimulatedLock:
        """A new re-entrant lock."""
        return SimulatedLock(self.scheduler, self._name("lock"))

    def condition(self) -> SimulatedCondition:
        """A new condition with a re-entrant lock of its own."""
        return SimulatedCondition(self.scheduler, self._name("condition"))

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        """Run ``work`` on a simulated thread, which ends with the run."""
        self.scheduler.spawn(name, work)
        self.scheduler.handover(f"has started {name}")

    def random(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def unique(self) -> str:
        """A short name that nobody else in this run comes up with."""
        return f"{self._random.getrandbits(48):012x}"

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind} {self._made}"
