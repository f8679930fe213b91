"""Stopping: every wait of a target ends at once, and what has to be cleaned up after it gets a few seconds in all."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from weakref import WeakSet

from dbt.adapters.fabricspark.resilience.outcome import Outcome, TransportError
from dbt.adapters.fabricspark.resilience.runtime import Condition, Runtime

CANCEL_BUDGET = 3.0
"""Seconds after a halt in which statements are cancelled on the server."""

DELETE_BUDGET = 5.0
"""Seconds after a halt in which sessions are deleted, all in all; dbt's own end takes up to as long, of ten."""


class Halted(TransportError):
    """The run is being stopped. Never tried again."""

    outcome = Outcome.REFUSED

    def __init__(self, message: str = "stopped: the run was interrupted") -> None:
        super().__init__(message)


def cleaning(runtime: Runtime, seconds: float) -> AbstractContextManager[None]:
    """``HaltingRuntime.cleaning``, where there is one."""
    return runtime.cleaning(seconds) if isinstance(runtime, HaltingRuntime) else nullcontext()


def left(runtime: Runtime) -> float:
    """``HaltingRuntime.left``, where there is one."""
    return runtime.left() if isinstance(runtime, HaltingRuntime) else float("inf")


class HaltingRuntime:
    """A runtime whose waits can be ended from another thread.

    Until ``halt`` it is the one it is made of. From then on whoever sleeps or waits, or begins to, is ``Halted``, but
    for threads inside ``cleaning``, whose waits and requests end when the time for that is over.

    Args:
        inner: clock, locks, threads, chance.
    """

    def __init__(self, inner: Runtime) -> None:
        self._inner = inner
        self._halted_at: float | None = None
        self._conditions: WeakSet[_Condition] = WeakSet()
        # Threads make conditions while another one halts.
        self._lock = inner.lock()
        self._asleep = self._new_condition()
        # What a thread is busy with is true of the thread.
        self._mine = threading.local()

    def halt(self) -> None:
        """End all waits. Once is enough, twice does no harm."""
        if self._halted_at is None:
            self._halted_at = self._inner.monotonic()
        with self._lock:
            conditions = list(self._conditions)
        for condition in conditions:
            with condition:
                condition.notify_all()

    @property
    def is_halted(self) -> bool:
        """Whether the run is being stopped."""
        return self._halted_at is not None

    @contextmanager
    def cleaning(self, seconds: float) -> Iterator[None]:
        """Inside, this thread may still wait and ask: until ``seconds`` after the halt, if there is one."""
        before = getattr(self._mine, "seconds", None)
        self._mine.seconds = seconds
        try:
            yield
        finally:
            self._mine.seconds = before

    def left(self) -> float:
        """Seconds this thread may still take for anything; infinite unless halted."""
        if self._halted_at is None:
            return float("inf")
        mine = getattr(self._mine, "seconds", None)
        return 0.0 if mine is None else max(0.0, self._halted_at + mine - self._inner.monotonic())

    def check(self) -> None:
        """Raise ``Halted`` if there is no time left for this thread."""
        if self.left() <= 0:
            raise Halted

    def sleep(self, seconds: float) -> None:
        """Pause this thread.

        Raises:
            Halted: the run is being stopped. A halt that leaves this thread time, but less than it wants to sleep, ends
                the sleep at once: the rest of that time is for something better.
        """
        end = self._inner.monotonic() + seconds
        with self._asleep:
            before = self.is_halted
            self.check()
            while (left := end - self._inner.monotonic()) > 0:
                if self.is_halted and not before and left > self.left():
                    raise Halted
                self._asleep.wait(left)

    def condition(self) -> Condition:
        """A new condition; waiting on it raises ``Halted`` when the run is being stopped."""
        return self._new_condition()

    def _new_condition(self) -> _Condition:
        condition = _Condition(self._inner.condition(), self)
        with self._lock:
            self._conditions.add(condition)
        return condition

    def monotonic(self) -> float:
        return self._inner.monotonic()

    def now(self) -> dt.datetime:
        return self._inner.now()

    def lock(self) -> AbstractContextManager[Any]:
        return self._inner.lock()

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        self._inner.spawn(name, work)

    def random(self) -> float:
        return self._inner.random()

    def unique(self) -> str:
        return self._inner.unique()


class _Condition:
    """A condition whose waits a halt ends, or bounds by what it leaves the thread."""

    def __init__(self, inner: Condition, runtime: HaltingRuntime) -> None:
        self._inner = inner
        self._runtime = runtime

    def __enter__(self) -> Any:
        return self._inner.__enter__()

    def __exit__(self, *exc_info: Any) -> Any:
        return self._inner.__exit__(*exc_info)

    def wait(self, timeout: float | None = None) -> bool:
        self._runtime.check()
        left = self._runtime.left()
        if left < float("inf"):
            timeout = left if timeout is None else min(timeout, left)
        told = self._inner.wait(timeout)
        self._runtime.check()
        return told

    def notify_all(self) -> None:
        self._inner.notify_all()
