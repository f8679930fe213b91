"""The sessions of one dialect: how they are born, found, used, reaped and forgotten."""

from __future__ import annotations

import dataclasses
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Any

from fakelivy.bodies import kind_of, seconds
from fakelivy.clock import Clock, Joinable
from fakelivy.engine.port import Engine, EngineSession, EngineUnavailable, Execution, SessionSpec
from fakelivy.errors import Problem, Refused
from fakelivy.interpreter import SEE_JOURNAL, Interpreter
from fakelivy.journal import HandlerError, Journal, SessionForgotten, SessionMoved
from fakelivy.knobs import DialectKnobs, Knobs
from fakelivy.machines import ACCEPTING, ACTIVE, FINISHED, SESSION
from fakelivy.model import Session, Statement


@dataclasses.dataclass
class _Live:
    """A session and what clients do not see of it. Touched only under the store's lock."""

    session: Session
    interpreter: Interpreter
    born_at: float
    beat_at: float
    finished_at: float | None = None
    starts_at: float = 0.0
    opened: tuple[str, str, list[str]] | None = None
    repls: dict[str, Interpreter] = dataclasses.field(default_factory=dict)

    @property
    def interpreters(self) -> tuple[Interpreter, ...]:
        return (self.interpreter, *self.repls.values())


@dataclasses.dataclass(frozen=True)
class ReplView:
    """A REPL from outside: the state of its session, whether it takes statements, and what it died of."""

    session_state: str
    ready: bool
    death: str | None


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
        self._name = name
        self._engine = engine
        self._clock = clock
        self._journal = journal
        self._knobs = knobs
        self._dialect = dialect
        self._new_id = new_id
        self._lock = threading.Lock()
        self._sessions: dict[str, _Live] = {}
        self._doomed: deque[EngineSession] = deque()
        self._openers: dict[str, Joinable] = {}
        self._closed = False
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._pump = threading.Thread(target=self._run_pump, name=f"fakelivy-{name}-pump", daemon=True)
        self._pump.start()

    # ---- sessions

    def create(self, request: Mapping[str, Any], *, scope: str, lakehouse: str, start_after: float = 0.0) -> Session:
        """A new session, ``starting`` for ``start_after`` seconds at least; the engine opens in a thread of its own.

        Raises:
            Refused: TOO_MANY_CREATING, or REJECTED for a duplicate or numeric name or a bad duration.
        """
        with self._locked() as now:
            session_id = self._new_id()
            self._check_new(session_id, request)
            session = Session(
                id=session_id,
                scope=scope,
                lakehouse=lakehouse,
                request=request,
                state=SESSION.initial,
                entered={SESSION.initial: self._clock.now()},
                log=("stdout: ", "\nstderr: "),
            )
            interpreter = self._interpreter(session_id, request)
            live = _Live(session, interpreter, born_at=now, beat_at=now, starts_at=now + start_after)
            self._sessions[session_id] = live
            self._journal.add(SessionMoved(session_id, None, session.state, "created"))
            self._begin_opening(session_id, self._open, live)
            return session

    def sessions(self, scope: str) -> list[Session]:
        """All sessions of ``scope``, oldest first."""
        with self._locked():
            return [live.session for live in self._sessions.values() if live.session.scope == scope]

    def session(self, scope: str, key: str) -> Session:
        """The session with this id or, in Livy, this name.

        Raises:
            Refused: NO_SESSION.
        """
        with self._locked():
            return self._find(scope, key).session

    def touch(self, scope: str, key: str) -> Session:
        """The session, its idle time starting again.

        Raises:
            Refused: NO_SESSION.
        """
        with self._locked() as now:
            live = self._find(scope, key)
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
        with self._locked():
            live = self._find(scope, key)
            if live.session.state == "shutting_down":
                raise Refused(Problem.ALREADY_STOPPED, id=live.session.id)
            if live.session.state in ACTIVE:
                self._move(live, "shutting_down", why)
                self._doom(live)
        # The engine has been closed on the way out, without the lock.
        with self._locked():
            self._end(live, view, why)

    # ---- REPLs

    def open_repl(self, session_id: str, repl: str) -> None:
        """Give a session one more interpreter; its engine opens in a thread of its own.

        Raises:
            Refused: NO_SESSION.
        """
        with self._locked() as now:
            live = self._sessions.get(session_id)
            if live is None or not _habitable(live):
                raise Refused(Problem.NO_SESSION, id=session_id)
            name = f"{session_id}/{repl}"
            live.repls[repl] = self._interpreter(name, live.session.request)
            live.interpreter.active_at = now
            # Until the session's own engine is there, its opener will see to the REPLs that wait.
            if live.interpreter.engine:
                self._begin_opening(name, self._open_repl, live, repl, live.interpreter.engine)

    def repl(self, session_id: str, repl: str) -> ReplView:
        """What has become of a REPL; ``gone`` when its session has none of this id."""
        with self._locked():
            live = self._sessions.get(session_id)
            interpreter = live.repls.get(repl) if live else None
            if live is None or interpreter is None:
                return ReplView("gone", False, None)
            ready = interpreter.engine is not None and live.session.state in ACCEPTING
            return ReplView(live.session.state, ready, interpreter.death)

    def close_repl(self, session_id: str, repl: str) -> int:
        """End one REPL; how many its session has left."""
        with self._locked() as now:
            live = self._sessions.get(session_id)
            if live is None:
                return 0
            interpreter = live.repls.pop(repl, None)
            if interpreter:
                self._discard(interpreter)
                # The others' work is not to be forgotten with this one's.
                live.interpreter.active_at = now
            return len(live.repls)

    # ---- statements

    def submit(
        self, scope: str, key: str, *, code: str, kind: str | None, repl: str | None = None, lose: bool = False
    ) -> Statement:
        """Queue a statement, or with ``lose`` only say so; the answer is the statement as it was queued.

        Raises:
            Refused: NO_SESSION, NO_REPL, NOT_RUNNING, or NO_KIND when it has no kind that exists.
        """
        with self._locked() as now:
            live = self._find(scope, key)
            if live.session.state not in ACCEPTING:
                raise Refused(Problem.NOT_RUNNING, state=live.session.state)
            interpreter = _speaker(live, repl)
            if interpreter.engine is None:
                raise Refused(Problem.NOT_RUNNING, state="error" if interpreter.death else "starting")
            known = kind_of(kind or live.session.kind)
            if known is None:
                raise Refused(Problem.NO_KIND, text=f"Invalid kind: {kind}")
            if known == "shared":
                text = "Code type should be specified if session kind is shared"
                raise Refused(Problem.NO_KIND, text=text)
            statement = interpreter.submit(code, known, now, lose=lose)
            interpreter.active_at = now
            self._refresh(live, now)
            return statement

    def statements(self, scope: str, key: str, repl: str | None = None) -> list[Statement]:
        """The statements a session remembers, oldest first.

        Raises:
            Refused: NO_SESSION, NOT_ACTIVE.
        """
        with self._locked():
            return list(_speaker(self._readable(scope, key), repl).statements.values())

    def statement(self, scope: str, key: str, number: int, repl: str | None = None) -> Statement:
        """One statement.

        Raises:
            Refused: NO_SESSION, NOT_ACTIVE, NO_STATEMENT.
        """
        with self._locked():
            found = _speaker(self._readable(scope, key), repl).statements.get(number)
            if found is None:
                raise Refused(Problem.NO_STATEMENT, id=number)
            return found

    def cancel(self, scope: str, key: str, number: int, repl: str | None = None) -> bool:
        """Cancel a statement if it waits or runs; whether there is such a statement at all.

        Raises:
            Refused: NO_SESSION, NOT_ACTIVE.
        """
        execution: Execution | None
        with self._locked() as now:
            live = self._readable(scope, key)
            interpreter = _speaker(live, repl)
            interpreter.active_at = now
            found = number in interpreter.statements
            execution = interpreter.cancel(number, now)
            self._refresh(live, now)
        if execution:
            execution.cancel()
        return found

    # ---- misfortune

    def break_session(self, session_id: str, state: str) -> bool:
        """Have a live session end up in ``state``, or be ``gone``; whether there was one to break."""
        with self._locked():
            live = self._sessions.get(session_id) or self._sessions.get(session_id.lower())
            if live is None or live.session.state not in ACTIVE - {"error"}:
                return False
            self._move(live, "dead" if state == "gone" else state, "fault")
            self._doom(live)
            if state == "gone":
                self._forget(live, "fault")
            return True

    def evict(self, session_id: str, number: int) -> bool:
        """Forget a statement, whatever it does; whether there was one."""
        with self._locked():
            live = self._sessions.get(session_id) or self._sessions.get(session_id.lower())
            return live is not None and live.interpreter.statements.pop(number, None) is not None

    def forget_all(self, why: str) -> None:
        """End and forget every session."""
        with self._locked():
            for live in list(self._sessions.values()):
                if live.session.state in ACTIVE:
                    self._move(live, "shutting_down", why)
                self._doom(live)
                self._forget(live, why)

    # ---- threads

    def close(self) -> None:
        """End every session and thread. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            openers = list(self._openers.values())
            for live in self._sessions.values():
                self._doom(live)
        self._wake.put(False)
        self._bury()
        for thread in (*openers, self._pump):
            thread.join(timeout=30)

    def _run_pump(self) -> None:
        # Starts the next statement of a session when an engine says that one ended: nobody may be looking.
        while self._wake.get():
            try:
                with self._locked():
                    pass
            except Exception:  # noqa: BLE001  # the pump must outlive a bug; the journal tells of it
                self._journal.add(HandlerError("pump", traceback.format_exc()))

    def _begin_opening(self, name: str, target: Callable[..., None], *args: object) -> None:
        self._openers[name] = self._clock.spawn(f"fakelivy-{self._name}-open-{name}", partial(target, *args))

    def _open_repl(self, live: _Live, repl: str, base: EngineSession) -> None:
        session = live.session
        name = f"{session.id}/{repl}"
        engine: EngineSession | None = None
        death: str | None = None
        try:
            engine = base.sibling(SessionSpec(name, session.lakehouse, session.request.get("conf", {})))
        except EngineUnavailable as error:
            death = str(error)
        except Exception as error:  # noqa: BLE001  # a bug of the engine ends its REPL, not this server
            self._journal.add(HandlerError(f"opening REPL {name}", traceback.format_exc()))
            death = f"{type(error).__name__}: {SEE_JOURNAL}"
        with self._locked() as now:
            self._openers.pop(name, None)
            interpreter = live.repls.get(repl)
            if interpreter and not self._closed and _habitable(live):
                interpreter.engine, interpreter.death, interpreter.active_at = engine, death, now
            elif engine:
                self._doomed.append(engine)

    def _open(self, live: _Live) -> None:
        session = live.session
        spec = SessionSpec(session.id, session.lakehouse, session.request.get("conf", {}))
        engine: EngineSession | None = None
        state, why, lines = "idle", "engine ready", list[str]()
        try:
            engine = self._engine.open(spec)
        except EngineUnavailable as error:
            state, why, lines = "dead", "engine unavailable", str(error).splitlines()
        except Exception as error:  # noqa: BLE001  # a bug of the engine ends its session, not this server
            self._journal.add(HandlerError(f"opening session {session.id}", traceback.format_exc()))
            state, why, lines = "error", "start failed", [f"{type(error).__name__}: {SEE_JOURNAL}"]
        with self._locked() as now:
            self._openers.pop(session.id, None)
            live.interpreter.engine = engine
            if self._closed or live.session.state != "starting":
                self._doom(live)
                return
            if engine:
                for repl in live.repls:
                    self._begin_opening(f"{session.id}/{repl}", self._open_repl, live, repl, engine)
            live.opened = (state, why, lines)
            self._refresh(live, now)

    @contextmanager
    def _locked(self) -> Iterator[float]:
        """Hold the lock, everything brought up to now; afterwards, close what has no session any more."""
        try:
            with self._lock:
                now = self._clock.monotonic()
                for live in list(self._sessions.values()):
                    self._refresh(live, now)
                    self._expire(live, now)
                yield now
        finally:
            self._bury()

    def _bury(self) -> None:
        while self._doomed:
            try:
                engine = self._doomed.popleft()
            except IndexError:  # another thread was faster
                return
            engine.close()

    # ---- under the lock

    def _check_new(self, session_id: str, request: Mapping[str, Any]) -> None:
        sessions = [live.session for live in self._sessions.values()]
        if sum(session.state == "starting" for session in sessions) >= self._knobs.max_creating:
            raise Refused(Problem.TOO_MANY_CREATING)
        name = request.get("name")
        if self._dialect.unique_names and name is not None:
            if name.isdigit():
                raise Refused(Problem.REJECTED, text=f"Invalid session name: {name}")
            if any(session.name == name for session in sessions):
                reason = f"Duplicate session name: Some({name}) for session {session_id}"
                raise Refused(Problem.REJECTED, text=reason)
        for field in ("ttl", "idleTimeout"):
            duration = request.get(field)
            if duration is not None and seconds(duration) is None:
                raise Refused(Problem.REJECTED, text=f"Invalid time string: {duration}")

    def _find(self, scope: str, key: str) -> _Live:
        live = self._sessions.get(key)
        if live is None and self._dialect.unique_names:
            live = next((each for each in self._sessions.values() if each.session.name == key), None)
        if live is None or live.session.scope != scope:
            raise Refused(Problem.NO_SESSION, id=key)
        # Any look at a session is a sign of life of its client (Livy source).
        live.beat_at = self._clock.monotonic()
        return live

    def _readable(self, scope: str, key: str) -> _Live:
        live = self._find(scope, key)
        if live.session.state not in ACTIVE:
            raise Refused(Problem.NOT_ACTIVE)
        return live

    def _refresh(self, live: _Live, now: float) -> None:
        """Let the interpreter go on, and show in the session's state what it does."""
        if live.session.state == "starting" and live.opened and now >= live.starts_at:
            state, why, lines = live.opened
            live.interpreter.active_at = now
            self._log(live, lines)
            self._move(live, state, why)
        if live.session.state not in ACCEPTING:
            return
        if live.session.state == "idle" and any(each.busy for each in live.interpreters):
            self._move(live, "busy", "work queued")
        for interpreter in live.interpreters:
            interpreter.advance(now)
            if interpreter.death is not None:
                self._discard(interpreter)
        if live.interpreter.death is not None:
            self._log(live, live.interpreter.death.splitlines())
            self._move(live, "error", "interpreter died")
            self._doom(live)
        elif live.session.state == "busy" and not any(each.busy for each in live.interpreters):
            self._move(live, "idle", "queue empty")

    def _expire(self, live: _Live, now: float) -> None:
        """Reap a session nobody uses, forget one that ended long ago."""
        if live.finished_at is not None:
            if now - live.finished_at >= self._knobs.session_retention:
                self._forget(live, "retention over")
            return
        request = live.session.request
        idle = seconds(request.get("idleTimeout", "")) or self._dialect.idle_timeout
        ttl = seconds(request.get("ttl", "")) or self._dialect.ttl
        limits = (
            ("ttl over", ttl, live.born_at, ACCEPTING),
            ("no heartbeat", request.get("heartbeatTimeoutInSecond"), live.beat_at, ACCEPTING),
            ("idle too long", idle, self._active_at(live), ACCEPTING if self._dialect.reap_busy else {"idle"}),
        )
        for why, limit, since, reapable in limits:
            if limit and limit > 0 and live.session.state in reapable and now - since >= limit:
                self._move(live, "shutting_down", why)
                self._end(live, self._dialect.reaped_view, why)
                return

    def _active_at(self, live: _Live) -> float:
        return max(each.active_at for each in live.interpreters)

    def _end(self, live: _Live, view: str, why: str) -> None:
        """The last state of a session that was stopped, or its disappearance."""
        self._doom(live)
        if live.session.state == "shutting_down":
            self._move(live, "dead" if view == "gone" else view, why)
        if view == "gone":
            self._forget(live, why)

    def _forget(self, live: _Live, why: str) -> None:
        if self._sessions.pop(live.session.id, None):
            self._journal.add(SessionForgotten(live.session.id, why))

    def _doom(self, live: _Live) -> None:
        """Have the engine's session closed as soon as the lock is free."""
        for interpreter in live.interpreters:
            self._discard(interpreter)

    def _discard(self, interpreter: Interpreter) -> None:
        if interpreter.engine:
            self._doomed.append(interpreter.engine)
            interpreter.engine = None

    def _interpreter(self, name: str, request: Mapping[str, Any]) -> Interpreter:
        return Interpreter(
            name,
            clock=self._clock,
            journal=self._journal,
            knobs=self._knobs,
            dialect=self._dialect,
            max_rows=_row_limit(request) or self._knobs.max_rows,
            on_done=lambda: self._wake.put(True),
        )

    def _move(self, live: _Live, state: str, why: str) -> None:
        before = live.session.state
        SESSION.check(before, state)
        entered = {**live.session.entered, state: self._clock.now()}
        live.session = dataclasses.replace(live.session, state=state, entered=entered)
        if state in FINISHED:
            live.finished_at = self._clock.monotonic()
        self._journal.add(SessionMoved(live.session.id, before, state, why))

    def _log(self, live: _Live, lines: list[str]) -> None:
        log = (*live.session.log, *lines)[-self._knobs.log_lines :]
        live.session = dataclasses.replace(live.session, log=log)


def _habitable(live: _Live) -> bool:
    """Whether a REPL may live in this session."""
    return live.session.state == SESSION.initial or live.session.state in ACCEPTING


def _speaker(live: _Live, repl: str | None) -> Interpreter:
    """The session's own interpreter, or that of one of its REPLs."""
    if repl is None:
        return live.interpreter
    if repl not in live.repls:
        raise Refused(Problem.NO_REPL, id=repl)
    return live.repls[repl]


def _row_limit(request: Mapping[str, Any]) -> int | None:
    """The rows a session wants of each result, through its conf (Livy source)."""
    text = request.get("conf", {}).get("livy.rsc.sql.num-rows", "")
    return int(text) if text.isascii() and text.isdigit() else None
