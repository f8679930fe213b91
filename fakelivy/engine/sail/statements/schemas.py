"""CREATE, DROP, DESCRIBE and USE of schemas. A schema of an unknown lakehouse brings the lakehouse into being."""

from __future__ import annotations

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import quoted, schema_not_found, spark_error
from fakelivy.engine.sail.sparktypes import field, struct
from fakelivy.engine.sail.statements.clauses import if_exists, if_not_exists, properties
from fakelivy.engine.sail.syntax import Cursor


def create(ctx: Context, cursor: Cursor) -> Table:
    quiet = if_not_exists(cursor)
    parts = cursor.name()
    comment, props = "", {}
    while True:
        if cursor.take("COMMENT"):
            comment = cursor.string()
        elif cursor.take("LOCATION"):
            # Managed tables live in the warehouse whatever the schema's location says.
            cursor.string()
        elif cursor.take("WITH", "DBPROPERTIES") or cursor.take("WITH", "PROPERTIES"):
            props = properties(cursor)
        else:
            break
    cursor.end()
    lakehouse, schema = ctx.resolve_schema(parts)
    if not ctx.catalog.create_schema(lakehouse, schema, comment, props) and not quiet:
        raise spark_error("SCHEMA_ALREADY_EXISTS", f"Cannot create schema {quoted(parts)} because it already exists.")
    if lakehouse != ctx.lakehouse:
        ctx.catalog.create_schema(lakehouse, "dbo")
    return EMPTY


def drop(ctx: Context, cursor: Cursor) -> Table:
    quiet = if_exists(cursor)
    parts = cursor.name()
    cascade = cursor.take_any("CASCADE", "RESTRICT") == "CASCADE"
    cursor.end()
    lakehouse, schema = ctx.resolve_schema(parts)
    content = ctx.catalog.content()
    if (lakehouse, schema) not in content.schemas:
        if quiet:
            return EMPTY
        raise schema_not_found(parts)
    if not cascade and any(name[:2] == (lakehouse, schema) for name in content.relations):
        raise spark_error(
            "SCHEMA_NOT_EMPTY",
            f"Cannot drop schema {quoted(parts)} because it contains objects. Use CASCADE to drop them too.",
        )
    ctx.catalog.drop_schema(lakehouse, schema)
    return EMPTY


def describe(ctx: Context, cursor: Cursor) -> Table:
    extended = cursor.take("EXTENDED")
    lakehouse, schema = ctx.existing_schema(cursor.name())
    cursor.end()
    entry = ctx.catalog.content().schemas[lakehouse, schema]
    rows = [
        ("Catalog Name", lakehouse),
        ("Namespace Name", schema),
        ("Comment", entry["comment"]),
        ("Location", str(ctx.catalog.schema_folder(lakehouse, schema))),
        ("Owner", "fakelivy"),
    ]
    if extended:
        inner = ", ".join(f"({key},{value})" for key, value in sorted(entry["properties"].items()))
        rows.append(("Properties", f"({inner})" if inner else ""))
    return Table(struct([field("info_name", "string", null=False), field("info_value", "string", null=False)]), rows)


def use(ctx: Context, cursor: Cursor) -> Table:
    cursor.take_any("DATABASE", "SCHEMA", "NAMESPACE")
    parts = cursor.name()
    cursor.end()
    ctx.use(*ctx.existing_schema(parts))
    return EMPTY
