"""What noticing the end of a statement costs, held to its aims. Exact: nothing here depends on the machine."""

from __future__ import annotations

import pytest

from tests.bench.noticing import LONGEST, STRATEGIES, Cost, cost, durations, expectations, ours, told, told_always

MIX = durations()
TENTH = cost(STRATEGIES["a tenth of the time waited"], MIX)


def at_most(found: Cost, bound: Cost, times: float = 1.0) -> bool:
    return (
        found.lag <= bound.lag * times
        and found.share <= bound.share * times
        and found.requests <= bound.requests * times
    )


def test_a_statement_nobody_knows_is_noticed_after_a_tenth_of_its_time() -> None:
    assert at_most(cost(ours, MIX), TENTH)
    assert TENTH.share < 0.054


@pytest.mark.parametrize("seed", range(3))
def test_a_statement_that_takes_as_long_as_last_time_is_noticed_sooner_with_fewer_requests(seed: int) -> None:
    found = cost(ours, MIX, expectations(MIX, seed=seed))
    assert at_most(found, Cost(lag=0.4, share=0.04, requests=25, longest=LONGEST))


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_an_expectation_ten_times_off_costs_at_most_a_fifth_more_than_none(factor: float) -> None:
    assert at_most(cost(ours, MIX, [each * factor for each in MIX]), TENTH, times=1.2)


@pytest.mark.parametrize("factor", [None, 1.0, 3.0, 1 / 3, 10.0, 0.1, 1000.0, 0.001])
def test_no_pause_is_ever_longer_than_the_profile_allows(factor: float | None) -> None:
    expected = [each * factor for each in MIX] if factor else None
    assert cost(ours, MIX, expected).longest <= LONGEST


def test_progress_that_is_told_brings_the_look_to_the_end() -> None:
    assert at_most(cost(told, MIX, MIX), Cost(lag=0.05, share=0.025, requests=TENTH.requests, longest=LONGEST))


def test_progress_that_is_always_nearly_done_costs_four_times_the_looks_at_most() -> None:
    found = cost(told_always, MIX)
    assert found.requests <= 4 * TENTH.requests
    assert found.lag <= TENTH.lag
