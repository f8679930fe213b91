"""The transition tables."""

from __future__ import annotations

import itertools

import pytest

from fakelivy.machines import (
    ACCEPTING,
    ACTIVE,
    CANCELABLE,
    FINISHED,
    MACHINES,
    SESSION,
    STATEMENT,
    IllegalTransition,
    Machine,
)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_move_outside_the_table_raises(machine: Machine) -> None:
    allowed = {(t.before, t.after) for t in machine.transitions}
    for move in itertools.product(machine.states, machine.states):
        if move in allowed:
            machine.check(*move)
        else:
            with pytest.raises(IllegalTransition, match=f"a {machine.name} does not go"):
                machine.check(*move)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_can_be_reached_and_left_for_an_end(machine: Machine) -> None:
    def reach(start: str, forward: bool) -> set[str]:
        found, edge = {start}, [start]
        while edge:
            state = edge.pop()
            for t in machine.transitions:
                here, there = (t.before, t.after) if forward else (t.after, t.before)
                if here == state and there not in found:
                    found.add(there)
                    edge.append(there)
        return found

    assert reach(machine.initial, forward=True) == machine.states
    assert set().union(*(reach(end, forward=False) for end in machine.terminal)) == machine.states


def test_the_sets_derived_from_the_tables_are_livys() -> None:
    assert SESSION.terminal == {"dead", "killed"}
    assert {"starting", "idle", "busy", "recovering", "error"} == ACTIVE
    assert ACCEPTING < ACTIVE
    assert {"dead", "killed", "error"} == FINISHED
    assert STATEMENT.terminal == {"available", "cancelled", "Error"}
    assert {"waiting", "running"} == CANCELABLE
