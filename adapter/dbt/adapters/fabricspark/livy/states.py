"""The states of sessions and statements, as this client understands them.

Kept apart from the fake server's tables on purpose: shared code would share the bug. A contract test compares the
two. Sources: Apache Livy's ``SessionState.scala`` and ``StatementState.java``, Fabric's Livy swagger.
"""

from __future__ import annotations

from enum import Enum


class SessionPhase(Enum):
    """What a session's state means for someone who wants to use it."""

    COMING = "coming"
    READY = "ready"
    ENDED = "ended"


SESSION_PHASES: dict[str, SessionPhase] = {
    "not_started": SessionPhase.COMING,
    "not_submitted": SessionPhase.COMING,
    "submitting": SessionPhase.COMING,
    "starting": SessionPhase.COMING,
    "recovering": SessionPhase.COMING,
    "running": SessionPhase.COMING,
    "idle": SessionPhase.READY,
    "busy": SessionPhase.READY,
    "shutting_down": SessionPhase.ENDED,
    "error": SessionPhase.ENDED,
    "dead": SessionPhase.ENDED,
    "killed": SessionPhase.ENDED,
    "success": SessionPhase.ENDED,
}


class StatementPhase(Enum):
    """What a statement's state means for someone who waits for it."""

    PENDING = "pending"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


STATEMENT_PHASES: dict[str, StatementPhase] = {
    "waiting": StatementPhase.PENDING,
    "running": StatementPhase.PENDING,
    "available": StatementPhase.FINISHED,
    # Livy documents it, its code never sends it, Fabric spells it "Error" (contract F27).
    "error": StatementPhase.FAILED,
    "cancelling": StatementPhase.CANCELLED,
    "cancelled": StatementPhase.CANCELLED,
}


def session_phase(state: str) -> SessionPhase:
    """The phase of a session; a state nobody has heard of is one to wait through, not to fail on (F48)."""
    return SESSION_PHASES.get(state.lower(), SessionPhase.COMING)


def statement_phase(state: str) -> StatementPhase:
    """The phase of a statement; an unknown state is waited through."""
    return STATEMENT_PHASES.get(state.lower(), StatementPhase.PENDING)
