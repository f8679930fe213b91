"""Which handler takes which statement: a table of opening words. What no row recognises goes to Sail untouched."""

from __future__ import annotations

from collections.abc import Callable

from fakelivy.engine.port import Table
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.statements import (
    alter,
    describe,
    dml,
    grants,
    inserts,
    lake_views,
    maintenance,
    queries,
    schemas,
    session,
    show,
    show_create,
    tables,
    views,
)
from fakelivy.engine.sail.statements.refusals import check_windows
from fakelivy.engine.sail.statements.values import inlined
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import Kind
from fakelivy.engine.sail.variables import ENABLED, substituted

Handler = Callable[[Context, Cursor], Table]

# Words in the order they must come; [a|b] may be missing, a|b is one of them. The first row that fits is taken.
ROWS: tuple[tuple[str, Handler], ...] = (
    ("create database|schema|namespace", schemas.create),
    ("drop database|schema|namespace", schemas.drop),
    ("describe|desc database|schema|namespace", schemas.describe),
    ("use", schemas.use),
    ("create or replace [external] table", tables.create_or_replace),
    ("create [external] table", tables.create),
    ("drop table", tables.drop),
    ("create or replace [global] temporary|temp view", views.create_temporary_or_replace),
    ("create [global] temporary|temp view", views.create_temporary),
    ("create or replace view", views.create_or_replace),
    ("create view", views.create),
    ("drop view", views.drop),
    ("alter view", views.alter),
    ("create or replace materialized lake view", lake_views.create_or_replace),
    ("create materialized lake view", lake_views.create),
    ("refresh materialized lake view", lake_views.refresh),
    ("drop materialized lake view", lake_views.drop),
    ("alter materialized lake view", lake_views.alter),
    ("show materialized lake views", lake_views.show),
    ("show create materialized lake view", lake_views.show_create),
    ("alter table", alter.table),
    ("comment on", alter.comment_on),
    ("insert overwrite", inserts.overwrite),
    ("insert into", inserts.into),
    ("merge", dml.merge),
    ("update", dml.update),
    ("delete from", dml.delete),
    ("truncate table", dml.truncate),
    ("show databases|schemas|namespaces", show.schemas),
    ("show tables", show.tables),
    ("show table extended", show.table_extended),
    ("show views", show.views),
    ("show columns", show.columns),
    ("show tblproperties", show.properties),
    ("show partitions", show.partitions),
    ("show create table", show_create.create_table),
    ("show catalogs", show.catalogs),
    ("describe|desc history", describe.history),
    ("describe|desc detail", describe.detail),
    ("describe|desc query", describe.query),
    ("describe|desc function", queries.passed),
    ("describe|desc", describe.table),
    ("set catalog|role|variable|var", session.refused),
    ("set", session.set_),
    ("reset", session.reset),
    ("optimize", maintenance.optimize),
    ("vacuum", maintenance.vacuum),
    ("restore", maintenance.restore),
    # Accepted: there is nothing to do here, and nothing a client could see is missing afterwards.
    ("analyze table", session.accepted_on_table),
    ("refresh [table]", session.accepted_on_table),
    ("cache [lazy] table", session.accepted_on_table),
    ("uncache table", session.accepted_on_table),
    ("clear cache", session.accepted),
    ("grant", grants.change),
    ("revoke", grants.change),
    ("show grant|grants", grants.show),
)

ACCEPTED: frozenset[Handler] = frozenset({session.accepted, session.accepted_on_table, grants.change, grants.show})
"""Handlers with nothing to do."""

NOT_HERE: frozenset[Handler] = frozenset({session.refused, dml.truncate})
"""Handlers that refuse."""

USES_TEXT_ONCE: frozenset[Handler] = frozenset(
    {queries.passed, inserts.into, inserts.overwrite, tables.create, tables.create_or_replace, dml.merge}
)
"""Handlers that keep nothing of the statement's text, as a view does."""

REFUSED: tuple[str, ...] = (
    "add archive|archives|file|files|jar|jars",
    "analyze tables",
    "call",
    "convert to delta",
    "copy into",
    "create catalog|connection|function|index|share",
    "create or replace function",
    "create [or] [replace] temporary function",
    "declare",
    "deny",
    "drop catalog|connection|function|index|temporary",
    "execute immediate",
    "fsck repair [table]",
    "generate",
    "list archive|archives|file|files|jar|jars",
    "load data",
    "msck repair [table]",
    "refresh function",
    "reorg table",
    "repair table",
    "show locks|indexes|role|roles|transactions",
    "unload",
)
"""Opening words of what Spark or Fabric can do and this engine cannot; Sail would call it a syntax error."""


def dispatch(ctx: Context, source: str) -> Table:
    """Execute one statement.

    Raises:
        SparkError: it failed.
        Interrupted: it was cancelled.
        Lost: the child process died.
    """
    source = as_read(ctx, source)
    cursor = Cursor(source)
    handler = _handler(cursor)
    if handler not in USES_TEXT_ONCE:
        return handler(ctx, cursor)
    with inlined(ctx, source) as short:
        if short != source:
            cursor = Cursor(short)
            handler = _handler(cursor)
        return handler(ctx, cursor)


def as_read(ctx: Context, source: str) -> str:
    """The statement with its variables' values in their places."""
    return substituted(source, ctx.settings.get) if ctx.settings.flag(ENABLED) else source


def is_plain(source: str) -> bool:
    """Whether the statement is a query that goes to Sail as it is.

    Raises:
        SparkError: it cannot be done.
    """
    cursor = Cursor(source)
    return _handler(cursor) is queries.passed and cursor.peek().kind is not Kind.END


def _handler(cursor: Cursor) -> Handler:
    check_windows(cursor.source)
    for words in REFUSED:
        if cursor.opens(words):
            raise cursor.unsupported()
    for words, handler in ROWS:
        if cursor.opens(words):
            return handler
    return queries.passed
