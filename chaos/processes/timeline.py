"""The timeline of a run with processes, drawn from the server's journal: lanes of operations, windows of trouble."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Literal

from fakelivy.journal import (
    Entry,
    Execution,
    FaultArmed,
    FaultCleared,
    FaultDecision,
    Request,
    SessionForgotten,
    SessionMoved,
    StatementMoved,
)
from fakelivy.machines import SESSION, STATEMENT

from chaos.processes.run import Run
from chaos.results import Operation, Window

Outcome = Literal["ok", "failed", "unknown", "running"]


def operations(run: Run) -> list[Operation]:
    """What the processes did, what the sessions ran, and the requests that went wrong."""
    clock = _Clock(run)
    return [*_steps(run, clock), *_sessions(run.journal, clock), *_refusals(run.journal, clock)]


def windows(run: Run) -> list[Window]:
    """When faults were armed, when each struck, and what else was done."""
    clock = _Clock(run)
    found = []
    armed: dict[str, float] = {}
    for entry in run.journal:
        event, at = entry.event, clock.seconds(entry.at)
        if isinstance(event, FaultArmed):
            armed[event.fault] = at
        elif isinstance(event, FaultCleared):
            found.append(Window(f"armed: {event.fault}", armed.pop(event.fault, at), at))
        elif isinstance(event, FaultDecision) and event.fired:
            found.append(Window(f"struck {event.operation}: {event.fault}", at, at))
    found += [Window(f"armed: {fault}", at, clock.end) for fault, at in armed.items()]
    return found + [Window(what, clock.at(place), clock.at(place)) for what, place in run.happened]


class _Clock:
    """Seconds since the first process was started."""

    def __init__(self, run: Run) -> None:
        self._journal = run.journal
        self._start = min(step.began for step in run.steps)

    def seconds(self, moment: dt.datetime) -> float:
        return max(0.0, (moment - self._start).total_seconds())

    def at(self, place: int) -> float:
        """When the journal had so many entries."""
        if not self._journal:
            return 0.0
        return self.seconds(self._journal[min(place, len(self._journal) - 1)].at)

    @property
    def end(self) -> float:
        return self.at(len(self._journal))


def _steps(run: Run, clock: _Clock) -> Iterator[Operation]:
    for step in run.steps:
        outcome: Outcome = "unknown" if step.ended.code is None else "ok" if step.ended.ok else "failed"
        detail = f"dbt {' '.join(step.arguments)} ended with {step.ended.code} after {step.ended.seconds:.1f} s"
        begin, end = clock.seconds(step.began), clock.seconds(step.ended_at)
        yield Operation(f"dbt {step.process}", step.phase, begin, end, outcome, detail)


def _sessions(journal: Sequence[Entry], clock: _Clock) -> Iterator[Operation]:
    begun: dict[tuple[str, int], float] = {}
    states: dict[str, tuple[str, float]] = {}
    codes = {(e.event.session, e.event.statement): e.event.code for e in journal if isinstance(e.event, Execution)}
    for entry in journal:
        event, at = entry.event, clock.seconds(entry.at)
        if isinstance(event, StatementMoved):
            place = (event.session, event.statement)
            if event.before is None:
                begun[place] = at
            elif event.after in STATEMENT.terminal and place in begun:
                outcome: Outcome = "ok" if event.after == "available" else "failed"
                name, code = f"{event.statement} {event.after}", codes.get(place, "")
                yield Operation(_lane(event.session), name, begun.pop(place), at, outcome, code)
        elif isinstance(event, SessionMoved):
            before = states.pop(event.session, None)
            if before and before[0] not in ("idle", "busy"):
                yield Operation(_lane(event.session), before[0], before[1], at, "ok", event.why)
            states[event.session] = (event.after, at)
            if event.after in SESSION.terminal:
                yield Operation(_lane(event.session), event.after, at, at, "failed", event.why)
        elif isinstance(event, SessionForgotten):
            states.pop(event.session, None)
    for (session, statement), at in begun.items():
        detail = codes.get((session, statement), "")
        yield Operation(_lane(session), f"{statement} never ended", at, clock.end, "unknown", detail)
    for session, (state, at) in states.items():
        if state not in SESSION.terminal:
            yield Operation(_lane(session), f"left {state}", at, clock.end, "running")


def _refusals(journal: Sequence[Entry], clock: _Clock) -> Iterator[Operation]:
    for entry in journal:
        event = entry.event
        if isinstance(event, Request) and not 200 <= event.status < 400:
            outcome: Outcome = "failed" if event.status else "unknown"
            name = f"{event.status or 'no reply'} {event.operation}"
            at = clock.seconds(entry.at)
            yield Operation("requests refused or lost", name, at, at, outcome, f"{event.method} {event.path}")


def _lane(session: str) -> str:
    return f"session {session[:8]}"
