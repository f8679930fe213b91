"""Whatever can go wrong with whichever operation is met by a scenario, or there is a reason why not."""

from __future__ import annotations

import pytest

from chaos.coverage import EXCUSED, MODEL, UNMET, met, scenarios
from chaos.plans import FABRIC_ONLY, MISHAPS, cells
from chaos.processes.model import shipped as shipped_processes
from chaos.scenario import Pairs, Scenario, shipped
from chaos.toxics import ATTRIBUTES
from fakelivy.faults import OPERATIONS
from fakelivy.grammar import EFFECTS


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
    most = max(
        len(cells(scenario.faults.operations, dialect, scenario.workload.high_concurrency)) for dialect in dialects
    )
    assert scenario.budget.seeds >= most * len(dialects)


def test_every_operation_of_the_model_has_its_mishaps() -> None:
    assert set(MISHAPS) == set(FABRIC_ONLY) == set(MODEL)


def test_every_failure_of_the_catalogue_is_met() -> None:
    unmet = {number for number, (virtual, real) in scenarios().items() if not virtual and not real}
    assert unmet == set(UNMET), "no scenario covers it"


def test_every_toxic_strikes_real_processes_over_tls_and_without() -> None:
    met = {(toxic.type, each.tls) for each in shipped_processes() for toxic in each.all_toxics}
    assert met == {(toxic, tls) for toxic in ATTRIBUTES for tls in (True, False)}
