"""The journal as lanes of coloured time: sessions and their statements, and where faults struck."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

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

_PLACE = re.compile(r"/sessions/([^/]+)|/highConcurrencySessions/([^/]+)/repls/([^/]+)", re.IGNORECASE)
_OVER = SESSION.terminal | STATEMENT.terminal


@dataclass
class Span:
    """Something that lasted; ``end`` is ``None`` while it does. ``text`` is for whoever points at it."""

    kind: str
    start: dt.datetime
    end: dt.datetime | None
    text: str


@dataclass
class Lane:
    """One session, or one REPL of it: its states, its statements' states, the faults that struck its requests."""

    name: str
    states: list[Span] = field(default_factory=list)
    statements: list[Span] = field(default_factory=list)
    strikes: list[Span] = field(default_factory=list)

    @property
    def last(self) -> dt.datetime | None:
        """When something last began or ended here; ``None`` while something lasts."""
        spans = [*self.states, *self.statements, *self.strikes]
        if any(span.end is None for span in spans):
            return None
        return max((span.end for span in spans if span.end), default=None)


@dataclass
class Timeline:
    """Everything a chart shows.

    Attributes:
        lanes: by session, oldest first.
        elsewhere: strikes on requests that are about no session.
        armed: while each fault was in force.
        requests: when requests were answered.
    """

    lanes: dict[str, Lane] = field(default_factory=dict)
    elsewhere: list[Span] = field(default_factory=list)
    armed: list[Span] = field(default_factory=list)
    requests: list[dt.datetime] = field(default_factory=list)

    def shown(self, since: dt.datetime, most: int) -> Sequence[Lane]:
        """The lanes with something in them since then, the newest ``most`` of them; a REPL is below its session."""
        alive = [lane for lane in self.lanes.values() if lane.last is None or lane.last >= since]
        born = {name: place for place, name in enumerate(self.lanes)}
        return sorted(alive[-most:], key=lambda lane: (born.get(lane.name.partition("/")[0], 0), born[lane.name]))


def timeline(entries: Iterable[Entry]) -> Timeline:
    """The chart of these entries, oldest first."""
    reader = _Reader()
    for entry in entries:
        reader.read(entry)
    return reader.timeline


class _Reader:
    def __init__(self) -> None:
        self.timeline = Timeline()
        self._code: dict[tuple[str, int], str] = {}
        self._open: dict[tuple[str, int | None], Span] = {}
        self._struck: dict[str, list[tuple[dt.datetime, str]]] = {}
        self._armed: dict[str, Span] = {}

    def read(self, entry: Entry) -> None:
        event, at = entry.event, entry.at
        if isinstance(event, SessionMoved):
            self._move(self._lane(event.session).states, event.session, None, event.after, at, event.why)
        elif isinstance(event, SessionForgotten):
            self._close(event.session, None, at)
        elif isinstance(event, Execution):
            self._code[event.session, event.statement] = event.code
            if running := self._open.get((event.session, event.statement)):
                running.text = self._text(event.session, event.statement, running.text)
        elif isinstance(event, StatementMoved):
            text = f"statement {event.statement} {event.after}"
            self._move(self._lane(event.session).statements, event.session, event.statement, event.after, at, text)
        elif isinstance(event, FaultArmed):
            span = self._armed[event.fault] = Span("armed", at, None, event.spec)
            self.timeline.armed.append(span)
        elif isinstance(event, FaultCleared):
            if span_ := self._armed.pop(event.fault, None):
                span_.end = at
        elif isinstance(event, FaultDecision) and event.fired:
            self._struck.setdefault(event.request_id, []).append((at, f"{event.fault} struck {event.operation}"))
        elif isinstance(event, Request):
            self.timeline.requests.append(at)
            for began, text in self._struck.pop(event.request_id, ()):
                self._strikes(event.path).append(Span("strike", began, at, text))

    def _lane(self, name: str) -> Lane:
        return self.timeline.lanes.setdefault(name, Lane(name))

    def _strikes(self, path: str) -> list[Span]:
        found = _PLACE.search(path)
        if not found:
            return self.timeline.elsewhere
        name = (found[1] or f"{found[2]}/{found[3]}").lower()
        lane = self.timeline.lanes.get(name)
        return lane.strikes if lane else self.timeline.elsewhere

    def _move(
        self, spans: list[Span], session: str, statement: int | None, state: str, at: dt.datetime, text: str
    ) -> None:
        self._close(session, statement, at)
        if state in _OVER:
            spans.append(Span(state, at, at, self._text(session, statement, text)))
            return
        span = self._open[session, statement] = Span(state, at, None, self._text(session, statement, text))
        spans.append(span)

    def _text(self, session: str, statement: int | None, text: str) -> str:
        code = self._code.get((session, statement)) if statement is not None else None
        return f"{text}: {code[:200]}" if code else text

    def _close(self, session: str, statement: int | None, at: dt.datetime) -> None:
        if span := self._open.pop((session, statement), None):
            span.end = at
