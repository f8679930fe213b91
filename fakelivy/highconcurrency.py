"""High-concurrency sessions of Fabric: a REPL each, packed into few Livy sessions (contract 2.5)."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fakelivy.clock import Clock
from fakelivy.errors import Problem, Refused
from fakelivy.ids import Ids
from fakelivy.journal import HighConcurrencyMoved, Journal
from fakelivy.knobs import Knobs
from fakelivy.machines import ACCEPTING, HIGH_CONCURRENCY, SESSION
from fakelivy.orders import NONE, Orders
from fakelivy.repls import Repls, ReplView
from fakelivy.store import Store

_Key = tuple[str, str, tuple[tuple[str, str], ...]]

_ENDS = {"killed": "Killed", "dead": "Dead", "gone": "Dead", "shutting_down": "Dead", "error": "Failed"}
"""What the end of the Livy session, or of the REPL in it, makes of its high-concurrency sessions."""


@dataclass(frozen=True)
class Acquired:
    """One high-concurrency session.

    Attributes:
        scope: the GUID of its lakehouse.
        session: the Livy session its REPL is in.
        state: a state of ``machines.HIGH_CONCURRENCY``.
        error: what it failed of.
    """

    id: str
    scope: str
    session: str
    repl: str
    tag: str | None
    state: str
    created: dt.datetime
    error: str | None = None


class HighConcurrency:
    """All high-concurrency sessions of a server.

    Its lock is taken before the store's, and held while a session is chosen, so that REPLs asked for at one time
    share one too. Real Fabric does not promise that; see the knobs.
    """

    def __init__(self, store: Store, ids: Ids, journal: Journal, clock: Clock, knobs: Knobs) -> None:
        self._store = store
        self._repls = Repls(store)
        self._ids = ids
        self._journal = journal
        self._clock = clock
        self._knobs = knobs
        self._lock = threading.Lock()
        self._acquired: dict[str, Acquired] = {}
        self._packs: dict[str, _Key] = {}
        self._begun: dict[str, dt.datetime] = {}
        self._keys: dict[tuple[str, str], str] = {}

    def acquire(
        self, request: Mapping[str, Any], *, scope: str, lakehouse: str, orders: Orders = NONE, key: str = ""
    ) -> Acquired:
        """A new REPL, in a session of the same tag and conf that has room, or in a new one.

        A ``key`` that was given before, and whose REPL has not been released, gets that one again.

        Raises:
            Refused: as of ``Store.create``.
        """
        with self._lock:
            known = self._acquired.get(self._keys.get((scope, key), "")) if key else None
            if known:
                return self._refreshed(known)
            body = {name: value for name, value in request.items() if name not in ("sessionTag", "file")}
            tag = request.get("sessionTag")
            session = None if orders.alone else self._room(scope, tag, body)
            if session is None:
                session = self._store.create(body, scope=scope, lakehouse=lakehouse, orders=orders).id
                self._begun[session] = self._clock.now()
                if tag is not None and not orders.alone:
                    self._packs[session] = _key(scope, tag, body)
            repl = self._ids.session_guid()
            with contextlib.suppress(Refused):
                # The session may have ended since: the next look says what became of it.
                self._repls.open(session, repl)
            asked = Acquired(
                self._ids.session_guid(), scope, session, repl, tag, HIGH_CONCURRENCY.initial, self._clock.now()
            )
            self._keys[scope, key] = asked.id
            self._record(asked, None)
            return self._move(asked, "AcquiringHighConcurrencySession")

    def get(self, scope: str, key: str) -> Acquired:
        """A high-concurrency session as it is now.

        Raises:
            Refused: NO_HIGH_CONCURRENCY.
        """
        with self._lock:
            return self._refreshed(self._find(scope, key))

    def release(self, scope: str, key: str) -> None:
        """End one REPL; its neighbours go on.

        Raises:
            Refused: NO_HIGH_CONCURRENCY.
        """
        with self._lock:
            found = self._refreshed(self._find(scope, key))
            if found.state not in HIGH_CONCURRENCY.terminal:
                self._move(found, "Deleting")
            del self._acquired[found.id]
            left = self._repls.close(found.session, found.repl)
            last = left == 0 and self._knobs.hc_last_repl_delete == "teardown"
            if last:
                # Nobody is to move in while it goes down.
                self._packs.pop(found.session, None)
        if last:
            try:
                self._store.delete(scope, found.session)
            except Refused:
                return  # somebody else was faster: it is gone, as asked

    def forget_all(self) -> None:
        """Forget every high-concurrency session; the Livy sessions behind them are the store's."""
        with self._lock:
            self._acquired.clear()
            self._packs.clear()
            self._begun.clear()
            self._keys.clear()

    def _room(self, scope: str, tag: str | None, request: Mapping[str, Any]) -> str | None:
        if tag is None:
            return None
        taken: dict[str, int] = {}
        for each in self._acquired.values():
            taken[each.session] = taken.get(each.session, 0) + 1
        wanted = _key(scope, tag, request)
        for session in self._store.sessions(scope):
            alive = session.state == SESSION.initial or session.state in ACCEPTING
            age = (self._clock.now() - self._begun.get(session.id, self._clock.now())).total_seconds()
            if age < self._knobs.hc_pack_delay:
                continue
            if alive and self._packs.get(session.id) == wanted and taken.get(session.id, 0) < self._knobs.hc_max_repls:
                return session.id
        return None

    def _find(self, scope: str, key: str) -> Acquired:
        found = self._acquired.get(key)
        if found is None or found.scope != scope:
            raise Refused(Problem.NO_HIGH_CONCURRENCY, id=key)
        return found

    def _refreshed(self, acquired: Acquired) -> Acquired:
        if acquired.state in HIGH_CONCURRENCY.terminal:
            return acquired
        view = self._repls.look(acquired.session, acquired.repl)
        end = "Failed" if view.death is not None else _ENDS.get(view.session_state)
        if end:
            return self._move(acquired, end, error=_reason(view) if end == "Failed" else None)
        if view.ready and acquired.state == "AcquiringHighConcurrencySession":
            return self._move(acquired, "Idle")
        return acquired

    def _move(self, acquired: Acquired, state: str, error: str | None = None) -> Acquired:
        HIGH_CONCURRENCY.check(acquired.state, state)
        after = replace(acquired, state=state, error=error)
        self._record(after, acquired.state)
        return after

    def _record(self, acquired: Acquired, before: str | None) -> None:
        self._acquired[acquired.id] = acquired
        self._journal.add(HighConcurrencyMoved(acquired.id, acquired.session, acquired.repl, before, acquired.state))


def _key(scope: str, tag: str, request: Mapping[str, Any]) -> _Key:
    return scope, tag, tuple(sorted(request.get("conf", {}).items()))


def _reason(view: ReplView) -> str:
    return view.death or "The Spark session of this high concurrency session ended."
