"""A clock for tests that meet real servers: waiting moves it, and costs nothing."""

from __future__ import annotations

from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime


class ImpatientRuntime(SystemRuntime):
    """Real time, but that sleeping is over at once. Short pauses are taken: a server needs them to get on."""

    LONGEST = 0.02

    def __init__(self) -> None:
        super().__init__()
        self._slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        taken = min(seconds, self.LONGEST)
        super().sleep(taken)
        self._slept += seconds - taken
