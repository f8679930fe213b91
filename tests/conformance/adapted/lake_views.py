"""Materialized views, which are materialized lake views: in a Fabric lakehouse with schemas, in Fabric's words."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.tests.adapter.materialized_view.basic import MaterializedViewBasic
from dbt.tests.adapter.materialized_view.changes import (
    MaterializedViewChanges,
    MaterializedViewChangesApplyMixin,
    MaterializedViewChangesContinueMixin,
    MaterializedViewChangesFailMixin,
)
from dbt.tests.adapter.simple_copy.test_simple_copy import TestSimpleCopyBase
from dbt.tests.util import assert_message_in_logs, get_model_file, run_dbt_and_capture, set_model_file

from fakelivy import FakeLivy
from tests.conformance.adapted.words import translated


class _InLakehouse:
    """On a Fabric target, whose lakehouse has schemas."""

    @pytest.fixture(scope="class")
    def dbt_profile_target(self, conformance_server: FakeLivy) -> dict[str, Any]:
        outputs = conformance_server.profile("fabric")["fakelivy"]["outputs"]
        return dict(next(iter(outputs.values())))


def _kind(project: Any, relation: Any) -> str | None:
    with project.adapter.connection_named("__test"):
        found = project.adapter.list_relations_without_caching(relation.without_identifier())
    return next((str(each.type) for each in found if each.identifier == relation.identifier), None)


def _rows(project: Any, sql: str) -> list[Any]:
    return list(project.run_sql(sql, fetch="all"))


class AdaptedMaterializedViewBasic(_InLakehouse, MaterializedViewBasic):
    """Fabric's `refresh materialized lake view`."""

    @staticmethod
    def insert_record(project: Any, table: Any, record: tuple[int, int]) -> None:
        project.run_sql(f"insert into {table} values {record}")

    @staticmethod
    def refresh_materialized_view(project: Any, materialized_view: Any) -> None:
        project.run_sql(f"refresh materialized lake view {materialized_view}")

    @staticmethod
    def query_row_count(project: Any, relation: Any) -> int:
        return int(_rows(project, f"select count(*) from {relation}")[0][0])

    @staticmethod
    def query_relation_type(project: Any, relation: Any) -> str | None:
        return _kind(project, relation)


class AdaptedMaterializedViewChanges(_InLakehouse, MaterializedViewChanges):
    """Fabric alters nothing of a lake view but its name: a small change replaces it as a large one does."""

    @staticmethod
    def query_relation_type(project: Any, relation: Any) -> str | None:
        return _kind(project, relation)

    @staticmethod
    def change_config_via_alter(project: Any, materialized_view: Any) -> None:
        model = get_model_file(project, materialized_view)
        new = model.replace("'materialized_view',", "'materialized_view', tblproperties={'grade': 'gold'},")
        set_model_file(project, materialized_view, new)

    @staticmethod
    def change_config_via_replace(project: Any, materialized_view: Any) -> None:
        model = get_model_file(project, materialized_view)
        set_model_file(project, materialized_view, model.replace("select *", "select *, 1 as more"))

    @staticmethod
    def _state(project: Any, view: Any) -> tuple[bool, bool]:
        properties = {row[0]: row[1] for row in _rows(project, f"show tblproperties {view}")}
        columns = [row[0] for row in _rows(project, f"describe {view}")]
        return properties.get("grade") == "gold", "more" in columns

    @classmethod
    def check_start_state(cls, project: Any, materialized_view: Any) -> None:
        assert cls._state(project, materialized_view) == (False, False)

    @classmethod
    def check_state_alter_change_is_applied(cls, project: Any, materialized_view: Any) -> None:
        assert cls._state(project, materialized_view)[0]

    @classmethod
    def check_state_replace_change_is_applied(cls, project: Any, materialized_view: Any) -> None:
        assert cls._state(project, materialized_view)[1]


class AdaptedMaterializedViewChangesApply(AdaptedMaterializedViewChanges, MaterializedViewChangesApplyMixin):
    """Fabric alters nothing of a lake view but its name: a small change replaces it as a large one does."""

    def test_change_is_applied_via_alter(self, project: Any, my_materialized_view: Any) -> None:
        self.check_start_state(project, my_materialized_view)
        self.change_config_via_alter(project, my_materialized_view)
        _, logs = run_dbt_and_capture(["--debug", "run", "--models", my_materialized_view.name])
        self.check_state_alter_change_is_applied(project, my_materialized_view)
        assert_message_in_logs(f"Applying REPLACE to: {my_materialized_view}", logs)


class AdaptedMaterializedViewChangesContinue(AdaptedMaterializedViewChanges, MaterializedViewChangesContinueMixin):
    """Fabric's `show tblproperties`."""


class AdaptedMaterializedViewChangesFail(AdaptedMaterializedViewChanges, MaterializedViewChangesFailMixin):
    """Fabric's `show tblproperties`."""


class AdaptedSimpleCopyBase(_InLakehouse, TestSimpleCopyBase):
    """The unrelated materialized view is a lake view."""

    def test_simple_copy_with_materialized_views(self, project: Any) -> None:
        translated(project, [("materialized view", "materialized lake view")])
        super().test_simple_copy_with_materialized_views(project)
        kinds = {
            name: _kind(project, project.adapter.Relation.create(project.database, project.test_schema, name))
            for name in ("unrelated_materialized_view", "view_model")
        }
        assert kinds == {"unrelated_materialized_view": "materialized_view", "view_model": "view"}
