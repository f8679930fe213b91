"""Requests over real sockets end by their deadline, whatever the other side does, and are never sent twice."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

import pytest
import requests
import urllib3
from dbt.adapters.fabricspark.resilience import transport as transport_module
from dbt.adapters.fabricspark.resilience.bounded import SLICE
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import Halted
from dbt.adapters.fabricspark.resilience.outcome import NotSent, ReplyLate, ReplyLost
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
from dbt.adapters.fabricspark.resilience.tokens import Token
from dbt.adapters.fabricspark.resilience.transport import Reply, Transport
from requests.adapters import HTTPAdapter
from requests.exceptions import ProxyError
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from tests.adapter.certificates import make_certificate

Behaviour = Callable[[socket.socket, threading.Event], None]

LARGE = 20_000_000
"""Bytes that no socket takes before somebody reads."""


class Peer:
    """A server that reads one request per connection, unless told not to, and then does as it is told."""

    def __init__(self, behave: Behaviour, reads: bool = True) -> None:
        self._behave = behave
        self._reads = reads
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if self._reads:
                    self.requests.append(_whole(connection))
                self._behave(connection, self.over)

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


class Start(Protocol):
    def __call__(self, behave: Behaviour, reads: bool = True) -> Peer: ...


def _whole(connection: socket.socket) -> bytes:
    """A request with its body, which may come later; or whatever else comes first."""
    got = bytearray(connection.recv(65536))
    length = re.search(rb"Content-Length: (\d+)", got)
    whole = got.find(b"\r\n\r\n") + 4 + int(length[1]) if length else 0
    while len(got) < whole and (more := connection.recv(65536)):
        got += more
    return bytes(got)


@pytest.fixture
def peer() -> Iterator[Start]:
    started: list[Peer] = []

    def start(behave: Behaviour, reads: bool = True) -> Peer:
        started.append(Peer(behave, reads))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that the client trusts."""
    certificate = make_certificate(tmp_path)
    (tmp_path / "public.pem").write_text(certificate.public)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "public.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.plain)
    return context


@pytest.fixture(autouse=True)
def certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that requests brings along: some of its versions have other connections then."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


class FixedToken:
    """A source with one token."""

    def __init__(self, value: str) -> None:
        self._token = Token(value)

    def token(self, deadline: Deadline) -> Token:
        return self._token


def transport(url: str, http_timeout: float = 30, token: str | None = None) -> Transport:
    return Transport(
        url, http_timeout=http_timeout, tokens=FixedToken(token) if token else None, user_agent="dbt-fabricspark/test"
    )


def soon(seconds: float = 30) -> Deadline:
    return Deadline.after(SystemRuntime(), seconds)


def replies(raw: bytes) -> Behaviour:
    return lambda connection, _: connection.sendall(raw)


def hangs(_: socket.socket, over: threading.Event) -> None:
    over.wait()


def drips(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not over.wait(0.01):
        connection.sendall(b"x")


def drips_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not over.wait(0.01):
        connection.sendall(b"x")


def drips_the_status_line(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 ")
    while not over.wait(0.01):
        connection.sendall(b"x")


def drips_a_chunk_size(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.wait(0.01):
        connection.sendall(b"0")


def stops_in_the_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    over.wait()


ENDLESS = [hangs, drips, drips_headers, drips_the_status_line, drips_a_chunk_size, stops_in_the_body]


def test_a_complete_reply_is_returned_whatever_its_status(peer: Start) -> None:
    server = peer(replies(b"HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\n{}"))
    reply = transport(server.url).request("POST", "/x", soon(), {"a": "ü"})
    assert (reply.status, reply.ok, reply.json()) == (418, False, {})
    assert server.requests[0].startswith(b"POST /x HTTP/1.1\r\n")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("behaviour", ENDLESS)
def test_a_server_that_hangs_or_drips_is_given_up_at_the_deadline(behaviour: Behaviour, peer: Start) -> None:
    server = peer(behaviour)
    # Late, not lost: a gateway may begin its reply and carry the request out afterwards, so it is never sent again.
    with pytest.raises(ReplyLate):
        transport(server.url).request("POST", "/x", soon(1))
    assert len(server.requests) == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("behaviour", ENDLESS)
def test_one_request_takes_http_timeout_at_most(behaviour: Behaviour, peer: Start) -> None:
    operation = soon(3600)
    with pytest.raises(ReplyLate):
        transport(peer(behaviour).url, http_timeout=1).request("GET", "/x", operation)
    assert operation.elapsed < operation.remaining


def test_nothing_is_sent_any_more_when_there_is_no_time_left(peer: Start) -> None:
    server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    halted = Transport(server.url, http_timeout=30, user_agent="dbt-fabricspark/test", left=lambda: 0.0)
    with pytest.raises(Halted):
        halted.request("POST", "/x", soon())
    assert server.requests == []


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", b"not http at all\r\n\r\n"]
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_request_whose_reply_breaks_is_lost_and_not_sent_again(method: str, raw: bytes, peer: Start) -> None:
    server = peer(replies(raw))
    with pytest.raises(ReplyLost):
        transport(server.url).request(method, "/x", soon())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"", "eof"), (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "no connection .(wrong|record)")],
)
def test_a_request_was_not_sent_when_tls_breaks_off_before_it_or_never_was(raw: bytes, words: str, peer: Start) -> None:
    server = peer(replies(raw))
    with pytest.raises(NotSent, match=words):
        transport(server.url.replace("http:", "https:")).request("POST", "/x", soon())
    assert len(server.requests) == 1


def test_tls_that_breaks_off_after_the_request_is_a_lost_reply(peer: Start, trusted: ssl.SSLContext) -> None:
    got: list[bytes] = []

    def behave(connection: socket.socket, _: threading.Event) -> None:
        with trusted.wrap_socket(connection, server_side=True) as secured:
            got.append(_whole(secured))

    with pytest.raises(ReplyLost):
        transport(peer(behave, reads=False).url.replace("http:", "https:")).request("POST", "/x", soon(), {"a": 1})
    assert got[0].endswith(b'{"a": 1}')


# --- proxies ----------------------------------------------------------------------------------------------------------

REFUSES = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def use(url: str) -> None:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, url)
        for name in ("no_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)

    return use


@pytest.mark.parametrize("target", ["http://livy.invalid", "https://livy.invalid"])
def test_a_request_was_not_sent_when_the_proxy_cannot_be_reached(target: str, proxy: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as vacant:
        proxy(f"http://127.0.0.1:{vacant.getsockname()[1]}")
    with pytest.raises(NotSent, match="connection to the proxy refused"):
        transport(target).request("POST", "/x", soon())


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (replies(REFUSES), "to the proxy .Tunnel connection failed: 407 Proxy Authentication Required"),
        (replies(b""), "no connection .Remote end closed connection without response"),
        (hangs, "no connection after 1 s"),
        (drips_headers, "no connection after 1 s"),
    ],
)
def test_a_request_was_not_sent_when_the_proxy_does_not_open_the_way(
    behaviour: Behaviour, words: str, peer: Start, proxy: Callable[[str], None]
) -> None:
    between = peer(behaviour)
    proxy(between.url)
    with pytest.raises(NotSent, match=words):
        transport("https://livy.invalid").request("POST", "/x", soon(1))
    assert [each.split()[0] for each in between.requests] == [b"CONNECT"]


def test_a_proxy_of_socks_is_refused_in_words(proxy: Callable[[str], None]) -> None:
    proxy("socks5h://127.0.0.1:1")
    with pytest.raises(NotSent, match="SOCKS proxies are not supported; use an HTTP proxy"):
        transport("https://livy.invalid").request("POST", "/x", soon())


def test_a_proxy_that_breaks_after_it_was_given_the_request_loses_the_reply(
    peer: Start, proxy: Callable[[str], None]
) -> None:
    between = peer(replies(b""))
    proxy(between.url)
    with pytest.raises(ReplyLost):
        transport("http://livy.invalid").request("POST", "/x", soon(), {"a": 1})
    assert [each.split()[0] for each in between.requests] == [b"POST"]


@pytest.mark.parametrize("inner", [NewConnectionError(cast(Any, None), "refused"), ConnectTimeoutError("late")])
def test_an_error_of_a_proxy_that_holds_a_failed_connection_says_that_nothing_was_sent(inner: Exception) -> None:
    error = ProxyError(MaxRetryError(cast(Any, None), "/x", urllib3.exceptions.ProxyError("no", inner)))
    with pytest.raises(NotSent, match="to the proxy"):
        raising(error).request("POST", "/x", soon())


def test_an_error_of_a_proxy_that_holds_anything_else_says_nothing_of_that() -> None:
    inner = urllib3.exceptions.ProxyError("no", OSError(errno.ECONNRESET, "reset"))
    with pytest.raises(ReplyLost):
        raising(ProxyError(MaxRetryError(cast(Any, None), "/x", inner))).request("POST", "/x", soon())


def raising(error: Exception) -> Transport:
    class Raises(HTTPAdapter):
        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            raise error

    return Transport("http://livy", http_timeout=30, user_agent="dbt-fabricspark/test", adapter=Raises())


def test_a_handshake_behind_a_proxy_has_as_much_time_as_any_other(
    peer: Start, proxy: Callable[[str], None], trusted: ssl.SSLContext
) -> None:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        over.wait(3 * SLICE)
        with trusted.wrap_socket(connection, server_side=True) as secured:
            _whole(secured)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    between = peer(behave)
    proxy(between.url)
    assert transport("https://livy.test").request("POST", "/x", soon(), {}).ok


# --- halting ----------------------------------------------------------------------------------------------------------


def halting(url: str) -> Transport:
    """One that is halted as soon as it is busy."""
    begin = time.monotonic()

    def left() -> float:
        return 30.0 if time.monotonic() < begin + 2 * SLICE else 0.0

    return Transport(url, http_timeout=30, user_agent="dbt-fabricspark/test", left=left)


def is_quick(url: str, body: object = None) -> bool:
    begin = time.monotonic()
    with pytest.raises(Halted):
        halting(url).request("POST", "/x", soon(), body)
    return time.monotonic() - begin < 8


@pytest.mark.timeout(60)
def test_a_halt_ends_the_making_of_a_connection() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        assert is_quick(f"http://127.0.0.1:{full.getsockname()[1]}")


@pytest.mark.timeout(60)
def test_a_halt_ends_the_looking_up_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def never(*_: object) -> list[Any]:
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    try:
        assert is_quick("http://livy.test")
    finally:
        over.set()


@pytest.mark.timeout(60)
def test_a_halt_ends_a_handshake(peer: Start) -> None:
    assert is_quick(peer(hangs).url.replace("http:", "https:"))


@pytest.mark.timeout(60)
def test_a_halt_ends_the_sending_of_a_request(peer: Start) -> None:
    assert is_quick(peer(hangs, reads=False).url, "x" * LARGE)


def test_a_connection_that_comes_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def late(*_: object, **__: object) -> socket.socket:
        over.wait()
        return ours

    monkeypatch.setattr(urllib3.util.connection, "create_connection", late)
    with theirs:
        assert is_quick("http://livy.test")
        over.set()
        theirs.settimeout(30)
        assert theirs.recv(1) == b""


@pytest.mark.parametrize("secure", [False, True])
def test_a_long_request_may_take_longer_than_the_making_of_a_connection(
    secure: bool, peer: Start, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "CONNECT_TIMEOUT", 0.5)
    got: list[bytes] = []

    def behave(connection: socket.socket, over: threading.Event) -> None:
        with trusted.wrap_socket(connection, server_side=True) if secure else connection as plain:
            over.wait(1)
            got.append(_whole(plain))
            plain.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    url = peer(behave, reads=False).url
    url = url.replace("http:", "https:") if secure else url
    assert transport(url).request("POST", "/x", soon(), "x" * LARGE).ok
    assert got[0].endswith(b'"' + b"x" * LARGE + b'"')


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_a_refused_connection_is_known_not_to_have_been_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as vacant:
        url = f"http://127.0.0.1:{vacant.getsockname()[1]}"
    with pytest.raises(NotSent, match="connection refused"):
        transport(url).request("POST", "/x", soon())


def test_a_redirect_is_an_answer_and_not_followed(peer: Start) -> None:
    server = peer(replies(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"))
    assert transport(server.url).request("POST", "/x", soon()).status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize("address", [b"http://[::1", b"\xff\xfe", b"http://h:port/"])
def test_the_address_of_a_redirect_does_not_matter(address: bytes, peer: Start) -> None:
    server = peer(replies(b"HTTP/1.1 302 Found\r\nLocation: " + address + b"\r\nContent-Length: 0\r\n\r\n"))
    assert transport(server.url).request("POST", "/x", soon()).status == 302


def test_a_chunk_of_a_size_below_zero_is_a_lost_reply(peer: Start) -> None:
    server = peer(replies(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nab\r\n0\r\n\r\n"))
    with pytest.raises(ReplyLost, match="makes no sense"):
        transport(server.url).request("POST", "/x", soon())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("REQUESTS_CA_BUNDLE", "/no/such/file.pem", "/no/such/file.pem"),
        ("HTTPS_PROXY", "http://me:pa€€word@127.0.0.1:1", "characters that HTTP does not take"),
    ],
)
def test_what_the_environment_says_of_certificates_and_proxies_may_be_wrong(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(NotSent, match=words) as caught:
        transport("https://127.0.0.1:1").request("POST", "/x", soon())
    assert "€" not in str(caught.value)


@pytest.mark.parametrize("host", ["x..y", "a" * 70 + ".invalid"])
def test_a_host_that_cannot_be_one_was_not_reached(host: str) -> None:
    with pytest.raises(NotSent, match="not a usable address"):
        transport(f"http://{host}").request("POST", "/x", soon())


@pytest.mark.parametrize("seconds", [1e7, 1e300])
def test_a_time_out_may_be_longer_than_a_socket_takes(seconds: float, peer: Start) -> None:
    server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    assert transport(server.url, http_timeout=seconds).request("GET", "/x", soon(seconds)).ok


def test_a_deadline_is_never_longer_than_a_thread_can_wait() -> None:
    condition = threading.Condition()
    with condition:
        threading.Timer(0.1, lambda: notify(condition)).start()
        assert condition.wait(soon(1e300).remaining)


def notify(condition: threading.Condition) -> None:
    with condition:
        condition.notify_all()


def test_what_yaml_took_for_a_date_is_sent_as_it_was_written(peer: Start) -> None:
    server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    body = {"a": dt.date(2026, 1, 2), "b": dt.datetime(2026, 1, 2, 3, 4)}
    transport(server.url).request("POST", "/x", soon(), body)
    assert server.requests[0].endswith(b'{"a": "2026-01-02", "b": "2026-01-02T03:04:00"}')


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"1e99999999999999999999"])
def test_json_that_cannot_be_held_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        Reply(200, {}, body).json()


def test_the_token_is_sent_and_no_netrc_replaces_it(
    peer: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for token, expected in (("t0ken", b"Authorization: Bearer t0ken\r\n"), (None, None)):
        server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
        transport(server.url, token=token).request("GET", "/x", soon())
        sent = server.requests[0]
        assert (expected in sent) if expected else (b"Authorization" not in sent)


def test_no_token_is_in_the_message_of_an_error(peer: Start) -> None:
    with pytest.raises(ReplyLost) as caught:
        transport(peer(replies(b"")).url, token="t0ken").request("GET", "/x?secret=1", soon())
    assert "t0ken" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_numbers_keep_every_digit(peer: Start) -> None:
    body = b'{"n": 9007199254740993, "d": 0.12345678901234567890}'
    server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
    reply = transport(server.url).request("GET", "/x", soon()).json()
    assert str(reply["n"]) == "9007199254740993"
    assert str(reply["d"]) == "0.12345678901234567890"
