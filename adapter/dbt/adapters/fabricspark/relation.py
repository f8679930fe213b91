"""Relations: ``schema.table``, as dbt-spark writes them."""

from __future__ import annotations

from dataclasses import dataclass

from dbt.adapters.spark.relation import SparkRelation


@dataclass(frozen=True, eq=False, repr=False)
class FabricSparkRelation(SparkRelation):
    """A table or view of the lakehouse."""
