"""The engine without SQL: answers by rule, ends by the clock."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fakelivy.clock import ManualClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import EMPTY, Execution, Failure, SessionSpec, Table
from fakelivy.engine.scripted import NEVER, Rule, ScriptedEngine

ONE = Table(
    {"type": "struct", "fields": [{"name": "i", "type": "long", "nullable": False, "metadata": {}}]}, [(1,), (2,)]
)


def never() -> None:
    raise AssertionError("the scripted engine reports nothing: its statements end when the clock is read")


def start(clock: ManualClock, code: str, *rules: Rule, max_rows: int = 1000) -> Execution:
    session = ScriptedEngine(clock, rules).open(SessionSpec("0", "lakehouse"))
    return session.start(code, kind="sql", max_rows=max_rows, started_at=clock.monotonic(), on_done=never)


def test_a_statement_without_a_rule_ends_at_once_with_no_rows() -> None:
    execution = start(ManualClock(), "select 1")
    assert execution.outcome == EMPTY
    assert execution.finished_at == 0


def test_the_first_rule_that_fits_answers() -> None:
    rules = (Rule(re.compile("^insert"), Failure("no")), Rule("t2", ONE))
    assert start(ManualClock(), "select * from t2", *rules).outcome == ONE
    assert start(ManualClock(), "insert into t2", *rules).outcome == Failure("no")


def test_a_statement_ends_when_the_clock_has_moved_on_by_its_duration() -> None:
    clock = ManualClock()
    clock.advance(5)
    execution = start(clock, "select 1", Rule(answer=ONE, duration=3))
    clock.advance(2.5)
    assert execution.outcome is None
    assert execution.finished_at is None
    clock.advance(10)
    assert execution.outcome == ONE
    assert execution.finished_at == 8


def test_a_statement_that_never_ends_can_be_cancelled() -> None:
    clock = ManualClock()
    execution = start(clock, "select 1", Rule(duration=NEVER))
    clock.advance(1e9)
    assert execution.outcome is None
    execution.cancel()
    execution.cancel()
    assert isinstance(execution.outcome, Failure)
    assert execution.outcome.cancelled
    assert execution.finished_at == 1e9


def test_cancelling_an_ended_statement_changes_nothing() -> None:
    execution = start(ManualClock(), "select 1", Rule(answer=ONE))
    execution.cancel()
    assert execution.outcome == ONE


def test_rows_beyond_the_limit_are_cut_and_said_to_be() -> None:
    outcome = start(ManualClock(), "select 1", Rule(answer=ONE), max_rows=1).outcome
    assert isinstance(outcome, Table)
    assert (outcome.rows, outcome.truncated) == ([(1,)], True)


def test_closing_a_session_ends_its_statement() -> None:
    clock = ManualClock()
    session = ScriptedEngine(clock, [Rule(duration=NEVER)]).open(SessionSpec("0", "lakehouse"))
    execution = session.start("x", kind="sql", max_rows=1, started_at=0, on_done=never)
    session.close()
    session.close()
    assert execution.outcome is not None


@pytest.mark.parametrize("duration", [-1.0, float("nan")])
def test_a_duration_below_zero_is_refused(duration: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        Rule(duration=duration)


def test_engines_are_made_by_name(tmp_path: Path) -> None:
    assert create_engine("scripted", warehouse=None, clock=ManualClock(), rules=[Rule("x")]).name == "scripted"
    with pytest.raises(ValueError, match="no engine 'duckdb'"):
        create_engine("duckdb", warehouse=tmp_path, clock=ManualClock())
    with pytest.raises(ValueError, match="warehouse"):
        create_engine("sail", warehouse=None, clock=ManualClock())
