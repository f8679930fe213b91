"""The adapter's and the fake's tables of states, written apart, agree on what they mean."""

from __future__ import annotations

import pytest
from dbt.adapters.fabricspark.livy.states import (
    SESSION_PHASES,
    STATEMENT_PHASES,
    SessionPhase,
    StatementPhase,
    session_phase,
    statement_phase,
)

from fakelivy.machines import ACCEPTING, CANCELABLE, SESSION, STATEMENT


def test_the_adapter_knows_every_state_the_fake_can_show() -> None:
    assert {state.lower() for state in SESSION.states} <= set(SESSION_PHASES)
    assert {state.lower() for state in STATEMENT.states} <= set(STATEMENT_PHASES)


@pytest.mark.parametrize("state", sorted(SESSION.states))
def test_a_session_is_ready_for_the_adapter_exactly_when_the_fake_takes_statements(state: str) -> None:
    assert (session_phase(state) is SessionPhase.READY) == (state in ACCEPTING)


@pytest.mark.parametrize("state", sorted(SESSION.states - ACCEPTING - {SESSION.initial, "recovering"}))
def test_a_session_the_fake_will_not_revive_is_ended_for_the_adapter(state: str) -> None:
    assert session_phase(state) is SessionPhase.ENDED


@pytest.mark.parametrize("state", sorted(STATEMENT.states))
def test_a_statement_is_pending_for_the_adapter_exactly_when_the_fake_can_cancel_it(state: str) -> None:
    assert (statement_phase(state) is StatementPhase.PENDING) == (state in CANCELABLE)
