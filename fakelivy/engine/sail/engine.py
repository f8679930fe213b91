"""The embedded engine over one warehouse folder."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from fakelivy.clock import Clock
from fakelivy.engine.port import EngineUnavailable, SessionSpec, StoredTable
from fakelivy.engine.sail.catalog import Catalog
from fakelivy.engine.sail.connect import warm_up
from fakelivy.engine.sail.host import Host
from fakelivy.engine.sail.session import SailSession


class SailEngine:
    """Sessions over the warehouse at ``warehouse``, which is made if it is not there.

    Raises:
        WarehouseError: the folder cannot be used.
    """

    name = "sail"
    instant = False

    def __init__(self, warehouse: Path, clock: Clock) -> None:
        self._catalog = Catalog(Path(warehouse))
        self._clock = clock
        self._lock = threading.Lock()  # over _sessions and _closed
        self._sessions: set[SailSession] = set()
        self._closed = False
        # The first session needs pyspark; the server itself should be up before that.
        threading.Thread(target=_prepare, name="fakelivy-warm-up", daemon=True).start()

    def open(self, spec: SessionSpec) -> SailSession:
        return self._open(spec)

    def _open(self, spec: SessionSpec, host: Host | None = None) -> SailSession:
        session = SailSession(spec, self._catalog, self._clock, self._forget, self._open, host)
        with self._lock:
            closed = self._closed
            if not closed:
                self._sessions.add(session)
        if closed:
            session.close()
            raise EngineUnavailable("the engine is closed")
        return session

    def tables(self, lakehouse: str) -> list[StoredTable]:
        relations = self._catalog.content().relations.values()
        mine = [each for each in relations if each.name.lakehouse == lakehouse.lower() and not each.is_view]
        return [StoredTable(each.name.table, each.provider, managed=not each.location) for each in mine]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            sessions = list(self._sessions)
        for session in sessions:
            session.close()
        self._catalog.close()

    def _forget(self, session: SailSession) -> None:
        with self._lock:
            self._sessions.discard(session)


def _prepare() -> None:
    with contextlib.suppress(EngineUnavailable):  # the first session will say so
        warm_up()
