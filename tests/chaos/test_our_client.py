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
    ("nightly/list-lacks-what-is-known", 0),  # a write ran twice: the list lacked it, and others known to be there
    ("nightly/session-dies-without-a-word", 0),  # a write that was done was reported failed, as looking was refused
    ("nightly/list-as-unreadable-as-the-reply", 0),  # sessions behind two garbled answers were left behind
    ("nightly/deleting-times-out-for-a-while", 0),  # a session was left behind after half a minute of 408
    ("nightly/list-of-tables-is-cut", 0),  # a result that the server had cut was taken for the whole
    ("nightly/result-without-json", 7),  # a query whose result was no table had no rows
    ("rare/dripping-body-at-the-deadline", 1),  # a body outlived the deadline on a transport that was handed in
    ("smoke/random-faults", 2792),  # all stood still: the fake held a lock while a reply dripped
    ("rare/interrupted-while-a-reply-is-lost", 0),  # what was sent and not yet heard of was not cancelled
]


SMOKE = [name for name in SCENARIOS if name.startswith("smoke/")]


# Even seeds speak Livy's dialect, odd ones Fabric's.
@pytest.mark.parametrize(("scenario", "seed"), [*((name, place % 2) for place, name in enumerate(SMOKE)), *ONCE_BROKEN])
def test_the_adapter_keeps_its_promises(scenario: str, seed: int) -> None:
    result = judge(run(scenario, SCENARIOS[scenario], seed, factory(OURS)), OURS)
    red = [f"{each.invariant}: {each.detail}" for each in result.findings if each.verdict is not Verdict.PASS]
    assert result.verdict is Verdict.PASS, "\n".join([*red, result.replay])
