"""The catalog of a warehouse folder, in SQLite: its schemas, tables and views, for every session and process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

VERSION = 1
"""Of the tables below. A catalog of another version is refused, never converted in silence."""

_SCHEMA = """
create table meta (key text primary key, value integer not null);
create table schemas (
    lakehouse text not null, name text not null, comment text not null, properties text not null,
    primary key (lakehouse, name)
);
create table relations (
    lakehouse text not null, schema text not null, name text not null, body text not null,
    primary key (lakehouse, schema, name),
    foreign key (lakehouse, schema) references schemas (lakehouse, name)
);
"""


class WarehouseError(Exception):
    """The warehouse folder cannot be used; the text says why and what to do."""


class CatalogConflict(Exception):
    """The entry to be written exists, or the entry to be changed is gone."""


class Name(NamedTuple):
    """The full name of a table or view. Always lower case, as Spark's catalog keeps names."""

    lakehouse: str
    schema: str
    table: str


@dataclass(frozen=True)
class Relation:
    """A table or a view.

    Attributes:
        kind: ``table`` or ``view``.
        provider: ``delta`` for tables; empty for views.
        location: folder of an external table; empty for a managed one, whose folder follows from its name.
        columns: of a view, as Spark's JSON fields; a Delta table's are in its log.
        text: the query of a view, or of a materialized lake view, as it was written.
        body: the same with every name written in full, so that it means the same in every session.
        created: ISO time.
        constraints: of a materialized lake view: ``name``, ``check`` and what to do ``on_mismatch``.
    """

    name: Name
    kind: str
    provider: str = ""
    location: str = ""
    comment: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    cluster_columns: Sequence[str] = ()
    columns: Sequence[Mapping[str, Any]] = ()
    text: str = ""
    body: str = ""
    creator_schema: Sequence[str] = ()
    owner: str = "fakelivy"
    created: str = ""
    constraints: Sequence[Mapping[str, str]] = field(default_factory=list)

    @property
    def is_view(self) -> bool:
        return self.kind == "view"

    @property
    def is_materialized(self) -> bool:
        """Whether it is a materialized lake view: a table with a query."""
        return not self.is_view and bool(self.text)

    @property
    def definition(self) -> tuple[str, ...]:
        """What a session has to know to read it; a change here means registering it again."""
        return (self.kind, self.provider, self.location, self.body, json.dumps(list(self.columns)))


@dataclass(frozen=True)
class Content:
    """Everything in the catalog at one epoch."""

    epoch: int
    schemas: Mapping[tuple[str, str], Mapping[str, Any]]
    relations: Mapping[Name, Relation]

    @property
    def lakehouses(self) -> list[str]:
        return sorted({lakehouse for lakehouse, _ in self.schemas})


class Catalog:
    """The catalog of the warehouse at ``root``. Safe to use from any thread and any process.

    Raises:
        WarehouseError: the folder or the catalog in it cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._path = self.root / "catalog.sqlite"
        self._lock = threading.Lock()
        self._content = Content(-1, {}, {})
        self._prepare()
        self._alias = None if plain(self.root) else _alias(self.root)

    def close(self) -> None:
        """Take back what this object put outside the warehouse. Idempotent."""
        if self._alias is not None:
            self._alias.cleanup()

    def _prepare(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise WarehouseError(f"the warehouse {self.root} is not a folder")
        try:
            self.private.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(f"the warehouse {self.root} cannot be created: {error.strerror}") from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise WarehouseError(f"the warehouse {self.root} is not writable")
        try:
            with self._connect() as db:
                db.execute("pragma journal_mode = wal")
                db.execute("begin immediate")
                (tables,) = db.execute("select count(*) from sqlite_master").fetchone()
                if not tables:
                    for statement in _SCHEMA.split(";"):
                        db.execute(statement)
                    db.executemany("insert into meta values (?, ?)", [("version", VERSION), ("epoch", 0)])
                version = db.execute("select value from meta where key = 'version'").fetchone()
                (broken,) = db.execute("pragma quick_check").fetchone()
                db.execute("commit")
        except sqlite3.Error as error:
            raise WarehouseError(
                f"the catalog {self._path} cannot be used ({error}); restore it, or start with an empty folder"
            ) from error
        if broken != "ok":
            raise WarehouseError(f"the catalog {self._path} is damaged: {broken}")
        if version is None or version[0] != VERSION:
            found = "unknown" if version is None else version[0]
            raise WarehouseError(f"the catalog {self._path} has version {found}, this fakelivy reads version {VERSION}")

    @property
    def private(self) -> Path:
        """Our own corner of the warehouse: locks, tables being written, tables being deleted."""
        return self.root / ".fakelivy"

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            db.execute("pragma foreign_keys = on")
            yield db
        finally:
            db.close()

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction that moves the epoch."""
        with self._connect() as db:
            db.execute("begin immediate")
            try:
                yield db
                db.execute("update meta set value = value + 1 where key = 'epoch'")
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")

    def content(self) -> Content:
        """The catalog as it is now."""
        with self._lock, self._connect() as db:
            db.execute("begin")
            (epoch,) = db.execute("select value from meta where key = 'epoch'").fetchone()
            if epoch != self._content.epoch:
                schemas = {
                    (lakehouse, name): {"comment": comment, "properties": json.loads(properties)}
                    for lakehouse, name, comment, properties in db.execute("select * from schemas order by 1, 2")
                }
                relations = {
                    Name(*row[:3]): _relation(row) for row in db.execute("select * from relations order by 1, 2, 3")
                }
                self._content = Content(epoch, schemas, relations)
            return self._content

    def get(self, name: Name) -> Relation | None:
        return self.content().relations.get(name)

    def create_schema(
        self, lakehouse: str, name: str, comment: str = "", properties: Mapping[str, str] | None = None
    ) -> bool:
        """Whether it was created; false when it was there."""
        if (lakehouse, name) in self.content().schemas:
            return False
        with self._change() as db:
            done = db.execute(
                "insert or ignore into schemas values (?, ?, ?, ?)",
                (lakehouse, name, comment, json.dumps(dict(properties or {}))),
            )
            return done.rowcount > 0

    def drop_schema(self, lakehouse: str, name: str) -> None:
        """Forget a schema and all in it, and delete the files of its managed tables."""
        with self._change() as db:
            db.execute("delete from relations where lakehouse = ? and schema = ?", (lakehouse, name))
            db.execute("delete from schemas where lakehouse = ? and name = ?", (lakehouse, name))
        self._discard(self.schema_folder(lakehouse, name))

    def put(self, relation: Relation, *, new: bool = False) -> None:
        """Write an entry, over an older one unless ``new``.

        Raises:
            CatalogConflict: ``new``, and the name is taken.
        """
        with self._change() as db:
            verb = "insert" if new else "insert or replace"
            try:
                db.execute(f"{verb} into relations values (?, ?, ?, ?)", (*relation.name, _body(relation)))
            except sqlite3.IntegrityError as error:
                raise CatalogConflict(str(error)) from error

    def drop(self, relation: Relation) -> None:
        """Forget an entry; a managed table's files go too."""
        with self._change() as db:
            db.execute("delete from relations where lakehouse = ? and schema = ? and name = ?", relation.name)
        if not relation.is_view and not relation.location:
            self._discard(self.folder(relation))

    def rename(self, relation: Relation, name: Name) -> None:
        """Give an entry another name; a managed table's folder moves along.

        Raises:
            CatalogConflict: the name is taken.
        """
        renamed = replace(relation, name=name)
        with self._change() as db:
            try:
                db.execute("insert into relations values (?, ?, ?, ?)", (*name, _body(renamed)))
            except sqlite3.IntegrityError as error:
                raise CatalogConflict(str(error)) from error
            db.execute("delete from relations where lakehouse = ? and schema = ? and name = ?", relation.name)
            if not relation.is_view and not relation.location:
                target = self.folder(renamed)
                self._discard(target)
                target.parent.mkdir(parents=True, exist_ok=True)
                self.folder(relation).rename(target)

    def schema_folder(self, lakehouse: str, schema: str) -> Path:
        return self.root / _safe(lakehouse) / "Tables" / _safe(schema)

    def folder(self, relation: Relation) -> Path:
        """Where a table's files are."""
        if relation.location:
            return Path(relation.location)
        return self.schema_folder(*relation.name[:2]) / _safe(relation.name.table)

    def for_sail(self, path: Path) -> str:
        """``path`` in the warehouse as Sail can be given it."""
        if self._alias is None or not path.is_relative_to(self.root):
            return str(path)
        return str(Path(self._alias.name) / "warehouse" / path.relative_to(self.root))

    def _discard(self, folder: Path) -> None:
        # Out of the way at once, then deleted: a reader sees the whole table or none of it.
        if not folder.exists():
            return
        trash = self.private / "trash" / os.urandom(8).hex()
        trash.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


def _alias(root: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder with a plain path in which ``warehouse`` leads to ``root``."""
    folder = tempfile.TemporaryDirectory(prefix="fakelivy-")
    try:
        (Path(folder.name) / "warehouse").symlink_to(root, target_is_directory=True)
    except OSError as error:
        folder.cleanup()
        raise WarehouseError(f"the warehouse {root} needs a path of plain letters and digits here: {error}") from error
    return folder


# Sail encodes the rest once here and twice there, and then does not find its own files.
_PLAIN = re.compile(r"[A-Za-z0-9._/:@-]*")


def plain(path: Path | str) -> bool:
    """Whether Sail can be given this path."""
    return _PLAIN.fullmatch(str(path)) is not None


def _safe(part: str) -> str:
    """A name as a folder name: what is not plain, and a leading dot, becomes ``+`` and two hex digits for each byte."""
    return re.sub(rb"^\.|[^a-z0-9._-]", lambda match: b"+%02x" % match[0][0], part.encode()).decode()


def _body(relation: Relation) -> str:
    values = {key: value for key, value in vars(relation).items() if key != "name"}
    return json.dumps(values, ensure_ascii=False)


def _relation(row: tuple[str, str, str, str]) -> Relation:
    return Relation(name=Name(*row[:3]), **json.loads(row[3]))
