"""What must not grow: the requests of a statement."""

from __future__ import annotations

from collections import Counter

import pytest
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager

from tests.bench.growth import AXES, credentials_for, serving


def requests(axis: str, size: int) -> Counter[str]:
    """Of a session in which this is done once, by operation."""
    with serving(axis, size) as (server, seen):
        credentials = credentials_for(server.url)
        AXES[axis](size, credentials)()
        FabricSparkConnectionManager.sessions.disconnect(credentials)
        return Counter(seen)


@pytest.mark.parametrize(("axis", "few", "many", "statements"), [("statements", 2, 40, 1), ("rows", 10, 5000, 0)])
def test_a_statement_costs_two_requests_however_many_there_are(axis: str, few: int, many: int, statements: int) -> None:
    growth = requests(axis, many)
    growth.subtract(requests(axis, few))
    more = statements * (many - few)
    assert {name: count for name, count in growth.items() if count} == (
        {"submit_statement": more, "get_statement": more} if more else {}
    )
