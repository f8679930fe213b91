"""The REPLs inside Livy sessions: interpreters side by side in one application (contract 2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from fakelivy.errors import Problem, Refused
from fakelivy.machines import ACCEPTING
from fakelivy.store import Store


@dataclass(frozen=True)
class ReplView:
    """A REPL from outside: the state of its session, whether it takes statements, and what it died of."""

    session_state: str
    ready: bool
    death: str | None


class Repls:
    """REPLs by the ids of their session and their own; what they say goes through the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, session_id: str, repl: str) -> None:
        """Give a session one more interpreter; its engine opens in a thread of its own.

        Raises:
            Refused: NO_SESSION.
        """
        with self._store.locked() as now:
            live = self._store.live(session_id)
            if live is None or not live.habitable:
                raise Refused(Problem.NO_SESSION, id=session_id)
            live.interpreter.active_at = now
            self._store.add_repl(live, repl)

    def look(self, session_id: str, repl: str) -> ReplView:
        """What has become of a REPL; ``gone`` when its session has none of this id."""
        with self._store.locked():
            live = self._store.live(session_id)
            interpreter = live.repls.get(repl) if live else None
            if live is None or interpreter is None:
                return ReplView("gone", False, None)
            ready = interpreter.engine is not None and live.session.state in ACCEPTING
            return ReplView(live.session.state, ready, interpreter.death)

    def close(self, session_id: str, repl: str) -> int:
        """End one REPL; how many its session has left."""
        with self._store.locked() as now:
            live = self._store.live(session_id)
            if live is None:
                return 0
            if repl in live.repls:
                self._store.drop_repl(live, repl)
                # The others' work is not to be forgotten with this one's.
                live.interpreter.active_at = now
            return len(live.repls)
