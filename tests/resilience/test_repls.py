"""REPLs of Fabric's high-concurrency sessions: as few Livy sessions as hold them, and none left behind."""

from __future__ import annotations

import pytest

from tests.resilience.actors import Repls
from tests.resilience.world import world


@pytest.mark.parametrize("trouble", ["status(404)", "hang"])
def test_the_livy_session_of_the_repls_is_deleted_for_good(trouble: str) -> None:
    with world(f"delete_session:before:{trouble}@first(1)", dialect="fabric") as here:
        here.actor = Repls(here.network, {})
        here.run(["select 1"])
        assert here.oracle.live_sessions() == []
