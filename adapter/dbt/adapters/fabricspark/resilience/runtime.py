"""Time and locks, handed in: real in production, simulated in tests."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from contextlib import AbstractContextManager
from typing import Any, Protocol


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

    def unique(self) -> str:
        """A short name that no other process comes up with."""


class SystemRuntime:
    """The real one."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.timezone.utc)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def lock(self) -> AbstractContextManager[Any]:
        return threading.RLock()

    def unique(self) -> str:
        return uuid.uuid4().hex[:12]
