"""Writes a query's rows as a finished Delta table aside, then makes them part of a table in one commit of our own.

Sail's own CREATE OR REPLACE keeps old columns and marks columns NOT NULL; its overwrite ignores dynamic partition
mode. A commit written here replaces exactly what is meant, atomically, and a query that fails touches nothing.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fakelivy.engine.sail import deltalog
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.deltalog import Action, Snapshot
from fakelivy.engine.sail.errors import SparkError, spark_error
from fakelivy.engine.sail.names import render
from fakelivy.engine.sail.sparktypes import Field, sql_text
from fakelivy.engine.sail.tokens import quote_name, quote_string

STAGING = "__staging"


@dataclass(frozen=True)
class Staged:
    """Rows written aside: a complete Delta table in ``folder``, readable as ``table``."""

    folder: Path
    table: str
    snapshot: Snapshot


@contextlib.contextmanager
def staged(ctx: Context, query: str, *, partition_by: Sequence[str] = (), columns: str = "") -> Iterator[Staged]:
    """Write ``query`` (or, for an empty table, the column list ``columns``) aside for the length of the block."""
    parent = ctx.catalog.private / "staging"
    parent.mkdir(exist_ok=True)
    room = Path(tempfile.mkdtemp(dir=parent))
    folder, table = room / "table", render((STAGING, room.name))
    clauses = f" ({columns})" if columns else ""
    clauses += " using delta"
    clauses += f" partitioned by ({', '.join(map(quote_name, partition_by))})" if partition_by else ""
    clauses += f" location {quote_string(ctx.catalog.for_sail(folder))}"
    clauses += f" as {query}" if query else ""

    def clear() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        ctx.take_back(f"table if exists {table}")

    try:
        ctx.execute(f"create database if not exists {STAGING}")
        ctx.execute(f"create table {table}{clauses}", undo=clear)
        yield Staged(folder, table, deltalog.load(folder))
    finally:
        clear()
        shutil.rmtree(room, ignore_errors=True)


def replace_table(ctx: Context, folder: Path, new: Staged, operation: str, metadata: Action) -> None:
    """Make the table in ``folder`` (existing or not) what was staged, under this ``metaData``."""
    old = deltalog.load(folder) if deltalog.exists(folder) else None
    if old is not None:
        metadata = {**metadata, "id": old.metadata["id"]}
    _publish(ctx, folder, new, old, operation, metadata=metadata, out=dict(old.files) if old else {})


def replace_rows(ctx: Context, relation: Relation, new: Staged, *, only_partitions: bool, operation: str) -> None:
    """Put the staged rows in the place of all rows, or of the partitions they fall into."""
    folder = ctx.catalog.folder(relation)
    old = ctx.snapshot(relation)
    _check_constraints(ctx, old, new)
    if only_partitions:
        touched = {partition_of(add) for add in new.snapshot.files.values()}
        out = {path: add for path, add in old.files.items() if partition_of(add) in touched}
    else:
        out = dict(old.files)
    _publish(ctx, folder, new, old, operation, metadata=None, out=out)


def rewrite_files(
    ctx: Context, folder: Path, new: Staged, old: Snapshot, out: Mapping[str, Action], **info: Any
) -> None:
    """Put the staged files in the place of those in ``out``, which hold the same rows."""
    _publish(ctx, folder, new, old, "OPTIMIZE", metadata=None, out=out, data_change=False, **info)


def change_metadata(
    ctx: Context, relation: Relation, operation: str, metadata: Action, snapshot: Snapshot, *, writer: int = 2
) -> None:
    """Append a commit that changes the table's metadata, and what a ``writer`` must be able to do, but no rows."""
    actions = [deltalog.commit_info(operation, ctx.milliseconds()), {"metaData": metadata}]
    protocol = merged_protocol(snapshot.protocol, {"minWriterVersion": writer})
    if protocol != merged_protocol(snapshot.protocol, {}):
        actions.append({"protocol": protocol})
    commit(ctx.catalog.folder(relation), snapshot.version + 1, actions)


def _publish(
    ctx: Context,
    folder: Path,
    new: Staged,
    old: Snapshot | None,
    operation: str,
    *,
    metadata: Action | None,
    out: Mapping[str, Action],
    data_change: bool = True,
    **info: Any,
) -> None:
    now = ctx.milliseconds()
    ctx.check_cancelled()
    for path in new.snapshot.files:
        relative = unquote(path)
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(new.folder / relative, target)
    rows = new.snapshot.rows
    metrics = {"numFiles": str(len(new.snapshot.files)), "numOutputBytes": str(new.snapshot.size)}
    if rows is not None:
        metrics["numOutputRows"] = str(rows)
    actions: list[Action] = [deltalog.commit_info(operation, now, operationMetrics=metrics, **info)]
    protocol = merged_protocol(old.protocol if old else {}, new.snapshot.protocol)
    if old is None or protocol != merged_protocol(old.protocol, {}):
        actions.append({"protocol": protocol})
    if metadata is not None:
        actions.append({"metaData": metadata})
    actions += [deltalog.remove(add, now, data_change=data_change) for add in out.values()]
    actions += [{"add": {**add, "dataChange": data_change}} for add in new.snapshot.files.values()]
    commit(folder, old.version + 1 if old else 0, actions)


def commit(folder: Path, version: int, actions: Sequence[Action]) -> None:
    """Append a commit.

    Raises:
        SparkError: another writer was faster.
    """
    try:
        deltalog.commit(folder, version, actions)
    except deltalog.CommitConflict as error:
        raise SparkError(f"[DELTA_CONCURRENT_WRITE] {error}") from error


def merged_protocol(old: Action, new: Action) -> Action:
    """The least protocol that allows both."""
    merged: Action = {
        key: max(old.get(key) or 1, new.get(key) or 1) for key in ("minReaderVersion", "minWriterVersion")
    }
    for key in ("readerFeatures", "writerFeatures"):
        features = sorted({*(old.get(key) or ()), *(new.get(key) or ())})
        if features:
            merged[key] = features
    return merged


def partition_of(add: Action) -> str:
    """The partition a file is in. An empty text is NULL there: Delta's protocol has no other way to write either."""
    return json.dumps({name: value or None for name, value in add["partitionValues"].items()}, sort_keys=True)


def projected(ctx: Context, query: str, fields: Sequence[Field], fixed: Mapping[str, str] | None = None) -> str:
    """``query`` as rows of a table with these columns: by position, cast, with ``fixed`` columns put in.

    Args:
        fixed: SQL of the static partition values, by column name.
    """
    given = {name.lower(): sql for name, sql in (fixed or {}).items()}
    wanted = [field for field in fields if field["name"].lower() not in given]
    have = ctx.schema_of(query)
    if len(have) != len(wanted):
        raise spark_error(
            "DELTA_INSERT_COLUMN_ARITY_MISMATCH",
            f"Cannot write: the query has {len(have)} columns, the table expects {len(wanted)}.",
        )
    source = {field["name"]: (f"_{i}", have[i]["type"]) for i, field in enumerate(wanted)}
    items = []
    for field in fields:
        column, kind = source.get(field["name"], (given.get(field["name"].lower(), ""), None))
        text = column if kind == field["type"] else f"cast({column} as {sql_text(field['type'])})"
        items.append(f"{text} as {quote_name(field['name'])}")
    aliases = ", ".join(f"_{i}" for i in range(len(have)))
    return f"select {', '.join(items)} from ({query}) as source({aliases})"


def _check_constraints(ctx: Context, table: Snapshot, new: Staged) -> None:
    for column in table.fields:
        if not column["nullable"] and _any(ctx, new, f"{quote_name(column['name'])} is null"):
            raise spark_error(
                "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", f"NOT NULL constraint violated for column: {column['name']}."
            )
    for key, expression in table.configuration.items():
        if key.startswith("delta.constraints.") and _any(ctx, new, f"not ({expression})"):
            raise spark_error(
                "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
                f"CHECK constraint {key.rsplit('.', 1)[1]} ({expression}) is violated by a row.",
            )


def _any(ctx: Context, new: Staged, condition: str) -> bool:
    return bool(ctx.run(f"select 1 from {new.table} where {condition} limit 1", max_rows=1).rows())
