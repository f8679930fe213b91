"""Columns: dbt-spark's, with Spark's own names of types and the comments that Spark knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from dbt.adapters.base.column import Column
from dbt.adapters.spark.column import SparkColumn

_STRINGS = frozenset({"string", "varchar", "char"})
_INTEGERS = frozenset({"tinyint", "byte", "smallint", "short", "int", "integer", "bigint", "long"})
_FLOATS = frozenset({"float", "real", "double"})
_DECIMALS = frozenset({"decimal", "dec", "numeric"})
"""Spark's types with their aliases (sql-ref-datatypes of Spark 3.5), without what stands in parentheses."""


@dataclass
class FabricSparkColumn(SparkColumn):
    """A column of a table or view."""

    column_comment: str | None = None

    @property
    def _type(self) -> str:
        return self.dtype.partition("(")[0].strip().lower()

    def is_string(self) -> bool:
        """Whether it holds text."""
        return self._type in _STRINGS

    def is_integer(self) -> bool:
        """Whether it holds whole numbers."""
        return self._type in _INTEGERS

    def is_float(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self._type in _FLOATS

    def is_numeric(self) -> bool:
        """Whether it holds decimal numbers."""
        return self._type in _DECIMALS

    def can_expand_to(self, other_column: Column) -> bool:  # noqa: ARG002  # dbt passes it
        """Never: a string of Spark's has no length to outgrow."""
        return False


def table_comment(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """The comment of the table itself, among what ``describe extended`` tells behind the columns."""
    behind = False
    for row in rows:
        behind = behind or str(row["col_name"]).startswith("# Detailed Table Information")
        if behind and row["col_name"] == "Comment":
            return str(row["data_type"])
    return None


def described(columns: Iterable[SparkColumn], rows: Iterable[Mapping[str, Any]]) -> list[FabricSparkColumn]:
    """Columns as ``describe`` tells of them, each with its comment."""
    comments: dict[str, str | None] = {}
    for row in rows:
        comments.setdefault(row["col_name"], row.get("comment") or None)
    return [
        FabricSparkColumn(
            **{field.name: getattr(column, field.name) for field in fields(column)},
            column_comment=comments.get(column.name),
        )
        for column in columns
    ]
