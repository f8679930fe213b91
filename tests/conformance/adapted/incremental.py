"""Incremental models: the strategy named, where Postgres has one by default."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.tests.adapter.incremental import test_incremental_microbatch
from dbt.tests.adapter.incremental.test_incremental_microbatch import BaseMicrobatch
from dbt.tests.adapter.incremental.test_incremental_on_schema_change import TestIncrementalOnSchemaChange
from dbt.tests.adapter.incremental.test_incremental_unique_id import TestIncrementalUniqueKey


class AdaptedIncrementalUniqueKey(TestIncrementalUniqueKey):
    """The strategy `merge` is asked for: as in dbt-spark the default is `append`, which heeds no key."""

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        return {"models": {"+incremental_strategy": "merge"}}


class AdaptedIncrementalOnSchemaChange(TestIncrementalOnSchemaChange):
    """Tables with column mapping: without it Delta drops no column."""

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        return {"models": {"+tblproperties": {"delta.columnMapping.mode": "name"}}}


class AdaptedMicrobatch(BaseMicrobatch):
    """Offsets written `+00:00`: the embedded engine does not read `-0`, which Spark does."""

    @pytest.fixture(scope="class")
    def input_model_sql(self) -> str:
        return str(test_incremental_microbatch._input_model_sql).replace("-0'", "+00:00'")

    @pytest.fixture(scope="class")
    def insert_two_rows_sql(self, project: Any) -> str:
        rows = ", ".join(f"({id}, timestamp '2020-01-0{id} 00:00:00+00:00')" for id in (4, 5))
        return f"insert into {project.test_schema}.input_model (id, event_time) values {rows}"
