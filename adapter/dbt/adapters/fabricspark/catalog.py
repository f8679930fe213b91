"""Which relations dbt's catalog is about, which of them are worth a statement of their own, and one by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.contracts.relation import RelationConfig
from dbt_common.contracts.metadata import CatalogTable, ColumnMetadata, StatsItem, TableMetadata

Place = tuple[str, str, str]
"""Database, schema and name, in lower case: Spark does not tell names by their case."""


@dataclass(frozen=True)
class Documented:
    """A relation that dbt's catalog is about.

    Attributes:
        database: by which dbt knows it again: what its config says, without the workspace of a source.
        comments: whether dbt writes the comments of its columns (``persist_docs``).
    """

    database: str | None
    comments: bool


def place(relation: BaseRelation) -> Place:
    """Where a relation is, as a key."""
    return (relation.database or "").lower(), (relation.schema or "").lower(), (relation.identifier or "").lower()


def documented(
    configs: Iterable[RelationConfig], relation: Callable[[RelationConfig], BaseRelation]
) -> dict[Place, Documented]:
    """Every relation of the project; ``relation`` makes it of its config."""
    return {place(relation(each)): Documented(each.database, _documents_columns(each)) for each in configs}


def _documents_columns(config: RelationConfig) -> bool:
    # A source's comments are somebody else's, and there is no knowing that there are none.
    persist = config.config.get("persist_docs") if config.config is not None else None
    return bool(persist.get("columns")) if isinstance(persist, dict) else False


def comment(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """The comment of the relation itself, among what ``describe extended`` tells behind the columns."""
    behind = False
    for row in rows:
        behind = behind or str(row["col_name"]).startswith("# Detailed Table Information")
        if behind and row["col_name"] == "Comment":
            return str(row["data_type"])
    return None


def table(relation: BaseRelation, rows: Sequence[Mapping[str, Any]], comment: str | None) -> CatalogTable:
    """One relation's rows of the catalog, at least one, as dbt's contract has them."""
    return CatalogTable(
        metadata=TableMetadata(
            type=str(relation.type),
            schema=str(relation.schema),
            name=str(relation.identifier),
            database=relation.database,
            comment=comment,
            owner=rows[0].get("table_owner"),
        ),
        columns={
            row["column_name"]: ColumnMetadata(
                type=row["column_type"],
                index=row["column_index"],
                name=row["column_name"],
                comment=row.get("column_comment"),
            )
            for row in rows
        },
        stats=_stats(rows[0]),
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
