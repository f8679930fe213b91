"""Chaos itself: a client that keeps every promise passes, and each broken one is found out, for the right reason."""

from __future__ import annotations

import pytest

from chaos.judge import judge
from chaos.results import Result, Verdict
from chaos.runner import run
from chaos.scenario import shipped
from tests.chaos.clients import broken
from tests.chaos.clients.reference import Reference

SCENARIOS = shipped()

FOUND_OUT: dict[type[Reference], tuple[str, str, int]] = {
    broken.DoubleSubmit: ("smoke/lost-submit-reply", "writes_at_most_once", 1),
    broken.FalseSuccess: ("nightly/statement-lost", "success_is_true", 1),
    broken.FalseFailure: ("nightly/statement-evicted", "failure_is_true", 1),
    broken.NoDeadline: ("smoke/statement-never-ends", "ends_in_time", 1),
    broken.SwallowsMetadataErrors: ("smoke/unknown-is-not-empty", "nothing_rebuilt", 1),
    broken.LeaksSessions: ("nightly/deleting-fails", "none_left", 1),
    broken.HotLoop: ("smoke/quiet-day", "no_hot_loop", 1),
    broken.UnlockedRefresh: ("smoke/token-expires-under-load", "one_refresh", 4),
    broken.UnlockedSession: ("smoke/quiet-day", "one_session", 4),
    broken.TwoLocks: ("smoke/quiet-day", "no_deadlock", 16),
    broken.ComesBackEarly: ("nightly/retry-after-in-every-form", "waits_as_told", 1),
    broken.ShowsSecrets: ("nightly/gateway-pages", "no_secret", 2),
    broken.ForgetsToCancel: ("smoke/cancel-reaches-the-server", "cancel_reaches_the_server", 1),
    broken.NeverRecovers: ("nightly/session-vanishes", "recovers", 1),
    broken.CachesDeadToken: ("smoke/token-expires-under-load", "no_dead_token", 4),
    broken.KeepsNotes: ("smoke/quiet-day", "tables_are_right", 1),
    broken.Mumbles: ("smoke/quiet-day", "errors_speak", 1),
    broken.KnowsOneEnd: ("nightly/session-killed-at-start", "ends_in_time", 1),
    broken.KnowsOneSpelling: ("nightly/capital-error", "ends_in_time", 1),
    broken.Stumbles: ("nightly/cancelled-without-output", "errors_speak", 1),
    broken.RunsAgainByWords: ("nightly/error-that-sounds-retryable", "writes_at_most_once", 1),
    broken.TakesAPartForTheWhole: ("nightly/list-of-tables-is-cut", "nothing_rebuilt", 1),
    broken.WaitsForTheDead: ("nightly/session-reaped-while-it-works", "ends_in_time", 1),
    broken.GivesUpAtOnce: ("smoke/capacity-at-start-with-eight-threads", "errors_speak", 1),
    broken.KnowsOneRefusal: ("nightly/token-expires-in-every-shape", "errors_speak", 1),
}
"""Broken client -> the scenario that finds it out, the invariant that says so, and the seeds that takes at most."""


def result(client: type[Reference], scenario: str, seed: int) -> Result:
    return judge(run(scenario, SCENARIOS[scenario], seed, client), client.__name__)


@pytest.mark.parametrize("client", FOUND_OUT, ids=lambda client: client.__name__)
def test_a_broken_client_is_found_out_for_the_right_reason(client: type[Reference]) -> None:
    scenario, invariant, seeds = FOUND_OUT[client]
    for seed in range(seeds):
        finding = result(client, scenario, seed).of(invariant)
        assert finding is not None
        if finding.verdict is Verdict.FAIL:
            assert finding.detail
            return
    pytest.fail(f"{client.__name__} broke {invariant} in none of {seeds} seeds of {scenario}")


@pytest.mark.parametrize(
    ("scenario", "seed"),
    [(name, place % 2) for place, name in enumerate(each for each in SCENARIOS if each.startswith("smoke/"))],
)
def test_a_client_that_keeps_its_promises_passes(scenario: str, seed: int) -> None:
    found = result(Reference, scenario, seed)
    assert found.verdict is Verdict.PASS, [each for each in found.findings if each.verdict is not Verdict.PASS]


def test_every_invariant_is_broken_by_some_client() -> None:
    from chaos.invariants import INVARIANTS

    assert {invariant for _, invariant, _ in FOUND_OUT.values()} == set(INVARIANTS)
