"""The adapter itself in virtual time: every smoke scenario, and the runs in which it once broke a promise.

``make chaos`` runs all scenarios with all their seeds.
"""

from __future__ import annotations

import pytest

from chaos.client import OURS, factory
from chaos.judge import judge
from chaos.results import Verdict
from chaos.runner import run
from chaos.scenario import shipped

SCENARIOS = shipped()

ONCE_BROKEN = [
    ("nightly/absurd-retry-after", 0),  # a write that was done at its time-out was reported failed; a session was left
    ("nightly/deleting-fails", 1),  # a session that was said to be gone, and was not, was left behind
    ("nightly/restart-while-a-reply-is-lost", 0),  # a write ran twice: a new session 0 lacked it, so it was sent again
    ("nightly/random-faults-many-threads", 115),  # a server that was down was asked about every session ever lost
    ("rare/dripping-body-at-the-deadline", 1),  # a body outlived the deadline on a transport that was handed in
    ("rare/interrupted-while-a-reply-is-lost", 0),  # what was sent and not yet heard of was not cancelled
]


SMOKE = [name for name in SCENARIOS if name.startswith("smoke/")]


# Even seeds speak Livy's dialect, odd ones Fabric's.
@pytest.mark.parametrize(("scenario", "seed"), [*((name, place % 2) for place, name in enumerate(SMOKE)), *ONCE_BROKEN])
def test_the_adapter_keeps_its_promises(scenario: str, seed: int) -> None:
    result = judge(run(scenario, SCENARIOS[scenario], seed, factory(OURS)), OURS)
    red = [f"{each.invariant}: {each.detail}" for each in result.findings if each.verdict is not Verdict.PASS]
    assert result.verdict is Verdict.PASS, "\n".join([*red, result.replay])
