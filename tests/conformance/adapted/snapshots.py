"""Snapshots whose source, expected rows and changes are written in Postgres's SQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from dbt.tests.adapter.simple_snapshot import fixtures, new_record_dbt_valid_to_current, new_record_timestamp_mode
from dbt.tests.adapter.simple_snapshot.new_record_check_mode import BaseSnapshotNewRecordCheckMode
from dbt.tests.adapter.simple_snapshot.new_record_dbt_valid_to_current import BaseSnapshotNewRecordDbtValidToCurrent
from dbt.tests.adapter.simple_snapshot.test_snapshot import TestSnapshot
from dbt.tests.adapter.simple_snapshot.test_various_configs import (
    BaseSnapshotColumnNames,
    BaseSnapshotColumnNamesFromDbtProject,
    BaseSnapshotDbtValidToCurrent,
    BaseSnapshotInvalidColumnNames,
    BaseSnapshotMultiUniqueKey,
)
from dbt.tests.util import check_relations_equal, run_dbt

from tests.conformance.adapted.words import NO_DATABASE, TYPES, said, translated


class _InSpark:
    """The raw SQL in Spark's types, without a database; the snapshot reads its source without one too."""

    source = fixtures.snapshot_actual_sql

    @pytest.fixture(scope="class")
    def project(self, project: Any) -> Any:
        return translated(project, TYPES + NO_DATABASE)

    @pytest.fixture(scope="class")
    def snapshots(self) -> dict[str, str]:
        return {"snapshot.sql": said(self.source, NO_DATABASE)}


class AdaptedSnapshot(TestSnapshot):
    """A new column without a default, which Delta does not give to a table that is there."""

    def add_fact_column(self, column: Any = None, definition: Any = None) -> None:
        super().add_fact_column(column, (definition or "").removesuffix(" default null"))


class AdaptedSnapshotColumnNames(_InSpark, BaseSnapshotColumnNames):
    """Spark's types, and names without a database."""


class AdaptedSnapshotColumnNamesFromDbtProject(_InSpark, BaseSnapshotColumnNamesFromDbtProject):
    """Spark's types, and names without a database."""


class AdaptedSnapshotInvalidColumnNames(_InSpark, BaseSnapshotInvalidColumnNames):
    """Spark's types, and names without a database."""


class AdaptedSnapshotDbtValidToCurrent(_InSpark, BaseSnapshotDbtValidToCurrent):
    """Spark's types, names without a database; rows are asked for in an order, which Spark does not keep unasked."""

    def test_valid_to_current(self, project: Any) -> None:
        ends = "select id, test_valid_to from {schema}.snapshot_actual order by id, test_valid_to"
        for sql in (
            fixtures.create_seed_sql,
            fixtures.create_snapshot_expected_sql,
            fixtures.seed_insert_sql,
            fixtures.populate_snapshot_expected_valid_to_current_sql,
        ):
            project.run_sql(sql)
        assert len(run_dbt(["snapshot"])) == 1
        current = dt.datetime(2099, 12, 31, tzinfo=dt.timezone.utc)
        assert [tuple(row) for row in project.run_sql(ends, "all")] == [(i, current) for i in range(1, 21)]

        project.run_sql(fixtures.invalidate_sql)
        project.run_sql(fixtures.update_with_current_sql)
        assert len(run_dbt(["snapshot"])) == 1
        after = [tuple(row) for row in project.run_sql(ends, "all")]
        assert [row for row in after if row[1] == current] == [(i, current) for i in range(1, 21)]
        assert (10, dt.datetime(2016, 8, 20, 16, 44, 49, tzinfo=dt.timezone.utc)) in after
        check_relations_equal(project.adapter, ["snapshot_actual", "snapshot_expected"])


class AdaptedSnapshotMultiUniqueKey(_InSpark, BaseSnapshotMultiUniqueKey):
    """Spark's types, and names without a database."""

    @pytest.fixture(scope="class")
    def snapshots(self) -> dict[str, str]:
        return {}

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {
            "seed.sql": said(fixtures.model_seed_sql, NO_DATABASE),
            "snapshots.yml": fixtures.snapshots_multi_key_yml,
            "ref_snapshot.sql": fixtures.ref_snapshot_sql,
        }


class AdaptedSnapshotNewRecordCheckMode(_InSpark, BaseSnapshotNewRecordCheckMode):
    """Spark's types, and names without a database."""

    source = new_record_timestamp_mode._snapshot_actual_sql


class AdaptedSnapshotNewRecordDbtValidToCurrent(_InSpark, BaseSnapshotNewRecordDbtValidToCurrent):
    """Names without a database."""

    source = new_record_dbt_valid_to_current._snapshot_actual_sql
