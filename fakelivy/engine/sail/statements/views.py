"""Views: kept in the catalog as written, with every name in full for the sessions that read them later."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.catalog import CatalogConflict, Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import (
    SparkError,
    already_exists,
    not_found,
    quoted,
    schema_not_found,
    spark_error,
    unsupported,
)
from fakelivy.engine.sail.names import references
from fakelivy.engine.sail.sparktypes import Field
from fakelivy.engine.sail.statements.clauses import if_exists, if_not_exists, properties, property_key
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import quote_name

ColumnList = list[tuple[str, str | None]]


def create(ctx: Context, cursor: Cursor) -> Table:
    return _create(ctx, cursor, or_replace=False)


def create_or_replace(ctx: Context, cursor: Cursor) -> Table:
    return _create(ctx, cursor, or_replace=True)


def _create(ctx: Context, cursor: Cursor, *, or_replace: bool) -> Table:
    quiet = if_not_exists(cursor)
    parts = cursor.name()
    name = ctx.resolve(parts)
    columns, comment, props, query = _definition(cursor)
    if name[:2] not in ctx.catalog.content().schemas:
        raise schema_not_found(name[:2])
    existing = ctx.catalog.get(name)
    if existing is not None:
        if quiet:
            return EMPTY
        if not existing.is_view:
            raise expected_view(parts) if or_replace else already_exists(parts)
        if not or_replace:
            raise already_exists(parts)
    view = Relation(
        name,
        "view",
        comment=comment,
        properties=props,
        creator_schema=ctx.current,
        created=ctx.clock.now().isoformat(timespec="seconds"),
    )
    view = _defined(ctx, view, query, columns)
    ctx.save(view, new=not or_replace)
    return EMPTY


def _definition(cursor: Cursor) -> tuple[ColumnList, str, dict[str, str], str]:
    """The column list, comment, properties and query of a view."""
    columns: ColumnList = []
    comment, props = "", {}
    if cursor.peek().text == "(":

        def column() -> tuple[str, str | None]:
            name = cursor.identifier()
            return name, cursor.string() if cursor.take("COMMENT") else None

        columns = cursor.listed(column)
    while not cursor.take("AS"):
        if cursor.take("COMMENT"):
            comment = cursor.string()
        elif cursor.take("TBLPROPERTIES"):
            props = properties(cursor)
        elif cursor.take("WITH", "SCHEMA"):
            cursor.until("AS", "COMMENT", "TBLPROPERTIES")
        else:
            raise cursor.error()
    query = cursor.rest()
    if not query:
        raise cursor.error()
    return columns, comment, props, query


def _defined(ctx: Context, view: Relation, query: str, columns: ColumnList) -> Relation:
    """``view`` with this query."""
    for reference in references(query):
        if not ctx.is_temporary(reference.parts) and ctx.resolve(reference.parts) == view.name:
            raise _recursive(view.name)
        if ctx.is_temporary(reference.parts):
            raise spark_error(
                "INVALID_TEMP_OBJ_REFERENCE",
                f"Cannot create the persistent view {quoted(view.name)} because it reads the temporary view "
                f"{quoted(reference.parts)}.",
            )
    body = ctx.qualify(query)
    fields = ctx.schema_of(body)
    if columns and len(columns) != len(fields):
        raise spark_error(
            "CREATE_VIEW_COLUMN_ARITY_MISMATCH",
            f"Cannot create view {quoted(view.name)}: {len(columns)} columns are named, the query has {len(fields)}.",
        )
    shown: list[Field] = [
        {**field, "name": name, "metadata": {} if comment is None else {"comment": comment}}
        for field, (name, comment) in zip(fields, columns or [(field["name"], None) for field in fields], strict=True)
    ]
    repeated = [name for name, count in Counter(field["name"].lower() for field in shown).items() if count > 1]
    if repeated:
        raise spark_error(
            "COLUMN_ALREADY_EXISTS", f"The column `{repeated[0]}` already exists in view {quoted(view.name)}."
        )
    # Columns by name: a `select *` must not break, nor widen, when its table gains a column.
    items = ", ".join(
        f"{quote_name(field['name'])} as {quote_name(column['name'])}"
        for field, column in zip(fields, shown, strict=True)
    )
    return replace(view, columns=shown, text=query, body=f"select {items} from ({body}) as __view")


def create_temporary(ctx: Context, cursor: Cursor) -> Table:
    return _create_temporary(ctx, cursor, or_replace=False)


def create_temporary_or_replace(ctx: Context, cursor: Cursor) -> Table:
    return _create_temporary(ctx, cursor, or_replace=True)


def _create_temporary(ctx: Context, cursor: Cursor, *, or_replace: bool) -> Table:
    parts = cursor.name()
    if len(parts) != 1:
        raise spark_error(
            "TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS", f"A temporary view has a name of one part, not {quoted(parts)}."
        )
    if cursor.peek().upper == "USING":
        raise unsupported("CREATE TEMPORARY VIEW USING")
    columns, _, _, query = _definition(cursor)
    name = parts[0].lower()
    if name in ctx.temporary and not or_replace:
        raise spark_error("TEMP_TABLE_OR_VIEW_ALREADY_EXISTS", f"The temporary view {quoted(parts)} already exists.")
    if any(len(found.parts) == 1 and found.parts[0].lower() == name for found in references(query)):
        raise _recursive(parts)
    body = ctx.qualify(query)
    if columns:
        listed = ", ".join(quote_name(column) for column, _ in columns)
        body = f"select * from ({body}) as __view({listed})"
    ctx.execute(f"create or replace temporary view {quote_name(name)} as {body}")
    ctx.temporary_columns[name] = ctx.schema_of(f"select * from {quote_name(name)}")
    ctx.temporary[name] = body
    return EMPTY


def _recursive(name: tuple[str, ...]) -> SparkError:
    return spark_error("RECURSIVE_VIEW", f"The view {quoted(name)} cannot read itself.")


def expected_view(parts: tuple[str, ...]) -> SparkError:
    return spark_error("EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE", f"A view is expected but {quoted(parts)} is a table.")


def wrong_command(kind: str, parts: tuple[str, ...], found: str, other: str) -> SparkError:
    """The error of DROP ``kind`` for something that is ``found`` and dropped by DROP ``other``."""
    return spark_error(
        "WRONG_COMMAND_FOR_OBJECT_TYPE",
        f"The operation DROP {kind} requires a {kind}. But {quoted(parts)} is a {found}. Use DROP {other} instead.",
    )


def drop_temporary(ctx: Context, name: str) -> Table:
    """Drop a temporary view of the session."""
    ctx.execute(f"drop view if exists {quote_name(name.lower())}")
    del ctx.temporary[name.lower()], ctx.temporary_columns[name.lower()]
    return EMPTY


def drop(ctx: Context, cursor: Cursor) -> Table:
    quiet = if_exists(cursor)
    parts = cursor.name()
    cursor.end()
    if ctx.is_temporary(parts):
        return drop_temporary(ctx, parts[0])
    relation = ctx.catalog.get(ctx.resolve(parts))
    if relation is None:
        if quiet:
            return EMPTY
        raise not_found(parts)
    if not relation.is_view:
        raise wrong_command("VIEW", parts, "MANAGED", "TABLE")
    ctx.catalog.drop(relation)
    return EMPTY


def alter(ctx: Context, cursor: Cursor) -> Table:
    quiet = if_exists(cursor)
    parts = cursor.name()
    view = ctx.catalog.get(ctx.resolve(parts))
    if view is None:
        if quiet:
            return EMPTY
        raise not_found(parts)
    if not view.is_view:
        raise expected_view(parts)
    if cursor.take("AS"):
        query = cursor.rest()
        view = _defined(ctx, view, query, [])
    elif cursor.take("RENAME", "TO"):
        target = cursor.name()
        cursor.end()
        return rename(ctx, view, target)
    elif cursor.take("SET", "TBLPROPERTIES"):
        changed = properties(cursor)
        cursor.end()
        view = replace(view, comment=changed.pop("comment", view.comment), properties={**view.properties, **changed})
    elif cursor.take("UNSET", "TBLPROPERTIES"):
        if_exists(cursor)
        gone = cursor.listed(lambda: property_key(cursor))
        cursor.end()
        view = replace(view, properties={key: value for key, value in view.properties.items() if key not in gone})
    else:
        raise unsupported(
            f"ALTER VIEW … {cursor.rest().split(maxsplit=1)[0].upper() if cursor.peek().text else ''}".strip()
        )
    ctx.save(view)
    return EMPTY


def rename(ctx: Context, relation: Relation, target: tuple[str, ...]) -> Table:
    """Rename a view or a table; a bare new name stays in the old one's schema."""
    name = ctx.resolve((*relation.name[:2], target[0]) if len(target) == 1 else target)
    if name[:2] not in ctx.catalog.content().schemas:
        raise schema_not_found(name[:2])
    try:
        ctx.catalog.rename(relation, name)
    except CatalogConflict:
        raise already_exists(target) from None
    return EMPTY
