"""Every toxic does what its name says, on real connections, and the wrapper adds what the client library lacks."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
import requests
from pydantic import ValidationError
from toxiproxy.api import APIConsumer

from chaos.toxics import ATTRIBUTES, Proxy, Toxic, Toxiproxy, ToxiproxyError, find_server
from tests.network.conftest import Serve

TEXT = b"x" * 1000


def hello(connection: socket.socket) -> None:
    """Says its text to whoever knocks, and waits for him to go."""
    connection.recv(1)
    connection.sendall(TEXT)
    connection.recv(1)


def goodbye(connection: socket.socket) -> None:
    """Says its text and closes."""
    connection.recv(1)
    connection.sendall(TEXT)


def connect(proxy: Proxy, patience: float = 20) -> socket.socket:
    host, port = proxy.listen.split(":")
    connection = socket.create_connection((host, int(port)), timeout=patience)
    connection.sendall(b"!")
    return connection


def read(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer if the connection ends."""
    got = b""
    while len(got) < size and (piece := connection.recv(size - len(got))):
        got += piece
    return got


@pytest.fixture
def proxy(toxiproxy: Toxiproxy, serve: Serve) -> Proxy:
    return toxiproxy.proxy("hello", serve(hello))


def test_without_toxics_bytes_go_through(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT


@pytest.mark.parametrize(
    "toxic",
    [
        Toxic(type="latency", attributes={"latency": 60_000}),
        Toxic(type="timeout", attributes={"timeout": 0}),
        Toxic(type="latency", stream="upstream", attributes={"latency": 60_000}),
    ],
    ids=str,
)
def test_a_toxic_that_holds_bytes_back_lets_none_through(toxic: Toxic, proxy: Proxy) -> None:
    proxy.add(toxic)
    with connect(proxy, patience=0.3) as connection, pytest.raises(TimeoutError):
        connection.recv(1)


def test_a_timeout_ends_the_connection_when_it_goes(proxy: Proxy) -> None:
    toxic = Toxic(type="timeout", attributes={"timeout": 0})
    proxy.add(toxic)
    with connect(proxy, patience=0.3) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)
        proxy.remove(toxic)
        connection.settimeout(20)
        assert connection.recv(1) == b""
    assert proxy.toxics() == []


def test_limit_data_cuts_after_so_many_bytes(proxy: Proxy) -> None:
    with proxy.toxic(Toxic(type="limit_data", attributes={"bytes": 10})), connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT[:10]


def test_reset_peer_resets(proxy: Proxy) -> None:
    with (
        proxy.toxic(Toxic(type="reset_peer", attributes={"timeout": 0})),
        connect(proxy) as connection,
        pytest.raises(ConnectionResetError),
    ):
        read(connection, len(TEXT))


@pytest.mark.parametrize(
    "toxic",
    [
        Toxic(type="bandwidth", attributes={"rate": 1}),
        Toxic(type="slicer", attributes={"average_size": 10, "size_variation": 0, "delay": 500_000}),
    ],
    ids=str,
)
def test_a_toxic_that_slows_down_lets_a_part_through(toxic: Toxic, proxy: Proxy) -> None:
    proxy.add(toxic)
    with connect(proxy) as connection:
        assert 0 < len(connection.recv(len(TEXT))) < len(TEXT)


def test_slow_close_delivers_everything_but_the_end(toxiproxy: Toxiproxy, serve: Serve) -> None:
    proxy = toxiproxy.proxy("goodbye", serve(goodbye))
    proxy.add(Toxic(type="slow_close", attributes={"delay": 60_000}))
    with connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_proxy_that_is_down_refuses_and_comes_back_at_the_same_address(proxy: Proxy) -> None:
    with proxy.toxic(Toxic(type="down")), pytest.raises(ConnectionRefusedError):
        connect(proxy)
    with connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT


def test_a_toxic_is_changed_while_it_is_in_force(proxy: Proxy) -> None:
    proxy.add(Toxic(type="latency", attributes={"latency": 60_000}))
    proxy.update(Toxic(type="latency", attributes={"latency": 1}))
    with connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT


def test_a_toxicity_of_nothing_strikes_nobody(proxy: Proxy) -> None:
    proxy.add(Toxic(type="timeout", toxicity=0, attributes={"timeout": 0}))
    with connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT


def test_a_crash_breaks_connections_and_a_start_brings_the_proxies_back_clean(
    toxiproxy: Toxiproxy, proxy: Proxy
) -> None:
    proxy.add(Toxic(type="timeout", attributes={"timeout": 0}))
    with connect(proxy) as connection:
        toxiproxy.kill()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    toxiproxy.start()
    assert proxy.toxics() == []
    with connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT


def test_two_servers_in_one_process_do_not_get_mixed_up(
    toxiproxy: Toxiproxy, toxiproxy_program: Path, serve: Serve
) -> None:
    upstream = serve(hello)
    with Toxiproxy(toxiproxy_program) as other:
        ours, theirs = toxiproxy.proxy("same", upstream), other.proxy("same", upstream)
        ours.add(Toxic(type="timeout", attributes={"timeout": 0}))
        assert (len(ours.toxics()), len(theirs.toxics())) == (1, 0)


def test_reset_heals_everything(toxiproxy: Toxiproxy, proxy: Proxy) -> None:
    proxy.add(Toxic(type="limit_data", attributes={"bytes": 1}))
    proxy.add(Toxic(type="down"))
    toxiproxy.reset()
    with connect(proxy) as connection:
        assert read(connection, len(TEXT)) == TEXT


def test_what_the_server_refuses_is_an_error_in_its_words(proxy: Proxy, toxiproxy: Toxiproxy, serve: Serve) -> None:
    toxic = Toxic(type="latency", attributes={"latency": 1})
    proxy.add(toxic)
    with pytest.raises(ToxiproxyError, match="already exists"):
        proxy.add(toxic)
    proxy.remove(toxic)
    with pytest.raises(ToxiproxyError, match="not found"):
        proxy.remove(toxic)
    with pytest.raises(ToxiproxyError, match="not found"):
        proxy.update(toxic)


def test_a_server_error_and_a_server_that_is_gone_are_errors(
    toxiproxy: Toxiproxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = requests.Response()
    broken.status_code = 500
    with monkeypatch.context() as patch:
        patch.setattr(APIConsumer, "get", lambda *args, **kwargs: broken)
        with pytest.raises(ToxiproxyError, match="500"):
            _ = toxiproxy.version
    toxiproxy.kill()
    with pytest.raises(ToxiproxyError, match="did not answer"):
        _ = toxiproxy.version


def test_every_request_to_the_server_has_a_time_out(toxiproxy: Toxiproxy, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    real = requests.get

    def watched(*args: object, **kwargs: object) -> requests.Response:
        seen.append(kwargs.get("timeout"))
        return real(*args, **kwargs)  # type: ignore[arg-type]  # whatever the library passes

    monkeypatch.setattr(requests, "get", watched)
    assert toxiproxy.version
    assert seen
    assert None not in seen


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"type": "latancy"}, "there are latency, bandwidth"),
        ({"type": "latency", "attributes": {"delay": 1}}, "latency takes latency, jitter, not delay"),
        ({"type": "down", "attributes": {"delay": 1}}, "down takes nothing"),
        ({"type": "latency", "toxicity": 2}, "less than or equal to 1"),
        ({"type": "latency", "strem": "upstream"}, "Extra inputs"),
    ],
)
def test_a_misspelt_toxic_is_refused_with_what_there_is(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Toxic.model_validate(wrong)


def test_the_table_of_toxics_is_what_the_server_knows(proxy: Proxy) -> None:
    for kind, attributes in ATTRIBUTES.items():
        toxic = Toxic(type=kind, attributes=dict.fromkeys(attributes, 1))
        with proxy.toxic(toxic):
            assert proxy.toxics() == ([] if kind == "down" else [toxic.name])


def test_the_program_is_found_where_it_is_said_to_be(tmp_path: Path) -> None:
    assert find_server({"PATH": ""}, tmp_path) is None
    for name in (".tools/bin/server", "bin/toxiproxy-server"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.touch(mode=0o755)
    assert find_server({"PATH": ""}, tmp_path) == tmp_path / ".tools/bin/server"
    assert find_server({"PATH": str(tmp_path / "bin")}, tmp_path) == tmp_path / "bin/toxiproxy-server"
    assert find_server({"TOXIPROXY_SERVER": "/x"}, tmp_path) == Path("/x")
