"""Fabric's long-running operations: a 202 now, a result when the clock says so (contract 3)."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fakelivy.clock import Clock
from fakelivy.errors import Problem, Refused
from fakelivy.ids import Ids
from fakelivy.machines import OPERATION


@dataclass(frozen=True)
class Operation:
    """A piece of work that is done at ``ends_at`` (monotonic seconds); ``result`` is its document."""

    id: str
    created: dt.datetime
    starts_at: float
    ends_at: float
    result: Mapping[str, Any]

    def state(self, now: float) -> str:
        """A state of ``machines.OPERATION``; nothing here fails by itself."""
        if now >= self.ends_at:
            return "Succeeded"
        return "Running" if now > self.starts_at else OPERATION.initial

    def updated(self, now: float) -> dt.datetime:
        """When it came into the state that it shows."""
        done = self.state(now) in OPERATION.terminal
        return self.created + dt.timedelta(seconds=self.ends_at - self.starts_at if done else 0)


class Operations:
    """The operations of a server; they are forgotten at a reset only."""

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock
        self._lock = threading.Lock()
        self._operations: dict[str, Operation] = {}

    def begin(self, duration: float, result: Mapping[str, Any]) -> Operation:
        """A new operation that takes ``duration`` seconds of the server's clock."""
        now = self._clock.monotonic()
        operation = Operation(self._ids.session_guid(), self._clock.now(), now, now + duration, result)
        with self._lock:
            self._operations[operation.id] = operation
        return operation

    def look(self, key: str) -> tuple[Operation, float]:
        """An operation, and the time at which it was looked at.

        Raises:
            Refused: NO_OPERATION.
        """
        with self._lock:
            found = self._operations.get(key)
        if found is None:
            raise Refused(Problem.NO_OPERATION, id=key)
        return found, self._clock.monotonic()

    def forget_all(self) -> None:
        """Forget every operation."""
        with self._lock:
            self._operations.clear()
