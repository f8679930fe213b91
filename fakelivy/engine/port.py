"""The port between the Livy server and whatever executes its statements.

The server asks three questions of an engine: open a session, start a statement, close. Everything Livy-shaped
(ids, states, JSON) stays on the server's side of this port; everything SQL-shaped stays on the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class SessionSpec:
    """What a new engine session must know.

    Attributes:
        session_id: the Livy id, for log lines and child process names.
        lakehouse: the default lakehouse; in vanilla Livy the server's own default.
        conf: Spark settings the client sent when it created the session.
    """

    session_id: str
    lakehouse: str
    conf: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A successful result.

    Attributes:
        schema: Spark's own ``StructType`` JSON: ``{"type": "struct", "fields": [...]}``. No fields for DDL.
        rows: one tuple per row. Values are ``None``, ``bool``, ``int``, ``float``, ``Decimal``, ``str``, ``bytes``,
            ``date``, ``datetime`` (aware for ``timestamp``, naive for ``timestamp_ntz``), ``list`` (array),
            ``dict`` (struct, by field name) or a list of ``(key, value)`` pairs (map).
        truncated: whether rows beyond the caller's ``max_rows`` were left out.
        notices: lines for the session's log, of what may be otherwise than on Spark.
    """

    schema: Mapping[str, Any]
    rows: Sequence[tuple[Any, ...]] = ()
    truncated: bool = False
    notices: Sequence[str] = ()


EMPTY = Table(schema={"type": "struct", "fields": []})
"""What Spark answers to DDL and DML: no columns, no rows."""


@dataclass(frozen=True)
class Output:
    """A successful result of code other than SQL.

    Attributes:
        data: JSON values by MIME type, ``text/plain`` for what was printed.
    """

    data: Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """A statement that failed, in the words Spark would use.

    Attributes:
        message: starts with Spark's error class in brackets when it has one, e.g. ``[TABLE_OR_VIEW_NOT_FOUND] …``.
        name: Livy's ``ename``; Livy's SQL interpreter always says ``Error``, Python's the exception's class.
        traceback: the lines the client sees.
        cancelled: the statement ended because it was cancelled.
    """

    message: str
    name: str = "Error"
    traceback: Sequence[str] = ()
    cancelled: bool = False


class EngineUnavailable(Exception):
    """The engine cannot serve a session at all (it did not start, or died and did not come back)."""


class Execution(Protocol):
    """One running statement. Looked at by the server, never waited for."""

    @property
    def outcome(self) -> Table | Output | Failure | None:
        """The result, or ``None`` while it runs."""

    @property
    def finished_at(self) -> float | None:
        """When it ended, on the server's clock (monotonic seconds), or ``None`` while it runs."""

    def cancel(self) -> None:
        """Ask it to stop. Idempotent; ``outcome`` becomes a ``Failure`` with ``cancelled`` soon after."""


class EngineSession(Protocol):
    """One isolated Spark session: its temporary views, settings and current schema."""

    def start(
        self, code: str, *, kind: str, max_rows: int, started_at: float, on_done: Callable[[], None]
    ) -> Execution:
        """Start ``code``. The server starts one statement of a session at a time, in order.

        Args:
            code: the statement, byte for byte as the client sent it.
            kind: Livy's kind: ``sql``, ``spark``, ``pyspark`` …
            max_rows: rows to return at most; more set ``Table.truncated``.
            started_at: the server clock's monotonic seconds at the start.
            on_done: called once, from any thread, when the statement ends by itself or by ``cancel``. Engines
                whose statements end when the clock is read (``scripted``) never call it.
        """

    def sibling(self, spec: SessionSpec) -> EngineSession:
        """Open another session of the same application: isolated from this one, running at the same time as it, on
        the same process if the engine has one for a session. It is closed for itself. May take seconds.

        Raises:
            EngineUnavailable: with the reason.
        """

    def close(self) -> None:
        """Free everything, killing what still runs. Idempotent, never raises."""


@dataclass(frozen=True)
class StoredTable:
    """A table of a lakehouse. ``managed`` says whether its files are the lakehouse's own."""

    name: str
    format: str
    managed: bool = True


class Engine(Protocol):
    """A factory of sessions over one warehouse.

    Attributes:
        name: for people.
        instant: opening a session is no work, so nobody need do it in a thread of its own, and what happens depends
            on no race.
    """

    name: str
    instant: bool

    def open(self, spec: SessionSpec) -> EngineSession:
        """Open a session. May take seconds.

        Raises:
            EngineUnavailable: with the reason.
        """

    def tables(self, lakehouse: str) -> Sequence[StoredTable]:
        """The tables of a lakehouse, in order of their names."""

    def close(self) -> None:
        """Close every session. Idempotent, never raises."""
