"""Materialized lake views: Delta tables whose rows come from a query kept beside them, checked row by row.

Refreshing is always full; Fabric decides for itself between full and incremental, with the same rows as the result.
"""

from __future__ import annotations

from collections.abc import Iterator

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import (
    SparkError,
    already_exists,
    not_found,
    quoted,
    schema_not_found,
    spark_error,
)
from fakelivy.engine.sail.names import references, render
from fakelivy.engine.sail.sparktypes import field, struct
from fakelivy.engine.sail.statements.clauses import TableClauses, if_exists, if_not_exists, like, matches, table_clauses
from fakelivy.engine.sail.statements.tables import metadata_of
from fakelivy.engine.sail.statements.views import rename
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import quote_name, quote_string
from fakelivy.engine.sail.writes import replace_table, staged


def create(ctx: Context, cursor: Cursor) -> Table:
    return _create(ctx, cursor, or_replace=False)


def create_or_replace(ctx: Context, cursor: Cursor) -> Table:
    return _create(ctx, cursor, or_replace=True)


def _create(ctx: Context, cursor: Cursor, *, or_replace: bool) -> Table:
    quiet = if_not_exists(cursor)
    if quiet and or_replace:
        raise cursor.error()
    parts = cursor.name()
    name = ctx.resolve(parts)
    constraints = cursor.listed(lambda: _constraint(cursor)) if cursor.peek().text == "(" else []
    clauses = table_clauses(cursor)
    cursor.take("AS")
    query = cursor.rest()
    if not query or clauses.location or clauses.cluster_by:
        raise cursor.error()
    if name[:2] not in ctx.catalog.content().schemas:
        raise schema_not_found(name[:2])
    for reference in references(query):
        if ctx.is_temporary(reference.parts):
            raise spark_error(
                "INVALID_TEMP_OBJ_REFERENCE",
                f"Cannot create the materialized lake view {quoted(name)} because it reads the temporary view "
                f"{quoted(reference.parts)}.",
            )
    with ctx.writing(name):
        existing = ctx.catalog.get(name)
        if existing is not None and quiet:
            return EMPTY
        if existing is not None and not (or_replace and existing.is_materialized):
            raise already_exists(parts)
        view = Relation(
            name,
            "table",
            provider="delta",
            comment=clauses.comment or "",
            properties=clauses.properties,
            text=query,
            body=ctx.qualify(query),
            creator_schema=ctx.current,
            created=ctx.clock.now().isoformat(timespec="seconds"),
            constraints=constraints,
        )
        _fill(ctx, view, clauses, "CREATE OR REPLACE TABLE AS SELECT" if existing else "CREATE TABLE AS SELECT")
        ctx.save(view)
    return EMPTY


def _constraint(cursor: Cursor) -> dict[str, str]:
    cursor.expect("CONSTRAINT")
    name = cursor.identifier()
    cursor.expect("CHECK")
    check = cursor.parenthesised().strip()
    action = "FAIL"
    if cursor.take("ON", "MISMATCH"):
        action = cursor.take_any("DROP", "FAIL")
        if not action:
            raise cursor.error()
    return {"name": name, "check": check, "on_mismatch": action}


def _fill(ctx: Context, view: Relation, clauses: TableClauses, operation: str) -> None:
    """Write the rows of the query as the view's table."""
    for constraint in view.constraints:
        broken = f"select 1 from ({view.body}) as __view where not ({constraint['check']}) limit 1"
        if constraint["on_mismatch"] == "FAIL" and ctx.run(broken, max_rows=1).rows():
            raise SparkError(
                f"[MLV_CONSTRAINT_VIOLATION] Constraint '{constraint['name']}' ({constraint['check']}) of the "
                f"materialized lake view {quoted(view.name)} is violated; the view is as it was."
            )
    # As with every CHECK, a condition that is NULL is not violated.
    kept = " and ".join(f"coalesce(({c['check']}), true)" for c in view.constraints if c["on_mismatch"] == "DROP")
    query = f"select * from ({view.body}) as __view where {kept}" if kept else view.body
    with staged(ctx, query, partition_by=clauses.partition_by) as new:
        replace_table(ctx, ctx.catalog.folder(view), new, operation, metadata_of(ctx, new, query, clauses))


def _existing(ctx: Context, parts: tuple[str, ...]) -> Relation:
    found = ctx.catalog.get(ctx.resolve(parts))
    if found is None:
        raise not_found(parts)
    if not found.is_materialized:
        raise spark_error("EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE", f"{quoted(parts)} is not a materialized lake view.")
    return found


def refresh(ctx: Context, cursor: Cursor) -> Table:
    parts = cursor.name()
    cursor.take("FULL")
    cursor.end()
    view = _existing(ctx, parts)
    with ctx.writing(view.name):
        clauses = TableClauses(partition_by=ctx.snapshot(view).partition_columns, comment=view.comment or None)
        _fill(ctx, view, clauses, "REFRESH MATERIALIZED LAKE VIEW")
    return EMPTY


def drop(ctx: Context, cursor: Cursor) -> Table:
    quiet = if_exists(cursor)
    parts = cursor.name()
    cursor.end()
    name = ctx.resolve(parts)
    with ctx.writing(name):
        if quiet and ctx.catalog.get(name) is None:
            return EMPTY
        ctx.catalog.drop(_existing(ctx, parts))
    return EMPTY


def alter(ctx: Context, cursor: Cursor) -> Table:
    view = _existing(ctx, cursor.name())
    cursor.expect("RENAME", "TO")
    target = cursor.name()
    cursor.end()
    with ctx.writing(view.name):
        return rename(ctx, view, target)


def show(ctx: Context, cursor: Cursor) -> Table:
    """Fabric's docs do not say which columns there are; clients look for ``name``."""
    namespace = ctx.existing_schema(cursor.name()) if cursor.take_any("IN", "FROM") else ctx.current
    patterns = list(like(cursor))
    cursor.end()
    rows = [
        (name.table, name.schema, relation.text)
        for name, relation in ctx.catalog.content().relations.items()
        if name[:2] == namespace and relation.is_materialized and matches(name.table, patterns)
    ]
    return Table(struct([field(column, "string", null=False) for column in ("name", "namespace", "definition")]), rows)


def show_create(ctx: Context, cursor: Cursor) -> Table:
    view = _existing(ctx, cursor.name())
    cursor.end()
    text = "\n".join(_lines(view, ctx.snapshot(view).partition_columns)) + "\n"
    return Table(struct([field("createtab_stmt", "string", null=False)]), [(text,)])


def _lines(view: Relation, partition_by: list[str]) -> Iterator[str]:
    yield f"CREATE MATERIALIZED LAKE VIEW {render(view.name)}"
    if view.constraints:
        checks = ",\n  ".join(
            f"CONSTRAINT {c['name']} CHECK ({c['check']}) ON MISMATCH {c['on_mismatch']}" for c in view.constraints
        )
        yield f"(\n  {checks}\n)"
    if partition_by:
        yield f"PARTITIONED BY ({', '.join(map(quote_name, partition_by))})"
    if view.comment:
        yield f"COMMENT {quote_string(view.comment)}"
    if view.properties:
        pairs = (f"{quote_string(key)} = {quote_string(value)}" for key, value in sorted(view.properties.items()))
        yield f"TBLPROPERTIES ({', '.join(pairs)})"
    yield f"AS {view.text}"
