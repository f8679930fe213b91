"""CREATE TABLE in all its forms, and DROP TABLE. Tables are Delta; other formats are refused by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.catalog import Name, Relation, plain
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.deltalog import Action, with_fields
from fakelivy.engine.sail.errors import already_exists, not_found, quoted, schema_not_found, spark_error, unsupported
from fakelivy.engine.sail.names import render, sql_name
from fakelivy.engine.sail.sparktypes import nullable
from fakelivy.engine.sail.statements.clauses import TableClauses, if_exists, if_not_exists, table_clauses
from fakelivy.engine.sail.statements.materialized import refuse_materialized
from fakelivy.engine.sail.statements.refusals import check_names
from fakelivy.engine.sail.statements.views import drop_temporary, wrong_command
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.writes import Staged, replace_table, staged


def create(ctx: Context, cursor: Cursor) -> Table:
    return _create(ctx, cursor, or_replace=False)


def create_or_replace(ctx: Context, cursor: Cursor) -> Table:
    return _create(ctx, cursor, or_replace=True)


def _create(ctx: Context, cursor: Cursor, *, or_replace: bool) -> Table:
    quiet = if_not_exists(cursor)
    parts = cursor.name()
    name = ctx.resolve(parts)
    if name[:2] not in ctx.catalog.content().schemas:
        raise schema_not_found(name[:2])
    clones = cursor.peek().upper == "SHALLOW"
    columns, query, clauses = _definition(ctx, cursor)
    verb = "CREATE OR REPLACE TABLE" if or_replace else "CREATE TABLE"
    if clauses.provider != "delta":
        raise unsupported(f"{verb} USING {clauses.provider.upper()}", "tables of this engine are Delta tables")
    with ctx.writing(name):
        existing = ctx.catalog.get(name)
        if existing is not None and existing.is_view:
            if quiet:
                return EMPTY
            if not or_replace:
                raise already_exists(parts)
            raise spark_error(
                "DELTA_CANNOT_WRITE_INTO_VIEW", f"{quoted(parts)} is a view. Writes to a view are not supported."
            )
        if existing is not None and or_replace:
            refuse_materialized(existing, verb)
            if clones and ctx.snapshot(existing).files:
                raise spark_error(
                    "DELTA_UNSUPPORTED_NON_EMPTY_CLONE",
                    "The clone destination table is non-empty. "
                    "Please TRUNCATE or DELETE FROM the table before running CLONE.",
                )
        if existing is not None and not or_replace:
            if quiet:
                return EMPTY
            raise already_exists(parts)
        if not query and not columns:
            return _adopt(ctx, name, clauses)
        relation = _relation(ctx, name, clauses, existing)
        operation = verb + (" AS SELECT" if query else "")
        with staged(ctx, query, partition_by=clauses.partition_by if query else (), columns=columns) as new:
            metadata = metadata_of(ctx, new, query, clauses)
            replace_table(ctx, ctx.catalog.folder(relation), new, operation, metadata)
        ctx.save(relation)
    return EMPTY


def metadata_of(ctx: Context, new: Staged, query: str, clauses: TableClauses) -> Action:
    """The ``metaData`` of a new table whose rows are staged."""
    fields = new.snapshot.fields
    check_names((field["name"] for field in fields), clauses.properties)
    known = {field["name"].lower(): field["name"] for field in fields}
    _check_partitioning(clauses.partition_by, known)
    if query:
        fields = nullable(fields)
    if query and clauses.partition_by:
        # Sail writes partition columns last; Spark leaves them where the query has them.
        order = [field["name"] for field in ctx.schema_of(query)]
        fields.sort(key=lambda field: order.index(field["name"]))
    partition_by = [known[column.lower()] for column in clauses.partition_by]
    return {**with_fields(new.snapshot, fields), "partitionColumns": partition_by, "description": clauses.comment}


def _check_partitioning(partition_by: Sequence[str], known: Collection[str]) -> None:
    for column in partition_by:
        if column.lower() not in known:
            raise spark_error("COLUMN_NOT_DEFINED_IN_TABLE", f"The partition column `{column}` is not in the table.")
    if partition_by and len(set(map(str.lower, partition_by))) == len(known):
        raise spark_error("ALL_PARTITION_COLUMNS_NOT_ALLOWED", "Cannot use all columns for partition columns.")


def _definition(ctx: Context, cursor: Cursor) -> tuple[str, str, TableClauses]:
    """The column list, the query and the clauses of a new table."""
    if cursor.take("LIKE"):
        source = ctx.relation(cursor.name())
        clauses = table_clauses(cursor)
        cursor.end()
        return "", f"select * from {sql_name(source)} limit 0", _inherit(ctx, source, clauses)
    if cursor.take("SHALLOW", "CLONE"):
        # The rows are copied: nobody can tell from the outside. There is no DEEP CLONE outside Databricks.
        source = ctx.relation(cursor.name())
        moment = cursor.until("TBLPROPERTIES", "LOCATION", "USING")
        clauses = table_clauses(cursor)
        cursor.end()
        return "", f"select * from {sql_name(source)} {moment}", _inherit(ctx, source, clauses)
    columns = ""
    if cursor.peek().text == "(" and cursor.peek(1).upper not in ("SELECT", "WITH", "VALUES"):
        columns = cursor.parenthesised()
    clauses = table_clauses(cursor)
    as_query = cursor.take("AS")
    query = cursor.rest()
    if (as_query and not query) or (query and columns):
        raise cursor.error()
    return columns, query, clauses


def _inherit(ctx: Context, source: Relation, clauses: TableClauses) -> TableClauses:
    if source.is_view:
        return clauses
    return replace(clauses, partition_by=ctx.snapshot(source).partition_columns)


def _relation(ctx: Context, name: Name, clauses: TableClauses, existing: Relation | None) -> Relation:
    location = _path(clauses.location) or (existing.location if existing else "")
    return Relation(
        name,
        "table",
        provider=clauses.provider,
        location=location,
        comment=clauses.comment or "",
        properties=clauses.properties,
        cluster_columns=clauses.cluster_by,
        created=ctx.clock.now().isoformat(timespec="seconds"),
    )


def _adopt(ctx: Context, name: Name, clauses: TableClauses) -> Table:
    """A name for a Delta table that is there already."""
    if not clauses.location:
        raise spark_error(
            "DELTA_TABLE_SCHEMA_MISSING",
            f"CREATE TABLE {render(name)} needs columns, a query, or the LOCATION of a table.",
        )
    relation = _relation(ctx, name, clauses, None)
    ctx.snapshot(relation)
    ctx.save(relation)
    return EMPTY


def _path(location: str) -> str:
    path = unquote(urlsplit(location).path) if location.startswith("file:") else location
    if "://" in path or not plain(path):
        raise unsupported("LOCATION", f"{location!r} is not a folder of this machine with a path of plain characters")
    return path


def expected_table(parts: tuple[str, ...]) -> Exception:
    return spark_error("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", f"A table is expected but {quoted(parts)} is a view.")


def drop(ctx: Context, cursor: Cursor) -> Table:
    quiet = if_exists(cursor)
    parts = cursor.name()
    cursor.take("PURGE")
    cursor.end()
    if ctx.is_temporary(parts):
        return drop_temporary(ctx, parts[0])  # Spark's DROP TABLE takes these, though no other views
    name = ctx.resolve(parts)
    with ctx.writing(name):
        relation = ctx.catalog.get(name)
        if relation is None:
            if quiet:
                return EMPTY
            raise not_found(parts)
        if relation.is_view:
            raise wrong_command("TABLE", parts, "VIEW", "VIEW")
        ctx.catalog.drop(relation)
    return EMPTY
