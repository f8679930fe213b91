"""A restart of the server as its clients see it: what it remembers, where it counts from, when it is up."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from fakelivy.batches import Batches
from fakelivy.clock import Clock
from fakelivy.ids import Numbers
from fakelivy.journal import Journal, ServerRestarted
from fakelivy.knobs import Dialect
from fakelivy.store import Store


class Restarter:
    """Restarts one dialect's side of the server; the socket stays open and, while it is down, answers nobody."""

    def __init__(
        self,
        *,
        stores: Mapping[Dialect, Store],
        batches: Mapping[Dialect, Batches],
        numbers: Sequence[Numbers],
        clock: Clock,
        journal: Journal,
    ) -> None:
        self._stores = stores
        self._batches = batches
        self._numbers = numbers
        self._clock = clock
        self._journal = journal
        self._lock = threading.Lock()
        self._up_at: dict[Dialect, float] = {}

    def restart(self, dialect: Dialect, *, recovery: bool, down: float = 0.0) -> None:
        """Restart, and be down for so many seconds of the server's clock.

        With ``recovery`` sessions and batches are still there, and sessions show ``recovering`` until the server is up;
        what their applications do goes on (Livy source, ``livy.server.recovery.mode``). Without it everything is
        forgotten, and vanilla Livy counts its ids from 0 again.
        """
        with self._lock:
            self._up_at[dialect] = self._clock.monotonic() + down
        self._journal.add(ServerRestarted(dialect.value, recovery, down))
        if recovery:
            self._stores[dialect].recover(down)
            return
        self._stores[dialect].forget_all("server restarted")
        self._batches[dialect].forget_all("server restarted")
        if dialect is Dialect.LIVY:
            for each in self._numbers:
                each.restart()

    def is_down(self, dialect: Dialect) -> bool:
        """Whether nobody is answered now."""
        with self._lock:
            return self._clock.monotonic() < self._up_at.get(dialect, 0.0)
