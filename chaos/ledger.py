"""The data of a virtual run: an engine that knows five statements, so that what really happened can be counted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fakelivy.clock import Clock
from fakelivy.engine.port import EMPTY, EngineSession, Failure, SessionSpec, StoredTable, Table

LEDGER = "ledger"
EVENTS = "events"
"""Grows row by row; who rebuilds it has lost its history."""

SEED = "seed"
"""The row that the events begin with."""

NOT_FOUND = "TABLE_OR_VIEW_NOT_FOUND"
"""What the engine says of a table that is not there."""

SLOW = 60
"""How many times longer a statement takes whose mark begins with ``slow``."""

_MARK = r"'(?P<mark>[\w.-]+)'"
_INSERT = re.compile(
    rf"insert into (?P<table>\w+) (values \({_MARK}\)|select {_MARK.replace('mark', 'other')} as mark)"
)
_REBUILD = re.compile(rf"create or replace table (?P<table>\w+) as select {_MARK} as mark")
_SELECT = re.compile(rf"select mark from (?P<table>\w+) where mark = {_MARK}")
_SHOW = re.compile(r"show tables")
_MISSING = re.compile(r"from (?P<table>missing_\w+)")
_CANCELLED = Failure("[OPERATION_CANCELED] The statement was cancelled.", cancelled=True)


def append(mark: str, table: str = LEDGER) -> str:
    """SQL that adds a marked row."""
    return (
        f"insert into {table} values ('{mark}')" if table == LEDGER else f"insert into {table} select '{mark}' as mark"
    )


def rebuild(mark: str) -> str:
    """SQL that begins the events anew."""
    return f"create or replace table {EVENTS} as select '{mark}' as mark"


def look(mark: str) -> str:
    """SQL that reads a marked row."""
    return f"select mark from {LEDGER} where mark = '{mark}'"


def wrong(mark: str) -> str:
    """SQL that must fail."""
    return f"select mark from missing_{re.sub('[^0-9a-z]', '_', mark)}"


SHOW = "show tables"


def _rows(column: str, values: Sequence[str]) -> Table:
    fields = [{"name": column, "type": "string", "nullable": True, "metadata": {}}]
    return Table({"type": "struct", "fields": fields}, [(value,) for value in values])


def _cut(result: Table | Failure, rows: int) -> Table | Failure:
    if isinstance(result, Failure) or len(result.rows) <= rows:
        return result
    return Table(result.schema, result.rows[:rows], truncated=True)


@dataclass
class _Work:
    """A statement that runs: what it does happens at ``ends_at``, unless it is cancelled before."""

    engine: Ledger
    code: str
    ends_at: float
    max_rows: int
    result: Table | Failure | None = None

    @property
    def outcome(self) -> Table | Failure | None:
        self.engine.settle()
        return self.result

    @property
    def finished_at(self) -> float | None:
        self.engine.settle()
        return None if self.result is None else self.ends_at

    def cancel(self) -> None:
        self.engine.settle()
        if self.result is None:
            self.result, self.ends_at = _CANCELLED, self.engine.now()
            self.engine.running.remove(self)


@dataclass
class _Session:
    engine: Ledger
    works: list[_Work] = field(default_factory=list)

    def start(self, code: str, *, kind: str, max_rows: int, started_at: float, on_done: Callable[[], None]) -> _Work:
        del kind, on_done  # the same answers to any kind; the end is seen when somebody looks
        return self.engine.start(self, code, started_at, max_rows)

    def sibling(self, spec: SessionSpec) -> EngineSession:
        return self.engine.open(spec)

    def close(self) -> None:
        for work in self.works:
            work.cancel()


class Ledger:
    """An engine over two tables of marks. Statements take effect in the order of their ends, whoever looks first.

    Attributes:
        tables: rows of each table, as marks, in the order in which they came.
        rebuilt: how often each table was begun anew.
        works: all that was ever started, in order.
    """

    name = "ledger"
    instant = True

    def __init__(self, clock: Clock, takes: float) -> None:
        self.now = clock.monotonic
        self.tables_: dict[str, list[str]] = {LEDGER: [], EVENTS: [SEED]}
        self.rebuilt: dict[str, int] = {}
        self.works: list[_Work] = []
        self.running: list[_Work] = []
        self._takes = takes

    def open(self, spec: SessionSpec) -> EngineSession:
        del spec  # all sessions see the same tables
        return _Session(self)

    def tables(self, lakehouse: str) -> tuple[StoredTable, ...]:
        del lakehouse
        return tuple(StoredTable(name, "delta") for name in sorted(self.tables_))

    def close(self) -> None:
        return

    def start(self, session: _Session, code: str, started_at: float, max_rows: int) -> _Work:
        inserted = _INSERT.search(code)
        takes = self._takes if inserted or _REBUILD.search(code) else self._takes / 4
        if inserted and (inserted["mark"] or "").startswith("slow"):
            takes *= SLOW
        work = _Work(self, code, started_at + takes, max_rows)
        session.works = [each for each in session.works if each.result is None]
        session.works.append(work)
        self.works.append(work)
        self.running.append(work)
        return work

    def ends(self) -> list[float]:
        """When each of the works ended; the server's journal has it when somebody looks. Infinity: not yet."""
        self.settle()
        return [math.inf if work.result is None else work.ends_at for work in self.works]

    def settle(self) -> None:
        """Let everything happen that has ended by now."""
        now = self.now()
        for work in sorted((each for each in self.running if each.ends_at <= now), key=lambda each: each.ends_at):
            self.running.remove(work)
            work.result = _cut(self._carry_out(work.code), work.max_rows)

    def _carry_out(self, code: str) -> Table | Failure:
        if found := _INSERT.search(code):
            self.tables_[found["table"]].append(found["mark"] or found["other"])
        elif found := _REBUILD.search(code):
            self.tables_[found["table"]] = [found["mark"]]
            self.rebuilt[found["table"]] = self.rebuilt.get(found["table"], 0) + 1
        elif found := _SELECT.search(code):
            return _rows("mark", [mark for mark in self.tables_[found["table"]] if mark == found["mark"]])
        elif _SHOW.search(code):
            # The events come last, so that they are missing from a list that was cut.
            return _rows("tableName", sorted(self.tables_, reverse=True))
        elif found := _MISSING.search(code):
            return Failure(f"[{NOT_FOUND}] The table or view `{found['table']}` cannot be found.")
        return EMPTY
