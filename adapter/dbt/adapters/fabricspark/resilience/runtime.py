"""Time, locks, threads and chance, handed in: real in production, simulated in tests."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Condition(Protocol):
    """What threads wait on for each other; entering it takes its re-entrant lock."""

    def __enter__(self) -> Any: ...

    def __exit__(self, *exc_info: Any) -> Any: ...

    def wait(self, timeout: float | None = None) -> bool:
        """Let go of the lock until notified, at most ``timeout`` seconds; False if the time ran out."""

    def notify_all(self) -> None:
        """Wake every thread that waits."""


class Runtime(Protocol):
    """Everything the adapter may ask of the machine's clock and scheduler."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start. Never goes back, so deadlines survive a change of the wall clock."""

    def now(self) -> dt.datetime:
        """The wall clock, aware, UTC: only for what others stamped with theirs, such as a token's expiry."""

    def sleep(self, seconds: float) -> None:
        """Pause this thread."""

    def lock(self) -> AbstractContextManager[Any]:
        """A new re-entrant lock."""

    def condition(self) -> Condition:
        """A new condition with a re-entrant lock of its own."""

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        """Run ``work`` on a thread of its own that does not keep the process alive."""

    def random(self) -> float:
        """A number in [0, 1), for spreading out retries; never for anything secret."""

    def unique(self) -> str:
        """A short name that no other process comes up with."""


class SystemRuntime:
    """The real one."""

    def __init__(self) -> None:
        self._random = random.Random()

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.timezone.utc)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def lock(self) -> AbstractContextManager[Any]:
        return threading.RLock()

    def condition(self) -> Condition:
        return threading.Condition()

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()

    def random(self) -> float:
        return self._random.random()

    def unique(self) -> str:
        return uuid.uuid4().hex[:12]
