"""The questions a judge asks of the journal: what really happened, whatever the client believes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fakelivy.journal import (
    EarlyCall,
    Entry,
    Event,
    Execution,
    FaultArmed,
    FaultDecision,
    Journal,
    Request,
    SessionForgotten,
    SessionMoved,
    StatementMoved,
    TokenRefused,
)
from fakelivy.machines import SESSION

_OVER = SESSION.terminal
EXPIRED = frozenset({"expired", "revoked", "expired by a fault"})
"""Reasons of ``TokenRefused`` that a client could have known of."""

_WORKING = frozenset({"running", "cancelling"})


class JournalCut(RuntimeError):
    """The journal no longer has its beginning in memory, so an answer could be wrong."""


class Oracle:
    """Answers about everything up to the moment it was made.

    Args:
        journal: a server's journal, or the entries of one, such as ``fakelivy.journal.read`` finds in its file.

    Raises:
        JournalCut: the oldest entries are not in memory any more (``Journal.keep``).
    """

    def __init__(self, journal: Journal | Sequence[Entry]) -> None:
        entries = journal.entries() if isinstance(journal, Journal) else list(journal)
        if entries and entries[0].seq != 0:
            raise JournalCut(f"the journal begins at entry {entries[0].seq}; keep more, or read its file")
        self._events: list[Event] = [entry.event for entry in entries]

    def executions(self, piece: str) -> list[Execution]:
        """Every execution of code that contains ``piece``, e.g. a client's own mark: two of a write is one too many."""
        return [event for event in self._events if isinstance(event, Execution) and piece in event.code]

    def executions_by_code(self) -> Mapping[str, int]:
        """How often each piece of code was executed, to the byte."""
        return Counter(event.code for event in self._events if isinstance(event, Execution))

    def live_sessions(self) -> list[str]:
        """Sessions that were made and have not ended, oldest first: at the end of a run, the ones left behind."""
        alive: dict[str, None] = {}
        for event in self._events:
            if isinstance(event, SessionMoved) and event.after not in _OVER:
                alive[event.session] = None
            elif isinstance(event, (SessionMoved, SessionForgotten)):
                alive.pop(event.session, None)
        return list(alive)

    def peak_running(self) -> int:
        """The most statements that were running at one moment.

        A statement of a session that ended stops counting with its session.
        """
        running: set[tuple[str, int]] = set()
        peak = 0
        for event in self._events:
            if isinstance(event, StatementMoved):
                place = (event.session, event.statement)
                (running.add if event.after in _WORKING else running.discard)(place)
                peak = max(peak, len(running))
            elif isinstance(event, SessionForgotten) or (isinstance(event, SessionMoved) and event.after in _OVER):
                running = {place for place in running if place[0] != event.session}
        return peak

    def requests(self) -> Mapping[str, int]:
        """Requests per operation; those that match none count as ``no_route``."""
        return Counter(event.operation for event in self._events if isinstance(event, Request))

    def early_callers(self) -> list[EarlyCall]:
        """Calls that came before the moment a throttle had told their caller."""
        return [event for event in self._events if isinstance(event, EarlyCall)]

    def expired_callers(self) -> list[TokenRefused]:
        """Requests that showed a token which was good once: its time was over, or it was revoked."""
        refused = [event for event in self._events if isinstance(event, TokenRefused)]
        return [event for event in refused if event.why in EXPIRED]

    def fired(self) -> Mapping[str, int]:
        """How often each fault struck, the ones that never did included."""
        counts = {event.fault: 0 for event in self._events if isinstance(event, FaultArmed)}
        for event in self._events:
            if isinstance(event, FaultDecision) and event.fired:
                counts[event.fault] = counts.get(event.fault, 0) + 1
        return counts

    def never_fired(self) -> list[str]:
        """Faults that were armed and struck nobody: what they were to prove is not proven."""
        return [fault for fault, count in self.fired().items() if count == 0]
