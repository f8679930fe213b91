"""Lakehouses on a Spark that has one catalog: the schema ``s`` of another lakehouse ``l`` is the database ``l__s``.

The schemas of the home lakehouse keep their names, so that what a cluster already holds is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakelivy.engine.sail.errors import SparkError
from fakelivy.engine.sail.names import Reference, references, render
from fakelivy.engine.sail.syntax import Cursor, patch
from fakelivy.engine.sail.tokens import Kind, quote_name

_MARK = "__"
_OUTSIDE = frozenset(
    {"delta", "parquet", "csv", "json", "orc", "text", "avro", "global_temp", "spark_catalog", "system"}
)
"""First parts of names that are no schema's: files by their path, Spark's own."""

_SCHEMAS: tuple[str, ...] = (
    "use [database|schema|namespace]",
    "create|drop|alter database|schema|namespace [if] [not] [exists]",
    "describe|desc database|schema|namespace [extended]",
    "comment on database|schema|namespace",
    "show tables|views|functions in|from",
    "show table extended in|from",
    "analyze tables in|from",
)
_TABLES: tuple[str, ...] = (
    "create [or] [replace] [external] table|view [if] [not] [exists]",
    "drop|alter|truncate|cache|uncache|analyze|refresh|repair [lazy] table|view [if] [exists]",
    "msck repair table",
    "describe|desc history|detail|formatted|extended",
    "describe|desc [table] [formatted|extended]",
    "show create table",
    "show tblproperties|partitions",
    "show columns in|from",
    "comment on table|view",
    "optimize|vacuum|refresh",
    "restore|refresh [table]",
)
_NOT_NAMES = frozenset(
    {"QUERY", "FUNCTION", "CATALOG", "SELECT", "WITH", "VALUES", "FROM", "TABLE", "DATABASE", "SCHEMA"}
)


class Lakehouses:
    """What names mean in one session.

    Attributes:
        current: the lakehouse that a name of one or two parts belongs to.
    """

    def __init__(self, home: str, current: str) -> None:
        self.home = home.lower()
        self.current = current.lower()

    def database(self, lakehouse: str, schema: str) -> str:
        """Spark's name of a schema."""
        return schema if lakehouse.lower() == self.home else f"{lakehouse.lower()}{_MARK}{schema}"

    def schema(self, database: str) -> tuple[str, str]:
        """The lakehouse and schema that Spark's ``database`` is."""
        lakehouse, mark, schema = database.partition(_MARK)
        return (lakehouse, schema) if mark and lakehouse and schema else (self.home, database)

    def written(self, parts: tuple[str, ...]) -> str | None:
        """A table's name of one to four parts as Spark must read it; ``None`` if it is right as it is."""
        if len(parts) == 1 or len(parts) > 4 or parts[0].lower() in _OUTSIDE:
            return None
        lakehouse = self.current if len(parts) == 2 else parts[-3]
        if len(parts) == 2 and lakehouse == self.home:
            return None
        return render((self.database(lakehouse, parts[-2]), parts[-1]))

    def translate(self, source: str) -> tuple[str, str]:
        """``source`` in Spark's names, and the lakehouse that is current once it has succeeded."""
        edits: dict[int, tuple[int, int, str]] = {}
        after = self.current
        cursor = Cursor(source)
        schema = _after(Cursor(source), _SCHEMAS)
        if schema is not None and len(schema.parts) <= 3 and schema.parts[0].lower() not in _OUTSIDE:
            lakehouse = schema.parts[-2] if len(schema.parts) > 1 else self.current
            if cursor.take("USE"):
                after = lakehouse.lower()
            if len(schema.parts) > 1 or lakehouse != self.home:
                edits[schema.start] = (schema.start, schema.end, quote_name(self.database(lakehouse, schema.parts[-1])))
        tables = [each for each in references(source) if schema is None or each.start != schema.start]
        opening = None if schema else _after(Cursor(source), _TABLES)
        for name in [*tables, *([opening] if opening else []), *_further(source)]:
            text = self.written(name.parts)
            if text is not None:
                edits.setdefault(name.start, (name.start, name.end, text))
        long = {tuple(part.lower() for part in each.parts) for each in tables if len(each.parts) > 2}
        for start, end, parts in _columns(source, long):
            text = self.written(parts)
            if text is not None:
                edits.setdefault(start, (start, end, text))
        return (patch(source, list(edits.values())) if edits else source), after

    def plain(self, schema: Mapping[str, Any], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows of SHOW TABLES and its kin, their first column a schema instead of a database."""
        fields = schema["fields"]
        if not fields or fields[0]["name"] not in ("namespace", "database"):
            return rows
        return [(self.schema(row[0])[1] if row[0] else row[0], *row[1:]) for row in rows]


def _after(cursor: Cursor, openings: tuple[str, ...]) -> Reference | None:
    """The name that follows the first of ``openings`` which the statement opens with."""
    for words in openings:
        if cursor.opens(words):
            return _name(cursor)
    return None


def _name(cursor: Cursor) -> Reference | None:
    first = cursor.peek()
    if first.kind not in (Kind.WORD, Kind.QUOTED) or first.upper in _NOT_NAMES:
        return None
    try:
        parts = cursor.name()
    except SparkError:
        return None  # Spark says what is wrong with it
    return Reference(parts, first.start, cursor.peek(-1).end)


def _further(source: str) -> Iterator[Reference]:
    """The second name of a statement: ``… rename to x``, ``create table t like x``, ``… clone x``."""
    cursor = Cursor(source)
    if not cursor.take_any("CREATE", "ALTER"):
        return
    while cursor.peek().kind is not Kind.END:
        if cursor.take("RENAME", "TO") or cursor.take_any("LIKE", "CLONE"):
            found = _name(cursor)
            if found is not None:
                yield found
        else:
            cursor.next()


def _columns(source: str, tables: set[tuple[str, ...]]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Columns written with the full name of their table: ``lakehouse.schema.table.column``."""
    cursor = Cursor(source)
    while tables and cursor.peek().kind is not Kind.END:
        first = cursor.peek()
        if first.kind not in (Kind.WORD, Kind.QUOTED) or cursor.peek(1).text != ".":
            cursor.next()
            continue
        parts, ends = [cursor.identifier()], [first.end]
        while cursor.punct(".") and cursor.peek().kind in (Kind.WORD, Kind.QUOTED):
            ends.append(cursor.peek().end)
            parts.append(cursor.identifier())
        for length in range(3, len(parts)):
            if tuple(part.lower() for part in parts[:length]) in tables:
                yield first.start, ends[length - 1], tuple(parts[:length])
                break
