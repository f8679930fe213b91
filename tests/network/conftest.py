"""A real toxiproxy server and something to talk to through it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.toxics import HOW_TO_GET, Toxiproxy, find_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def toxiproxy_program() -> Path:
    """The server's program; where it is absent the test is skipped with the line that gets it, but never in CI."""
    program = find_server(folder=ROOT)
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(HOW_TO_GET)
    return program


@pytest.fixture
def toxiproxy(toxiproxy_program: Path) -> Iterator[Toxiproxy]:
    with Toxiproxy(toxiproxy_program) as server:
        yield server


Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that handles each connection with a function and then closes it; gives its host:port."""
    listeners: list[socket.socket] = []

    def start(handle: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_accept, args=(listener, handle), daemon=True).start()
        host, port = listener.getsockname()
        return f"{host}:{port}"

    yield start
    for listener in listeners:
        listener.close()


def _accept(listener: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed: the test is over
            return
        threading.Thread(target=_one, args=(connection, handle), daemon=True).start()


def _one(connection: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    with connection:
        try:
            handle(connection)
        except OSError:  # the other side broke the connection, which is what these tests do
            return
