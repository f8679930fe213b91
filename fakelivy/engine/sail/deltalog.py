"""Reads a Delta table's log (schema, partitioning, files, history) and appends commits to it atomically."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Action = dict[str, Any]

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.\d{10}\.\d{10})?\.parquet")


class CommitConflict(Exception):
    """Another writer made this version first."""


@dataclass(frozen=True)
class Snapshot:
    """The state of a table at its last version.

    Attributes:
        metadata: the ``metaData`` action: schema, partition columns, configuration, description.
        files: the ``add`` action of every live file, by path.
        removed: the ``remove`` action of every file taken out since the last checkpoint forgot them, by path.
    """

    version: int
    protocol: Action
    metadata: Action
    files: dict[str, Action]
    removed: dict[str, Action] = field(default_factory=dict)

    @property
    def fields(self) -> list[dict[str, Any]]:
        fields: list[dict[str, Any]] = json.loads(self.metadata["schemaString"])["fields"]
        return fields

    @property
    def partition_columns(self) -> list[str]:
        return list(self.metadata.get("partitionColumns") or ())

    @property
    def configuration(self) -> dict[str, str]:
        return dict(self.metadata.get("configuration") or {})

    @property
    def size(self) -> int:
        """Bytes in live files."""
        return sum(int(add["size"]) for add in self.files.values())

    @property
    def rows(self) -> int | None:
        """Rows in live files; ``None`` when a file has no count."""
        return row_count(self.files.values())


def row_count(files: Iterable[Action]) -> int | None:
    """Rows in these files; ``None`` when one has no count."""
    counts = [json.loads(add.get("stats") or "{}").get("numRecords") for add in files]
    return sum(counts) if None not in counts else None


def log_dir(table: Path) -> Path:
    return table / "_delta_log"


def hint(table: Path) -> Path:
    """The file that points readers to the last checkpoint. They must do without it, too (Delta protocol)."""
    return log_dir(table) / "_last_checkpoint"


def exists(table: Path) -> bool:
    return next(_commits(table), None) is not None


class VersionNotFound(LookupError):
    """The log does not reach that version."""

    def __init__(self, version: int, first: int, last: int) -> None:
        super().__init__(f"Cannot time travel Delta table to version {version}. Available versions: [{first}, {last}].")


def load(table: Path, version: int | None = None) -> Snapshot:
    """The current state, or that of a ``version``.

    Raises:
        FileNotFoundError: there is no Delta table.
        VersionNotFound: the log does not have that version.
    """
    protocol: Action = {}
    metadata: Action = {}
    files: dict[str, Action] = {}
    removed: dict[str, Action] = {}
    checkpoint, parts = _checkpoint(table, version)
    reached = checkpoint
    for part in parts:
        for action in _checkpoint_actions(part):
            protocol = action.get("protocol") or protocol
            metadata = action.get("metaData") or metadata
            if action.get("add"):
                files[action["add"]["path"]] = action["add"]
            if action.get("remove"):
                removed[action["remove"]["path"]] = action["remove"]
    commits = sorted(_commits(table))
    for number, path in commits:
        if number <= checkpoint or (version is not None and number > version):
            continue
        for action in _read(path):
            if "add" in action:
                files[action["add"]["path"]] = action["add"]
                removed.pop(action["add"]["path"], None)
            elif "remove" in action:
                files.pop(action["remove"]["path"], None)
                removed[action["remove"]["path"]] = action["remove"]
            protocol = action.get("protocol", protocol)
            metadata = action.get("metaData", metadata)
        reached = number
    if not commits and not metadata:
        raise FileNotFoundError(f"no Delta table at {table}")
    if not metadata or version not in (None, reached):
        assert version is not None, "a log without metadata"
        raise VersionNotFound(version, commits[0][0], commits[-1][0])
    return Snapshot(reached, protocol, metadata, files, removed)


def history(table: Path) -> list[Action]:
    """One ``commitInfo`` for each version still in the log, newest first, with its ``version``."""
    entries = []
    for number, path in sorted(_commits(table), reverse=True):
        info: Action = next((action["commitInfo"] for action in _read(path) if "commitInfo" in action), {})
        entries.append({**info, "version": number})
    return entries


def commit(table: Path, version: int, actions: Sequence[Action]) -> None:
    """Append ``version`` with these actions; it is there entirely or not at all.

    Raises:
        CommitConflict: the version exists.
    """
    folder = log_dir(table)
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{version:020d}.json"
    handle, draft = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            for action in actions:
                file.write(json.dumps(action, ensure_ascii=False, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(handle)
        # A link fails when the name is taken: the exclusive rename Delta asks for.
        os.link(draft, final)
    except FileExistsError:
        raise CommitConflict(f"version {version} of {table.name} was written by another writer") from None
    finally:
        os.unlink(draft)


def commit_info(operation: str, milliseconds: int, **more: Any) -> Action:
    info: Action = {
        "timestamp": milliseconds,
        "operation": operation,
        "operationParameters": {},
        "engineInfo": "fakelivy",
    }
    return {"commitInfo": info | more}


def remove(add: Action, milliseconds: int, *, data_change: bool = True) -> Action:
    """The ``remove`` action that takes a live file out."""
    return {
        "remove": {
            "path": add["path"],
            "deletionTimestamp": milliseconds,
            "dataChange": data_change,
            "extendedFileMetadata": True,
            "partitionValues": add["partitionValues"],
            "size": add["size"],
        }
    }


def with_fields(snapshot: Snapshot, fields: Sequence[dict[str, Any]]) -> Action:
    """The ``metaData`` of ``snapshot`` with another schema."""
    return {
        **snapshot.metadata,
        "schemaString": json.dumps({"type": "struct", "fields": list(fields)}, ensure_ascii=False),
    }


def _commits(table: Path) -> Iterator[tuple[int, Path]]:
    folder = log_dir(table)
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if match := _COMMIT.fullmatch(name):
            yield int(match[1]), folder / name


def _checkpoint(table: Path, version: int | None) -> tuple[int, list[Path]]:
    """The last checkpoint that is no later than ``version``."""
    try:
        found = [(int(m[1]), path) for path in log_dir(table).iterdir() if (m := _CHECKPOINT.fullmatch(path.name))]
    except FileNotFoundError:
        found = []
    last = max((number for number, _ in found if version is None or number <= version), default=-1)
    return last, [path for number, path in found if number == last]


def _checkpoint_actions(path: Path) -> list[Action]:
    import pyarrow.parquet as pq

    wanted = {"protocol", "metaData", "add", "remove"}
    columns = [name for name in pq.read_schema(path).names if name in wanted]
    rows: list[Action] = pq.read_table(path, columns=columns).to_pylist(maps_as_pydicts="strict")
    return rows


def _read(path: Path) -> Iterator[Action]:
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            yield json.loads(line)
