"""Whatever can go wrong with whichever operation is met by a scenario, or there is a reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

import pytest

from chaos.plans import FABRIC_ONLY, MISHAPS, cells
from chaos.processes.model import shipped as shipped_processes
from chaos.scenario import Explicit, Operation, Pairs, Scenario, shipped
from fakelivy import Fault
from fakelivy.faults import OPERATIONS
from fakelivy.grammar import EFFECTS

MODEL = get_args(Operation)
"""The operations of a Livy client."""

LOOKS = {"get_session", "get_statement"}
FEW = "a run makes too few of these requests for something that strikes the second one at the earliest"

EXCUSED: Mapping[str, tuple[set[str], str]] = {
    "stale_read": (set(MODEL) - {"get_statement"}, FEW),
    "truncate": ({"delete_session"}, "Fabric's reply to it has no body"),
    "set_field": ({"delete_session"}, "Fabric's reply to it has no body"),
    "stick_state": (set(MODEL) - LOOKS, "only a look shows a state"),
    "not_found_window": (set(MODEL) - LOOKS, "404 is a status for all others"),
    "capacity": (set(MODEL) - {"create_session", "submit_statement"}, "only what starts something lacks capacity"),
    "session_to": ({"create_session", "list_sessions", "delete_session"}, "there is no session, or it ends anyway"),
    "revoke_tokens": (set(MODEL) - {"get_statement"}, "tokens end likewise whoever bears them"),
    "clock_skew": (set(MODEL) - {"create_session"}, "tokens are checked likewise, whoever bears them"),
}
"""Effect -> the operations that nothing has it happen to, and why."""


def met() -> set[tuple[str, str]]:
    """Pairs of effect and operation that some scenario has happen."""
    faults = [*_drawn(), *_explicit()]
    found = {(fault.effect.type, operation) for fault in faults for operation in _operations(fault)}
    return {(effect, operation) for effect, operation in found if operation in MODEL}


def _drawn() -> Iterator[Fault]:
    for scenario in shipped().values():
        if isinstance(scenario.faults, Pairs):
            for dialect in scenario.workload.dialects:
                for operation, phase, effect in cells(scenario.faults.operations, dialect):
                    yield Fault.parse(f"{operation}:{phase}:{effect}")


def _explicit() -> Iterator[Fault]:
    virtual = (each.faults.faults for each in shipped().values() if isinstance(each.faults, Explicit))
    real = ([*each.faults, *(at.fault for at in each.moments if at.fault)] for each in shipped_processes())
    for spelt in [*virtual, *real]:
        yield from map(Fault.parse, spelt)


def _operations(fault: Fault) -> list[str]:
    return list(MODEL) if fault.select.operation == "*" else [fault.select.operation]


@pytest.mark.parametrize("effect", EFFECTS)
def test_every_effect_happens_to_every_operation_or_there_is_a_reason(effect: str) -> None:
    possible = {operation for operation in MODEL if operation in OPERATIONS.get(EFFECTS[effect], MODEL)}
    excused, _ = EXCUSED.get(effect, (set(), ""))
    seen = {operation for kind, operation in met() if kind == effect}
    assert possible - excused - seen == set(), "no scenario has it happen"
    assert not excused & seen, "it does happen"


@pytest.mark.parametrize("name", [name for name, each in shipped().items() if isinstance(each.faults, Pairs)])
def test_the_seeds_of_a_scenario_of_pairs_are_enough_for_all_of_them(name: str) -> None:
    scenario: Scenario = shipped()[name]
    assert isinstance(scenario.faults, Pairs)
    if name.startswith("smoke/"):
        return  # a part of what the nightly one does thrice
    dialects = scenario.workload.dialects
    most = max(len(cells(scenario.faults.operations, dialect)) for dialect in dialects)
    assert scenario.budget.seeds >= most * len(dialects)


def test_every_operation_of_the_model_has_its_mishaps() -> None:
    assert set(MISHAPS) == set(FABRIC_ONLY) == set(MODEL)


def test_every_failure_of_the_catalogue_is_met() -> None:
    covered = {number for each in shipped().values() for number in each.covers}
    covered |= {number for each in shipped_processes() for number in each.covers}
    every = {f"F{number}" for number in range(1, 49)}
    assert every - covered == set(UNMET), "no scenario covers it"


_HC = "of high-concurrency sessions, which are not among the operations of the model"
UNMET: Mapping[str, str] = {
    "F37": _HC,
    "F38": _HC,
    "F39": _HC,
    "F43": "of a catalog that lags, which the server's does not",
    "F44": "of jobs and refreshes, which no Livy client waits for",
}
"""Failures of the catalogue that no scenario covers, each with the reason."""
