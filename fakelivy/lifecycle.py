"""The rules by which sessions live: how they move on when looked at, are reaped, break and end."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fakelivy.bodies import seconds
from fakelivy.clock import Clock
from fakelivy.engine.port import EngineSession
from fakelivy.errors import Problem, Refused
from fakelivy.interpreter import Interpreter
from fakelivy.journal import Journal, SessionForgotten, SessionMoved
from fakelivy.knobs import DialectKnobs, Knobs
from fakelivy.live import Live, row_limit
from fakelivy.machines import ACCEPTING, ACTIVE, FINISHED, SESSION
from fakelivy.model import Session


class Lifecycle:
    """The sessions of one dialect. Not locked: the store calls it under its own lock.

    Attributes:
        sessions: by id, oldest first.
        doomed: engine sessions that nobody needs any more; whoever has let go of the lock closes them.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Journal,
        knobs: Knobs,
        dialect: DialectKnobs,
        on_done: Callable[[], None],
    ) -> None:
        self.sessions: dict[str, Live] = {}
        self.doomed: deque[EngineSession] = deque()
        self._clock = clock
        self._journal = journal
        self._knobs = knobs
        self._dialect = dialect
        self._on_done = on_done

    # ---- birth

    def add(self, session_id: str, request: Mapping[str, Any], scope: str, lakehouse: str, start_after: float) -> Live:
        """A new session.

        Raises:
            Refused: TOO_MANY_CREATING, or REJECTED for a duplicate or numeric name or a bad duration.
        """
        self._check(session_id, request)
        session = Session(
            id=session_id,
            scope=scope,
            lakehouse=lakehouse,
            request=request,
            state=SESSION.initial,
            entered={SESSION.initial: self._clock.now()},
            log=("stdout: ", "\nstderr: "),
        )
        now = self._clock.monotonic()
        interpreter = self.interpreter(session_id, request)
        live = Live(session, interpreter, born_at=now, beat_at=now, starts_at=now + start_after)
        self.sessions[session_id] = live
        self._journal.add(SessionMoved(session_id, None, session.state, "created"))
        return live

    def interpreter(self, name: str, request: Mapping[str, Any]) -> Interpreter:
        """A new interpreter for a session with this request, or for a REPL of it."""
        return Interpreter(
            name,
            clock=self._clock,
            journal=self._journal,
            knobs=self._knobs,
            dialect=self._dialect,
            max_rows=row_limit(request) or self._knobs.max_rows,
            on_done=self._on_done,
        )

    def _check(self, session_id: str, request: Mapping[str, Any]) -> None:
        sessions = [live.session for live in self.sessions.values()]
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

    # ---- life

    def find(self, scope: str, key: str) -> Live:
        """A session by id or, in Livy, by name. Any look at it is a sign of life of its client (Livy source).

        Raises:
            Refused: NO_SESSION.
        """
        live = self.sessions.get(key)
        if live is None and self._dialect.unique_names:
            live = next((each for each in self.sessions.values() if each.session.name == key), None)
        if live is None or live.session.scope != scope:
            raise Refused(Problem.NO_SESSION, id=key)
        live.beat_at = self._clock.monotonic()
        return live

    def readable(self, scope: str, key: str) -> Live:
        """A session whose statements can be read.

        Raises:
            Refused: NO_SESSION, NOT_ACTIVE.
        """
        live = self.find(scope, key)
        if live.session.state not in ACTIVE:
            raise Refused(Problem.NOT_ACTIVE)
        return live

    def advance(self, now: float) -> None:
        """Bring every session up to ``now``."""
        for live in list(self.sessions.values()):
            self.refresh(live, now)
            self._expire(live, now)

    def refresh(self, live: Live, now: float) -> None:
        """Let the interpreters go on, and show in the session's state what they do."""
        if live.session.state == "starting" and live.opened and now >= live.starts_at:
            state, why, lines = live.opened
            live.interpreter.active_at = now
            self._log(live, lines)
            self.move(live, state, why)
        if live.session.state == "recovering" and now >= live.recovers_at:
            self.move(live, "idle", "recovered")
        if live.session.state not in ACCEPTING:
            return
        if live.session.state == "idle" and live.busy:
            self.move(live, "busy", "work queued")
        for interpreter in live.interpreters:
            interpreter.advance(now)
            if interpreter.notices:
                self._log(live, interpreter.notices)
                interpreter.notices = []
            if interpreter.death is not None:
                self.discard(interpreter)
        if live.interpreter.death is not None:
            self._log(live, live.interpreter.death.splitlines())
            self.move(live, "error", "interpreter died")
            self.doom(live)
        elif live.session.state == "busy" and not live.busy:
            self.move(live, "idle", "queue empty")

    def move(self, live: Live, state: str, why: str) -> None:
        """Into another state, on record.

        Raises:
            IllegalTransition: the table does not allow it.
        """
        before = live.session.state
        SESSION.check(before, state)
        entered = {**live.session.entered, state: self._clock.now()}
        live.session = dataclasses.replace(live.session, state=state, entered=entered)
        if state in FINISHED:
            live.finished_at = self._clock.monotonic()
        self._journal.add(SessionMoved(live.session.id, before, state, why))

    def recover(self, now: float, after: float) -> None:
        """The server started anew and remembers its sessions; it finds their applications ``after`` seconds later."""
        for live in self.sessions.values():
            if live.session.state in ACCEPTING:
                live.recovers_at = now + after
                self.move(live, "recovering", "server restarted")

    def _log(self, live: Live, lines: Sequence[str]) -> None:
        log = (*live.session.log, *lines)[-self._knobs.log_lines :]
        live.session = dataclasses.replace(live.session, log=log)

    # ---- death

    def _expire(self, live: Live, now: float) -> None:
        """Reap a session nobody uses, forget one that ended long ago."""
        if live.finished_at is not None:
            if now - live.finished_at >= self._knobs.session_retention:
                self.forget(live, "retention over")
            return
        if why := live.overdue(now, self._dialect):
            self.move(live, "shutting_down", why)
            self.end(live, self._dialect.reaped_view, why)

    def end(self, live: Live, view: str, why: str) -> None:
        """The last state of a session that was stopped, or its disappearance."""
        self.doom(live)
        if live.session.state == "shutting_down":
            self.move(live, "dead" if view == "gone" else view, why)
        if view == "gone":
            self.forget(live, why)

    def wipe(self, why: str) -> None:
        """End and forget every session."""
        for live in list(self.sessions.values()):
            if live.session.state in ACTIVE:
                self.move(live, "shutting_down", why)
            self.doom(live)
            self.forget(live, why)

    def broken(self, session_id: str, state: str) -> bool:
        """Have a live session end up in ``state``, or be ``gone``; whether there was one to break."""
        live = self.named(session_id)
        if live is None or live.session.state not in ACTIVE - {"error"}:
            return False
        self.move(live, "dead" if state == "gone" else state, "fault")
        self.doom(live)
        if state == "gone":
            self.forget(live, "fault")
        return True

    def named(self, session_id: str) -> Live | None:
        """The session with this id, in whatever case a client writes it."""
        return self.sessions.get(session_id) or self.sessions.get(session_id.lower())

    def forget(self, live: Live, why: str) -> None:
        """An id stops existing. Idempotent."""
        if self.sessions.pop(live.session.id, None):
            self._journal.add(SessionForgotten(live.session.id, why))

    def doom(self, live: Live) -> None:
        """Have the session's engines closed as soon as the lock is free."""
        for interpreter in live.interpreters:
            self.discard(interpreter)

    def discard(self, interpreter: Interpreter) -> None:
        """Have one interpreter's engine closed as soon as the lock is free."""
        if interpreter.engine:
            self.doomed.append(interpreter.engine)
            interpreter.engine = None
