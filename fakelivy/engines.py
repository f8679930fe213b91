"""The engines of one dialect's sessions: opened in threads of their own, closed when nobody holds the lock."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from fakelivy.clock import Clock, Joinable, ManualClock, SystemClock
from fakelivy.engine.port import Engine, EngineSession, EngineUnavailable, SessionSpec
from fakelivy.interpreter import SEE_JOURNAL, Interpreter
from fakelivy.journal import HandlerError, Journal
from fakelivy.lifecycle import Lifecycle
from fakelivy.live import Live, Outcome
from fakelivy.model import Session

_READY: Outcome = ("idle", "engine ready", ())
"""What becomes of a session whose engine has opened."""


class Engines:
    """Opens and closes engines for the store, whose lock guards everything here too.

    Args:
        name: of the dialect, for the names of threads.
        life: the sessions.
        locked: holds the store's lock.
    """

    def __init__(
        self,
        *,
        name: str,
        engine: Engine,
        clock: Clock,
        journal: Journal,
        life: Lifecycle,
        locked: Callable[[], AbstractContextManager[float]],
    ) -> None:
        self._name = name
        self._engine = engine
        self._clock = clock
        self._journal = journal
        self._life = life
        self._locked = locked
        # No thread where there is no work, so no race; but a clock that runs the threads wants them all.
        self._inline = engine.instant and isinstance(clock, (ManualClock, SystemClock))
        self._openers: dict[str, Joinable] = {}
        self._closed = False

    def open(self, live: Live) -> None:
        """Have a new session's engine opened. Only under the lock."""
        if self._inline:
            live.interpreter.engine = self._engine.open(_spec(live.session.id, live.session))
            live.opened = _READY
        else:
            self._begin(live.session.id, self._open, live)

    def open_repl(self, live: Live, repl: str) -> None:
        """Have a new REPL's engine opened, as soon as its session's is open. Only under the lock."""
        base = live.interpreter.engine
        if base and self._inline:
            live.repls[repl].engine = base.sibling(_spec(live.repls[repl].name, live.session))
        elif base:
            self._begin(f"{live.session.id}/{repl}", self._open_repl, live, repl, base)

    def bury(self) -> None:
        """Close the engines that nobody needs any more. Never under the lock."""
        while self._life.doomed:
            try:
                engine = self._life.doomed.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                engine.close()
            except Exception:  # noqa: BLE001  # a bug of the engine must not keep its session from ending
                self._journal.add(HandlerError("closing an engine", traceback.format_exc()))

    def close(self) -> list[Joinable]:
        """Open no more; the threads that still open something. Only under the lock."""
        self._closed = True
        return list(self._openers.values())

    # ---- threads

    def _begin(self, name: str, target: Callable[..., None], *args: object) -> None:
        self._openers[name] = self._clock.spawn(f"fakelivy-{self._name}-open-{name}", partial(target, *args))

    def _open(self, live: Live) -> None:
        session = live.session
        engine: EngineSession | None = None
        outcome = _READY
        try:
            engine = self._engine.open(_spec(session.id, session))
        except EngineUnavailable as error:
            outcome = "dead", "engine unavailable", str(error).splitlines()
        except Exception as error:  # noqa: BLE001  # a bug of the engine ends its session, not this server
            self._journal.add(HandlerError(f"opening session {session.id}", traceback.format_exc()))
            outcome = "error", "start failed", [f"{type(error).__name__}: {SEE_JOURNAL}"]
        with self._locked() as now:
            self._openers.pop(session.id, None)
            live.interpreter.engine = engine
            if self._closed or live.session.state != "starting":
                self._life.doom(live)
                return
            for repl in live.repls:
                self.open_repl(live, repl)
            live.opened = outcome
            self._life.refresh(live, now)

    def _open_repl(self, live: Live, repl: str, base: EngineSession) -> None:
        name = f"{live.session.id}/{repl}"
        engine: EngineSession | None = None
        death: str | None = None
        try:
            engine = base.sibling(_spec(name, live.session))
        except EngineUnavailable as error:
            death = str(error)
        except Exception as error:  # noqa: BLE001  # a bug of the engine ends its REPL, not this server
            self._journal.add(HandlerError(f"opening REPL {name}", traceback.format_exc()))
            death = f"{type(error).__name__}: {SEE_JOURNAL}"
        with self._locked() as now:
            self._openers.pop(name, None)
            interpreter: Interpreter | None = live.repls.get(repl)
            if interpreter and not self._closed and live.habitable:
                interpreter.engine, interpreter.death, interpreter.active_at = engine, death, now
            elif engine:
                self._life.doomed.append(engine)


def _spec(name: str, session: Session) -> SessionSpec:
    return SessionSpec(name, session.lakehouse, session.request.get("conf", {}))
