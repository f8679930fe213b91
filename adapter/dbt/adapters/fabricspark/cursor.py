"""What dbt holds of a session: a handle per connection, a cursor per query, shaped like DB-API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from dbt.adapters.fabricspark.checks import NUM_ROWS
from dbt.adapters.fabricspark.literals import bind
from dbt.adapters.fabricspark.livy.kinds import SQL, Kind
from dbt.adapters.fabricspark.livy.wire import Column, Output
from dbt.adapters.fabricspark.progress import FabricSparkResponse, Watched, response
from dbt_common.exceptions import DbtDatabaseError

Row = tuple[Any, ...]


class Running(Watched, Protocol):
    """A statement of a session."""

    def cancel(self) -> None:
        """Have it stopped, from any thread."""


class Session(Protocol):
    """Where statements run: on a Livy server, or in this process."""

    @property
    def row_limit(self) -> int | None:
        """Rows after which a result is cut without a word; ``None`` if it never is."""

    @property
    def spark_ui(self) -> str:
        """Address of its Spark UI; ``""`` where unknown."""

    def statement(self, sql: str, node: str = "", kind: Kind = SQL) -> Running:
        """A statement to run here, on behalf of ``node``."""

    def run(self, statement: Any) -> Output:
        """Run one of its statements to its end; raises ``LivyError``, ``TransportError`` or dbt's own."""


class LivyCursor:
    """One query and its result.

    Used by one thread; ``cancel`` may be called from any.

    Args:
        session: where it runs.
        node: on whose behalf.
    """

    def __init__(self, session: Session, node: str = "") -> None:
        self._session = session
        self._node = node
        self._statement: Running | None = None
        self._output: Output | None = None
        self._next = 0

    def execute(self, sql: str, bindings: Sequence[Any] | None = None, kind: Kind = SQL) -> None:
        """Run ``sql``, or code of another kind, to its end; with ``bindings``, its ``%s`` are replaced by literals.

        Raises:
            LivyError, TransportError: as ``Statement.run``.
        """
        code = sql if bindings is None else bind(sql, bindings)
        self._output, self._next = None, 0
        self._statement = self._session.statement(code, self._node, kind)
        self._output = self._session.run(self._statement)

    @property
    def query_id(self) -> str | None:
        """Session and statement, as a user finds them on the server."""
        if self._statement is None or self._statement.id is None:
            return None
        return f"{self._statement.session_id}/{self._statement.id}"

    @property
    def response(self) -> FabricSparkResponse:
        """Where the query ran and where its time went."""
        return response(self._statement, "OK", self._session.spark_ui)

    @property
    def description(self) -> list[tuple[str, str, None, None, None, None, bool]] | None:
        """DB-API's seven fields per column: name and Spark type; ``None`` before there is a result."""
        if self._output is None:
            return None
        return [(column.name, column.type_name, None, None, None, None, True) for column in self._columns]

    def fetchone(self) -> Row | None:
        """The next row, ``None`` after the last.

        Raises:
            DbtDatabaseError: as ``fetchmany``.
        """
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int = 1) -> list[Row]:
        """The next ``size`` rows, fewer at the end.

        Raises:
            DbtDatabaseError: there are fewer because the server left rows out; a part must not pass for the whole.
        """
        rows, limit = self._rows, self._session.row_limit
        end = self._next + size
        if end > len(rows) and self._is_cut:
            count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
            raise DbtDatabaseError(
                f"the server cut the result of statement {self.query_id} after {count}, and a part must not pass for "
                "the whole. Ask for fewer rows or for an aggregate; "
                + (
                    "the limit is the server's own, and no setting of the profile raises it"
                    if limit is None
                    else f"sessions return more with {NUM_ROWS} in spark_config.conf, which is {limit} now"
                )
            )
        found = rows[self._next : end]
        self._next += len(found)
        return list(found)

    def fetchall(self) -> list[Row]:
        """The rows that have not been fetched yet.

        Raises:
            DbtDatabaseError: as ``fetchmany``.
        """
        return self.fetchmany(len(self._rows) + 1 - self._next)

    def cancel(self) -> None:
        """Stop the query on the server."""
        statement = self._statement
        if statement is not None and self._output is None:
            statement.cancel()

    def close(self) -> None:
        """Let go of the result."""
        self._output = None

    @property
    def _columns(self) -> tuple[Column, ...]:
        if self._output is None or self._output.columns is None:
            raise DbtDatabaseError(f"the server sent no table for statement {self.query_id}")
        return self._output.columns

    @property
    def _is_cut(self) -> bool:
        if self._output is None:
            return False
        limit = self._session.row_limit
        return self._output.truncated or (limit is not None and len(self._output.rows) >= limit)

    @property
    def _rows(self) -> tuple[Row, ...]:
        return () if self._output is None else self._output.rows


class LivyHandle:
    """A dbt connection's view of the shared session.

    Args:
        session: the shared one.
        node: says on whose behalf the connection is used now.
        give_back: called once, when the connection is closed.
    """

    def __init__(
        self,
        session: Session,
        node: Callable[[], str | None] = lambda: None,
        give_back: Callable[[Session], None] = lambda _: None,
    ) -> None:
        self._session = session
        self._give_back: Callable[[Session], None] | None = give_back
        self._node = node
        self._cursor: LivyCursor | None = None

    def cursor(self) -> LivyCursor:
        """A new cursor; the last one made is the one ``cancel`` stops."""
        self._cursor = LivyCursor(self._session, self._node() or "")
        return self._cursor

    def cancel(self) -> None:
        """Stop what this connection is running."""
        # Another thread may close the connection meanwhile.
        cursor = self._cursor
        if cursor is not None:
            cursor.cancel()

    def rollback(self) -> None:
        """Spark has no transactions."""

    def close(self) -> None:
        """Let go of the session; its pool deletes it."""
        self._cursor = None
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back(self._session)
