"""HTTP connections whose replies end in time: status line, headers, chunk sizes and body alike.

A socket's time-out counts from one arrival to the next, so a server that sends a byte now and then is never late. Here
every read from the socket is given what is left of the whole request's time, which another thread may cut short.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.poolmanager import PoolManager

SLICE = 0.25
"""Seconds a read waits before it asks again how much time is left."""

PIECE = 65536
"""Bytes of a body that are read at once."""

Remaining = Callable[[], float]
"""Seconds left for the request that the calling thread is making."""


class BoundedAdapter(HTTPAdapter):
    """A ``requests`` adapter over such connections; nothing is sent twice.

    Args:
        remaining: see ``Remaining``.
    """

    def __init__(self, remaining: Remaining) -> None:
        self._pools = _pools(remaining)
        # One retrying layer only, and it is not this one: urllib3 would resend a request whose reply was lost.
        super().__init__(max_retries=0, pool_maxsize=64)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the pools of connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        self._bound(manager)
        return manager

    def _bound(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pools


class BoundedBodies(HTTPAdapter):
    """Somebody else's adapter, with replies that end in time too: after each piece of a body the time is looked at.

    Args:
        inner: the adapter.
        remaining: see ``Remaining``.
    """

    def __init__(self, inner: HTTPAdapter, remaining: Remaining) -> None:
        super().__init__()
        self._inner = inner
        self._remaining = remaining

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """As the other one.

        Raises:
            requests.ReadTimeout: the reply was still arriving when the time was up.
            requests.RequestException, urllib3.exceptions.HTTPError: as the other one.
        """
        response = self._inner.send(request, *args, **{**kwargs, "stream": True})
        if response.raw is not None:
            response._content = b"".join(iter(lambda: self._piece(response.raw), b""))
        return response

    def _piece(self, raw: Any) -> bytes:
        if self._remaining() <= 0:
            raise requests.ReadTimeout("the reply was still arriving when the time was up")
        piece: bytes = raw.read1(PIECE, decode_content=True)
        return piece


class _Reader(io.RawIOBase):
    """The reading end of a socket, in a hurry."""

    def __init__(self, sock: socket.socket, remaining: Remaining) -> None:
        self._sock = sock
        # Never read from: it keeps the socket open until it is closed too, as http.client expects.
        self._raw = sock.makefile("rb", buffering=0)
        self._remaining = remaining

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        while (left := self._remaining()) > 0:
            self._sock.settimeout(min(left, SLICE))
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                continue
        raise TimeoutError("the reply was still arriving when the time was up")

    def close(self) -> None:
        self._raw.close()
        super().close()


def _pools(remaining: Remaining) -> dict[str, type[HTTPConnectionPool]]:
    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp.close()
            self.fp = io.BufferedReader(_Reader(sock, remaining))

    class Plain(HTTPConnection):
        response_class = Response

    class Secure(HTTPSConnection):
        response_class = Response

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
