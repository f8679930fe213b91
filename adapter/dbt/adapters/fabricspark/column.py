"""Columns: dbt-spark's, with their comments and Spark's own names of types."""

from __future__ import annotations

from dataclasses import dataclass
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
    """A column of a table or view.

    Attributes:
        comment: as the catalog has it; ``None`` for none, and where it was not asked for.
    """

    comment: str | None = None

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

    @classmethod
    def of(cls, column: SparkColumn, comment: str | None) -> FabricSparkColumn:
        """dbt-spark's column with its comment; an owner that Spark does not name, which it calls ``None``, is none."""
        owner = None if column.table_owner == "None" else column.table_owner
        return cls(**{**vars(column), "table_owner": owner, "comment": comment or None})

    def catalog_row(self) -> dict[str, Any]:
        """Its row of dbt's catalog, in dbt's names; types as SQL calls them, which ``show table extended`` does not."""
        row = {**self.to_column_dict(), "dtype": _SQL_TYPES.get(self.dtype, self.dtype)}
        return {_NAMES.get(name, name): value for name, value in row.items()}


_NAMES = {"column": "column_name", "dtype": "column_type", "comment": "column_comment"}

_SQL_TYPES = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint"}
