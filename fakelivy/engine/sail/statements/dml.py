"""MERGE, UPDATE, DELETE and TRUNCATE: Sail's work, one writer to a table at a time."""

from __future__ import annotations

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import SparkError, quoted, spark_error
from fakelivy.engine.sail.names import sql_name
from fakelivy.engine.sail.statements.clauses import if_exists
from fakelivy.engine.sail.statements.materialized import refuse_materialized
from fakelivy.engine.sail.syntax import Cursor, patch
from fakelivy.engine.sail.tokens import quote_name
from fakelivy.engine.sail.writes import replace_rows, staged

_EVOLVE = "spark.databricks.delta.schema.autoMerge.enabled"


def _target(ctx: Context, parts: tuple[str, ...], command: str) -> Relation:
    relation = None if ctx.is_temporary(parts) else ctx.relation(parts)
    if relation is None or relation.is_view:
        raise spark_error(
            "UNSUPPORTED_FEATURE.TABLE_OPERATION", f"{command} does not work on the view {quoted(parts)}."
        )
    refuse_materialized(relation, command)
    return relation


def merge(ctx: Context, cursor: Cursor) -> Table:
    evolving = cursor.take("WITH", "SCHEMA", "EVOLUTION")
    into = cursor.peek()
    cursor.expect("INTO")
    start = cursor.peek().start
    parts = cursor.name()
    table = _target(ctx, parts, "MERGE")
    end = cursor.peek(-1).end
    edits = [(start, end, sql_name(table))]
    if not evolving and ctx.settings.flag(_EVOLVE):
        edits.append((into.start, into.start, "with schema evolution "))
    with ctx.writing(table.name):
        return ctx.execute(patch(cursor.source, edits))


def update(ctx: Context, cursor: Cursor) -> Table:
    return _in_place(ctx, cursor, "UPDATE")


def _in_place(ctx: Context, cursor: Cursor, command: str) -> Table:
    start = cursor.peek().start
    table = _target(ctx, cursor.name(), command)
    with ctx.writing(table.name):
        return ctx.execute(patch(cursor.source, [(start, cursor.peek(-1).end, sql_name(table))]))


def delete(ctx: Context, cursor: Cursor) -> Table:
    start = cursor.peek().start
    table = _target(ctx, cursor.name(), "DELETE")
    sql = patch(cursor.source, [(start, cursor.peek(-1).end, sql_name(table))])
    with ctx.writing(table.name):
        try:
            return ctx.execute(sql)
        except SparkError as error:
            if "Subquery" not in str(error) and "Exists" not in str(error):
                raise
        return _delete_by_query(ctx, table, cursor)


def _delete_by_query(ctx: Context, table: Relation, cursor: Cursor) -> Table:
    # Sail deletes by plain conditions only; the rows that stay are a plain query.
    cursor.take("AS")
    alias = "" if cursor.peek().upper == "WHERE" else f" as {quote_name(cursor.identifier())}"
    cursor.expect("WHERE")
    # EXCEPT ALL, because Sail's NOT over a subquery forgets the rows for which the condition is NULL.
    every = f"select * from {sql_name(table)}"
    kept = f"{every} except all {every}{alias} where {cursor.rest()}"
    with staged(ctx, kept, partition_by=ctx.snapshot(table).partition_columns) as new:
        replace_rows(ctx, table, new, only_partitions=False, operation="DELETE")
    return EMPTY


def truncate(ctx: Context, cursor: Cursor) -> Table:
    if_exists(cursor)
    table = _target(ctx, cursor.name(), "TRUNCATE TABLE")
    cursor.end()
    with ctx.writing(table.name):
        return ctx.execute(f"delete from {sql_name(table)}")
