"""Incremental models: the strategy named, where Postgres has one by default."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.tests.adapter.incremental.test_incremental_unique_id import TestIncrementalUniqueKey


class AdaptedIncrementalUniqueKey(TestIncrementalUniqueKey):
    """The strategy `merge` is asked for: as in dbt-spark the default is `append`, which heeds no key."""

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        return {"models": {"+incremental_strategy": "merge"}}
