"""The states of sessions and statements and the moves between them, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class IllegalTransition(RuntimeError):
    """A move the table does not allow: a bug of this server, never of a client."""


@dataclass(frozen=True)
class Transition:
    """One allowed move; ``event`` says why it happens, ``source`` where the fact comes from."""

    before: str
    after: str
    event: str
    source: str


@dataclass(frozen=True)
class Machine:
    """A named table of moves."""

    name: str
    initial: str
    transitions: Sequence[Transition]

    @property
    def states(self) -> frozenset[str]:
        return frozenset({t.before for t in self.transitions} | {t.after for t in self.transitions})

    @property
    def terminal(self) -> frozenset[str]:
        """States that nothing leaves."""
        return self.states - {t.before for t in self.transitions}

    def leaving_by(self, event: str) -> frozenset[str]:
        """States in which ``event`` can happen."""
        return frozenset(t.before for t in self.transitions if t.event == event)

    def check(self, before: str, after: str) -> None:
        """Raise IllegalTransition unless the table has this move."""
        if not any(t.before == before and t.after == after for t in self.transitions):
            raise IllegalTransition(f"a {self.name} does not go from {before!r} to {after!r}")


_ALIVE = ("starting", "idle", "busy", "recovering")

SESSION = Machine(
    "session",
    initial="starting",
    transitions=(
        Transition("starting", "idle", "engine ready", "Livy source"),
        Transition("starting", "dead", "engine unavailable", "Livy source"),
        Transition("starting", "error", "start failed", "Livy source"),
        Transition("idle", "busy", "work queued", "Livy source"),
        Transition("busy", "idle", "queue empty", "Livy source"),
        Transition("idle", "recovering", "server restarted", "Livy source"),
        Transition("busy", "recovering", "server restarted", "Livy source"),
        Transition("recovering", "idle", "recovered", "Livy source"),
        Transition("idle", "error", "interpreter died", "Livy source"),
        Transition("busy", "error", "interpreter died", "Livy source"),
        # Livy counts a session in `error` as active: it can still be stopped, and its statements read.
        *(Transition(state, "shutting_down", "stop", "Livy source") for state in (*_ALIVE, "error")),
        *(
            Transition(state, after, "fault", "made by a fault")
            for state in _ALIVE
            for after in ("dead", "killed", "error", "shutting_down")
        ),
        Transition("shutting_down", "dead", "stopped", "Livy source"),
        Transition("shutting_down", "killed", "stopped", "recorded from Fabric"),
    ),
)

ACTIVE = SESSION.leaving_by("stop")
"""Sessions whose statements can be read."""

ACCEPTING = frozenset({"idle", "busy"})
"""Sessions that take statements."""

FINISHED = SESSION.terminal | {"error"}
"""Sessions that are forgotten some time after they got there (``error`` only ever waits for its end)."""

STATEMENT = Machine(
    "statement",
    initial="waiting",
    transitions=(
        Transition("waiting", "running", "start", "Livy source"),
        Transition("running", "available", "end", "Livy source"),
        Transition("running", "Error", "end", "Fabric swagger"),
        Transition("waiting", "cancelled", "cancel", "Livy source"),
        Transition("running", "cancelling", "cancel", "Livy source"),
        Transition("cancelling", "cancelled", "end", "Livy source"),
    ),
)

_ACQUIRED = ("AcquiringHighConcurrencySession", "Idle")

HIGH_CONCURRENCY = Machine(
    "high-concurrency session",
    initial="NotStarted",
    transitions=(
        Transition("NotStarted", "AcquiringHighConcurrencySession", "session found", "Fabric docs"),
        Transition("AcquiringHighConcurrencySession", "Idle", "REPL ready", "Fabric docs"),
        *(Transition(state, "Failed", "REPL lost", "Fabric docs") for state in _ACQUIRED),
        *(Transition(state, "Dead", "session ended", "Fabric docs") for state in _ACQUIRED),
        *(Transition(state, "Killed", "session killed", "Fabric docs") for state in _ACQUIRED),
        *(Transition(state, "Deleting", "release", "Fabric docs") for state in _ACQUIRED),
    ),
)

BATCH = Machine(
    "batch",
    initial="starting",
    transitions=(
        Transition("starting", "running", "start", "Livy source"),
        Transition("running", "success", "end", "Livy source"),
        Transition("running", "dead", "end", "Livy source"),
        Transition("starting", "killed", "delete", "Livy source"),
        Transition("running", "killed", "delete", "Livy source"),
    ),
)

OPERATION = Machine(
    "long-running operation",
    initial="NotStarted",
    transitions=(
        Transition("NotStarted", "Running", "start", "Fabric REST specification"),
        Transition("Running", "Succeeded", "end", "Fabric REST specification"),
        Transition("Running", "Failed", "end", "Fabric REST specification"),
    ),
)

JOB = Machine(
    "job instance",
    initial="NotStarted",
    transitions=(
        Transition("NotStarted", "InProgress", "start", "Fabric REST specification"),
        Transition("InProgress", "Completed", "end", "Fabric REST specification"),
        Transition("InProgress", "Failed", "end", "Fabric REST specification"),
        Transition("NotStarted", "Cancelled", "cancel", "Fabric REST specification"),
        Transition("InProgress", "Cancelled", "cancel", "Fabric REST specification"),
        Transition("NotStarted", "Deduped", "one like it runs", "Fabric REST specification"),
    ),
)

MACHINES = (SESSION, STATEMENT, HIGH_CONCURRENCY, BATCH, OPERATION, JOB)
"""Every machine there is."""

CANCELABLE = STATEMENT.leaving_by("cancel")
