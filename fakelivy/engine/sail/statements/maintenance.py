"""OPTIMIZE, VACUUM and RESTORE: what Delta does with a table's files and versions."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fakelivy.engine.port import Table
from fakelivy.engine.sail import deltalog
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.deltalog import Action, Snapshot
from fakelivy.engine.sail.errors import SparkError, spark_error
from fakelivy.engine.sail.names import sql_name
from fakelivy.engine.sail.sparktypes import field, struct
from fakelivy.engine.sail.statements.clauses import delta_table
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import Kind, quote_name, string_value, tokenize
from fakelivy.engine.sail.writes import commit, merged_protocol, partition_of, rewrite_files, staged

# -- OPTIMIZE ---------------------------------------------------------------------------------------------------------

_SIZES = struct(
    [
        field("min", "long"),
        field("max", "long"),
        field("avg", "double", null=False),
        field("totalFiles", "long", null=False),
        field("totalSize", "long", null=False),
    ]
)
_OPTIMIZED = struct(
    [
        field("path", "string"),
        field(
            "metrics",
            struct(
                [
                    field("numFilesAdded", "long", null=False),
                    field("numFilesRemoved", "long", null=False),
                    field("filesAdded", _SIZES),
                    field("filesRemoved", _SIZES),
                    field("partitionsOptimized", "long", null=False),
                    field("numBatches", "long", null=False),
                    field("totalConsideredFiles", "long", null=False),
                    field("totalFilesSkipped", "long", null=False),
                ]
            ),
        ),
    ]
)


def optimize(ctx: Context, cursor: Cursor) -> Table:
    """Make one file of each partition. Z-ordering sorts by the columns instead of along the curve."""
    relation = delta_table(ctx, cursor, "OPTIMIZE")
    cursor.take("FULL")
    condition = cursor.until("ZORDER") if cursor.take("WHERE") else ""
    order = [name[-1] for name in cursor.names()] if cursor.take("ZORDER", "BY") else []
    cursor.end()
    with ctx.writing(relation.name):
        snapshot = ctx.snapshot(relation)
        _check_columns(snapshot, condition, order)
        return _compact(ctx, relation, snapshot, condition, order or list(relation.cluster_columns))


def _check_columns(snapshot: Snapshot, condition: str, order: Sequence[str]) -> None:
    known = {f["name"].lower() for f in snapshot.fields}
    partitions = {name.lower() for name in snapshot.partition_columns}
    used = {token.text.strip("`").lower() for token in tokenize(condition) if token.kind in (Kind.WORD, Kind.QUOTED)}
    if (condition and not used & partitions) or used & (known - partitions):
        raise spark_error(
            "DELTA_NON_PARTITION_COLUMN_REFERENCE",
            f"The predicate of OPTIMIZE may use partition columns only: {sorted(partitions)}.",
        )
    for column in order:
        if column.lower() in partitions:
            raise spark_error(
                "DELTA_ZORDERING_ON_PARTITION_COLUMN",
                f"{column} is a partition column. Z-Ordering can only be performed on data columns.",
            )
        if column.split(".")[0].lower() not in known:
            raise spark_error("DELTA_ZORDERING_COLUMN_DOES_NOT_EXIST", f"Z-Ordering column {column} does not exist.")


def _compact(ctx: Context, table: Relation, old: Snapshot, condition: str, order: Sequence[str]) -> Table:
    considered = _chosen(ctx, table, old, condition)
    counts = Counter(partition_of(add) for add in considered.values())
    out = {path: add for path, add in considered.items() if order or counts[partition_of(add)] > 1}
    added: Collection[Action] = ()
    if out:
        # A sort ends in one stream, and one stream in one file for each partition.
        by = ", ".join([*map(quote_name, old.partition_columns), *map(quote_name, order)]) or "(select 1)"
        where = f" where {condition}" if condition else ""
        rows = f"select * from {sql_name(table)}{where} order by {by}"
        with staged(ctx, rows, partition_by=old.partition_columns) as new:
            touched = {partition_of(add) for add in out.values()}
            kept = {path: add for path, add in new.snapshot.files.items() if partition_of(add) in touched}
            _same_rows(out, kept)
            new = replace(new, snapshot=replace(new.snapshot, files=kept))
            parameters = {
                "predicate": json.dumps([condition] if condition else []),
                "zOrderBy": json.dumps(list(order)),
            }
            rewrite_files(ctx, ctx.catalog.folder(table), new, old, out, operationParameters=parameters)
            added = kept.values()
    metrics = {
        "numFilesAdded": len(added),
        "numFilesRemoved": len(out),
        "filesAdded": _sizes(added),
        "filesRemoved": _sizes(out.values()),
        "partitionsOptimized": len({partition_of(add) for add in out.values()}) if old.partition_columns else 0,
        "numBatches": 1 if out else 0,
        "totalConsideredFiles": len(considered),
        "totalFilesSkipped": len(considered) - len(out),
    }
    return Table(_OPTIMIZED, [(ctx.catalog.folder(table).as_uri(), metrics)])


def _chosen(ctx: Context, table: Relation, old: Snapshot, condition: str) -> Mapping[str, Action]:
    """The files of the partitions that fulfil the condition."""
    if not condition:
        return old.files
    columns = old.partition_columns
    texts = ", ".join(f"cast({quote_name(column)} as string)" for column in columns)
    found = ctx.run(f"select distinct {texts} from {sql_name(table)} where {condition}", max_rows=len(old.files)).rows()
    wanted = {tuple(row) for row in found}
    return {
        path: add
        for path, add in old.files.items()
        if tuple(add["partitionValues"].get(column) for column in columns) in wanted
    }


def _same_rows(before: Mapping[str, Action], after: Mapping[str, Action]) -> None:
    """Compacting must never lose a row, whatever the engine read."""
    was, now = (deltalog.row_count(files.values()) for files in (before, after))
    if None not in (was, now) and was != now:
        raise SparkError(f"[INTERNAL_ERROR] OPTIMIZE would have turned {was} rows into {now}; the table is as it was.")


def _sizes(files: Collection[Action]) -> dict[str, Any]:
    sizes = [int(add["size"]) for add in files]
    return {
        "min": min(sizes, default=None),
        "max": max(sizes, default=None),
        "avg": sum(sizes) / len(sizes) if sizes else 0.0,
        "totalFiles": len(sizes),
        "totalSize": sum(sizes),
    }


# -- VACUUM -----------------------------------------------------------------------------------------------------------

_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
_WEEK = 168.0
_INTERVAL = re.compile(r"(?:interval\s+)?(\d+)\s+(hour|day|week)s?", re.IGNORECASE)
_HOURS = {"hour": 1, "day": 24, "week": _WEEK}


def vacuum(ctx: Context, cursor: Cursor) -> Table:
    """Delete the files that no version within the retention needs."""
    if cursor.is_string():
        relation = delta_table(ctx, Cursor(f"delta.{quote_name(cursor.string())}"), "VACUUM")
    else:
        relation = delta_table(ctx, cursor, "VACUUM")
    cursor.take_any("LITE", "FULL")
    retain: float | None = None
    if cursor.take("RETAIN"):
        retain = cursor.number()
        cursor.expect("HOURS")
    dry_run = cursor.take("DRY", "RUN")
    cursor.end()
    with ctx.writing(relation.name):
        folder, snapshot = ctx.catalog.folder(relation), ctx.snapshot(relation)
        usual = _retention(snapshot.configuration | dict(relation.properties))
        hours = usual if retain is None else retain
        if hours < usual and (ctx.settings.get(_CHECK) or "true").lower() != "false":
            raise spark_error(
                "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT",
                f"A retention of {hours:g} hours is less than the table's {usual:g}: readers and writers that are at "
                f"work may lose their files. If you are certain, set {_CHECK} to false.",
            )
        doomed = sorted(_unneeded(folder, snapshot, ctx.milliseconds() - int(hours * 3_600_000)))
        if dry_run:
            return Table(struct([field("path", "string")]), [(path.as_uri(),) for path in doomed])
        for path in doomed:
            path.unlink(missing_ok=True)
        _drop_empty_folders(folder)
    return Table(struct([field("path", "string")]), [(folder.as_uri(),)])


def _retention(configuration: Mapping[str, str]) -> float:
    match = _INTERVAL.fullmatch(configuration.get("delta.deletedFileRetentionDuration", "").strip())
    return float(int(match[1]) * _HOURS[match[2].lower()]) if match else _WEEK


def _unneeded(folder: Path, snapshot: Snapshot, before: int) -> Iterator[Path]:
    """Files older than ``before`` (epoch milliseconds) that are neither live nor were so later than that."""
    young = (path for path, gone in snapshot.removed.items() if (gone.get("deletionTimestamp") or 0) >= before)
    needed = {unquote(path) for path in (*snapshot.files, *young)}
    for path in _data_files(folder):
        relative = path.relative_to(folder).as_posix()
        removed = snapshot.removed.get(relative) is not None
        if relative not in needed and (removed or path.stat().st_mtime * 1000 < before):
            yield path


def _data_files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        # What begins like this is not data, unless it is a partition (`_part=1`).
        folders[:] = [name for name in folders if "=" in name or not name.startswith(("_", "."))]
        yield from (Path(root) / name for name in names if not name.startswith(("_", ".")))


def _drop_empty_folders(folder: Path) -> None:
    for root, _, _ in os.walk(folder, topdown=False):
        if Path(root) != folder and "_delta_log" not in root and not os.listdir(root):
            os.rmdir(root)


# -- RESTORE ----------------------------------------------------------------------------------------------------------

_RESTORED = struct(
    [
        field(name, "long")
        for name in (
            "table_size_after_restore",
            "num_of_files_after_restore",
            "num_removed_files",
            "num_restored_files",
            "removed_files_size",
            "restored_files_size",
        )
    ]
)


def restore(ctx: Context, cursor: Cursor) -> Table:
    """Make an earlier version the current one, by one more commit."""
    cursor.take("TABLE")
    relation = delta_table(ctx, cursor, "RESTORE")
    cursor.take("TO")
    by_version = cursor.take("VERSION")
    if not by_version:
        cursor.expect("TIMESTAMP")
    cursor.expect("AS", "OF")
    moment = cursor.rest()
    with ctx.writing(relation.name):
        folder, now = ctx.catalog.folder(relation), ctx.snapshot(relation)
        version = int(moment) if by_version else _version_at(ctx, folder, moment)
        try:
            then = deltalog.load(folder, version)
        except deltalog.VersionNotFound as error:
            raise spark_error("DELTA_VERSION_NOT_FOUND", str(error)) from error
        back = {path: add for path, add in then.files.items() if path not in now.files}
        out = {path: add for path, add in now.files.items() if path not in then.files}
        missing = [path for path in back if not (folder / unquote(path)).exists()]
        if missing:
            raise spark_error(
                "DELTA_CANNOT_RESTORE_TABLE_VERSION",
                f"Cannot restore version {version}: {len(missing)} of its files were vacuumed, {missing[0]} for one.",
            )
        milliseconds = ctx.milliseconds()
        actions: list[Action] = [
            deltalog.commit_info("RESTORE", milliseconds, operationParameters={"version": version}),
            {"protocol": merged_protocol(now.protocol, then.protocol)},
            {"metaData": {**then.metadata, "id": now.metadata["id"]}},
            *(deltalog.remove(add, milliseconds) for add in out.values()),
            *({"add": {**add, "dataChange": True}} for add in back.values()),
        ]
        commit(folder, now.version + 1, actions)
    sizes = [sum(int(add["size"]) for add in files.values()) for files in (then.files, out, back)]
    row = (sizes[0], len(then.files), len(out), len(back), sizes[1], sizes[2])
    return Table(_RESTORED, [row])


def _version_at(ctx: Context, folder: Path, moment: str) -> int:
    """The last version no younger than a timestamp, given as a literal or an expression."""
    token = Cursor(moment).peek()
    text = string_value(token.text) if token.kind is Kind.STRING and token.text == moment else None
    expression = f"cast('{text}' as timestamp)" if text is not None else f"cast({moment} as timestamp)"
    (row,) = ctx.run(f"select {expression}", max_rows=1).rows()
    when: dt.datetime | None = row[0]
    if when is None:
        raise spark_error("DELTA_TIMESTAMP_INVALID", f"The provided timestamp ({moment}) cannot be converted.")
    entries = deltalog.history(folder)
    for entry in entries:
        if int(entry.get("timestamp") or 0) <= when.timestamp() * 1000:
            return int(entry["version"])
    raise spark_error(
        "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
        f"The provided timestamp ({when}) is before the earliest version available.",
    )
