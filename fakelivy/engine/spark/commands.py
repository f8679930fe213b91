"""Statements that one catalog cannot answer as several lakehouses would, put together from what Spark answers."""

from __future__ import annotations

from collections.abc import Callable

from fakelivy.engine.port import Table
from fakelivy.engine.sail.errors import SparkError, schema_not_found
from fakelivy.engine.sail.statements.clauses import like, matches
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.spark.lakehouses import Lakehouses

Run = Callable[[str], Table]
Command = Callable[[Run, Lakehouses], Table]


def find(source: str) -> Command | None:
    """What answers ``source`` instead of Spark; ``None`` for all that Spark answers itself."""
    cursor = Cursor(source)
    if not cursor.opens("show databases|schemas|namespaces"):
        return None
    try:
        parts = cursor.name() if cursor.take_any("IN", "FROM") else ()
        patterns = list(like(cursor))
        cursor.end()
    except SparkError:
        return None  # Spark says what is wrong with it
    return lambda run, lakehouses: _schemas(run, lakehouses, parts, patterns)


def _schemas(run: Run, lakehouses: Lakehouses, parts: tuple[str, ...], patterns: list[str]) -> Table:
    everything = run("show schemas")
    lakehouse = parts[-1].lower() if parts else lakehouses.current
    owned = [lakehouses.schema(row[0]) for row in everything.rows]
    mine = [schema for owner, schema in owned if owner == lakehouse]
    if parts and not mine:
        raise schema_not_found(parts)
    return Table(everything.schema, [(schema,) for schema in sorted(mine) if matches(schema, patterns)])
