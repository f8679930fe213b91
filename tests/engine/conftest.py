"""One Sail engine per worker; every test has a session and a schema of its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakelivy.clock import SystemClock
from fakelivy.engine.port import EngineSession, Execution, Failure, Output, SessionSpec, Table
from fakelivy.engine.sail.engine import SailEngine

WAIT = 60.0
"""Seconds after which a statement that should have ended is a failure of the test."""


class SqlError(Exception):
    """The statement failed; the text is the failure's."""


class Sql:
    """A session, for tests: run a statement and have its rows, or its error raised.

    Args:
        wait: seconds a statement may take.
    """

    def __init__(self, session: EngineSession, wait: float = WAIT) -> None:
        self.session = session
        self._wait = wait

    def start(self, code: str, *, kind: str = "sql", max_rows: int = 1000) -> tuple[Execution, threading.Event]:
        done = threading.Event()
        execution = self.session.start(code, kind=kind, max_rows=max_rows, started_at=0.0, on_done=done.set)
        return execution, done

    def outcome(self, code: str, *, kind: str = "sql", max_rows: int = 1000) -> Table | Output | Failure:
        execution, done = self.start(code, kind=kind, max_rows=max_rows)
        assert done.wait(self._wait), f"did not end: {code[:200]}"
        assert execution.outcome is not None
        return execution.outcome

    def table(self, code: str, *, max_rows: int = 1000) -> Table:
        outcome = self.outcome(code, max_rows=max_rows)
        if isinstance(outcome, Failure):
            raise SqlError(outcome.message)
        assert isinstance(outcome, Table)
        return outcome

    def rows(self, code: str) -> list[tuple[Any, ...]]:
        return list(self.table(code).rows)

    def error(self, code: str) -> str:
        outcome = self.outcome(code)
        assert isinstance(outcome, Failure), f"did not fail: {code[:200]}"
        return outcome.message


def names(table: Table) -> list[str]:
    return [field["name"] for field in table.schema["fields"]]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="session")
def engine(warehouse: Path) -> Iterator[SailEngine]:
    engine = SailEngine(warehouse, SystemClock())
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def shared_session(engine: SailEngine) -> Sql:
    """One child for all tests that only need SQL: starting one costs more than most statements."""
    return Sql(engine.open(SessionSpec("shared", "lakehouse")))


_SCHEMAS = itertools.count()


@pytest.fixture
def sql(shared_session: Sql) -> Iterator[Sql]:
    """A session whose current schema is new and empty."""
    schema = f"s{next(_SCHEMAS)}"
    shared_session.rows(f"create schema {schema}")
    shared_session.rows(f"use {schema}")
    yield shared_session
    for _, name, temporary in shared_session.rows("show tables"):
        if temporary:
            shared_session.rows(f"drop view `{name}`")
    shared_session.rows("reset")
    shared_session.rows("use lakehouse.dbo")
