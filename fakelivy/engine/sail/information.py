"""The facts about a table or view that DESCRIBE and SHOW print, gathered once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.sparktypes import Field
from fakelivy.engine.sail.tokens import quote_name


@dataclass(frozen=True)
class Information:
    """One relation, ready to be printed.

    Attributes:
        details: label and text of each line of the detailed block, in Spark's order.
    """

    fields: Sequence[Field]
    partition_columns: Sequence[str]
    details: Sequence[tuple[str, str]]
    properties: dict[str, str]


def gather(ctx: Context, relation: Relation) -> Information:
    if relation.is_view:
        return _view(ctx, relation)
    snapshot = ctx.snapshot(relation)
    rows = snapshot.rows
    statistics = f"{snapshot.size} bytes" + (f", {rows} rows" if rows is not None else "")
    properties = {
        **snapshot.configuration,
        "delta.minReaderVersion": str(snapshot.protocol.get("minReaderVersion", 1)),
        "delta.minWriterVersion": str(snapshot.protocol.get("minWriterVersion", 2)),
        **relation.properties,
    }
    details = [
        *_heading(relation),
        ("Type", _type(relation)),
        ("Provider", relation.provider),
        ("Comment", relation.comment),
        ("View Text", relation.text),
        ("Table Properties", _bracketed(properties)),
        ("Statistics", statistics),
        ("Location", ctx.catalog.folder(relation).as_uri()),
        (
            "Partition Columns",
            f"[{', '.join(map(quote_name, snapshot.partition_columns))}]" if snapshot.partition_columns else "",
        ),
        (
            "Clustering Columns",
            f"[{', '.join(map(quote_name, relation.cluster_columns))}]" if relation.cluster_columns else "",
        ),
    ]
    return Information(snapshot.fields, snapshot.partition_columns, _kept(details), properties)


def _type(relation: Relation) -> str:
    if relation.is_materialized:
        return "MATERIALIZED_LAKE_VIEW"
    return "EXTERNAL" if relation.location else "MANAGED"


def _view(ctx: Context, view: Relation) -> Information:
    details = [
        *_heading(view),
        ("Type", "VIEW"),
        ("Comment", view.comment),
        ("View Text", view.text),
        ("View Original Text", view.text),
        ("View Catalog and Namespace", ".".join(view.creator_schema)),
        ("View Query Output Columns", f"[{', '.join(quote_name(column['name']) for column in view.columns)}]"),
        ("Table Properties", _bracketed(view.properties) if view.properties else ""),
    ]
    return Information(ctx.fields(view), (), _kept(details), dict(view.properties))


def _heading(relation: Relation) -> list[tuple[str, str]]:
    return [
        ("Catalog", relation.name.lakehouse),
        ("Database", relation.name.schema),
        ("Table", relation.name.table),
        ("Owner", relation.owner),
        ("Created Time", relation.created),
        ("Last Access", "UNKNOWN"),
        ("Created By", "Spark"),
    ]


def _kept(details: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(label, text) for label, text in details if text]


def _bracketed(properties: Mapping[str, str]) -> str:
    return "[" + ", ".join(f"{key}={value}" for key, value in sorted(properties.items())) + "]"
