"""The rows of a seed as SQL that loses nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbt.adapters.fabricspark.literals import text

if TYPE_CHECKING:
    import agate


def values_sql(table: agate.Table, types: Sequence[str], start: int, size: int) -> str:
    """Rows ``start`` to ``start + size`` of a seed, as an inline table.

    Every value travels as a string and is cast by Spark: no number passes through a float, and NULL stays NULL. The
    cast stands in each cell, as in dbt-spark: a table of literals is what Spark reads fastest.
    """
    rows = (
        ", ".join(f"cast({_literal(cell)} as {kind})" for cell, kind in zip(row, types, strict=True))
        for row in table.rows[start : start + size]
    )
    names = ", ".join("`" + str(name).replace("`", "``") + "`" for name in table.column_names)
    return "values\n" + ",\n".join(f"({row})" for row in rows) + f"\nas __dbt_seed({names})"


def _literal(cell: object) -> str:
    if cell is None:
        return "null"
    if isinstance(cell, dt.date | dt.time):
        return text(cell.isoformat())
    return text(str(cell).lower() if isinstance(cell, bool) else str(cell))
