"""Broken, slow and cut-off connections: the same over a socket and in the client's own thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from fakelivy import FakeLivy, FakeLivyError, ManualClock, SystemClock
from fakelivy.journal import Execution, HandlerError, Request
from tests.server.toy import Client, ToyEngine, eventually, fabric_base


@pytest.fixture(params=["socket", "in process"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def wired(transport: str, clock: ManualClock, engine: ToyEngine) -> Iterator[FakeLivy]:
    # A socket takes real time to hang.
    time_of = clock if transport == "in process" else SystemClock()
    engine.clock = time_of
    with FakeLivy(engine=engine, clock=time_of, seed=1, listen=transport == "socket") as server:
        yield server
        assert server.journal.events(HandlerError) == []


@pytest.fixture
def client(wired: FakeLivy, transport: str) -> Iterator[Client]:
    client = Client(wired.url)
    if transport == "in process":
        wired.mount(client.http)
    with client.http:
        yield client


def fails(client: Client, *, timeout: float = 5.0) -> requests.RequestException:
    with pytest.raises(requests.RequestException) as caught:
        client.http.get(f"{client.base}/version", timeout=timeout)
    return caught.value


def test_a_statement_runs(client: Client) -> None:
    statement = client.submit(client.session(), "select 1")
    assert client.get(f"{statement}?from=0").json()["state"] == "available"
    assert client.get("/sessions/99").json() == {"msg": "Session '99' not found."}
    assert client.get("/sessions", headers={"Origin": "x"}).status_code == 403


def test_unicode_and_odd_paths_arrive(client: Client, wired: FakeLivy) -> None:
    session = client.session(name="größe/ß")
    statement = client.submit(session, "select 'ü €'")
    assert client.get(statement).json()["code"] == "select 'ü €'"
    assert client.get("/sessions/gr%C3%B6%C3%9Fe%2F%C3%9F").status_code == 404
    assert client.get("/nowhere/%41").status_code == 404


def test_both_dialects_are_there(client: Client, wired: FakeLivy) -> None:
    base = fabric_base(wired)
    assert client.http.get(f"{base}/sessions", timeout=5).status_code == 401
    headers = {"Authorization": "Bearer fakelivy"}
    assert client.http.get(f"{base}/sessions", headers=headers, timeout=5).status_code == 200


@pytest.mark.parametrize("phase", ["before", "after_commit"])
def test_a_reset_is_a_connection_error(client: Client, wired: FakeLivy, phase: str) -> None:
    wired.arm(f"version:{phase}:reset@first(1)")
    error = fails(client)
    assert type(error) is requests.ConnectionError
    assert "Connection aborted" in str(error)
    assert "reset by peer" in str(error).lower()
    assert client.get("/version").status_code == 200
    assert [r.status for r in wired.journal.events(Request)] == [0, 200]


def test_broken_connections_leave_no_traceback_in_the_web_servers_log(
    client: Client, wired: FakeLivy, caplog: pytest.LogCaptureFixture
) -> None:
    before = set(threading.enumerate())  # other servers of this process have connections too
    wired.arm("version:before:reset@every(2)")
    wired.arm("version:before:close")
    for _ in range(6):
        fails(client)
    wired.stop()
    eventually(lambda: not [each for each in set(threading.enumerate()) - before if "process_request" in each.name])
    assert [record.getMessage() for record in caplog.records if record.name == "werkzeug"] == []


def test_a_closed_connection_is_a_connection_error(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:before:close@first(1)")
    error = fails(client)
    assert type(error) is requests.ConnectionError
    assert "closed connection without response" in str(error)


def test_a_submit_whose_reply_is_lost_has_been_executed(client: Client, wired: FakeLivy) -> None:
    session = client.session()
    wired.arm("submit_statement:after_commit:reset@first(1)")
    with pytest.raises(requests.ConnectionError):
        client.submit(session, "insert")
    assert [e.code for e in wired.journal.events(Execution)] == ["insert"]


def test_a_hang_is_the_clients_own_read_timeout(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:before:hang@first(1)")
    began = wired.clock.monotonic()
    error = fails(client, timeout=0.3)
    assert type(error) is requests.ReadTimeout
    assert wired.clock.monotonic() - began >= 0.29
    eventually(lambda: [r.status for r in wired.journal.events(Request)] == [0])
    assert client.get("/version").status_code == 200


def test_a_hang_shorter_than_the_timeout_ends_the_connection(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:before:hang(0.2)")
    assert "closed connection without response" in str(fails(client))


def test_a_delay_is_only_a_delay(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:before:delay(0.2,jitter=0.1)")
    began = wired.clock.monotonic()
    assert client.get("/version").status_code == 200
    assert wired.clock.monotonic() - began >= 0.2


def test_a_truncated_body_is_an_incomplete_read(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:body:truncate(10)")
    error = fails(client)
    assert type(error) is requests.exceptions.ChunkedEncodingError
    assert "IncompleteRead(10 bytes read" in str(error)


def test_a_body_can_be_cut_to_nothing(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:body:truncate(0)")
    assert "IncompleteRead(0 bytes read" in str(fails(client))


def test_a_dribbled_body_arrives_whole(client: Client, wired: FakeLivy) -> None:
    whole = client.get("/version").json()
    wired.arm("version:body:dribble(16,pause=0.02)")
    began = wired.clock.monotonic()
    assert client.get("/version").json() == whole
    assert wired.clock.monotonic() - began >= 0.1


def test_each_piece_of_a_slow_body_has_the_whole_timeout(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:body:dribble(20,pause=0.6)")
    reply = client.http.get(f"{client.base}/version", timeout=2)
    assert len(reply.content) > 4 * 20, "so the whole took longer than one piece may"
    assert reply.json()["user"] == "fakelivy"


def test_a_pause_within_a_body_is_a_timeout_of_its_own(client: Client, wired: FakeLivy) -> None:
    wired.arm("version:body:dribble(100,pause=3)")
    error = fails(client, timeout=0.3)
    assert isinstance(error, requests.ConnectionError | requests.ReadTimeout)
    assert "timed out" in str(error)


def test_clearing_a_fault_lets_go_of_the_requests_it_holds(engine: ToyEngine, clock: ManualClock) -> None:
    with FakeLivy(engine=engine, clock=clock) as server:
        server.arm("d=version:before:delay(1000)")
        client, replies = Client(server.url), list[int]()
        thread = threading.Thread(target=lambda: replies.append(client.get("/version").status_code), daemon=True)
        thread.start()
        eventually(lambda: server.armed[0].fires)
        server.clear("d")
        thread.join(60)
        assert replies == [200]


def test_advancing_the_clock_ends_a_delay(engine: ToyEngine, clock: ManualClock) -> None:
    with FakeLivy(engine=engine, clock=clock) as server:
        server.arm("version:before:delay(1000)")
        client, replies = Client(server.url), list[int]()
        thread = threading.Thread(target=lambda: replies.append(client.get("/version").status_code), daemon=True)
        thread.start()
        eventually(lambda: server.armed[0].fires)
        clock.advance(1000)
        thread.join(60)
        assert replies == [200]


def test_a_server_that_stops_lets_go_of_hung_requests(engine: ToyEngine) -> None:
    server = FakeLivy(engine=engine)
    server.start()
    server.arm("version:before:hang")
    client, errors = Client(server.url), list[Exception]()

    def call() -> None:
        try:
            client.get("/version")
        except requests.RequestException as error:
            errors.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    eventually(lambda: server.armed[0].fires)
    server.stop()
    thread.join(60)
    assert [type(error) for error in errors] == [requests.ConnectionError]


def test_hours_of_hanging_cost_no_time_in_process(engine: ToyEngine, clock: ManualClock) -> None:
    began = time.monotonic()
    with FakeLivy(engine=engine, clock=clock, listen=False) as server:
        server.arm("version:before:hang(43200)")
        with server.mount(requests.Session()) as http:
            for _ in range(10):
                with pytest.raises(requests.ReadTimeout):
                    http.get(f"{server.url}/version", timeout=(5, 36000))
    assert clock.monotonic() == 360_000
    assert time.monotonic() - began < 60


def test_mounting_needs_a_running_server_in_manual_time(engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, listen=False) as server, pytest.raises(FakeLivyError, match="ManualClock"):
        server.mount(requests.Session())
