"""A lost reply is not a failure: what was carried out is found, what was not is sent again, and nothing runs twice."""

from __future__ import annotations

import pytest

from tests.resilience.world import DIALECTS, world

WRITE = "insert into t values (1)"
READ = "select 1"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("how", ["reset", "close", "status(502)", "status(500)", "status(503)"])
@pytest.mark.parametrize("phase", ["before", "after_commit"])
def test_a_lost_submit_reply_is_reconciled_and_the_write_runs_once(phase: str, how: str, dialect: str) -> None:
    with world(f"submit_statement:{phase}:{how}@first(1)", dialect=dialect) as w:
        w.run([WRITE])
        assert w.results[WRITE] == ()
        assert w.executions(WRITE) == 1
        assert w.oracle.live_sessions() == []
        assert w.oracle.never_fired() == []
        assert w.runtime.monotonic() < 60
