"""Clauses that many statements share, each read by one function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import spark_error
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import Kind


def if_exists(cursor: Cursor) -> bool:
    return cursor.take("IF", "EXISTS")


def if_not_exists(cursor: Cursor) -> bool:
    return cursor.take("IF", "NOT", "EXISTS")


def property_key(cursor: Cursor) -> str:
    """``'a.b'`` or ``a.b``."""
    return cursor.string() if cursor.is_string() else ".".join(cursor.name())


def properties(cursor: Cursor) -> dict[str, str]:
    """``('a' = 'b', c.d = 5)``; the equals sign may be missing, as in OPTIONS."""

    def item() -> tuple[str, str]:
        key = property_key(cursor)
        if not cursor.punct("="):
            cursor.punct("==")
        sign = "-" if cursor.punct("-") else ""
        token = cursor.peek()
        if token.kind is Kind.STRING:
            return key, cursor.string()
        if token.kind in (Kind.NUMBER, Kind.WORD):
            return key, sign + cursor.next().text
        raise cursor.error()

    return dict(cursor.listed(item))


@dataclass
class TableClauses:
    """What stands between the name of a new table and its query."""

    provider: str = "delta"
    options: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    partition_by: list[str] = field(default_factory=list)
    cluster_by: list[str] = field(default_factory=list)
    location: str = ""
    comment: str | None = None


def table_clauses(cursor: Cursor) -> TableClauses:
    """Every clause up to the query, in any order."""
    found = TableClauses()
    while True:
        if cursor.take("USING"):
            found.provider = ".".join(cursor.name()).lower()
        elif cursor.take("OPTIONS"):
            found.options = properties(cursor)
        elif cursor.take("TBLPROPERTIES"):
            found.properties = properties(cursor)
        elif cursor.take("PARTITIONED", "BY"):
            found.partition_by = [name[-1] for name in cursor.names()]
        elif cursor.take("CLUSTER", "BY") or cursor.take("CLUSTERED", "BY"):
            found.cluster_by = [] if cursor.take("AUTO") else [".".join(name) for name in cursor.names()]
        elif cursor.take("SORTED", "BY"):
            cursor.parenthesised()
        elif cursor.take("INTO"):
            cursor.next()
            cursor.expect("BUCKETS")
            raise spark_error(
                "DELTA_OPERATION_NOT_ALLOWED_DETAIL",
                "Operation not allowed: `Bucketing` is not supported for Delta tables.",
            )
        elif cursor.take("LOCATION"):
            found.location = cursor.string()
        elif cursor.take("COMMENT"):
            found.comment = cursor.string()
        else:
            return found


def like(cursor: Cursor) -> Iterator[str]:
    """The pattern of ``[LIKE] 'a*|b'``, if there is one."""
    cursor.take("LIKE")
    if cursor.is_string():
        yield cursor.string()


def matches(name: str, patterns: list[str]) -> bool:
    """Spark's pattern of SHOW: ``*`` is anything, ``|`` is or, case does not matter."""
    return not patterns or any(fnmatchcase(name.lower(), part.strip().lower()) for part in patterns[0].split("|"))


def delta_table(ctx: Context, cursor: Cursor, command: str) -> Relation:
    """The Delta table whose name must be next.

    Raises:
        SparkError: there is none of this name, or it is a view.
    """
    parts = cursor.name()
    relation = ctx.relation(parts)
    if relation.is_view:
        raise spark_error("DELTA_ONLY_OPERATION", f"{command} works on Delta tables, and {'.'.join(parts)} is a view.")
    return relation
