"""One clock per server: every state change and every journal line takes its time from here."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable


class Joinable(Protocol):
    """A thread that was started."""

    def join(self, timeout: float | None = None) -> Any:
        """Wait until it ends, at most ``timeout`` seconds."""


class Clock(Protocol):
    """Where the server gets its time, and the threads that work while time passes."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""

    def now(self) -> dt.datetime:
        """The wall clock, aware, UTC."""

    def spawn(self, name: str, work: Callable[[], None]) -> Joinable:
        """Start a thread that does not keep the process alive. Callers may hold locks, so it returns at once."""


@runtime_checkable
class VirtualClock(Clock, Protocol):
    """Time that passes only when somebody waits: what a server needs that is reached without a socket."""

    def pause(self, seconds: float, released: threading.Event) -> float:
        """Let ``seconds`` pass for the calling thread, or less when ``released``; how many have passed."""

    def handover(self, what: str) -> None:
        """A request goes out, or its reply comes in: other threads may go on. Callers hold no lock."""


class SystemClock:
    """Real time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.timezone.utc)

    def spawn(self, name: str, work: Callable[[], None]) -> Joinable:
        return _started(name, work)


class ManualClock:
    """Time that moves only when told to, for tests."""

    def __init__(self, start: dt.datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._start = start or dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
        self._elapsed = 0.0

    def monotonic(self) -> float:
        with self._lock:
            return self._elapsed

    def now(self) -> dt.datetime:
        return self._start + dt.timedelta(seconds=self.monotonic())

    def advance(self, seconds: float) -> None:
        """Move time forward by ``seconds`` (not negative)."""
        if seconds < 0:
            raise ValueError("time does not go back")
        with self._lock:
            self._elapsed += seconds

    def spawn(self, name: str, work: Callable[[], None]) -> Joinable:
        """A real thread."""
        return _started(name, work)

    def pause(self, seconds: float, released: threading.Event) -> float:
        """Move time forward for everybody, unless ``released`` already."""
        if released.is_set():
            return 0.0
        self.advance(seconds)
        return seconds

    def handover(self, what: str) -> None:
        """Real threads need no such moment."""


def _started(name: str, work: Callable[[], None]) -> Joinable:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
