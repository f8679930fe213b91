"""What else is said in Postgres's words: ephemeral models, copies, `dbt show`, unit tests, timestamps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.tests.adapter.aliases import fixtures as alias_fixtures
from dbt.tests.adapter.aliases.test_aliases import (
    TestAliases,
    TestSameAliasDifferentDatabases,
    TestSameAliasDifferentSchemas,
)
from dbt.tests.adapter.column_types.test_column_types import TestPostgresColumnTypes
from dbt.tests.adapter.dbt_show.test_dbt_show import TestShowDoesNotHandleDoubleLimit
from dbt.tests.adapter.empty import _models
from dbt.tests.adapter.empty.test_empty import MetadataWithEmptyFlag
from dbt.tests.adapter.ephemeral.test_ephemeral import TestEphemeralMulti, TestEphemeralNested
from dbt.tests.adapter.python_model.test_python_model import BasePythonEmptyTests, BasePythonSampleTests
from dbt.tests.adapter.python_model.test_spark import PANDAS_MODEL, PYSPARK_MODEL, BasePySparkTests
from dbt.tests.adapter.sample_mode import fixtures
from dbt.tests.adapter.sample_mode.test_sample_mode import BaseSampleModeTest
from dbt.tests.adapter.simple_copy.test_copy_uppercase import TestSimpleCopyUppercase
from dbt.tests.adapter.simple_copy.test_simple_copy import TestEmptyModelsArentRun
from dbt.tests.adapter.unit_testing import test_quoted_reserved_word_column_names
from dbt.tests.adapter.unit_testing.test_quoted_reserved_word_column_names import (
    BaseUnitTestQuotedReservedWordColumnNames,
)
from dbt.tests.adapter.unit_testing.test_types import TestPostgresUnitTestingTypes
from dbt.tests.adapter.utils import fixture_get_intervals_between, fixture_listagg
from dbt.tests.adapter.utils.data_types.test_type_float import TestTypeFloat
from dbt.tests.adapter.utils.data_types.test_type_int import TestTypeInt
from dbt.tests.adapter.utils.test_get_intervals_between import TestGetIntervalsBetween
from dbt.tests.adapter.utils.test_listagg import TestListagg
from dbt.tests.adapter.utils.test_timestamps import TestCurrentTimestamps
from dbt.tests.util import check_relations_equal, run_dbt

from tests.conformance.adapted.words import said


def _built(model: str) -> str:
    return " ".join(Path("target", "run", "test", "models", model).read_text(encoding="utf-8").split())


class _PlainLiterals:
    @pytest.fixture(scope="class")
    def macros(self) -> dict[str, str]:
        return {
            "cast.sql": said(alias_fixtures.MACROS__CAST_SQL, [("::text", "")]),
            "expect_value.sql": alias_fixtures.MACROS__EXPECT_VALUE_SQL,
        }


class AdaptedAliases(_PlainLiterals, TestAliases):
    """Literals without `::text`, which Spark does not read; the embedded engine does."""


class AdaptedSameAliasDifferentSchemas(_PlainLiterals, TestSameAliasDifferentSchemas):
    """Literals without `::text`, which Spark does not read; the embedded engine does."""


class AdaptedSameAliasDifferentDatabases(_PlainLiterals, TestSameAliasDifferentDatabases):
    """Literals without `::text`, which Spark does not read; the embedded engine does."""


class AdaptedEphemeralMulti(TestEphemeralMulti):
    """Spark's `create view`."""

    def test_ephemeral_multi(self, project: Any) -> None:
        run_dbt(["seed"])
        assert len(run_dbt(["run"])) == 3
        for model in ("dependent", "double_dependent", "super_dependent"):
            check_relations_equal(project.adapter, ["seed", model])
        assert _built("double_dependent.sql") == (
            f"create or replace view {project.test_schema}.double_dependent as "
            f"with __dbt__cte__base as ( select * from {project.test_schema}.seed ), "
            "__dbt__cte__base_copy as ( select * from __dbt__cte__base ) "
            "-- base_copy just pulls from base. Make sure the listed "
            "-- graph of CTEs all share the same dbt_cte__base cte "
            "select * from __dbt__cte__base where gender = 'Male' union all "
            "select * from __dbt__cte__base_copy where gender = 'Female'"
        )


class AdaptedEphemeralNested(TestEphemeralNested):
    """Spark's `create view`."""

    def test_ephemeral_nested(self, project: Any) -> None:
        assert len(run_dbt(["run"])) == 2
        assert _built("root_view.sql") == (
            f"create or replace view {project.test_schema}.root_view as "
            f"with __dbt__cte__ephemeral_level_two as ( select * from {project.test_schema}.source_table ), "
            "__dbt__cte__ephemeral as ( select * from __dbt__cte__ephemeral_level_two ) "
            "select * from __dbt__cte__ephemeral"
        )


class AdaptedColumnTypes(TestPostgresColumnTypes):
    """Spark's types."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        casts = {
            "smallint_col": ("smallint", "integer"),
            "int_col": ("int", "integer"),
            "bigint_col": ("bigint", "integer"),
            "real_col": ("float", "float"),
            "double_col": ("double", "float"),
            "numeric_col": ("decimal(10, 2)", "numeric"),
            "text_col": ("string", "string"),
            "varchar_col": ("varchar(20)", "string"),
        }
        checks = {name: [kind, "not number" if kind == "string" else "number"] for name, (_, kind) in casts.items()}
        columns = ", ".join(f"cast('1' as {sql}) as {name}" for name, (sql, _) in casts.items())
        tests = [{"is_type": {"arguments": {"column_map": checks}}}]
        return {
            "model.sql": f"{{{{ config(materialized='table') }}}} select {columns}",
            "schema.yml": yaml.safe_dump({"models": [{"name": "model", "data_tests": tests}]}),
        }


class AdaptedMetadataWithEmptyFlag(MetadataWithEmptyFlag):
    """Spark's types; columns are added, and dropped where Delta can (with column mapping)."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        published: dict[str, str] = {
            "schema.yml": _models.SCHEMA,
            "control.sql": _models.CONTROL,
            "get_columns_in_relation.sql": _models.GET_COLUMNS_IN_RELATION,
            "alter_column_type.sql": _models.ALTER_COLUMN_TYPE,
            "alter_relation_comment.sql": _models.ALTER_RELATION_COMMENT,
            "alter_column_comment.sql": _models.ALTER_COLUMN_COMMENT,
            "alter_relation_add_remove_columns.sql": _models.ALTER_RELATION_ADD_REMOVE_COLUMNS,
            "truncate_relation.sql": _models.TRUNCATE_RELATION,
        }
        return {name: text.replace('"varchar"', '"string"') for name, text in published.items()}

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        return {"seeds": {"+tblproperties": {"delta.columnMapping.mode": "name"}}}


class AdaptedShowDoesNotHandleDoubleLimit(TestShowDoesNotHandleDoubleLimit):
    """Spark's words for a second `limit`."""

    # Of PARSE_SYNTAX_ERROR, whose end is lost where pytest makes the text shorter.
    DATABASE_ERROR_MESSAGE = "[PARSE_SYN"


class AdaptedUnitTestingTypes(TestPostgresUnitTestingTypes):
    """Spark's types."""

    @pytest.fixture
    def data_types(self) -> list[list[str]]:
        return [
            ["1", "1"],
            ["2.0", "2.0"],
            ["'12345'", "12345"],
            ["'string'", "string"],
            ["true", "true"],
            ["date '2011-11-11'", "2011-11-11"],
            ["timestamp '2013-11-03 00:00:00+00:00'", "2013-11-03 00:00:00+00:00"],
            ["array(1, 2, 3)", "'array(1, 2, 3)'"],
            ["map('10', 't', '15', 'f')", """'map("10", "t", "15", "f")'"""],
            ['named_struct("a", 1, "b", 2)', """'named_struct("a", 1, "b", 2)'"""],
        ]


class AdaptedUnitTestQuotedReservedWordColumnNames(BaseUnitTestQuotedReservedWordColumnNames):
    """Spark quotes with backticks."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        published = test_quoted_reserved_word_column_names
        return {
            "my_model.sql": published.my_model_sql,
            "my_upstream_model.sql": "select 1 as `GROUP`",
            "unit_tests.yml": published.test_my_model_csv_fixtures_yml,
        }


class AdaptedTypeFloat(TestTypeFloat):
    """The seed's column is a `float`, which dbt takes for a `double`."""

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        return {"seeds": {"test": {"+column_types": {"float_col": "float"}}}}


class AdaptedTypeInt(TestTypeInt):
    """The seed's column is an `int`, which dbt takes for a `bigint`."""

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        return {"seeds": {"test": {"+column_types": {"int_col": "int"}}}}


class AdaptedGetIntervalsBetween(TestGetIntervalsBetween):
    """Dates as Spark reads them."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        published = fixture_get_intervals_between
        sql = published.models__test_get_intervals_between_sql
        for month_first, iso in (("09/01/2023", "2023-09-01"), ("09/12/2023", "2023-09-12")):
            sql = sql.replace(month_first, iso)
        return {
            "test_get_intervals_between.yml": published.models__test_get_intervals_between_yml,
            "test_get_intervals_between.sql": self.interpolate_macro_namespace(sql, "get_intervals_between"),
        }


class _OffsetsInFull:
    @pytest.fixture(scope="class")
    def input_model_sql(self) -> str:
        return str(fixtures.input_model_sql).replace("-0'", "+00:00'")


class AdaptedSampleMode(_OffsetsInFull, BaseSampleModeTest):
    """Offsets written `+00:00`: the embedded engine does not read `-0`, which Spark does."""


class AdaptedPythonEmptyTests(_OffsetsInFull, BasePythonEmptyTests):
    """Offsets written `+00:00`: the embedded engine does not read `-0`, which Spark does."""


class AdaptedPythonSampleTests(_OffsetsInFull, BasePythonSampleTests):
    """Offsets written `+00:00`: the embedded engine does not read `-0`, which Spark does."""


class AdaptedPySparkTests(BasePySparkTests):
    """Without `databricks.koalas`, gone since Spark 3.2, and `pyspark.pandas`, which does not load with pandas 3."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {"pandas_df.py": PANDAS_MODEL, "pyspark_df.py": PYSPARK_MODEL}

    def test_different_dataframes(self, project: Any) -> None:
        assert len(run_dbt(["run"])) == 2


class AdaptedEmptyModelsArentRun(TestEmptyModelsArentRun):
    """The tables are listed by the adapter: Spark has no `information_schema`."""

    @pytest.fixture(scope="class")
    def project(self, project: Any) -> Any:
        def listed() -> dict[str, str]:
            schema = project.adapter.Relation.create(database=project.database, schema=project.test_schema)
            with project.adapter.connection_named("__test"):
                found = project.adapter.list_relations_without_caching(schema.without_identifier())
            return {each.identifier: str(each.type) for each in found}

        project.get_tables_in_schema = listed
        return project


class AdaptedSimpleCopyUppercase(TestSimpleCopyUppercase):
    """Our own target."""

    @pytest.fixture(scope="class")
    def dbt_profile_target(self, conformance_target: dict[str, Any]) -> dict[str, Any]:
        return conformance_target


class AdaptedListagg(TestListagg):
    """The lists without an order: dbt-spark's `listagg` warns that it cannot order, and does not."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        published = fixture_listagg
        unordered = published.models__test_listagg_sql + "where calculate.version not like 'bottom_ordered%'"
        return {
            "test_listagg.yml": published.models__test_listagg_yml,
            "test_listagg.sql": self.interpolate_macro_namespace(unordered, "listagg"),
        }


class AdaptedCurrentTimestamps(TestCurrentTimestamps):
    """Spark's one type of timestamp."""

    @pytest.fixture(scope="class")
    def expected_schema(self) -> dict[str, str]:
        names = ("current_timestamp", "current_timestamp_in_utc_backcompat", "current_timestamp_backcompat")
        return dict.fromkeys(names, "timestamp")

    @pytest.fixture(scope="class")
    def expected_sql(self) -> str:
        return """
            select current_timestamp() as current_timestamp,
                   current_timestamp() as current_timestamp_in_utc_backcompat,
                   current_timestamp() as current_timestamp_backcompat
        """
