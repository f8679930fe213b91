"""MERGE, UPDATE and DELETE: Sail's work, one writer to a table at a time. TRUNCATE is refused."""

from __future__ import annotations

from fakelivy.engine.port import Table
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import SparkError, quoted, spark_error
from fakelivy.engine.sail.names import sql_name
from fakelivy.engine.sail.statements.clauses import if_exists
from fakelivy.engine.sail.statements.materialized import refuse_materialized
from fakelivy.engine.sail.statements.refusals import check_condition
from fakelivy.engine.sail.syntax import Cursor, patch

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
    # Spark 3.5 does not know `with schema evolution`, which is Sail's word for the setting.
    into = cursor.peek()
    cursor.expect("INTO")
    start = cursor.peek().start
    parts = cursor.name()
    table = _target(ctx, parts, "MERGE")
    end = cursor.peek(-1).end
    edits = [(start, end, sql_name(table))]
    if ctx.settings.flag(_EVOLVE):
        edits.append((into.start, into.start, "with schema evolution "))
    with ctx.writing(table.name):
        return ctx.execute(patch(cursor.source, edits))


def update(ctx: Context, cursor: Cursor) -> Table:
    return _in_place(ctx, cursor, "UPDATE")


def _in_place(ctx: Context, cursor: Cursor, command: str) -> Table:
    start = cursor.peek().start
    table = _target(ctx, cursor.name(), command)
    check_condition(cursor.source, command)
    with ctx.writing(table.name):
        return ctx.execute(patch(cursor.source, [(start, cursor.peek(-1).end, sql_name(table))]))


def delete(ctx: Context, cursor: Cursor) -> Table:
    return _in_place(ctx, cursor, "DELETE")


def truncate(ctx: Context, cursor: Cursor) -> Table:
    if_exists(cursor)
    table = _target(ctx, cursor.name(), "TRUNCATE TABLE")
    cursor.end()
    # Spark's text has no class. Delta tables are emptied by DELETE.
    raise SparkError(f"Table does not support truncates: {'.'.join(table.name)}.")
