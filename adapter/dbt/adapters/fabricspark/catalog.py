"""Which relations dbt's catalog is about, and of which of them the columns' comments are worth a statement."""

from __future__ import annotations

from collections.abc import Iterable

from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.contracts.relation import RelationConfig

Place = tuple[str, str, str]
"""Database, schema and name, in lower case: Spark does not tell names by their case."""


def place(relation: BaseRelation | RelationConfig) -> Place:
    """Where a relation is, as a key."""
    return (relation.database or "").lower(), (relation.schema or "").lower(), (relation.identifier or "").lower()


def documented(configs: Iterable[RelationConfig]) -> dict[Place, bool]:
    """Every relation of the project, and whether dbt writes the comments of its columns (``persist_docs``)."""
    return {place(each): _documents_columns(each) for each in configs}


def _documents_columns(config: RelationConfig) -> bool:
    # A source's comments are somebody else's, and there is no knowing that there are none.
    persist = config.config.get("persist_docs") if config.config is not None else None
    return bool(persist.get("columns")) if isinstance(persist, dict) else False
