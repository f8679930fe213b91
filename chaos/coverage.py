"""Which failures of the catalogue, and effects on which operations, the shipped scenarios meet, and why not all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from fakelivy import Fault

from chaos.plans import cells
from chaos.processes.model import shipped as shipped_processes
from chaos.scenario import Explicit, Operation, Pairs, shipped

MODEL: Sequence[str] = get_args(Operation)
"""The operations of a Livy client."""

CATALOGUE = tuple(f"F{number}" for number in range(1, 49))
"""The numbers of the failures that happen to clients of Livy."""

_LOOKS = {"get_session", "get_statement"}
_FEW = "a run makes too few of these requests for something that strikes the second one at the earliest"

EXCUSED: Mapping[str, tuple[set[str], str]] = {
    "stale_read": (set(MODEL) - {"get_statement"}, _FEW),
    "truncate": ({"delete_session"}, "Fabric's reply to it has no body"),
    "set_field": ({"delete_session"}, "Fabric's reply to it has no body"),
    "stick_state": (set(MODEL) - _LOOKS, "only a look shows a state"),
    "not_found_window": (set(MODEL) - _LOOKS, "404 is a status for all others"),
    "capacity": (set(MODEL) - {"create_session", "submit_statement"}, "only what starts something lacks capacity"),
    "session_to": ({"create_session", "list_sessions", "delete_session"}, "there is no session, or it ends anyway"),
    "revoke_tokens": (set(MODEL) - {"get_statement"}, "tokens end likewise whoever bears them"),
    "clock_skew": (set(MODEL) - {"create_session"}, "tokens are checked likewise, whoever bears them"),
}
"""Effect -> the operations that nothing has it happen to, and why."""

UNMET: Mapping[str, str] = {
    "F43": "of Fabric's list of tables, which a client of Livy does not need",
    "F44": "of jobs and refreshes, which no Livy client waits for",
}
"""Failures of the catalogue that no scenario covers, each with the reason."""


def met() -> set[tuple[str, str]]:
    """Pairs of effect and operation that some scenario has happen."""
    faults = [*_drawn(), *_explicit()]
    found = {(fault.effect.type, operation) for fault in faults for operation in _operations(fault)}
    return {(effect, operation) for effect, operation in found if operation in MODEL}


def scenarios() -> Mapping[str, tuple[Sequence[str], Sequence[str]]]:
    """Failure -> names of the scenarios in virtual time, and of those with real processes, that cover it."""
    virtual: dict[str, list[str]] = defaultdict(list)
    real: dict[str, list[str]] = defaultdict(list)
    for name, each in shipped().items():
        for number in each.covers:
            virtual[number].append(name)
    for process in shipped_processes():
        for number in process.covers:
            real[number].append(f"{process.tier}/{process.name}")
    return {number: (virtual[number], real[number]) for number in CATALOGUE}


def failures_table() -> str:
    """Which scenarios cover which failure, for the documentation."""
    rows = ["| failure | in virtual time | with real processes |", "|---|---|---|"]
    for number, (virtual, real) in scenarios().items():
        if number in UNMET:
            rows.append(f"| {number} | none: {UNMET[number]} | |")
        else:
            rows.append(f"| {number} | {_code(virtual)} | {_code(real)} |")
    return "\n".join(rows)


def excused_table() -> str:
    """What no scenario has happen, and why, for the documentation."""
    rows = ["| effect | happens to none of | because |", "|---|---|---|"]
    for effect, (operations, reason) in EXCUSED.items():
        rows.append(f"| `{effect}` | {_code(sorted(operations))} | {reason} |")
    return "\n".join(rows)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _drawn() -> Iterator[Fault]:
    for scenario in shipped().values():
        if isinstance(scenario.faults, Pairs):
            for dialect in scenario.workload.dialects:
                for operation, phase, effect in cells(
                    scenario.faults.operations, dialect, scenario.workload.high_concurrency
                ):
                    yield Fault.parse(f"{operation}:{phase}:{effect}")


def _explicit() -> Iterator[Fault]:
    virtual = (each.faults.faults for each in shipped().values() if isinstance(each.faults, Explicit))
    real = ([*each.faults, *(at.fault for at in each.moments if at.fault)] for each in shipped_processes())
    for spelt in [*virtual, *real]:
        yield from map(Fault.parse, spelt)


def _operations(fault: Fault) -> Sequence[str]:
    return MODEL if fault.select.operation == "*" else [fault.select.operation]
