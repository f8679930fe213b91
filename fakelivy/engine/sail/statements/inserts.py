"""INSERT: what Sail does right goes to Sail; column lists, partitions and dynamic overwrite are done here."""

from __future__ import annotations

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import SparkError, quoted, spark_error, unsupported
from fakelivy.engine.sail.names import sql_name
from fakelivy.engine.sail.settings import OVERWRITE_MODE
from fakelivy.engine.sail.sparktypes import Field, sql_text
from fakelivy.engine.sail.statements.materialized import refuse_materialized
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import quote_name
from fakelivy.engine.sail.writes import projected, replace_rows, staged


def into(ctx: Context, cursor: Cursor) -> Table:
    cursor.take("TABLE")
    table = _target(ctx, cursor)
    with ctx.writing(table.name):
        if cursor.take("REPLACE", "WHERE"):
            condition = cursor.until("SELECT", "WITH", "VALUES", "TABLE", "FROM")
            return _append(ctx, table, cursor.rest(), f"replace where {condition}")
        fixed = _partition(ctx, cursor, table)
        columns = _columns(ctx, cursor, table)
        if not fixed and not columns:
            return _append(ctx, table, cursor.rest())
        query = cursor.rest()
        return ctx.execute(f"insert into {sql_name(table)} {_filled(ctx, table, query, columns, fixed)}")


def overwrite(ctx: Context, cursor: Cursor) -> Table:
    cursor.take("TABLE")
    table = _target(ctx, cursor)
    dynamic_mode = (ctx.settings.get(OVERWRITE_MODE) or "").upper() == "DYNAMIC"
    with ctx.writing(table.name):
        snapshot = ctx.snapshot(table)
        fixed = _partition(ctx, cursor, table)
        columns = _columns(ctx, cursor, table)
        query = cursor.rest()
        picked = _filled(ctx, table, query, columns, fixed) if columns else None
        query = picked or projected(ctx, query, snapshot.fields, fixed)
        if fixed and not dynamic_mode:
            # A static partition is replaced even by no rows at all; in dynamic mode only by rows.
            condition = " and ".join(f"{quote_name(name)} <=> {value}" for name, value in fixed.items())
            query = f"select * from ({query}) union all select * from {sql_name(table)} where not ({condition})"
            only_partitions = False
        else:
            only_partitions = dynamic_mode and bool(snapshot.partition_columns)
        with staged(ctx, query, partition_by=snapshot.partition_columns) as new:
            replace_rows(ctx, table, new, only_partitions=only_partitions, operation="WRITE")
    return EMPTY


def _target(ctx: Context, cursor: Cursor) -> Relation:
    parts = cursor.name()
    relation = None if ctx.is_temporary(parts) else ctx.relation(parts)
    if relation is None or relation.is_view:
        raise spark_error("UNSUPPORTED_INSERT.NOT_ALLOWED", f"Cannot insert into the view {quoted(parts)}.")
    refuse_materialized(relation, "INSERT")
    return relation


def _partition(ctx: Context, cursor: Cursor, table: Relation) -> dict[str, str]:
    """``PARTITION (a = 1, b)``: the SQL of the fixed values, by column."""
    fixed: dict[str, str] = {}
    dynamic: list[str] = []
    if not cursor.take("PARTITION"):
        return fixed

    def item() -> None:
        name = cursor.identifier()
        if cursor.punct("="):
            fixed[name] = cursor.until(stop=",)")
        else:
            dynamic.append(name)

    cursor.listed(item)
    if cursor.take("IF", "NOT", "EXISTS"):
        raise unsupported("INSERT … PARTITION … IF NOT EXISTS")
    snapshot = ctx.snapshot(table)
    known = {column.lower() for column in snapshot.partition_columns}
    for name in (*fixed, *dynamic):
        if name.lower() not in known:
            raise spark_error("NON_PARTITION_COLUMN", f"`{name}` is not a partition column of {sql_name(table)}.")
    kinds = {field["name"].lower(): field["type"] for field in snapshot.fields}
    return {name: f"cast({value} as {sql_text(kinds[name.lower()])})" for name, value in fixed.items()}


def _columns(ctx: Context, cursor: Cursor, table: Relation) -> list[Field]:
    """The columns of ``(a, b)`` before the query, if it is such a list."""
    if cursor.peek().text != "(" or cursor.peek(1).upper in ("SELECT", "WITH", "VALUES", "FROM", "TABLE"):
        return []
    names = [name[-1] for name in cursor.names()]
    fields = {field["name"].lower(): field for field in ctx.fields(table)}
    for name in names:
        if name.lower() not in fields:
            raise spark_error(
                "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                f"A column with name `{name}` cannot be resolved. Did you mean one of {sorted(fields)}?",
            )
    return [fields[name.lower()] for name in names]


def _filled(ctx: Context, table: Relation, query: str, columns: list[Field], fixed: dict[str, str]) -> str:
    """``query`` with every column of the table: those it does not give are fixed, their default, or NULL."""
    everything = ctx.fields(table)
    values = {f["name"].lower(): f["metadata"]["CURRENT_DEFAULT"] for f in everything if _has_default(f)}
    values |= {name.lower(): value for name, value in fixed.items()}
    given = columns or [f for f in everything if f["name"].lower() not in map(str.lower, fixed)]
    names = {f["name"] for f in given}
    # Identity columns that are not given are Sail's to number, which it does for rows that leave them out.
    everything = [f for f in everything if f["name"] in names or "delta.identity.start" not in f["metadata"]]
    items = ", ".join(
        quote_name(f["name"])
        if f["name"] in names
        else f"cast({values.get(f['name'].lower(), 'null')} as {sql_text(f['type'])}) as {quote_name(f['name'])}"
        for f in everything
    )
    return f"select {items} from ({projected(ctx, query, given)}) as __filled"


def _has_default(column: Field) -> bool:
    return "CURRENT_DEFAULT" in column["metadata"]


def _append(ctx: Context, table: Relation, query: str, how: str = "") -> Table:
    head = f"insert into {sql_name(table)} {how}"
    try:
        return ctx.execute(f"{head} {query}")
    except SparkError as error:
        # Sail wants the columns of the query to have different names, Spark does not.
        if "COLUMN_ALREADY_EXISTS" not in str(error):
            raise
        return ctx.execute(f"{head} {projected(ctx, query, ctx.fields(table))}")
