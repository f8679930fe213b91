"""Raw SQL of the published tests that names a database: names have two parts with Apache Livy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dbt.tests.adapter.dbt_clone.test_dbt_clone import (
    BaseClonePossible,
    BaseCloneSameSourceAndTarget,
    TestCloneSameTargetAndState,
)
from dbt.tests.adapter.simple_snapshot.test_ephemeral_snapshot_hard_deletes import (
    BaseSnapshotEphemeralHardDeletes,
    BaseSnapshotNewColumnSpecificCheckCols,
    BaseSnapshotNewColumnTimestampStrategy,
    BaseSnapshotNewColumnWithDeletes,
)
from dbt.tests.util import run_dbt_and_capture

from tests.conformance.adapted.words import NO_DATABASE, translated


class _InSpark:
    """Raw SQL is translated; the rest of the test is dbt's."""

    @pytest.fixture(scope="class")
    def project(self, project: Any) -> Any:
        return translated(project, (*NO_DATABASE, (" default 'dummy_value'", "")))


class AdaptedSnapshotEphemeralHardDeletes(_InSpark, BaseSnapshotEphemeralHardDeletes):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedSnapshotNewColumnTimestampStrategy(_InSpark, BaseSnapshotNewColumnTimestampStrategy):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedSnapshotNewColumnSpecificCheckCols(_InSpark, BaseSnapshotNewColumnSpecificCheckCols):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedSnapshotNewColumnWithDeletes(_InSpark, BaseSnapshotNewColumnWithDeletes):
    """Names without a database, and a column that Delta adds without a default."""


class AdaptedCloneSameSourceAndTarget(_InSpark, BaseCloneSameSourceAndTarget):
    """Names without a database."""


class AdaptedClonePossible(BaseClonePossible):
    """What one test has built is dropped before the next."""

    @pytest.fixture(autouse=True)
    def clean_up(self, project: Any, other_schema: str) -> Iterator[None]:
        yield
        with project.adapter.connection_named("__test"):
            for schema in (project.test_schema, f"{project.test_schema}_seeds", other_schema):
                project.adapter.drop_schema(project.adapter.Relation.create(database=project.database, schema=schema))


class AdaptedCloneSameTargetAndState(TestCloneSameTargetAndState):
    """dbt's warning is all that comes of it: what would be cloned onto itself is left alone."""

    def test_clone_same_target_and_state(self, project: Any, unique_schema: str, other_schema: str) -> None:
        project.create_test_schema(other_schema)
        self.run_and_save_state(project.project_root)
        _, output = run_dbt_and_capture(["clone", "--defer", "--state", "target"])
        assert "The state and target directories are the same: 'target'" in output
