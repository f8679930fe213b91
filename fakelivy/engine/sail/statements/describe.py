"""DESCRIBE of tables, views and queries, and Delta's DETAIL and HISTORY."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from fakelivy.engine.port import Table
from fakelivy.engine.sail import deltalog
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import spark_error, unsupported
from fakelivy.engine.sail.information import gather
from fakelivy.engine.sail.sparktypes import Field, field, sql_text, struct
from fakelivy.engine.sail.statements.clauses import delta_table
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import Kind

Rows = list[tuple[Any, ...]]

_COLUMNS = struct(
    [
        field("col_name", "string", null=False, comment="name of the column"),
        field("data_type", "string", null=False, comment="data type of the column"),
        field("comment", "string", comment="comment of the column"),
    ]
)


def table(ctx: Context, cursor: Cursor) -> Table:
    if cursor.peek().upper in ("SELECT", "WITH", "VALUES", "FROM"):
        return query(ctx, cursor)
    _option(cursor, "TABLE")
    extended = _option(cursor, "EXTENDED", "FORMATTED")
    parts = cursor.name()
    if cursor.take("AS", "JSON"):
        raise unsupported("DESCRIBE … AS JSON")
    if cursor.take("PARTITION"):
        raise unsupported("DESCRIBE … PARTITION")
    if cursor.peek().kind in (Kind.WORD, Kind.QUOTED):
        return _one_column(ctx, parts, cursor)
    cursor.end()
    if ctx.is_temporary(parts):
        return Table(_COLUMNS, _column_rows(ctx, ctx.temporary_columns[parts[0].lower()]))
    relation = ctx.relation(parts)
    information = gather(ctx, relation)
    rows = _column_rows(ctx, information.fields)
    if information.partition_columns:
        kinds = {f["name"].lower(): f for f in information.fields}
        rows += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
        rows += _column_rows(ctx, [kinds[name.lower()] for name in information.partition_columns])
    if extended:
        rows += [("", "", ""), ("# Detailed Table Information", "", "")]
        rows += [(label, text, "") for label, text in information.details]
    return Table(_COLUMNS, rows)


def _option(cursor: Cursor, *words: str) -> bool:
    """Step over one of these words, unless it is the table's name."""
    is_name = cursor.peek(1).kind not in (Kind.WORD, Kind.QUOTED)
    return not is_name and bool(cursor.take_any(*words))


def _column_rows(ctx: Context, fields: Sequence[Field]) -> Rows:
    return [(f["name"], sql_text(f["type"], _longest(ctx)), f["metadata"].get("comment")) for f in fields]


def _longest(ctx: Context) -> int:
    return int(ctx.settings.get("spark.sql.debug.maxToStringFields") or 25)


def _one_column(ctx: Context, parts: tuple[str, ...], cursor: Cursor) -> Table:
    wanted = cursor.identifier()
    cursor.end()
    found = next((f for f in ctx.fields(ctx.relation(parts)) if f["name"].lower() == wanted.lower()), None)
    if found is None:
        raise spark_error("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", f"A column with name `{wanted}` cannot be resolved.")
    rows = [
        ("col_name", found["name"]),
        ("data_type", sql_text(found["type"], _longest(ctx))),
        ("comment", found["metadata"].get("comment", "NULL")),
    ]
    return Table(struct([field("info_name", "string", null=False), field("info_value", "string", null=False)]), rows)


def query(ctx: Context, cursor: Cursor) -> Table:
    return Table(_COLUMNS, _column_rows(ctx, ctx.schema_of(cursor.rest())))


_TEXTS = {"type": "map", "keyType": "string", "valueType": "string", "valueContainsNull": True}
_LIST = {"type": "array", "elementType": "string", "containsNull": True}

_DETAIL = struct(
    [
        field("format", "string"),
        field("id", "string"),
        field("name", "string"),
        field("description", "string"),
        field("location", "string"),
        field("createdAt", "timestamp"),
        field("lastModified", "timestamp"),
        field("partitionColumns", _LIST),
        field("clusteringColumns", _LIST),
        field("numFiles", "long"),
        field("sizeInBytes", "long"),
        field("properties", _TEXTS),
        field("minReaderVersion", "integer"),
        field("minWriterVersion", "integer"),
        field("tableFeatures", _LIST),
    ]
)


def detail(ctx: Context, cursor: Cursor) -> Table:
    relation = delta_table(ctx, cursor, "DESCRIBE DETAIL")
    cursor.end()
    snapshot = ctx.snapshot(relation)
    newest = next(iter(deltalog.history(ctx.catalog.folder(relation))), {})
    features = sorted(
        {*(snapshot.protocol.get("readerFeatures") or ()), *(snapshot.protocol.get("writerFeatures") or ())}
    )
    row = (
        "delta",
        snapshot.metadata["id"],
        ".".join(("spark_catalog", *relation.name[1:])) if relation.name.lakehouse else None,
        snapshot.metadata.get("description"),
        ctx.catalog.folder(relation).as_uri(),
        _time(snapshot.metadata.get("createdTime")),
        _time(newest.get("timestamp")),
        snapshot.partition_columns,
        list(relation.cluster_columns),
        len(snapshot.files),
        snapshot.size,
        sorted({**snapshot.configuration, **relation.properties}.items()),
        snapshot.protocol.get("minReaderVersion", 1),
        snapshot.protocol.get("minWriterVersion", 2),
        features,
    )
    return Table(_DETAIL, [row])


_HISTORY = struct(
    [
        field("version", "long"),
        field("timestamp", "timestamp"),
        field("userId", "string"),
        field("userName", "string"),
        field("operation", "string"),
        field("operationParameters", _TEXTS),
        field("job", "string"),
        field("notebook", "string"),
        field("clusterId", "string"),
        field("readVersion", "long"),
        field("isolationLevel", "string"),
        field("isBlindAppend", "boolean"),
        field("operationMetrics", _TEXTS),
        field("userMetadata", "string"),
        field("engineInfo", "string"),
    ]
)


def history(ctx: Context, cursor: Cursor) -> Table:
    relation = delta_table(ctx, cursor, "DESCRIBE HISTORY")
    limit = int(cursor.next().text) if cursor.take("LIMIT") else None
    cursor.end()
    rows: Rows = []
    for info in deltalog.history(ctx.catalog.folder(relation))[:limit]:
        version = info["version"]
        rows.append(
            (
                version,
                _time(info.get("timestamp")),
                None,
                None,
                info.get("operation"),
                _texts(info.get("operationParameters")),
                None,
                None,
                None,
                version - 1 if version else None,
                info.get("isolationLevel", "Serializable"),
                info.get("isBlindAppend", False),
                _texts(info.get("operationMetrics")),
                None,
                info.get("engineInfo"),
            )
        )
    return Table(_HISTORY, rows)


def _time(milliseconds: int | None) -> dt.datetime | None:
    if milliseconds is None:
        return None
    return dt.datetime.fromtimestamp(0, dt.timezone.utc) + dt.timedelta(milliseconds=milliseconds)


def _texts(values: dict[str, Any] | None) -> list[tuple[str, str]]:
    return [
        (key, value if isinstance(value, str) else json.dumps(value)) for key, value in sorted((values or {}).items())
    ]
