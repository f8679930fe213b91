"""From a run that fails to a small scenario that still does: fewest faults, then fewer threads and steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from chaos.client import Factory
from chaos.invariants import INVARIANTS
from chaos.judge import judge
from chaos.records import Order
from chaos.results import Verdict
from chaos.runner import choices, run
from chaos.scenario import Budget, Explicit, Scenario

T = TypeVar("T")


class NothingToMinimise(ValueError):
    """The run does not fail."""


def minimise(order: Order, factory: Factory) -> tuple[Scenario, tuple[str, ...]]:
    """The smallest scenario found that breaks one of the same invariants with the same seed, and which it breaks.

    Raises:
        NothingToMinimise: the order does not fail.
    """
    dialect, strategy, faults = choices(order.scenario, order.seed)
    small = order.scenario.model_copy(
        update={
            "workload": order.scenario.workload.model_copy(update={"dialects": (dialect,)}),
            "faults": Explicit(faults=faults),
            "budget": Budget(first=order.seed, seeds=1, strategies=(strategy,)),
        }
    )
    broken = set(_broken(small, order, factory))
    if not broken:
        raise NothingToMinimise(f"{order.name} with seed {order.seed} breaks nothing")

    def fails(scenario: Scenario) -> bool:
        return bool(broken & set(_broken(scenario, order, factory)))

    kept = ddmin(faults, lambda some: fails(small.model_copy(update={"faults": Explicit(faults=tuple(some))})))
    small = small.model_copy(update={"faults": Explicit(faults=tuple(kept))})
    for candidate in _fewer(small):
        if fails(candidate):
            small = candidate
            break
    kept_steps = ddmin(small.workload.script, lambda some: bool(some) and fails(_scripted(small, some)))
    small = _scripted(small, kept_steps)
    return small, tuple(name for name in INVARIANTS if name in _broken(small, order, factory))


def ddmin(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A subsequence that still fails and of which no single item can be left out (Zeller and Hildebrandt, 2002).

    ``items`` as a whole must fail.
    """
    kept, pieces = list(items), 2
    while len(kept) >= 1:
        size = max(1, len(kept) // pieces)
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            if fails(fewer):
                kept, pieces = fewer, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(kept))
    return kept


def _broken(scenario: Scenario, order: Order, factory: Factory) -> list[str]:
    result = judge(run(order.name, scenario, order.seed, factory), order.client)
    return [each.invariant for each in result.findings if each.verdict is Verdict.FAIL]


def _fewer(scenario: Scenario) -> list[Scenario]:
    counts = [count for count in (1, 2, 4, 8) if count < scenario.workload.threads]
    return [
        scenario.model_copy(update={"workload": scenario.workload.model_copy(update={"threads": count})})
        for count in counts
    ]


def _scripted(scenario: Scenario, script: Sequence[str]) -> Scenario:
    expect = {step: outcomes for step, outcomes in scenario.expect.items() if step in script}
    workload = scenario.workload.model_copy(update={"script": tuple(script)})
    return scenario.model_copy(update={"workload": workload, "expect": expect})
