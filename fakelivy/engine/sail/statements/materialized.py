"""What a materialized lake view is not: a table that anybody may write to (Fabric docs)."""

from __future__ import annotations

from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.errors import quoted, spark_error


def refuse_materialized(relation: Relation, command: str) -> None:
    """Raise if ``command`` is about to change a materialized lake view."""
    if relation.is_materialized:
        raise spark_error(
            "UNSUPPORTED_FEATURE.TABLE_OPERATION",
            f"{command} does not work on the materialized lake view {quoted(relation.name)}: its rows come from its "
            "query only.",
        )
