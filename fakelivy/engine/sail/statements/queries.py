"""Statements that Sail does by itself: passed on as they are."""

from __future__ import annotations

from fakelivy.engine.port import Table
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import syntax_error
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import Kind


def passed(ctx: Context, cursor: Cursor) -> Table:
    """Anything: its rows are the result."""
    cursor.index = 0
    if cursor.peek().kind is Kind.END:
        raise syntax_error(cursor.source, cursor.peek())
    return ctx.query(cursor.source)
