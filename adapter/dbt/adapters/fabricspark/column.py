"""Columns: dbt-spark's, with their comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dbt.adapters.spark.column import SparkColumn


@dataclass
class FabricSparkColumn(SparkColumn):
    """A column of a table or view.

    Attributes:
        comment: as the catalog has it; ``None`` for none, and where it was not asked for.
    """

    comment: str | None = None

    @classmethod
    def of(cls, column: SparkColumn, comment: str | None) -> FabricSparkColumn:
        """dbt-spark's column with its comment."""
        return cls(**{**vars(column), "comment": comment or None})

    def catalog_row(self) -> dict[str, Any]:
        """Its row of dbt's catalog, in dbt's names; types as SQL calls them, which ``show table extended`` does not."""
        row = {**self.to_column_dict(), "dtype": _SQL_TYPES.get(self.dtype, self.dtype)}
        return {_NAMES.get(name, name): value for name, value in row.items()}


_NAMES = {"column": "column_name", "dtype": "column_type", "comment": "column_comment"}

_SQL_TYPES = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint"}
