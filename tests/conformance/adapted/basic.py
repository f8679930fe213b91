"""Catalog, docs, caching and clones: what Spark calls things, and names without a database."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.tests.adapter.basic import expected_catalog
from dbt.tests.adapter.basic.test_docs_generate import TestDocsGenerate, TestDocsGenReferences
from dbt.tests.adapter.caching.test_caching import (
    TestCachingLowerCaseModel,
    TestCachingSelectedSchemaOnly,
    TestCachingUppercaseModel,
    TestNoPopulateCache,
)
from dbt.tests.adapter.catalog.relation_types import CatalogRelationTypes
from dbt.tests.util import run_dbt

SPARK_TYPES: dict[str, Any] = {
    "id_type": "bigint",
    "text_type": "string",
    "time_type": "timestamp",
    "view_type": "view",
    "table_type": "table",
    "model_stats": expected_catalog.no_stats(),
}


class AdaptedDocsGenerate(TestDocsGenerate):
    """Spark's names of types, `table` and `view`."""

    @pytest.fixture(scope="class")
    def expected_catalog(self, project: Any, profile_user: str) -> dict[str, Any]:
        found: dict[str, Any] = expected_catalog.base_expected_catalog(project, role=profile_user, **SPARK_TYPES)
        return found


class AdaptedDocsGenReferences(TestDocsGenReferences):
    """Spark's names of types, `table` and `view`."""

    @pytest.fixture(scope="class")
    def expected_catalog(self, project: Any, profile_user: str) -> dict[str, Any]:
        found: dict[str, Any] = expected_catalog.expected_references_catalog(
            project, role=profile_user, bigint_type="bigint", **SPARK_TYPES
        )
        return found


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
