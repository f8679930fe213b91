"""The sessions and statements of one dialect as the routes use them, under one lock."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from fakelivy.bodies import kind_of
from fakelivy.clock import Clock
from fakelivy.engine.port import Engine, Execution
from fakelivy.engines import Engines
from fakelivy.errors import Problem, Refused
from fakelivy.journal import HandlerError, Journal
from fakelivy.knobs import DialectKnobs, Knobs
from fakelivy.lifecycle import Lifecycle
from fakelivy.live import Live
from fakelivy.machines import ACCEPTING, ACTIVE
from fakelivy.model import Session, Statement
from fakelivy.orders import NONE, Orders


class Store:
    """Sessions and statements of one dialect.

    One lock guards everything; it is held for moments only, and never while an engine opens, cancels or closes.
    Order: this lock before the journal's. Engines call back by ``on_done``, which only wakes the pump thread, so an
    engine may hold its own locks when it calls. Nothing else moves by itself: states advance when looked at.
    """

    def __init__(
        self,
        *,
        name: str,
        engine: Engine,
        clock: Clock,
        journal: Journal,
        knobs: Knobs,
        dialect: DialectKnobs,
        new_id: Callable[[], str],
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._dialect = dialect
        self._new_id = new_id
        self._lock = threading.Lock()
        self._closed = False
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._life = Lifecycle(
            clock=clock, journal=journal, knobs=knobs, dialect=dialect, on_done=lambda: self._wake.put(True)
        )
        self._engines = Engines(
            name=name, engine=engine, clock=clock, journal=journal, life=self._life, locked=self.locked
        )
        self._pump = threading.Thread(target=self._run_pump, name=f"fakelivy-{name}-pump", daemon=True)
        self._pump.start()

    # ---- sessions

    def create(self, request: Mapping[str, Any], *, scope: str, lakehouse: str, orders: Orders = NONE) -> Session:
        """A new session; its engine opens in a thread of its own, unless that is no work.

        Raises:
            Refused: TOO_MANY_CREATING, or REJECTED for a duplicate or numeric name or a bad duration.
        """
        with self.locked():
            live = self._life.add(self._new_id(), request, scope, lakehouse, orders.start_after)
            live.reap_after = orders.reap_after
            self._engines.open(live)
            return live.session

    def sessions(self, scope: str) -> list[Session]:
        """All sessions of ``scope``, oldest first."""
        with self.locked():
            return [live.session for live in self._life.sessions.values() if live.session.scope == scope]

    def session(self, scope: str, key: str) -> Session:
        """The session with this id or, in Livy, this name.

        Raises:
            Refused: NO_SESSION.
        """
        with self.locked():
            return self._life.find(scope, key).session

    def touch(self, scope: str, key: str) -> Session:
        """The session, its idle time starting again.

        Raises:
            Refused: NO_SESSION.
        """
        with self.locked() as now:
            live = self._life.find(scope, key)
            live.interpreter.active_at = now
            return live.session

    def delete(self, scope: str, key: str) -> None:
        """Stop a session and wait until its engine has let go.

        Raises:
            Refused: NO_SESSION, or ALREADY_STOPPED when somebody else is stopping it.
        """
        self._stop(scope, key, self._dialect.deleted_view, "deleted")

    def stop(self, scope: str, key: str) -> None:
        """Stop a session as ``delete`` does, but leave it to be seen as ``dead`` until its retention is over.

        Raises:
            Refused: as of ``delete``.
        """
        self._stop(scope, key, "dead", "stopped")

    def _stop(self, scope: str, key: str, view: str, why: str) -> None:
        with self.locked():
            live = self._life.find(scope, key)
            if live.session.state == "shutting_down":
                raise Refused(Problem.ALREADY_STOPPED, id=live.session.id)
            if live.session.state in ACTIVE:
                self._life.move(live, "shutting_down", why)
                self._life.doom(live)
        # The engine has been closed on the way out, without the lock.
        with self.locked():
            self._life.end(live, view, why)

    # ---- statements

    def submit(
        self,
        scope: str,
        key: str,
        *,
        code: str,
        kind: str | None,
        repl: str | None = None,
        orders: Orders = NONE,
    ) -> Statement:
        """Queue a statement; the answer is the statement as it was queued.

        Raises:
            Refused: NO_SESSION, NO_REPL, NOT_RUNNING, or NO_KIND when it has no kind that exists.
        """
        with self.locked() as now:
            live = self._life.find(scope, key)
            if live.session.state not in ACCEPTING:
                raise Refused(Problem.NOT_RUNNING, state=live.session.state)
            interpreter = live.speaker(repl)
            if interpreter.engine is None:
                raise Refused(Problem.NOT_RUNNING, state="error" if interpreter.death else "starting")
            known = kind_of(kind or live.session.kind)
            if known is None:
                raise Refused(Problem.NO_KIND, text=f"Invalid kind: {kind}")
            if known == "shared":
                text = "Code type should be specified if session kind is shared"
                raise Refused(Problem.NO_KIND, text=text)
            statement = interpreter.submit(code, known, now, orders)
            interpreter.active_at = now
            self._life.refresh(live, now)
            return statement

    def statements(self, scope: str, key: str, repl: str | None = None) -> list[Statement]:
        """The statements a session remembers, oldest first.

        Raises:
            Refused: NO_SESSION, NOT_ACTIVE, NO_REPL.
        """
        with self.locked():
            return list(self._life.readable(scope, key).speaker(repl).statements.values())

    def statement(self, scope: str, key: str, number: int, repl: str | None = None) -> Statement:
        """One statement.

        Raises:
            Refused: NO_SESSION, NOT_ACTIVE, NO_REPL, NO_STATEMENT.
        """
        with self.locked():
            found = self._life.readable(scope, key).speaker(repl).statements.get(number)
            if found is None:
                raise Refused(Problem.NO_STATEMENT, id=number)
            return found

    def cancel(self, scope: str, key: str, number: int, repl: str | None = None) -> bool:
        """Cancel a statement if it waits or runs; whether there is such a statement at all.

        Raises:
            Refused: NO_SESSION, NOT_ACTIVE, NO_REPL.
        """
        execution: Execution | None
        with self.locked() as now:
            live = self._life.readable(scope, key)
            interpreter = live.speaker(repl)
            interpreter.active_at = now
            found = number in interpreter.statements
            execution = interpreter.cancel(number, now)
            self._life.refresh(live, now)
        if execution:
            execution.cancel()
        return found

    def likeness(self, session_id: str, number: str | None, repl: str | None) -> object:
        """What a session was made with, and what a statement of it says, as far as they are known. A look that nobody
        notices."""
        with self._lock:
            live = self._life.named(session_id)
            if live is None:
                return None
            spoken = live.interpreter if repl is None else live.repls.get(repl.lower())
            known = spoken is not None and number is not None and number.isascii() and number.isdigit()
            statement = spoken.statements.get(int(number or 0)) if spoken and known and len(number or "") < 10 else None
            return [live.session.request, statement.code if statement else None]

    # ---- misfortune

    def break_session(self, session_id: str, state: str) -> bool:
        """Have a live session end up in ``state``, or be ``gone``; whether there was one to break."""
        with self.locked():
            return self._life.broken(session_id, state)

    def evict(self, session_id: str, number: int, repl: str | None = None) -> bool:
        """Forget a statement, whatever it does; whether there was one."""
        with self.locked():
            live = self._life.named(session_id)
            return live is not None and live.speaker(repl).statements.pop(number, None) is not None

    def forget_all(self, why: str) -> None:
        """End and forget every session."""
        with self.locked():
            self._life.wipe(why)

    def recover(self, after: float) -> None:
        """Sessions show ``recovering`` for ``after`` seconds, as after a restart of the server; their work goes on."""
        with self.locked() as now:
            self._life.recover(now, after)

    # ---- for REPLs

    @contextmanager
    def locked(self) -> Iterator[float]:
        """Hold the lock, everything brought up to now; afterwards, close what has no session any more."""
        try:
            with self._lock:
                now = self._clock.monotonic()
                self._life.advance(now)
                yield now
        finally:
            self._engines.bury()

    def live(self, session_id: str) -> Live | None:
        """A session from inside. Only under the lock."""
        return self._life.sessions.get(session_id)

    def add_repl(self, live: Live, repl: str) -> None:
        """Give a session one more interpreter, whose engine opens as soon as the session's own has. Only under the
        lock."""
        live.repls[repl] = self._life.interpreter(f"{live.session.id}/{repl}", live.session.request)
        self._engines.open_repl(live, repl)

    def drop_repl(self, live: Live, repl: str) -> None:
        """End an interpreter. Only under the lock."""
        interpreter = live.repls.pop(repl, None)
        if interpreter:
            self._life.discard(interpreter)

    # ---- threads

    def close(self) -> None:
        """End every session and thread. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            openers = self._engines.close()
            for live in self._life.sessions.values():
                self._life.doom(live)
        self._wake.put(False)
        self._engines.bury()
        for thread in (*openers, self._pump):
            thread.join(timeout=30)

    def _run_pump(self) -> None:
        # Starts the next statement of a session when an engine says that one ended: nobody may be looking.
        while self._wake.get():
            try:
                with self.locked():
                    pass
            except Exception:  # noqa: BLE001  # the pump must outlive a bug; the journal tells of it
                self._journal.add(HandlerError("pump", traceback.format_exc()))
