"""What dbt's catalog holds of a relation, and which relations have comments on their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dbt.adapters.contracts.relation import RelationConfig
from dbt.adapters.fabricspark.livy.wire import type_name
from dbt.adapters.spark.column import SparkColumn
from dbt_common.contracts.metadata import CatalogTable, ColumnMetadata, StatsItem, TableMetadata


def commented(configs: Iterable[RelationConfig]) -> frozenset[tuple[str, str]]:
    """Schema and name, in lower case, of everything whose columns dbt has described on the server.

    Only ``describe`` tells comments of columns, one relation at a time, so only these are worth asking for.
    """
    found = set()
    for each in configs:
        persist = getattr(each.config, "persist_docs", None) or {}
        if persist.get("columns"):
            found.add((each.schema.lower(), each.identifier.lower()))
    return frozenset(found)


def rows(columns: Iterable[SparkColumn], comment: str | None) -> list[dict[str, Any]]:
    """A relation's columns as rows of dbt's catalog."""
    found = []
    for column in columns:
        row = column.to_column_dict()
        row["column_name"] = row.pop("column")
        row["column_type"] = type_name(row.pop("dtype"))  # the listing says `long` where `describe` says `bigint`
        row["table_database"] = None
        row["table_comment"] = comment
        found.append(row)
    return found


def table(listed: Sequence[Mapping[str, Any]]) -> CatalogTable:
    """One relation's rows of the catalog, at least one, as dbt's contract has them."""
    first = listed[0]
    return CatalogTable(
        metadata=TableMetadata(
            type=str(first["table_type"]),
            schema=first["table_schema"],
            name=first["table_name"],
            comment=first.get("table_comment"),
            owner=first.get("table_owner"),
        ),
        columns={
            row["column_name"]: ColumnMetadata(
                type=row["column_type"],
                index=row["column_index"],
                name=row["column_name"],
                comment=row.get("column_comment"),
            )
            for row in listed
        },
        stats=_stats(first),
    )


def _stats(row: Mapping[str, Any]) -> dict[str, StatsItem]:
    ids = [key.split(":")[1] for key in row if key.startswith("stats:") and key.endswith(":value")]
    return {
        each: StatsItem(
            id=each,
            label=row[f"stats:{each}:label"],
            value=row[f"stats:{each}:value"],
            include=row[f"stats:{each}:include"],
            description=row[f"stats:{each}:description"],
        )
        for each in ids
    }
