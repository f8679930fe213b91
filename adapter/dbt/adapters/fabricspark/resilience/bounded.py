"""HTTP connections that end in time: made, written to and read from, down to the last chunk of a body.

A socket's time-out counts from one arrival to the next, so a server that sends a byte now and then is never late; a
name is looked up without any, and every address of it has a time-out of its own. Here all of it is given what is left
of the whole request's time, which another thread may cut short.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError
from urllib3.poolmanager import PoolManager
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

SLICE = 0.25
"""Seconds that anything waits for before it asks again how much time is left."""

PIECE = 65536
"""Bytes of a body that are read or written at once."""

Remaining = Callable[[], float]
"""Seconds left for the request that the calling thread is making."""


class Request(Protocol):
    """The request that the calling thread is making."""

    is_connecting: bool
    """Whether its connection is being made, or could not be: then nothing of the request has been sent."""

    @property
    def remaining(self) -> float:
        """Seconds left for it."""


class BoundedAdapter(HTTPAdapter):
    """A ``requests`` adapter over such connections; nothing is sent twice.

    Args:
        request: see ``Request``.
    """

    def __init__(self, request: Request) -> None:
        self._pools = _pools(request)
        # One retrying layer only, and it is not this one: urllib3 would resend a request whose reply was lost.
        super().__init__(max_retries=0, pool_maxsize=64)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools of connections through a proxy.

        Raises:
            requests.exceptions.InvalidProxyURL: it is one of SOCKS, whose connections are not ours to bound.
        """
        if proxy.lower().startswith("socks"):
            raise requests.exceptions.InvalidProxyURL("SOCKS proxies are not supported; use an HTTP proxy")
        manager = super().proxy_manager_for(proxy, **kwargs)
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


def _made(make: Callable[[], socket.socket], remaining: Remaining) -> socket.socket:
    """The socket that ``make`` makes, which may take longer than there is time; it is closed if nobody waits any more.

    Raises:
        TimeoutError: the time was up first.
    """
    result: futures.Future[socket.socket] = futures.Future()

    def work() -> None:
        try:
            made = make()
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            if result.set_running_or_notify_cancel():
                result.set_exception(error)
            return
        if result.set_running_or_notify_cancel():
            result.set_result(made)
        else:
            made.close()

    try:
        # Looking up a name cannot be interrupted: whoever has no time left goes on without the thread that does it.
        threading.Thread(target=work, name="fabricspark-connect", daemon=True).start()
    except RuntimeError:
        # No more threads can be had, as when Python is ending.
        work()
    try:
        while not result.done() and (left := remaining()) > 0:
            futures.wait((result,), min(left, SLICE))
    finally:
        unwanted = result.cancel()
    if unwanted:
        raise TimeoutError("no connection was there when the time was up")
    return result.result()


def _pools(request: Request) -> dict[str, type[HTTPConnectionPool]]:
    def remaining() -> float:
        return request.remaining

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp.close()
            self.fp = io.BufferedReader(_Reader(sock, remaining))

    class Secured(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            longest = self.gettimeout() or 0.0
            while (left := min(longest, remaining())) > 0:
                self.settimeout(min(left, SLICE))
                try:
                    return super().do_handshake(block)
                except TimeoutError:
                    longest -= SLICE
            raise TimeoutError("the handshake was still going on when the time was up")

    class Plain(HTTPConnection):
        response_class = Response

        def connect(self) -> None:
            request.is_connecting = True
            super().connect()
            request.is_connecting = False

        def _new_conn(self) -> socket.socket:
            try:
                return _made(super()._new_conn, remaining)
            except TimeoutError as error:
                raise ConnectTimeoutError(self, str(error)) from error

        def _tunnel(self) -> None:
            super()._tunnel()
            # The proxy's reply was read in slices; what comes next is the handshake, which takes its time from here.
            self.sock.settimeout(self.timeout)

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            rest = memoryview(data)
            # TLS inside of TLS is no socket, and forgets what it has already sent when it is interrupted.
            longest = SLICE if isinstance(self.sock, socket.socket) else math.inf
            while rest and (left := remaining()) > 0:
                self.sock.settimeout(min(left, longest))
                try:
                    rest = rest[self.sock.send(rest[:PIECE]) :]
                except TimeoutError:
                    continue
            if rest:
                raise TimeoutError("the request was still being sent when the time was up")

    class Secure(Plain, HTTPSConnection):
        def connect(self) -> None:
            given = self.ssl_context
            if given is None or given.sslsocket_class is not Secured:
                self.ssl_context = create_urllib3_context(cert_reqs=resolve_cert_reqs(self.cert_reqs))
                if not (self.ca_certs or self.ca_cert_dir or self.ca_cert_data):
                    if given is None:
                        # urllib3 does it for a context that it has made itself.
                        self.ssl_context.load_default_certs()
                    else:
                        # requests 2.32.0 to 2.32.4 give all connections one context, which trusts these.
                        self.ssl_context.load_verify_locations(requests.utils.DEFAULT_CA_BUNDLE_PATH)
                self.ssl_context.sslsocket_class = Secured
            super().connect()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
