"""Reach the server without a socket: a transport for ``requests`` that calls the application in the client's thread.

Time is virtual: a server that hangs costs none, the client gets its read time-out when the clock says so. With a
``ManualClock`` the clock moves there at once; a simulated clock lets other threads go on meanwhile.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import unquote

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ProtocolError, ReadTimeoutError
from werkzeug.test import create_environ

from fakelivy.clock import VirtualClock
from fakelivy.wire import KEY, Break, ConnectionLost

BASE = "http://fakelivy.invalid"
"""Where a server is that listens nowhere: a name that never resolves."""

_BROKEN: Mapping[Break, Callable[[], Exception]] = {
    "reset": lambda: ConnectionResetError(104, "Connection reset by peer"),
    "close": lambda: RemoteDisconnected("Remote end closed connection without response"),
}


class _TimedOut(ConnectionLost):
    """The client's patience ended first."""


class InProcessWire:
    """A connection that only exists in virtual time. ``patience`` is the client's read time-out, None for no end."""

    def __init__(self, clock: VirtualClock, patience: float | None) -> None:
        self._clock = clock
        self._patience = patience
        self._waited = 0.0

    def wait(self, seconds: float, released: threading.Event) -> None:
        left = None if self._patience is None else self._patience - self._waited
        if left is None or seconds < left:
            self._waited += self._clock.pause(seconds, released)
            return
        self._clock.pause(max(left, 0.0), released)
        if not released.is_set():
            raise _TimedOut("close")

    def cut(self, how: Break) -> None:
        del how  # there is nothing to cut: the exception reaches the client

    def heard(self) -> None:
        """The client has read something: its patience starts again."""
        self._waited = 0.0


class InProcessAdapter(HTTPAdapter):
    """Mount it on a ``requests.Session``; errors are those a client sees on a socket.

    A request is answered in the calling thread. What a client does with a read time-out it does here too, but a
    connection is never refused, and a client that gives up while a statement runs is noticed at once.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], clock: VirtualClock) -> None:
        super().__init__()
        self._app = app
        self._clock = clock

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Answer one request; there is no TLS and no proxy that ``verify``, ``cert`` and ``proxies`` could be about.

        Raises:
            requests.ReadTimeout: a fault kept the answer back for longer than the client waits.
            requests.ConnectionError: a fault broke the connection.
        """
        del verify, cert, proxies
        wire = InProcessWire(self._clock, _read_timeout(timeout))
        what = f"{request.method} {request.path_url.partition('?')[0]}"
        self._clock.handover(f"request {what}")
        try:
            status, headers, body = self._call(request, wire)
        except _TimedOut:
            reason = f"HTTPConnectionPool: Read timed out. (read timeout={_read_timeout(timeout)})"
            raise requests.ReadTimeout(
                ReadTimeoutError(None, None, reason),  # type: ignore[arg-type]  # there is no pool
                request=request,
            ) from None
        except ConnectionLost as lost:
            broken = ProtocolError("Connection aborted.", _BROKEN[lost.how]())
            raise requests.ConnectionError(broken, request=request) from None
        self._clock.handover(f"reply to {what}")
        code, _, phrase = status.partition(" ")
        raw = HTTPResponse(
            body=io.BufferedReader(_Body(body, wire), 1),
            headers=HTTPHeaderDict(headers),
            status=int(code),
            reason=phrase,
            preload_content=False,
            enforce_content_length=True,
            request_method=request.method,
        )
        response = self.build_response(request, raw)
        if not stream:
            _ = response.content
        return response

    def _call(
        self, request: requests.PreparedRequest, wire: InProcessWire
    ) -> tuple[str, list[tuple[str, str]], Iterator[bytes]]:
        path, _, query = (request.path_url or "/").partition("?")
        environ = {
            **_environ(request.method or "GET"),
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": request.path_url,
            KEY: wire,
        }
        body = request.body or b""
        payload = body.encode() if isinstance(body, str) else bytes(body)
        environ |= {"wsgi.input": io.BytesIO(payload), "CONTENT_LENGTH": str(len(payload))}
        for name, value in request.headers.items():
            key = name.upper().replace("-", "_")
            environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            head[:] = [status, headers]
            return _no_write

        pieces = iter(self._app(environ, start_response))
        first = next(pieces, b"")
        wire.heard()
        return head[0], head[1], _chain(first, pieces)


@lru_cache(maxsize=16)
def _environ(method: str) -> Mapping[str, Any]:
    """What the requests of a method have in common."""
    return create_environ(base_url=BASE, method=method)


class _Body(io.RawIOBase):
    """A reply's body as the client reads it, piece by piece."""

    def __init__(self, pieces: Iterator[bytes], wire: InProcessWire) -> None:
        self._pieces = pieces
        self._wire = wire
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._pieces)
            except StopIteration:
                return 0
            except _TimedOut:
                raise TimeoutError("timed out") from None
            except ConnectionLost:
                raise ConnectionResetError(104, "Connection reset by peer") from None
            self._wire.heard()
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _no_write(_: bytes) -> None:
    raise NotImplementedError("no application here writes by WSGI's old way")


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _read_timeout(timeout: Any) -> float | None:
    read = timeout[1] if isinstance(timeout, tuple) else getattr(timeout, "read_timeout", timeout)
    return float(read) if isinstance(read, (int, float)) else None
