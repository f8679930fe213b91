"""Catalog, docs, caching and raw SQL that names a database: what Spark calls things."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.tests.adapter.basic import expected_catalog
from dbt.tests.adapter.basic.test_docs_generate import TestDocsGenerate, TestDocsGenReferences
from dbt.tests.adapter.basic.test_get_catalog_for_single_relation import BaseGetCatalogForSingleRelation
from dbt.tests.adapter.caching.test_caching import (
    TestCachingLowerCaseModel,
    TestCachingSelectedSchemaOnly,
    TestCachingUppercaseModel,
    TestNoPopulateCache,
)
from dbt.tests.adapter.catalog.relation_types import CatalogRelationTypes
from dbt.tests.util import AnyInteger, run_dbt
from dbt_common.contracts.metadata import CatalogTable, ColumnMetadata, StatsItem, TableMetadata

_ANY: Any = AnyInteger()

TYPES: dict[str, Any] = {"text_type": "string", "time_type": "timestamp", "view_type": "view", "table_type": "table"}


def _table_stats() -> dict[str, Any]:
    """Delta's count of bytes and rows."""
    stats = {
        each: {"id": each, "label": each, "value": AnyInteger(), "include": True, "description": None}
        for each in ("bytes", "rows")
    }
    has = dict(expected_catalog.no_stats()["has_stats"], value=True)
    return {**stats, "has_stats": has}


def _from_zero(expected: dict[str, Any]) -> dict[str, Any]:
    """Spark's adapters number columns from 0."""
    for node in (*expected["nodes"].values(), *expected["sources"].values()):
        node["columns"] = {
            name: dict(column, index=index) for index, (name, column) in enumerate(node["columns"].items())
        }
    return expected


class AdaptedDocsGenerate(TestDocsGenerate):
    """Spark's types, `table` and `view`; tables have statistics, and columns are numbered from 0."""

    @pytest.fixture(scope="class")
    def expected_catalog(self, project: Any, profile_user: str | None) -> dict[str, Any]:
        return _from_zero(
            expected_catalog.base_expected_catalog(
                project,
                role=profile_user,
                id_type="bigint",
                model_stats=expected_catalog.no_stats(),
                seed_stats=_table_stats(),
                **TYPES,
            )
        )


class AdaptedDocsGenReferences(TestDocsGenReferences):
    """Spark's types, `table` and `view`; tables have statistics, and columns are numbered from 0."""

    @pytest.fixture(scope="class")
    def expected_catalog(self, project: Any, profile_user: str | None) -> dict[str, Any]:
        return _from_zero(
            expected_catalog.expected_references_catalog(
                project,
                role=profile_user,
                id_type="bigint",
                bigint_type="bigint",
                model_stats=_table_stats(),
                view_summary_stats=expected_catalog.no_stats(),
                **TYPES,
            )
        )


class AdaptedGetCatalogForSingleRelation(BaseGetCatalogForSingleRelation):
    """Spark's types, `table` and `view`."""

    @staticmethod
    def _expected(project: Any, name: str, kind: str, stats: dict[str, StatsItem], owner: str | None) -> CatalogTable:
        types = {
            "id": "bigint",
            "first_name": "string",
            "email": "string",
            "ip_address": "string",
            "updated_at": "timestamp",
        }
        columns = {
            column: ColumnMetadata(type=sql, index=index, name=column)
            for index, (column, sql) in enumerate(types.items())
        }
        metadata = TableMetadata(type=kind, schema=project.test_schema, name=name, owner=owner)
        return CatalogTable(metadata=metadata, columns=columns, stats=stats)

    @pytest.fixture(scope="class")
    def expected_catalog_my_seed(self, project: Any, profile_user: str | None) -> CatalogTable:
        stats = {
            each: StatsItem(id=each, label=each, value=_ANY, include=True, description="") for each in ("bytes", "rows")
        }
        return self._expected(project, "my_seed", "table", stats, profile_user)

    @pytest.fixture(scope="class")
    def expected_catalog_my_view_model(self, project: Any, profile_user: str | None) -> CatalogTable:
        return self._expected(project, "my_view_model", "view", {}, profile_user)


class AdaptedCatalogRelationTypes(CatalogRelationTypes):
    """`table` and `view`, and no materialized view."""

    @pytest.fixture(scope="class", autouse=True)
    def models(self) -> dict[str, str]:
        return {
            "my_table.sql": "{{ config(materialized='table') }} select * from {{ ref('my_seed') }}",
            "my_view.sql": "{{ config(materialized='view') }} select * from {{ ref('my_seed') }}",
        }

    @pytest.mark.parametrize(
        ("node_name", "relation_type"),
        [("seed.test.my_seed", "table"), ("model.test.my_table", "table"), ("model.test.my_view", "view")],
    )
    def test_relation_types_populate_correctly(self, docs: Any, node_name: str, relation_type: str) -> None:
        super().test_relation_types_populate_correctly(docs, node_name, relation_type)


class _WithoutDatabase:
    """Names have no database to compare."""

    def run_and_inspect_cache(self, project: Any, run_args: Any = None) -> None:
        run_dbt(run_args)
        (built,) = project.adapter.cache.relations
        assert built.schema == project.test_schema
        run_dbt(run_args)
        (listed,) = project.adapter.cache.relations
        assert (listed.schema, listed.identifier.lower()) == (built.schema, built.identifier.lower())


class AdaptedCachingLowerCaseModel(_WithoutDatabase, TestCachingLowerCaseModel):
    """Names have no database to compare."""


class AdaptedCachingUppercaseModel(_WithoutDatabase, TestCachingUppercaseModel):
    """Names have no database to compare."""


class AdaptedCachingSelectedSchemaOnly(_WithoutDatabase, TestCachingSelectedSchemaOnly):
    """Names have no database to compare."""


class AdaptedNoPopulateCache(_WithoutDatabase, TestNoPopulateCache):
    """Names have no database to compare."""
