"""Contracts: Spark's types, and constraints that Delta is told of after the table is there."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from dbt.adapters.fabricspark.literals import text
from dbt.tests.adapter.constraints import fixtures
from dbt.tests.adapter.constraints.test_constraints import (
    TestConstraintQuotedColumn,
    TestIncrementalConstraintsColumnsEqual,
    TestIncrementalConstraintsRollback,
    TestIncrementalConstraintsRuntimeDdlEnforcement,
    TestIncrementalContractSqlHeader,
    TestModelConstraintsRuntimeEnforcement,
    TestTableConstraintsColumnsEqual,
    TestTableConstraintsRollback,
    TestTableConstraintsRuntimeDdlEnforcement,
    TestTableContractSqlHeader,
    TestViewConstraintsColumnsEqual,
)
from dbt.tests.util import run_dbt_and_capture

# Spark 3.5 has no type `text`.
_YML = {
    name: getattr(fixtures, name).replace("text", "string")
    for name in ("model_schema_yml", "model_fk_constraint_schema_yml", "constrained_model_schema_yml")
}


class _SparkTypes:
    @pytest.fixture
    def string_type(self) -> str:
        return "string"

    @pytest.fixture
    def int_type(self) -> str:
        return "int"

    @pytest.fixture
    def data_types(self, int_type: str, schema_int_type: str, string_type: str) -> list[list[str]]:
        return [
            ["1", schema_int_type, int_type],
            ["'1'", string_type, string_type],
            ["true", "boolean", "boolean"],
            ["date '2019-01-01'", "date", "date"],
            ["timestamp '2019-01-01 00:00:00'", "timestamp", "timestamp"],
            ["array('a', 'b')", "array<string>", "array<string>"],
            ["array(1, 2)", "array<int>", "array<int>"],
            ["cast(1 as decimal(10, 2))", "decimal(10,2)", "decimal(10,2)"],
            ["cast(1 as double)", "double", "double"],
        ]


class AdaptedTableConstraintsColumnsEqual(_SparkTypes, TestTableConstraintsColumnsEqual):
    """Spark's types."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {
            "my_model_wrong_order.sql": fixtures.my_model_wrong_order_sql,
            "my_model_wrong_name.sql": fixtures.my_model_wrong_name_sql,
            "constraints_schema.yml": _YML["model_schema_yml"],
        }


class AdaptedViewConstraintsColumnsEqual(_SparkTypes, TestViewConstraintsColumnsEqual):
    """Spark's types."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {
            "my_model_wrong_order.sql": fixtures.my_model_view_wrong_order_sql,
            "my_model_wrong_name.sql": fixtures.my_model_view_wrong_name_sql,
            "constraints_schema.yml": _YML["model_schema_yml"],
        }


class AdaptedIncrementalConstraintsColumnsEqual(_SparkTypes, TestIncrementalConstraintsColumnsEqual):
    """Spark's types."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {
            "my_model_wrong_order.sql": fixtures.my_model_incremental_wrong_order_sql,
            "my_model_wrong_name.sql": fixtures.my_model_incremental_wrong_name_sql,
            "constraints_schema.yml": _YML["model_schema_yml"],
        }


_BUILT = """
    create {replace} table <model_identifier> using delta as
    select {checked}, color, date_day from (
        -- depends_on: <foreign_key_model_identifier>
        select 'blue' as color, 1 as id, '2019-01-01' as date_day
    ) as model_subq
"""


def _checked(*checks: str, **not_null: str) -> str:
    """The first column, which is there if every check holds: named by its column or by a hash of itself."""
    names = {check: f"not_null_{column}" for column, check in not_null.items()}
    sql = "id"
    for check in reversed((*not_null.values(), *checks)):
        name = names.get(check) or f"check_{hashlib.md5(check.encode(), usedforsecurity=False).hexdigest()}"
        message = f"Constraint {name} of <model_identifier> is broken: {check}"
        sql = f"if({check}, {sql}, raise_error({text(message)}))"
    return f"{sql} as id"


_OF_ID = _checked("(id > 0)", "id >= 1", id="id is not null")


class AdaptedTableConstraintsRuntimeDdlEnforcement(TestTableConstraintsRuntimeDdlEnforcement):
    """Spark's `create table as` names no constraints; they follow in statements of their own."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {
            "my_model.sql": fixtures.my_model_wrong_order_depends_on_fk_sql,
            "foreign_key_model.sql": fixtures.foreign_key_model_sql,
            "constraints_schema.yml": _YML["model_fk_constraint_schema_yml"],
        }

    @pytest.fixture(scope="class")
    def expected_sql(self) -> str:
        return _BUILT.format(replace="or replace", checked=_OF_ID)


class AdaptedIncrementalConstraintsRuntimeDdlEnforcement(TestIncrementalConstraintsRuntimeDdlEnforcement):
    """Spark's `create table as` names no constraints; they follow in statements of their own."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {
            "my_model.sql": fixtures.my_model_incremental_wrong_order_depends_on_fk_sql,
            "foreign_key_model.sql": fixtures.foreign_key_model_sql,
            "constraints_schema.yml": _YML["model_fk_constraint_schema_yml"],
        }

    @pytest.fixture(scope="class")
    def expected_sql(self) -> str:
        return _BUILT.format(replace="", checked=_OF_ID)


class AdaptedModelConstraintsRuntimeEnforcement(TestModelConstraintsRuntimeEnforcement):
    """Spark's `create table as` names no constraints; they follow in statements of their own."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {
            "my_model.sql": fixtures.my_model_wrong_order_depends_on_fk_sql,
            "foreign_key_model.sql": fixtures.foreign_key_model_sql,
            "constraints_schema.yml": _YML["constrained_model_schema_yml"],
        }

    @pytest.fixture(scope="class")
    def expected_sql(self) -> str:
        return _BUILT.format(replace="or replace", checked=_OF_ID)


class AdaptedConstraintQuotedColumn(TestConstraintQuotedColumn):
    """Spark quotes with backticks."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        yml = fixtures.model_quoted_column_schema_yml.replace("text", "string")
        return {
            "my_model.sql": fixtures.my_model_with_quoted_column_name_sql,
            "constraints_schema.yml": yml.replace('"from"', "`from`"),
        }

    @pytest.fixture(scope="class")
    def expected_sql(self) -> str:
        checked = _checked("(`from` = 'blue')", id="id is not null", **{"from": "`from` is not null"})
        return f"""
            create or replace table <model_identifier> using delta as
            select {checked}, `from`, date_day from (
                select 'blue' as `from`, 1 as id, '2019-01-01' as date_day
            ) as model_subq
        """


class AdaptedTableConstraintsRollback(TestTableConstraintsRollback):
    """Delta's words for a constraint that is broken."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {"my_model.sql": fixtures.my_model_sql, "constraints_schema.yml": _YML["model_schema_yml"]}

    @pytest.fixture(scope="class")
    def expected_error_messages(self) -> list[str]:
        return ["not_null_id", "is broken"]


class AdaptedIncrementalConstraintsRollback(TestIncrementalConstraintsRollback):
    """Delta's words for a constraint that is broken."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {"my_model.sql": fixtures.my_incremental_model_sql, "constraints_schema.yml": _YML["model_schema_yml"]}

    @pytest.fixture(scope="class")
    def expected_error_messages(self) -> list[str]:
        return ["DELTA_VIOLATE_CONSTRAINT", "CHECK constraint"]


class _HeaderRefused:
    def test__contract_sql_header(self, project: Any) -> None:
        _, output = run_dbt_and_capture(["run"], expect_pass=False)
        assert "sql_header cannot be sent" in output


class AdaptedTableContractSqlHeader(_HeaderRefused, TestTableContractSqlHeader):
    """A request of Livy runs one statement: `sql_header` is refused in words that say what to do."""


class AdaptedIncrementalContractSqlHeader(_HeaderRefused, TestIncrementalContractSqlHeader):
    """A request of Livy runs one statement: `sql_header` is refused in words that say what to do."""
