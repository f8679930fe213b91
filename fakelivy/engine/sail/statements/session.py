"""Statements about the session itself: SET, RESET, and the maintenance for which there is nothing to do."""

from __future__ import annotations

import re

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.sparktypes import field, struct
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import Kind, string_value

_PAIRS = struct([field("key", "string", null=False), field("value", "string", null=False)])
_SETTING = re.compile(r"\s*(?:`(?P<quoted>[^`]+)`|(?P<key>[^\s=`]+))\s*(?P<set>=\s*(?P<value>.*))?", re.DOTALL)


def set_(ctx: Context, cursor: Cursor) -> Table:
    if cursor.take("TIME", "ZONE"):
        zone = cursor.string() if cursor.is_string() else cursor.rest()
        ctx.settings.set("spark.sql.session.timeZone", "UTC" if zone.upper() == "LOCAL" else zone, ctx.configure)
        return Table(_PAIRS, [("spark.sql.session.timeZone", zone)])
    text = cursor.rest()
    if not text or text.upper() == "-V":
        return Table(_PAIRS, ctx.settings.items())
    match = _SETTING.fullmatch(text)
    if match is None:
        raise Cursor(text).error()
    key = match["quoted"] or match["key"]
    if match["set"] is None:
        return Table(_PAIRS, [(key, ctx.settings.get(key) or "<undefined>")])
    value = match["value"].strip()
    token = Cursor(value).peek()
    if token.kind is Kind.STRING and token.text == value:
        value = string_value(value)
    change(ctx, key, value)
    return Table(_PAIRS, [(key, value)])


def change(ctx: Context, key: str, value: str) -> None:
    """Change a setting of the session.

    Raises:
        SparkError: it cannot have this value.
    """
    ctx.settings.set(key, value, ctx.configure)


def reset(ctx: Context, cursor: Cursor) -> Table:
    key = cursor.rest().strip("`")
    ctx.settings.reset(key or None, ctx.configure)
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
