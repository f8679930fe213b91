"""Requests over real sockets end by their deadline, whatever the other side does, and are never sent twice."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import Halted
from dbt.adapters.fabricspark.resilience.outcome import NotSent, ReplyLost
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
from dbt.adapters.fabricspark.resilience.tokens import Token
from dbt.adapters.fabricspark.resilience.transport import Reply, Transport

Behaviour = Callable[[socket.socket, threading.Event], None]


class Peer:
    """A server that reads one request per connection and then does as it is told."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
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
                self.requests.append(_whole(connection))
                self._behave(connection, self.over)

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def _whole(connection: socket.socket) -> bytes:
    """A request with its body, which may come later; or whatever else comes first."""
    got = connection.recv(65536)
    while length := re.search(rb"Content-Length: (\d+)", got):
        if len(got.partition(b"\r\n\r\n")[2]) >= int(length[1]):
            break
        more = connection.recv(65536)
        if not more:
            break
        got += more
    return got


@pytest.fixture
def peer() -> Iterator[Callable[[Behaviour], Peer]]:
    started: list[Peer] = []

    def start(behave: Behaviour) -> Peer:
        started.append(Peer(behave))
        return started[-1]

    yield start
    for each in started:
        each.close()


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


ENDLESS = [hangs, drips, drips_headers, drips_the_status_line, drips_a_chunk_size]


def test_a_complete_reply_is_returned_whatever_its_status(peer: Callable[[Behaviour], Peer]) -> None:
    server = peer(replies(b"HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\n{}"))
    reply = transport(server.url).request("POST", "/x", soon(), {"a": "ü"})
    assert (reply.status, reply.ok, reply.json()) == (418, False, {})
    assert server.requests[0].startswith(b"POST /x HTTP/1.1\r\n")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("behaviour", ENDLESS)
def test_a_server_that_hangs_or_drips_is_given_up_at_the_deadline(
    behaviour: Behaviour, peer: Callable[[Behaviour], Peer]
) -> None:
    server = peer(behaviour)
    with pytest.raises(ReplyLost):
        transport(server.url).request("POST", "/x", soon(1))
    assert len(server.requests) == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("behaviour", ENDLESS)
def test_one_request_takes_http_timeout_at_most(behaviour: Behaviour, peer: Callable[[Behaviour], Peer]) -> None:
    with pytest.raises(ReplyLost):
        transport(peer(behaviour).url, http_timeout=1).request("GET", "/x", soon())


def test_nothing_is_sent_any_more_when_there_is_no_time_left(peer: Callable[[Behaviour], Peer]) -> None:
    server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    halted = Transport(server.url, http_timeout=30, user_agent="dbt-fabricspark/test", left=lambda: 0.0)
    with pytest.raises(Halted):
        halted.request("POST", "/x", soon())
    assert server.requests == []


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", b"not http at all\r\n\r\n"]
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_request_whose_reply_breaks_is_lost_and_not_sent_again(
    method: str, raw: bytes, peer: Callable[[Behaviour], Peer]
) -> None:
    server = peer(replies(raw))
    with pytest.raises(ReplyLost):
        transport(server.url).request(method, "/x", soon())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("raw", "words"), [(b"", "eof"), (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "SSLError: ")]
)
def test_tls_that_breaks_off_or_never_was_is_a_lost_reply(
    raw: bytes, words: str, peer: Callable[[Behaviour], Peer]
) -> None:
    server = peer(replies(raw))
    with pytest.raises(ReplyLost, match=words):
        transport(server.url.replace("http:", "https:")).request("POST", "/x", soon())
    assert len(server.requests) == 1


def test_a_refused_connection_is_known_not_to_have_been_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as vacant:
        url = f"http://127.0.0.1:{vacant.getsockname()[1]}"
    with pytest.raises(NotSent, match="connection refused"):
        transport(url).request("POST", "/x", soon())


def test_a_redirect_is_an_answer_and_not_followed(peer: Callable[[Behaviour], Peer]) -> None:
    server = peer(replies(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"))
    assert transport(server.url).request("POST", "/x", soon()).status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize("address", [b"http://[::1", b"\xff\xfe", b"http://h:port/"])
def test_the_address_of_a_redirect_does_not_matter(address: bytes, peer: Callable[[Behaviour], Peer]) -> None:
    server = peer(replies(b"HTTP/1.1 302 Found\r\nLocation: " + address + b"\r\nContent-Length: 0\r\n\r\n"))
    assert transport(server.url).request("POST", "/x", soon()).status == 302


def test_a_chunk_of_a_size_below_zero_is_a_lost_reply(peer: Callable[[Behaviour], Peer]) -> None:
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
def test_a_time_out_may_be_longer_than_a_socket_takes(seconds: float, peer: Callable[[Behaviour], Peer]) -> None:
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


def test_what_yaml_took_for_a_date_is_sent_as_it_was_written(peer: Callable[[Behaviour], Peer]) -> None:
    server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    body = {"a": dt.date(2026, 1, 2), "b": dt.datetime(2026, 1, 2, 3, 4)}
    transport(server.url).request("POST", "/x", soon(), body)
    assert server.requests[0].endswith(b'{"a": "2026-01-02", "b": "2026-01-02T03:04:00"}')


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"1e99999999999999999999"])
def test_json_that_cannot_be_held_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        Reply(200, {}, body).json()


def test_the_token_is_sent_and_no_netrc_replaces_it(
    peer: Callable[[Behaviour], Peer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for token, expected in (("t0ken", b"Authorization: Bearer t0ken\r\n"), (None, None)):
        server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
        transport(server.url, token=token).request("GET", "/x", soon())
        sent = server.requests[0]
        assert (expected in sent) if expected else (b"Authorization" not in sent)


def test_no_token_is_in_the_message_of_an_error(peer: Callable[[Behaviour], Peer]) -> None:
    with pytest.raises(ReplyLost) as caught:
        transport(peer(replies(b"")).url, token="t0ken").request("GET", "/x?secret=1", soon())
    assert "t0ken" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_numbers_keep_every_digit(peer: Callable[[Behaviour], Peer]) -> None:
    body = b'{"n": 9007199254740993, "d": 0.12345678901234567890}'
    server = peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
    reply = transport(server.url).request("GET", "/x", soon()).json()
    assert str(reply["n"]) == "9007199254740993"
    assert str(reply["d"]) == "0.12345678901234567890"
