"""The connection a request came by, as far as faults need it: wait on it, or break it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, Protocol

from fakelivy.clock import Clock

Break = Literal["reset", "close"]
KEY = "fakelivy.wire"
"""Where a transport of ours leaves its wire in the WSGI environment."""

_SLICE = 0.2
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", None)


class ConnectionLost(BaseException):
    """Nobody is to be answered. Not an Exception, so that nothing turns it into a reply."""

    def __init__(self, how: Break) -> None:
        super().__init__(how)
        self.how = how


class Wire(Protocol):
    """One client's connection."""

    def wait(self, seconds: float, released: threading.Event) -> None:
        """Let ``seconds`` of the server's clock pass, or less when ``released``.

        Raises:
            ConnectionLost: the client went away meanwhile, or the server stops.
        """

    def cut(self, how: Break) -> None:
        """End the connection."""


class SocketWire:
    """A real connection of Werkzeug's server."""

    def __init__(self, connection: socket.socket | None, clock: Clock, closing: threading.Event) -> None:
        self._socket = connection
        self._clock = clock
        self._closing = closing

    def wait(self, seconds: float, released: threading.Event) -> None:
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            # In slices: time may be manual, and the client may leave.
            if released.wait(min(left, _SLICE)):
                return
            if self._closing.is_set() or self._deserted():
                raise ConnectionLost("close")

    def cut(self, how: Break) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            if how == "reset":
                # Closed with nothing allowed to linger: the kernel sends RST. Only the bare descriptor closes
                # at once, because the server's files hold on to the socket object; in its place they get a
                # connection whose other end is gone, which they know how to end.
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                ended, other = socket.socketpair()
                other.close()
                with ended:
                    os.dup2(ended.fileno(), self._socket.fileno())
            else:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _deserted(self) -> bool:
        if self._socket is None or _DONT_WAIT is None:
            return False
        try:
            return not socket.socket.recv(self._socket, 1, socket.MSG_PEEK | _DONT_WAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True


class Application:
    """The WSGI application for Werkzeug's server, which takes a ConnectionError for a client that left."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        with contextlib.ExitStack() as exit_stack:
            try:
                pieces = self._app(environ, start_response)
                if hasattr(pieces, "close"):
                    exit_stack.callback(pieces.close)
                yield from pieces
            except ConnectionLost:
                raise ConnectionAbortedError from None
