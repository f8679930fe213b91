"""dbt's metadata and SQL surface: dbt-spark's, where Fabric does not differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbt.adapters.base.impl import PythonJobHelper
from dbt.adapters.base.meta import available
from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.fabricspark.column import FabricSparkColumn
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager
from dbt.adapters.fabricspark.literals import text
from dbt.adapters.fabricspark.relation import FabricSparkRelation
from dbt.adapters.spark.impl import LIST_SCHEMAS_MACRO_NAME, SparkAdapter
from dbt_common.exceptions import DbtRuntimeError

if TYPE_CHECKING:
    import agate


class FabricSparkAdapter(SparkAdapter):
    """dbt-spark's adapter over Livy."""

    Relation = FabricSparkRelation
    Column = FabricSparkColumn
    ConnectionManager = FabricSparkConnectionManager  # type: ignore[assignment]  # dbt-spark's manager speaks Thrift

    def check_schema_exists(self, database: str, schema: str) -> bool:
        """Whether a schema exists.

        ``show databases`` gives its name alone, or behind its lakehouse and workspace (contract section 6).
        """
        rows = self.execute_macro(LIST_SCHEMAS_MACRO_NAME, kwargs={"database": database})
        names = {str(row[0]).replace("`", "").rpartition(".")[2].lower() for row in rows}
        return schema.lower() in names

    def list_schemas(self, database: str) -> list[str]:
        """The schemas of the lakehouse, by their bare names."""
        rows = self.execute_macro(LIST_SCHEMAS_MACRO_NAME, kwargs={"database": database})
        return [str(row[0]).replace("`", "").rpartition(".")[2] for row in rows]

    @available
    @classmethod
    def string_literal(cls, value: str) -> str:
        """A string as Spark SQL writes it, whatever is in it."""
        return text(value or "")

    @available
    def seed_insert_sql(
        self, relation: BaseRelation, table: agate.Table, types: Sequence[str], start: int, size: int
    ) -> str:
        """The statement that inserts rows ``start`` to ``start + size`` of a seed.

        Every value travels as a string and is cast by Spark: no number passes through a float, and NULL stays NULL.
        The cast stands in each cell, as in dbt-spark: a table of literals is what Spark reads fastest.
        """
        rows = (
            ", ".join(f"cast({_seed_literal(cell)} as {kind})" for cell, kind in zip(row, types, strict=True))
            for row in table.rows[start : start + size]
        )
        return f"insert into {relation} values\n" + ",\n".join(f"({row})" for row in rows)

    def submit_python_job(self, parsed_model: dict[str, Any], compiled_code: str) -> AdapterResponse:
        """Refuse a Python model."""
        raise DbtRuntimeError("Python models are not supported yet; write this model in SQL")

    @property
    def python_submission_helpers(self) -> dict[str, type[PythonJobHelper]]:
        """None: dbt-spark's submit to Databricks."""
        return {}


def _seed_literal(cell: object) -> str:
    if cell is None:
        return "null"
    if isinstance(cell, dt.date | dt.time):
        return text(cell.isoformat())
    return text(str(cell).lower() if isinstance(cell, bool) else str(cell))
