"""What one test's faults, sessions and batches came to, kept up event by event, however long the test is."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from fakelivy.journal import (
    BatchForgotten,
    BatchMoved,
    Entry,
    FaultArmed,
    FaultDecision,
    HandlerError,
    HighConcurrencyMoved,
    SessionForgotten,
    SessionMoved,
)
from fakelivy.machines import ACTIVE, FINISHED, HIGH_CONCURRENCY


class Ledger:
    """Listens to a journal. What is older than the ledger is nobody's, and does not show in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: list[HandlerError] = []
        self._faults: dict[str, int] = {}
        self._sessions: dict[str, str] = {}
        self._acquired: dict[str, str] = {}
        self._batches: dict[str, None] = {}

    def note(self, entry: Entry) -> None:
        """Take an event into account."""
        event = entry.event
        with self._lock:
            if isinstance(event, HandlerError):
                self._errors.append(event)
            elif isinstance(event, FaultArmed):
                self._faults.setdefault(event.fault, 0)
            elif isinstance(event, FaultDecision):
                if event.fired and event.fault in self._faults:
                    self._faults[event.fault] += 1
            elif isinstance(event, SessionMoved):
                if event.before is None or event.session in self._sessions:
                    self._sessions[event.session] = event.after
                if event.after in FINISHED:
                    self._release_all(event.session)
            elif isinstance(event, SessionForgotten):
                self._sessions.pop(event.session, None)
                self._release_all(event.session)
            elif isinstance(event, HighConcurrencyMoved):
                if event.after in HIGH_CONCURRENCY.terminal:
                    self._acquired.pop(event.id, None)
                elif event.before is None:
                    self._acquired[event.id] = event.session
            elif isinstance(event, BatchMoved):
                self._batches[event.batch] = None
            elif isinstance(event, BatchForgotten):
                self._batches.pop(event.batch, None)

    @property
    def errors(self) -> Sequence[HandlerError]:
        """The server's own bugs."""
        with self._lock:
            return list(self._errors)

    @property
    def faults(self) -> Sequence[str]:
        """The faults that came into force."""
        with self._lock:
            return list(self._faults)

    @property
    def never_fired(self) -> Sequence[str]:
        """The faults that came into force and struck nobody."""
        with self._lock:
            return [fault for fault, count in self._faults.items() if count == 0]

    @property
    def live_sessions(self) -> Sequence[str]:
        """The sessions that began and have not ended."""
        with self._lock:
            return [session for session, state in self._sessions.items() if state in ACTIVE - FINISHED]

    @property
    def acquired(self) -> Sequence[str]:
        """The high-concurrency sessions that were acquired, neither released nor ended with their Livy session."""
        with self._lock:
            return list(self._acquired)

    @property
    def batches(self) -> Sequence[str]:
        """The batches that are still known."""
        with self._lock:
            return list(self._batches)

    def _release_all(self, session: str) -> None:
        self._acquired = {key: owner for key, owner in self._acquired.items() if owner != session}
