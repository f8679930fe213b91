"""GRANT, REVOKE and SHOW GRANTS: accepted, because dbt projects send them. Nobody is kept from anything here."""

from __future__ import annotations

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.sparktypes import field, struct
from fakelivy.engine.sail.syntax import Cursor

_GRANTS = struct([field(name, "string") for name in ("Principal", "ActionType", "ObjectType", "ObjectKey")])


def change(ctx: Context, cursor: Cursor) -> Table:
    """``GRANT privileges ON [TABLE | VIEW | SCHEMA] object TO principal``, and REVOKE … FROM."""
    cursor.until("ON")
    cursor.expect("ON")
    _object(ctx, cursor)
    if not cursor.take_any("TO", "FROM"):
        raise cursor.error()
    if cursor.is_string():
        cursor.string()
    else:
        cursor.identifier()
    cursor.end()
    return EMPTY


def show(ctx: Context, cursor: Cursor) -> Table:
    """None, ever."""
    if cursor.peek().upper != "ON":
        cursor.next()
    cursor.expect("ON")
    _object(ctx, cursor)
    cursor.end()
    return Table(_GRANTS)


def _object(ctx: Context, cursor: Cursor) -> None:
    """The object, which must exist."""
    if cursor.take_any("SCHEMA", "DATABASE"):
        ctx.existing_schema(cursor.name())
        return
    cursor.take_any("TABLE", "VIEW")
    ctx.relation(cursor.name())
