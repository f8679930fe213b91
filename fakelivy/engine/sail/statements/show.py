"""SHOW: what is in the catalog, in the columns Spark has for it."""

from __future__ import annotations

import json

from fakelivy.engine.port import Table
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import schema_not_found, spark_error
from fakelivy.engine.sail.information import gather
from fakelivy.engine.sail.names import render
from fakelivy.engine.sail.sparktypes import field, sql_text, struct, tree
from fakelivy.engine.sail.statements.clauses import like, matches, property_key
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import quote_name, quote_string


def _texts(*names: str) -> dict[str, object]:
    return struct([field(name, "string", null=False) for name in names])


_TABLES = struct(
    [
        field("namespace", "string", null=False),
        field("tableName", "string", null=False),
        field("isTemporary", "boolean", null=False),
    ]
)
_VIEWS = struct(
    [
        field("namespace", "string", null=False),
        field("viewName", "string", null=False),
        field("isTemporary", "boolean", null=False),
    ]
)


def schemas(ctx: Context, cursor: Cursor) -> Table:
    content = ctx.catalog.content()
    lakehouse = ctx.current[0]
    if cursor.take_any("IN", "FROM"):
        parts = cursor.name()
        lakehouse = parts[-1].lower()
        if lakehouse not in content.lakehouses:
            raise schema_not_found(parts)
    patterns = list(like(cursor))
    cursor.end()
    found = [schema for owner, schema in content.schemas if owner == lakehouse and matches(schema, patterns)]
    return Table(_texts("namespace"), [(schema,) for schema in sorted(found)])


def catalogs(ctx: Context, cursor: Cursor) -> Table:
    patterns = list(like(cursor))
    cursor.end()
    return Table(_texts("catalog"), [(name,) for name in ctx.catalog.content().lakehouses if matches(name, patterns)])


def _listed(ctx: Context, cursor: Cursor, *, views_only: bool = False) -> tuple[str, list[Relation], list[str]]:
    """The schema named by ``[IN x] [LIKE 'p']``, its relations, and the session's temporary views that fit."""
    namespace = ctx.current
    if cursor.take_any("IN", "FROM"):
        namespace = ctx.existing_schema(cursor.name())
    patterns = list(like(cursor))
    cursor.end()
    relations = [
        relation
        for name, relation in ctx.catalog.content().relations.items()
        if name[:2] == namespace and matches(name.table, patterns) and (relation.is_view or not views_only)
    ]
    return namespace[1], relations, [name for name in sorted(ctx.temporary) if matches(name, patterns)]


def tables(ctx: Context, cursor: Cursor) -> Table:
    schema, relations, temporary = _listed(ctx, cursor)
    rows = [(schema, relation.name.table, False) for relation in relations]
    return Table(_TABLES, rows + [("", name, True) for name in temporary])


def views(ctx: Context, cursor: Cursor) -> Table:
    schema, relations, temporary = _listed(ctx, cursor, views_only=True)
    rows = [(schema, relation.name.table, False) for relation in relations]
    return Table(_VIEWS, rows + [("", name, True) for name in temporary])


def table_extended(ctx: Context, cursor: Cursor) -> Table:
    schema, relations, temporary = _listed(ctx, cursor)
    rows = []
    for relation in relations:
        information = gather(ctx, relation)
        lines = "".join(f"{label}: {text}\n" for label, text in information.details)
        if information.partition_columns:
            lines += "Partition Provider: Catalog\n"
        rows.append((schema, relation.name.table, False, f"{lines}Schema: {tree(information.fields)}"))
    for name in temporary:
        rows.append(("", name, True, f"Table: {name}\nType: VIEW\nSchema: {tree(ctx.temporary_columns[name])}"))
    fields = [*_TABLES["fields"], field("information", "string", null=False)]
    return Table(struct(fields), rows)


def columns(ctx: Context, cursor: Cursor) -> Table:
    if not cursor.take_any("IN", "FROM"):
        raise cursor.error()
    parts = cursor.name()
    if cursor.take_any("IN", "FROM"):
        parts = (*cursor.name(), *parts)
    cursor.end()
    temporary = ctx.is_temporary(parts)
    found = ctx.temporary_columns[parts[0].lower()] if temporary else ctx.fields(ctx.relation(parts))
    return Table(_texts("col_name"), [(column["name"],) for column in found])


def properties(ctx: Context, cursor: Cursor) -> Table:
    relation = ctx.relation(cursor.name())
    wanted = None
    if cursor.punct("("):
        wanted = property_key(cursor)
        cursor.expect_punct(")")
    cursor.end()
    found = gather(ctx, relation).properties
    if wanted is not None:
        missing = f"Table {render(relation.name)} does not have property: {wanted}"
        return Table(_texts("key", "value"), [(wanted, found.get(wanted, missing))])
    return Table(_texts("key", "value"), sorted(found.items()))


def partitions(ctx: Context, cursor: Cursor) -> Table:
    relation = ctx.relation(cursor.name())
    cursor.end()
    snapshot = None if relation.is_view else ctx.snapshot(relation)
    if snapshot is None or not snapshot.partition_columns:
        raise spark_error(
            "INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY",
            f"Table {render(relation.name)} is not partitioned.",
        )
    kinds = {f["name"]: f for f in snapshot.fields}
    seen = {
        json.dumps(add["partitionValues"], sort_keys=True): add["partitionValues"] for add in snapshot.files.values()
    }
    names = snapshot.partition_columns
    values = ", ".join(
        "(" + ", ".join("null" if v[n] is None else quote_string(v[n]) for n in names) + ")" for v in seen.values()
    )
    items = ", ".join(f"cast({quote_name(n)} as {sql_text(kinds[n]['type'])}) as {quote_name(n)}" for n in names)
    listed = ", ".join(map(quote_name, names))
    if not seen:
        return Table(struct([kinds[name] for name in names]))
    return ctx.query(f"select {items} from (values {values}) as partitions({listed}) order by {listed}")
