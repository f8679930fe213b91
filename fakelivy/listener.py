"""The socket: where the server listens, and the threads that answer there."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from fakelivy.usage import FakeLivyError
from fakelivy.wire import Application

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        FakeLivyError: the port is taken or none, or the address is not of this machine.
    """
    if not 0 <= port <= 65535:
        raise FakeLivyError(f"{port} is not a port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise FakeLivyError(f"port {port} on {host} is in use; choose another, or 0 for a free one") from None
        raise FakeLivyError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


@contextlib.contextmanager
def answering(
    app: WSGIApplication, listener: socket.socket, host: str, secure: ssl.SSLContext | None
) -> Iterator[None]:
    """Answer on ``listener``, which is closed, each connection in a thread of its own; over TLS if ``secure``."""
    with listener:
        # Werkzeug ends the process when a port is taken, so the socket is ours and it gets a copy.
        http = make_server(
            host,
            listener.getsockname()[1],
            Application(app),
            threaded=True,
            request_handler=_QuietHandler,
            fd=listener.fileno(),
        )
    if secure:
        # The handshake is left to the request's own thread: a client that never finishes it must not stop the others.
        http.socket = secure.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
        http.ssl_context = secure
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), name="fakelivy-http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _QuietHandler(WSGIRequestHandler):
    """The journal is the log."""

    def log(self, type: str, message: str, *args: object) -> None:
        pass
