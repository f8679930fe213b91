"""Answers what a Python cell asks of its session: SQL, settings, views and the saving of DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakelivy.engine.sail.connect import Interrupted
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import SparkError, already_exists, spark_error, unsupported
from fakelivy.engine.sail.names import render
from fakelivy.engine.sail.settings import OVERWRITE_MODE
from fakelivy.engine.sail.sparktypes import Field, sql_text
from fakelivy.engine.sail.statements import as_read, dispatch, is_plain
from fakelivy.engine.sail.statements.session import change
from fakelivy.engine.sail.statements.views import drop_temporary
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import quote_name, quote_string

Message = Mapping[str, Any]

MOST_ROWS = 100_000
"""Rows of SHOW and its kin that a cell may have; queries are not limited, they go over the connection."""


class Bridge:
    """Used by the session's worker thread, while a cell runs."""

    def __init__(self, context: Context) -> None:
        self._ctx = context

    def answer(self, question: Message) -> Message:
        """The answer, or ``{"error": …}`` in Spark's words."""
        try:
            return _ANSWERS[question["question"]](self._ctx, question)
        except SparkError as error:
            return {"error": str(error)}
        except Interrupted:
            return {"error": "[OPERATION_CANCELED] The statement was cancelled."}
        except (KeyError, TypeError, AttributeError) as error:
            return {"error": f"[INTERNAL_ERROR] a question that was not understood: {type(error).__name__}: {error}"}


def _sql(ctx: Context, question: Message) -> Message:
    text = as_read(ctx, question["text"])
    if is_plain(text):
        return {"query": ctx.ready(text)}
    before, ctx.max_rows = ctx.max_rows, MOST_ROWS
    try:
        table = dispatch(ctx, text)
    finally:
        ctx.max_rows = before
    return {"schema": dict(table.schema), "rows": list(table.rows)}


def _set(ctx: Context, question: Message) -> Message:
    change(ctx, question["key"], question["value"])
    return {}


def _get(ctx: Context, question: Message) -> Message:
    return {"value": ctx.settings.get(question["key"])}


def _view(ctx: Context, question: Message) -> Message:
    parts = Cursor(question["name"]).name()
    verb = "create or replace" if question["replace"] else "create"
    dispatch(ctx, f"{verb} temporary view {render(parts)} as select * from {quote_name(question['inner'])}")
    return {}


def _drop_view(ctx: Context, question: Message) -> Message:
    known = ctx.is_temporary((question["name"],))
    if known:
        drop_temporary(ctx, question["name"])
    return {"dropped": known}


def _save(ctx: Context, question: Message) -> Message:
    parts = Cursor(question["name"]).name()
    view = question["view"]
    how = question["how"]
    if question["provider"].lower() not in ("delta", "parquet"):  # Fabric's default is Delta, Spark's is parquet
        raise unsupported(f"A table in the format {question['provider']}", "tables of this engine are Delta tables")
    try:
        _HOW[how](ctx, parts, f"select * from {quote_name(view)}", question)
    finally:
        ctx.take_back(f"view if exists {quote_name(view)}")
    return {}


def _create(words: str) -> Callable[[Context, tuple[str, ...], str, Message], None]:
    def create(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
        clauses = ""
        if question["partition_by"]:
            clauses += f" partitioned by ({', '.join(map(quote_name, question['partition_by']))})"
        if question["properties"]:
            pairs = (f"{quote_string(key)} = {quote_string(value)}" for key, value in question["properties"].items())
            clauses += f" tblproperties ({', '.join(pairs)})"
        if "path" in question["options"]:
            clauses += f" location {quote_string(question['options']['path'])}"
        dispatch(ctx, f"{words} {render(parts)} using delta{clauses} as {query}")

    return create


def _overwrite(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
    # As Delta does: the schema stays unless it is said to be overwritten, and then so does the partitioning.
    options = {key.lower(): str(value).lower() for key, value in question["options"].items()}
    if not _is_there(ctx, parts) or options.get("overwriteschema") == "true":
        _create("create or replace table")(ctx, parts, query, question)
        return
    dispatch(ctx, f"insert overwrite {render(parts)} {_by_name(ctx, parts, query, options)}")


def _append(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
    options = {key.lower(): str(value).lower() for key, value in question["options"].items()}
    if not _is_there(ctx, parts):
        _create("create table")(ctx, parts, query, question)
        return
    dispatch(ctx, f"insert into {render(parts)} {_by_name(ctx, parts, query, options)}")


def _by_name(ctx: Context, parts: tuple[str, ...], query: str, options: Mapping[str, str]) -> str:
    """``query`` with the table's columns in the table's order; those it does not have are NULL."""
    fields = ctx.fields(ctx.relation(parts))
    have: dict[str, Field] = {field["name"].lower(): field for field in ctx.schema_of(query)}
    more = [field for name, field in have.items() if name not in {f["name"].lower() for f in fields}]
    if more and options.get("mergeschema") == "true":
        dispatch(ctx, f"alter table {render(parts)} add columns ({_columns(more)})")
        fields = [*fields, *more]
    elif more:
        raise spark_error(
            "DELTA_METADATA_MISMATCH",
            f"A schema mismatch detected when writing to the Delta table {render(parts)}: it has no column "
            f"{', '.join(field['name'] for field in more)}. Set the option mergeSchema to true to add it.",
        )
    items = ", ".join(
        quote_name(field["name"]) if field["name"].lower() in have else f"null as {quote_name(field['name'])}"
        for field in fields
    )
    return f"select {items} from ({query}) as __frame"


def _columns(fields: list[Field]) -> str:
    return ", ".join(f"{quote_name(field['name'])} {sql_text(field['type'])}" for field in fields)


def _replace(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
    ctx.relation(parts)
    _create("create or replace table")(ctx, parts, query, question)


def _unless_there(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
    if not _is_there(ctx, parts):
        _create("create table")(ctx, parts, query, question)


def _new(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
    if _is_there(ctx, parts):
        raise already_exists(parts)
    _create("create table")(ctx, parts, query, question)


def _insert(words: str) -> Callable[[Context, tuple[str, ...], str, Message], None]:
    def insert(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
        del question
        dispatch(ctx, f"{words} {render(parts)} {query}")

    return insert


def _overwrite_partitions(ctx: Context, parts: tuple[str, ...], query: str, question: Message) -> None:
    del question
    before = ctx.settings.get(OVERWRITE_MODE) or "STATIC"
    change(ctx, OVERWRITE_MODE, "DYNAMIC")
    try:
        dispatch(ctx, f"insert overwrite {render(parts)} {_by_name(ctx, parts, query, {})}")
    finally:
        change(ctx, OVERWRITE_MODE, before)


def _is_there(ctx: Context, parts: tuple[str, ...]) -> bool:
    return ctx.catalog.get(ctx.resolve(parts)) is not None


_HOW: Mapping[str, Callable[[Context, tuple[str, ...], str, Message], None]] = {
    "errorifexists": _new,
    "ignore": _unless_there,
    "overwrite": _overwrite,
    "append": _append,
    "replace": _replace,
    "createorreplace": _create("create or replace table"),
    "insert into": _insert("insert into"),
    "insert overwrite": _insert("insert overwrite"),
    "insert overwrite partitions": _overwrite_partitions,
}

_ANSWERS: Mapping[str, Callable[[Context, Message], Message]] = {
    "sql": _sql,
    "set": _set,
    "get": _get,
    "view": _view,
    "drop view": _drop_view,
    "save": _save,
}
