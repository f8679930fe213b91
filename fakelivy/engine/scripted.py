"""An engine without SQL: answers and durations by rule, on the server's clock, for tests of everything around SQL."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fakelivy.clock import Clock
from fakelivy.engine.port import EMPTY, Failure, SessionSpec, StoredTable, Table

CANCELLED = Failure("[OPERATION_CANCELED] The statement was cancelled.", cancelled=True)
NEVER = math.inf
"""A duration: the statement does not end unless cancelled."""


@dataclass(frozen=True)
class Rule:
    """What to answer to the statements it matches.

    Attributes:
        match: a piece of the statement's text, or a compiled pattern that is searched for in it.
        answer: the outcome.
        duration: seconds of the server's clock from the statement's start to its end.
    """

    match: str | re.Pattern[str] = ""
    answer: Table | Failure = EMPTY
    duration: float = 0.0

    def __post_init__(self) -> None:
        if not self.duration >= 0:
            raise ValueError(f"a duration is zero or more seconds, not {self.duration}")

    def fits(self, code: str) -> bool:
        return self.match in code if isinstance(self.match, str) else self.match.search(code) is not None


class ScriptedExecution:
    """A statement whose end is known from its start."""

    def __init__(self, rule: Rule, max_rows: int, started_at: float, clock: Clock) -> None:
        self._answer = _cut(rule.answer, max_rows)
        self._ends_at = started_at + rule.duration
        self._clock = clock

    @property
    def outcome(self) -> Table | Failure | None:
        return self._answer if self._ended() else None

    @property
    def finished_at(self) -> float | None:
        return self._ends_at if self._ended() else None

    def cancel(self) -> None:
        if not self._ended():
            self._answer, self._ends_at = CANCELLED, self._clock.monotonic()

    def _ended(self) -> bool:
        return self._clock.monotonic() >= self._ends_at


def _cut(answer: Table | Failure, max_rows: int) -> Table | Failure:
    if isinstance(answer, Failure) or len(answer.rows) <= max_rows:
        return answer
    return Table(answer.schema, answer.rows[:max_rows], truncated=True)


class ScriptedSession:
    """A session that answers by the first rule that fits."""

    def __init__(self, rules: Sequence[Rule], clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._last: ScriptedExecution | None = None

    def start(
        self, code: str, *, kind: str, max_rows: int, started_at: float, on_done: Callable[[], None]
    ) -> ScriptedExecution:
        del kind, on_done  # any kind is answered; the end is seen when the clock is read
        rule = next((rule for rule in self._rules if rule.fits(code)), Rule())
        self._last = ScriptedExecution(rule, max_rows, started_at, self._clock)
        return self._last

    def sibling(self, spec: SessionSpec) -> ScriptedSession:
        del spec  # all sessions are alike
        return ScriptedSession(self._rules, self._clock)

    def close(self) -> None:
        if self._last is not None:
            self._last.cancel()


class ScriptedEngine:
    """Sessions that all answer by ``rules``; what no rule fits is answered with no rows, at once."""

    name = "scripted"
    instant = True

    def __init__(self, clock: Clock, rules: Sequence[Rule] = ()) -> None:
        self._clock = clock
        self._rules = tuple(rules)

    def open(self, spec: SessionSpec) -> ScriptedSession:
        del spec  # all sessions are alike
        return ScriptedSession(self._rules, self._clock)

    def tables(self, lakehouse: str) -> tuple[StoredTable, ...]:
        del lakehouse  # there is nothing behind the answers
        return ()

    def close(self) -> None:
        return
