"""Raw SQL of the published tests that names a database: names here have two parts."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.tests.adapter.dbt_clone.test_dbt_clone import BaseCloneSameSourceAndTarget
from dbt.tests.adapter.simple_snapshot.test_ephemeral_snapshot_hard_deletes import (
    BaseSnapshotEphemeralHardDeletes,
    BaseSnapshotNewColumnSpecificCheckCols,
    BaseSnapshotNewColumnTimestampStrategy,
    BaseSnapshotNewColumnWithDeletes,
)


class _TwoParts:
    @pytest.fixture(scope="class")
    def project(self, project: Any) -> Any:
        published = project.run_sql

        def run_sql(sql: str, fetch: str | None = None) -> Any:
            for before, after in (("{database}.", ""), ("None.", ""), (" default 'dummy_value'", "")):
                sql = sql.replace(before, after)
            return published(sql, fetch)

        project.run_sql = run_sql
        return project


class AdaptedSnapshotEphemeralHardDeletes(_TwoParts, BaseSnapshotEphemeralHardDeletes):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedSnapshotNewColumnTimestampStrategy(_TwoParts, BaseSnapshotNewColumnTimestampStrategy):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedSnapshotNewColumnSpecificCheckCols(_TwoParts, BaseSnapshotNewColumnSpecificCheckCols):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedSnapshotNewColumnWithDeletes(_TwoParts, BaseSnapshotNewColumnWithDeletes):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedCloneSameSourceAndTarget(_TwoParts, BaseCloneSameSourceAndTarget):
    """Names without a database."""
