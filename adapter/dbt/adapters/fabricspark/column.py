"""Columns: dbt-spark's, with the types Fabric's lakehouses have."""

from __future__ import annotations

from dataclasses import dataclass

from dbt.adapters.spark.column import SparkColumn


@dataclass
class FabricSparkColumn(SparkColumn):
    """A column of a table or view."""
