"""Statements about the session itself: SET, RESET, and the maintenance for which there is nothing to do."""

from __future__ import annotations

import re

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import spark_error
from fakelivy.engine.sail.sparktypes import field, struct
from fakelivy.engine.sail.syntax import Cursor

_PAIRS = struct([field("key", "string", null=False), field("value", "string", null=False)])
_KEY = r"(?:`(?P<quoted>[^`]+)`|(?P<key>[\w.:\\]+))"
_SETTING = re.compile(rf"{_KEY}\s*(?:(?P<set>=)\s*(?:`(?P<name>[^`]*)`|(?P<value>[^;]*)))?;*")
_RESET = re.compile(rf"{_KEY}?")


def set_(ctx: Context, cursor: Cursor) -> Table:
    if cursor.take("TIME", "ZONE"):
        zone = cursor.string() if cursor.is_string() else cursor.rest()
        ctx.settings.set("spark.sql.session.timeZone", "UTC" if zone.upper() == "LOCAL" else zone, ctx.configure)
        return Table(_PAIRS, [("spark.sql.session.timeZone", zone)])
    text = _remainder(cursor)
    if text.strip("; ") in ("", "-v", "-V"):
        return Table(_PAIRS, ctx.settings.items())
    match = _SETTING.fullmatch(text)
    if match is None:
        raise spark_error(
            "INVALID_SET_SYNTAX",
            "Expected format is 'SET', 'SET key', or 'SET key=value'. If the key has other characters than letters, "
            "digits, '_', '.' and ':', or the value a semicolon, quote it, e.g. SET `key`=`value`.",
        )
    key = match["quoted"] or match["key"]
    if match["set"] is None:
        return Table(_PAIRS, [(key, ctx.settings.get(key) or "<undefined>")])
    value = match["value"].strip() if match["name"] is None else match["name"]
    change(ctx, key, value)
    return Table(_PAIRS, [(key, value)])


def _remainder(cursor: Cursor) -> str:
    """All that follows. Spark's SET and RESET do not read it as SQL: quotes stay, comments are part of the value."""
    return cursor.source[cursor.peek(-1).end :].strip()


def change(ctx: Context, key: str, value: str) -> None:
    """Change a setting of the session.

    Raises:
        SparkError: it cannot have this value.
    """
    ctx.settings.set(key, value, ctx.configure)


def reset(ctx: Context, cursor: Cursor) -> Table:
    match = _RESET.fullmatch(_remainder(cursor).rstrip("; "))
    if match is None:
        raise spark_error(
            "INVALID_RESET_COMMAND_FORMAT",
            "Expected format is 'RESET' or 'RESET key'. If the key has other characters than letters, digits, '_', '.' "
            "and ':', quote it, e.g. RESET `key`.",
        )
    ctx.settings.reset(match["quoted"] or match["key"], ctx.configure)
    return EMPTY


def refused(_: Context, cursor: Cursor) -> Table:
    raise cursor.unsupported()


def accepted(_: Context, cursor: Cursor) -> Table:
    cursor.end()
    return EMPTY


def accepted_on_table(ctx: Context, cursor: Cursor) -> Table:
    """Nothing to do, but the table must be there; the clauses after its name are not read."""
    if cursor.take("IF", "EXISTS") or cursor.is_string():
        return EMPTY
    parts = cursor.name()
    if not ctx.is_temporary(parts) and parts[0].lower() != "delta":
        ctx.relation(parts)
    return EMPTY
