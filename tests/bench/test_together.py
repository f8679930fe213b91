"""What sharing a quota costs, held to what was found. Exact: nothing here depends on the machine."""

from __future__ import annotations

from tests.bench.together import ORDERS, shared


def test_under_a_quota_submissions_do_not_queue_and_the_likeliest_end_is_looked_for_first() -> None:
    arrival, ours = (shared(16, ORDERS[name], known=True, count=400) for name in ORDERS)
    assert ours.submission < arrival.submission / 4
    assert ours.lag < arrival.lag
    assert ours.share < arrival.share / 2
    assert ours.longest < 90
