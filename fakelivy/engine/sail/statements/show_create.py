"""SHOW CREATE TABLE: the statement that would make a table or view as it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakelivy.engine.port import Table
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.information import Information, gather
from fakelivy.engine.sail.names import render
from fakelivy.engine.sail.sparktypes import field, sql_text, struct
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import quote_name, quote_string

_RESULT = struct([field("createtab_stmt", "string", null=False)])


def create_table(ctx: Context, cursor: Cursor) -> Table:
    relation = ctx.relation(cursor.name())
    cursor.take("AS", "SERDE")
    cursor.end()
    information = gather(ctx, relation)
    lines = _view(relation) if relation.is_view else _table(relation, information)
    return Table(_RESULT, [("\n".join(lines) + "\n",)])


def _view(view: Relation) -> Iterator[str]:
    columns = ",\n  ".join(quote_name(column["name"]) + _comment(column["metadata"]) for column in view.columns)
    yield f"CREATE VIEW {render(view.name)} (\n  {columns})"
    if view.comment:
        yield f"COMMENT {quote_string(view.comment)}"
    if view.properties:
        yield _properties(view.properties)
    yield f"AS {view.text}"


def _table(table: Relation, information: Information) -> Iterator[str]:
    columns = ",\n  ".join(
        f"{quote_name(column['name'])} {_type(column['type'])}"
        f"{'' if column['nullable'] else ' NOT NULL'}{_comment(column['metadata'])}"
        for column in information.fields
    )
    yield f"CREATE TABLE {render(table.name)} (\n  {columns})"
    yield f"USING {table.provider}"
    if information.partition_columns:
        yield f"PARTITIONED BY ({', '.join(map(quote_name, information.partition_columns))})"
    if table.location:
        yield f"LOCATION {quote_string(table.location)}"
    if table.comment:
        yield f"COMMENT {quote_string(table.comment)}"
    yield _properties(information.properties)


def _type(kind: Any) -> str:
    # Names of struct fields keep their case.
    return sql_text(kind).upper() if isinstance(kind, str) else sql_text(kind)


def _comment(metadata: Mapping[str, Any]) -> str:
    return f" COMMENT {quote_string(metadata['comment'])}" if "comment" in metadata else ""


def _properties(properties: Mapping[str, str]) -> str:
    shown = ",\n  ".join(f"{quote_string(key)} = {quote_string(value)}" for key, value in sorted(properties.items()))
    return f"TBLPROPERTIES (\n  {shown})"
