"""dbt's connections come and go; whatever fails in closing one, the others and the sessions are closed too."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt.adapters.fabricspark import connections
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, SessionManagers

from tests.adapter.conftest import VirtualRuntime
from tests.adapter.test_credentials import LOCAL, load


class Handle:
    """A handle that may fail to close."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.closed = error, 0

    def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error


class Sessions(SessionManagers):
    """Notes what is ended."""

    def __init__(self) -> None:
        super().__init__(VirtualRuntime())
        self.ended: list[str] = []

    def disconnect(self, credentials: Any) -> None:
        self.ended.append("one")

    def disconnect_all(self) -> None:
        self.ended.append("all")


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    found = Sessions()
    monkeypatch.setattr(FabricSparkConnectionManager, "sessions", found)
    return found


@pytest.fixture
def manager(sessions: Sessions) -> Iterator[FabricSparkConnectionManager]:
    profile = SimpleNamespace(credentials=load(LOCAL))
    made = FabricSparkConnectionManager(profile, multiprocessing.get_context("spawn"))
    yield made
    made.cleanup_all()


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(connections, "logger", logging.getLogger("tests.connections"))
    # dbt's own log tells everything, once dbt has run in this process.
    caplog.set_level(logging.WARNING, "tests.connections")
    return caplog


def opened(manager: FabricSparkConnectionManager, name: str, handle: Handle) -> Connection:
    connection = manager.set_connection_name(name)
    connection.handle, connection.state = handle, ConnectionState.OPEN
    # As if another thread had it.
    manager.thread_connections[name] = manager.thread_connections.pop(manager.get_thread_identifier())
    return connection


def test_a_connection_that_fails_to_close_is_closed_and_warned_of(
    manager: FabricSparkConnectionManager, warnings: pytest.LogCaptureFixture
) -> None:
    connection = opened(manager, "model.a", Handle(RuntimeError("the handle is broken")))
    assert manager.close(connection) is connection
    assert connection.state == ConnectionState.CLOSED
    assert warnings.messages == ["closing connection model.a: the handle is broken"]


def test_one_that_fails_does_not_keep_the_others_and_the_session_open(
    manager: FabricSparkConnectionManager, sessions: Sessions, warnings: pytest.LogCaptureFixture
) -> None:
    handles = [Handle(RuntimeError("broken")), Handle(), Handle(RuntimeError("broken too")), Handle()]
    for number, handle in enumerate(handles):
        opened(manager, f"model.{number}", handle)
    manager.cleanup_all()
    assert [handle.closed for handle in handles] == [1, 1, 1, 1]
    assert sessions.ended == ["one"]
    assert manager.thread_connections == {}
    assert len(warnings.messages) == 2


def test_release_and_cleanup_all_can_be_called_on_the_class_and_on_an_instance(
    manager: FabricSparkConnectionManager, sessions: Sessions
) -> None:
    FabricSparkConnectionManager.release()
    manager.release()
    connection = manager.set_connection_name("model.a")
    connection.handle, connection.state = Handle(), ConnectionState.OPEN
    manager.release()
    assert connection.state == ConnectionState.CLOSED
    FabricSparkConnectionManager.cleanup_all()
    manager.cleanup_all()
    assert sessions.ended == ["all", "one"]
