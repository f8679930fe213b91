"""What a statement handler works with: the session's names, settings and views, the catalog, and the running child."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock, Timeout

from fakelivy.clock import Clock
from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail import deltalog
from fakelivy.engine.sail.arithmetic import RULES as ARITHMETIC
from fakelivy.engine.sail.catalog import Catalog, CatalogConflict, Name, Relation
from fakelivy.engine.sail.connect import Interrupted, Link, Lost, Result, SailError
from fakelivy.engine.sail.errors import (
    UNRESOLVED,
    SparkError,
    already_exists,
    did_you_mean,
    not_found,
    schema_not_found,
    translate,
    unsupported,
)
from fakelivy.engine.sail.moments import REFUSAL, with_moments
from fakelivy.engine.sail.names import full_name, of_path, references, render
from fakelivy.engine.sail.patches import Scope, as_written, prepare
from fakelivy.engine.sail.settings import Settings
from fakelivy.engine.sail.sparktypes import Field
from fakelivy.engine.sail.suggestions import suggestions
from fakelivy.engine.sail.sync import Mirror
from fakelivy.engine.sail.syntax import patch
from fakelivy.engine.sail.typed import TELLS, repaired

if TYPE_CHECKING:
    import pyarrow as pa

LOCK_POLL = 0.05
"""Seconds between two tries for a table another writer holds."""

_TIME_TRAVEL = re.compile(r"\b(?:version|timestamp)\s+as\s+of\b", re.IGNORECASE)

_MISSING = "[TABLE_OR_VIEW_NOT_FOUND]"

T = TypeVar("T")


class Context:
    """One session as statement handlers see it. Used by the session's worker thread only.

    Attributes:
        current: the current lakehouse and schema.
        temporary: temporary views by lower-case name, with their queries.
        temporary_columns: the columns they had when they were made, which Spark goes on to show.
        cancelled: set when the running statement is to stop.
        max_rows: rows the running statement may return.
    """

    def __init__(self, catalog: Catalog, clock: Clock, lakehouse: str, settings: Settings) -> None:
        self.catalog = catalog
        self.clock = clock
        self.lakehouse = lakehouse
        self.settings = settings
        self.current = (lakehouse, "dbo")
        self.temporary: dict[str, str] = {}
        self.temporary_columns: dict[str, list[Field]] = {}
        self.cancelled = threading.Event()
        self.max_rows = 0
        self._link: Link | None = None
        self._mirror: Mirror | None = None

    def attach(self, link: Link) -> None:
        """Work on a new child, which knows nothing yet."""
        self._link = link
        self._mirror = Mirror(self.catalog, self.lakehouse, lambda sql: self._send(sql, 1))
        self.temporary.clear()
        self.temporary_columns.clear()
        self.use(*self.current)

    # -- running SQL -------------------------------------------------------------------------------------------------

    def run(self, sql: str, *, max_rows: int | None = None, undo: Callable[[], None] = lambda: None) -> Result:
        """Run SQL on the child, which first learns of the tables in it.

        Args:
            undo: takes back what a try that failed may have left, before the next.

        Raises:
            SparkError: it failed.
        """
        assert self._mirror is not None
        self._mirror.ensure(sql, self.temporary, self.current)
        return self._send(sql, self.max_rows if max_rows is None else max_rows, undo)

    def query(self, sql: str) -> Table:
        """Run SQL whose rows are the statement's result."""
        result = self.run(sql)
        try:
            rows = result.rows()
        except (ValueError, OverflowError) as error:
            raise unsupported("A result with this value", str(error)) from error
        return Table(as_written(result.schema, sql), rows, result.truncated)

    def execute(self, sql: str, *, undo: Callable[[], None] = lambda: None) -> Table:
        """Run SQL whose rows mean nothing to the client."""
        self.run(sql, max_rows=1, undo=undo)
        return EMPTY

    def schema_of(self, query: str) -> list[Field]:
        """The columns of a query, without running it."""
        assert self._mirror is not None
        self._mirror.ensure(query, self.temporary, self.current)
        link = self._child()
        return self._translated(self._prepared(query), link.schema)

    def ready(self, query: str) -> str:
        """A query as Sail must be given it, with every table in it known there and its columns resolved.

        Raises:
            SparkError: it does not resolve.
        """
        assert self._mirror is not None
        self._mirror.ensure(query, self.temporary, self.current)
        link = self._child()

        def resolved(prepared: str) -> str:
            link.schema(prepared)
            return prepared

        return self._translated(self._prepared(query), resolved)

    @property
    def session_url(self) -> str:
        """Where another client reaches this Spark Connect session."""
        return self._child().url

    def put(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under ``name`` (no temporary view in the client's eyes)."""
        link = self._child()
        self._translated("", lambda _: link.put(name, table))

    def take_back(self, what: str) -> None:
        """Drop a table or view only we know of, whatever became of the statement."""
        link = self._link
        if link is not None:
            with contextlib.suppress(SailError, Interrupted, Lost):
                link.run(f"drop {what}", max_rows=1)

    def configure(self, key: str, value: str) -> None:
        """Hand a setting to Sail itself."""
        link = self._child()
        self._translated("", lambda _: link.configure({key: value}))

    def _child(self) -> Link:
        self.check_cancelled()
        assert self._link is not None, "no child is attached"
        return self._link

    def _send(self, sql: str, max_rows: int, undo: Callable[[], None] = lambda: None) -> Result:
        link = self._child()
        return self._translated(self._prepared(sql), lambda prepared: link.run(prepared, max_rows=max_rows), undo)

    def _prepared(self, sql: str) -> str:
        if _TIME_TRAVEL.search(sql):
            self._drop_hints(sql)
        scope = Scope(self.catalog.content().relations, self.temporary, self.current, self.lakehouse)
        return repaired(
            prepare(sql, scope, ansi=self.settings.flag("spark.sql.ansi.enabled")), self._refusal, ARITHMETIC
        )

    def _drop_hints(self, query: str) -> None:
        """Have Sail (0.7.2) look for the checkpoint of an old version itself: the hint to a newer one misleads it."""
        for reference in references(query):
            relation = None if self.is_temporary(reference.parts) else self._known(reference.parts)
            if relation is not None and not relation.is_view:
                with contextlib.suppress(OSError):
                    deltalog.hint(self.catalog.folder(relation)).unlink(missing_ok=True)

    def _known(self, parts: tuple[str, ...]) -> Relation | None:
        return of_path(parts) or (self.catalog.get(full_name(parts, self.current)) if len(parts) <= 4 else None)

    def _refusal(self, query: str) -> str:
        """What Sail has against a query, which is not run."""
        link = self._child()
        # EXPLAIN looks at what a condition or an ORDER BY is made of, too, and not at the columns that come out.
        for look in (link.schema, lambda text: link.run(f"explain {text}", max_rows=1)):
            try:
                look(query)
            except SailError as error:
                if TELLS in str(error):
                    return str(error)
        return ""

    def _columns(self, query: str) -> list[Field]:
        try:
            return self._child().schema(query)
        except SailError:
            return []

    def _translated(self, sql: str, call: Callable[[str], T], undo: Callable[[], None] = lambda: None) -> T:
        """What ``call`` makes of ``sql``, its refusal in Spark's words."""
        try:
            try:
                result = call(sql)
            except SailError as error:
                again = with_moments(sql, self._refusal, self._columns) if REFUSAL.search(str(error)) else sql
                if again == sql:
                    raise
                undo()
                result = call(again)
        except SailError as error:
            message = self._with_suggestions(translate(str(error), sql), sql)
            broken = self._mirror.broken if self._mirror is not None else {}
            missing = (view for view in broken if message.startswith(_MISSING) and f"`{view}`" in message.lower())
            raise SparkError(next((broken[view] for view in missing), message)) from error
        # A statement that was interrupted may end as if it had no rows.
        self.check_cancelled()
        return result

    def _with_suggestions(self, message: str, sql: str) -> str:
        unresolved = UNRESOLVED.match(message)
        names = suggestions(sql, unresolved["last"], self._columns) if unresolved else []
        return did_you_mean(unresolved["name"], names) if unresolved and names else message

    def check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Interrupted

    # -- names -------------------------------------------------------------------------------------------------------

    def use(self, lakehouse: str, schema: str) -> None:
        """Make a schema the current one."""
        assert self._mirror is not None
        self._mirror.ensure_schema(lakehouse, schema)
        self._send(f"use database {render(self._mirror.database(lakehouse, schema))}", 1)
        self.current = (lakehouse, schema)

    def resolve(self, parts: tuple[str, ...]) -> Name:
        try:
            return full_name(parts, self.current)
        except ValueError:
            raise not_found(parts) from None

    def relation(self, parts: tuple[str, ...]) -> Relation:
        """The table or view of this name.

        Raises:
            SparkError: there is none.
        """
        found = of_path(parts) or self.catalog.get(self.resolve(parts))
        if found is None:
            raise not_found(parts)
        return found

    def is_temporary(self, parts: tuple[str, ...]) -> bool:
        return len(parts) == 1 and parts[0].lower() in self.temporary

    def resolve_schema(self, parts: tuple[str, ...]) -> tuple[str, str]:
        """The lakehouse and schema a name of one to three parts means."""
        lower = [part.lower() for part in parts]
        if len(lower) > 3:
            raise schema_not_found(parts)
        return (lower[-2] if len(lower) > 1 else self.current[0], lower[-1])

    def existing_schema(self, parts: tuple[str, ...]) -> tuple[str, str]:
        """The same, for a schema that must exist.

        Raises:
            SparkError: it does not.
        """
        found = self.resolve_schema(parts)
        if found not in self.catalog.content().schemas:
            raise schema_not_found(parts)
        return found

    def qualify(self, query: str) -> str:
        """``query`` with every table it names written in full, so that it means the same anywhere and at any time."""
        content = self.catalog.content()
        edits = []
        for reference in references(query):
            if self.is_temporary(reference.parts) or len(reference.parts) > 4:
                continue
            name = full_name(reference.parts, self.current)
            if name in content.relations:
                edits.append((reference.start, reference.end, render(name)))
        return patch(query, edits)

    # -- tables ------------------------------------------------------------------------------------------------------

    def fields(self, relation: Relation) -> list[Field]:
        """The columns of a table or view, as Spark's JSON."""
        if relation.is_view:
            return [dict(column) for column in relation.columns]
        return self.snapshot(relation).fields

    def save(self, relation: Relation, *, new: bool = False) -> None:
        """Write a table or view into the catalog.

        Raises:
            SparkError: its name is taken although it is ``new``, or its schema is gone.
        """
        try:
            self.catalog.put(relation, new=new)
        except CatalogConflict:
            if relation.name[:2] not in self.catalog.content().schemas:
                raise schema_not_found(relation.name[:2]) from None
            raise already_exists(relation.name) from None

    def snapshot(self, relation: Relation) -> deltalog.Snapshot:
        """The state of a Delta table.

        Raises:
            SparkError: its files are gone.
        """
        try:
            return deltalog.load(self.catalog.folder(relation))
        except FileNotFoundError as error:
            if not relation.name.lakehouse:
                text = f"[DELTA_PATH_DOES_NOT_EXIST] {relation.location} doesn't exist, or is not a Delta table."
            else:
                text = f"[DELTA_TABLE_NOT_FOUND] Delta table {render(relation.name)} has no log: {error}"
            raise SparkError(text) from error

    @contextlib.contextmanager
    def writing(self, name: Name) -> Iterator[None]:
        """Hold the table against every other writer, in this process or another. Waits until cancelled."""
        folder = self.catalog.private / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / (".".join(part.encode().hex() for part in name)[:200] + ".lock"))
        while True:
            self.check_cancelled()
            try:
                lock.acquire(timeout=LOCK_POLL * 4, poll_interval=LOCK_POLL)
                break
            except Timeout:
                continue
        try:
            yield
        finally:
            lock.release()

    def milliseconds(self) -> int:
        """The server's wall clock, as Delta writes times."""
        return int(self.clock.now().timestamp() * 1000)
