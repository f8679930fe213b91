"""From a plan and a seed to faults: those that are written down, a draw in two levels, or the next of all pairs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from chaos.scenario import Explicit, Pairs, Plan, Random

_RESTART = "restart(down=3)"
_LOST = (
    "reset",
    "close",
    "hang",
    "delay(20)",
    "status(500)",
    "status(504,shape=html)",
    "status(502,shape=html)",
    _RESTART,
)
_TURNED_AWAY = (
    "status(503,retry_after=seconds,retry_seconds=20)",
    "status(429,retry_after=seconds,retry_seconds=20)",
    "status(429,retry_after=http-date,retry_seconds=20)",
    "status(429,retry_after=body-until,retry_seconds=20)",
    "status(429)",
    "status(408)",
    "status(415,shape=html)",
)
_THROTTLE = "throttle(60,retry_seconds=5)@first(8)"
_TEXT = 'set_header(Content-Type,"text/html")'
_ANY_BODY = (
    "truncate(1)",
    "dribble(8,pause=1)",
    "garbage(not_json)",
    "garbage(html_login)",
    "garbage(empty)",
    "garbage(unknown_fields)",
    _TEXT,
    "set_field(msg,null)",
)
_BODY = (*_ANY_BODY, "garbage(wrong_type,field=id)")
_STATES = ("garbage(missing_field)", "garbage(null_field)", "garbage(unknown_state)")
_DEATHS = ("session_to(dead)", "session_to(gone)", "session_to(error)", "session_to(killed)")
_ALL = {"before": (*_LOST, *_TURNED_AWAY), "after_commit": _LOST, "body": _BODY}

MISHAPS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "create_session": {
        **_ALL,
        "before": (*_ALL["before"], "slow_start(30)", "reap_after(30)"),
        "body": (*_BODY, "garbage(missing_field,field=id)"),
    },
    "get_session": {
        "before": (*_ALL["before"], *_DEATHS, "not_found_window(5)"),
        "after_commit": _LOST,
        "body": (*_BODY, *_STATES, "stick_state(starting)"),
    },
    "list_sessions": {**_ALL, "body": _ANY_BODY},
    "delete_session": {
        **_ALL,
        # Fabric's reply has no body that could be changed or cut.
        "body": ("dribble(8,pause=1)", "garbage(not_json)", "garbage(html_login)", _TEXT),
        "before": (*_ALL["before"], "status(404)"),
    },
    "submit_statement": {
        **_ALL,
        "before": (*_ALL["before"], *_DEATHS, "lose_statement", _THROTTLE),
        "after_commit": (*_LOST, *_DEATHS, "lose_statement(evicted)"),
    },
    "get_statement": {
        "before": (*_ALL["before"], *_DEATHS, "not_found_window(5)", _THROTTLE),
        "after_commit": _LOST,
        "body": (*_BODY, *_STATES, "garbage(null_output)", "stick_state(running)", "stale_read(1)@first(60)"),
    },
    "list_statements": {**_ALL, "before": (*_ALL["before"], *_DEATHS), "body": _ANY_BODY},
    "cancel_statement": {**_ALL, "body": _ANY_BODY, "before": (*_ALL["before"], *_DEATHS)},
}
"""What can happen to each operation, by phase. What needs a request before it strikes says itself when it does."""

FABRIC_ONLY: Mapping[str, Sequence[str]] = {
    "create_session": ("capacity", "reject_token", "expire_token"),
    "get_session": ("reject_token", "expire_token"),
    "list_sessions": ("reject_token", "expire_token"),
    "delete_session": ("reject_token", "expire_token"),
    "submit_statement": ("capacity", "reject_token", "expire_token", "cut_rows(1)"),
    "get_statement": ("reject_token", "expire_token"),
    "list_statements": ("reject_token", "expire_token"),
    "cancel_statement": ("reject_token", "expire_token"),
}
"""What can happen before an operation where requests bear tokens, and where a result says that it was cut."""

OF_REPLS: Mapping[str, str] = {
    "create_session": "acquire_hc",
    "get_session": "get_hc",
    "delete_session": "delete_hc",
    "submit_statement": "submit_repl_statement",
    "get_statement": "get_repl_statement",
    "list_statements": "list_repl_statements",
    "cancel_statement": "cancel_repl_statement",
}
"""What Fabric's high-concurrency sessions have in an operation's place; their REPLs cannot be listed."""

REPLS_ONLY: Mapping[str, Mapping[str, Sequence[str]]] = {
    "create_session": {"before": ("alone",)},
    "get_session": {
        "body": (
            "set_field(replId,null)",
            "set_field(sessionId,null)",
            'set_field(sessionId,"00000000-0000-0000-0000-000000000000")',
            "stick_state(Failed)",
        )
    },
}
"""What can happen besides where an operation is a REPL's."""

_NOT_OF_REPLS: Mapping[str, Sequence[str]] = {"get_session": (*_DEATHS, "stick_state(starting)")}
"""What cannot: the request does not name the session, and the states have other names."""

CERTAIN = ("create_session", "get_session", "submit_statement", "get_statement")
"""Operations that no client can do without: a drawn plan strikes one of them for sure."""


def cells(operations: Sequence[str], dialect: str, repls: bool = False) -> list[tuple[str, str, str]]:
    """All pairs of these operations with what can happen to them: operation, phase, effect.

    Args:
        repls: whether it is to happen to what high-concurrency sessions have in the operation's place.
    """
    found: list[tuple[str, str, str]] = []
    for operation in operations:
        tables = [MISHAPS[operation]]
        if dialect == "fabric":
            tables.append({"before": FABRIC_ONLY[operation]})
        if repls and operation in OF_REPLS:
            tables.append(REPLS_ONLY.get(operation, {}))
        for table in tables:
            for phase, effects in table.items():
                found.extend((operation, phase, each) for each in effects)
    if not repls:
        return found
    return [
        (OF_REPLS.get(operation, operation), phase, effect)
        for operation, phase, effect in found
        if effect not in _NOT_OF_REPLS.get(operation, ())
    ]


def faults(plan: Plan, seed: int, dialect: str, turn: int, repls: bool = False) -> tuple[str, ...]:
    """The faults of one run; ``turn`` counts the runs of this dialect, and ``repls`` is as with ``cells``."""
    if isinstance(plan, Explicit):
        return plan.faults
    if isinstance(plan, Pairs):
        pairs = cells(plan.operations, dialect, repls)
        operation, phase, effect = pairs[turn % len(pairs)]
        return (*plan.beside, _spelt(operation, phase, effect, f"first({plan.strikes})"))
    return _drawn(plan, random.Random(f"{seed}/plan"), dialect, repls)


def _spelt(operation: str, phase: str, effect: str, trigger: str) -> str:
    return f"{operation}:{phase}:{effect}" if "@" in effect else f"{operation}:{phase}:{effect}@{trigger}"


def _drawn(plan: Random, rng: random.Random, dialect: str, repls: bool) -> tuple[str, ...]:
    # The first level leaves most kinds out: a run with few kinds goes deeper than one in which everything happens.
    operations = sorted({rng.choice(CERTAIN), *rng.sample(sorted(MISHAPS), rng.randint(1, 4))})
    everything = cells(operations, dialect, repls)
    sure = {OF_REPLS[each] if repls else each for each in CERTAIN}
    kinds = sorted({effect for _, _, effect in everything})
    kept = set(rng.sample(kinds, min(len(kinds), rng.randint(1, 6))))
    allowed = [cell for cell in everything if cell[2] in kept] or everything
    certain = [cell for cell in allowed if cell[0] in sure] or [cell for cell in everything if cell[0] in sure]
    chosen = [(*rng.choice(certain), f"first({rng.randint(1, 3)})")]
    for _ in range(rng.randint(0, plan.most - 1)):
        chosen.append((*rng.choice(allowed), _trigger(rng)))
    return tuple(
        f"f{number}={_spelt(operation, phase, effect, trigger)}"
        for number, (operation, phase, effect, trigger) in enumerate(chosen, 1)
    )


def _trigger(rng: random.Random) -> str:
    return rng.choice(
        (
            f"first({rng.randint(1, 3)})",
            f"nth({rng.randint(1, 6)})",
            f"every({rng.randint(2, 5)})",
            f"rate({rng.choice((0.05, 0.1, 0.2))})",
            f"window({rng.randint(0, 10)},{rng.randint(11, 60)})",
        )
    )
