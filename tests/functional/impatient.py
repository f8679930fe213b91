"""A clock for tests that meet real servers: waiting moves it, and costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime


class ImpatientRuntime(SystemRuntime):
    """Real time, but that waiting is over at once. Short pauses are taken: a server needs them to get on."""

    LONGEST = 0.02

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        super().sleep(self._taken(seconds))

    def condition(self) -> threading.Condition:
        return _ImpatientCondition(self._taken)

    def _taken(self, seconds: float) -> float:
        taken = min(seconds, self.LONGEST)
        self._skipped += seconds - taken
        return taken


class OneThread(ImpatientRuntime):
    """Where waiting is over at once, nobody can wait for another thread."""

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        work()


class _ImpatientCondition(threading.Condition):
    def __init__(self, taken: Callable[[float], float]) -> None:
        super().__init__()
        self._taken = taken

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(None if timeout is None else self._taken(timeout))
