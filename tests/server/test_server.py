"""The server object: setting up, refusing, ending; journal and ids."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import fakelivy
from fakelivy import FakeLivy, FakeLivyError, ManualClock
from fakelivy.errors import FABRIC, LIVY, Problem
from fakelivy.ids import item_guid
from fakelivy.journal import HandlerError, Journal, Request, SessionMoved
from tests.server.toy import Client, ToyEngine, eventually, fabric_base


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.7.7", "example.com"])
def test_a_public_address_is_refused_unless_allowed(engine: ToyEngine, host: str) -> None:
    with pytest.raises(FakeLivyError, match="executes code"):
        FakeLivy(engine=engine, host=host)


def test_a_public_address_can_be_allowed(engine: ToyEngine) -> None:
    FakeLivy(engine=engine, host="0.0.0.0", allow_public=True).stop()


def test_a_taken_port_is_a_clear_error_and_closes_the_engine(engine: ToyEngine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = FakeLivy(engine=engine, port=port)
        with pytest.raises(FakeLivyError, match=f"port {port} on 127.0.0.1 is in use"):
            server.start()
    assert engine.closed


@pytest.mark.parametrize("port", [-1, 70000])
def test_an_impossible_port_is_a_clear_error(engine: ToyEngine, port: int) -> None:
    with pytest.raises(FakeLivyError, match="not a port"):
        FakeLivy(engine=engine, port=port).start()


def test_a_warehouse_that_is_a_file_is_a_clear_error(engine: ToyEngine, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for warehouse in (file, file / "below"):
        with pytest.raises(FakeLivyError, match="is not a folder"):
            FakeLivy(engine=engine, warehouse=warehouse)


@pytest.mark.parametrize("wrong", [{"faults": ["version:before:rest"]}, {"engine": "snail"}, {"journal_file": "."}])
def test_a_server_that_cannot_be_made_leaves_no_folder(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(FakeLivyError):
        FakeLivy(**{"engine": "scripted", "warehouse": tmp_path / "warehouse", **wrong})
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_cannot_be_written_is_a_clear_error(engine: ToyEngine, tmp_path: Path) -> None:
    with pytest.raises(FakeLivyError, match="cannot write the journal"):
        FakeLivy(engine=engine, journal_file=tmp_path)


def test_a_corrupt_warehouse_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"this is not a database" * 100)
    with pytest.raises(FakeLivyError, match=r"catalog\.sqlite"):
        FakeLivy(engine="sail", warehouse=tmp_path)


def test_an_unknown_engine_is_a_clear_error() -> None:
    with pytest.raises(FakeLivyError, match="no engine 'snail'"):
        FakeLivy(engine="snail")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_stops_the_journal_file_and_nothing_else(clock: ManualClock, engine: ToyEngine) -> None:
    with FakeLivy(engine=engine, clock=clock, journal_file="/dev/full") as server:
        livy = Client(server.url)
        assert livy.state(livy.submit(livy.session(), "select 1")) == "available"
        assert isinstance(server.journal.file_error, OSError)


def test_a_request_of_a_web_page_is_refused(livy: Client, fabric: Client) -> None:
    headers = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
    assert livy.call("POST", "/sessions", data="{}", headers=headers).status_code == 403
    assert fabric.call("POST", "/sessions", data="{}", headers=headers).status_code == 403
    assert livy.get("/sessions").json()["total"] == 0


def test_a_bug_outside_the_handlers_is_a_500_and_on_record(
    server: FakeLivy, livy: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError("secret internals")

    monkeypatch.setattr("fakelivy.app._record", broken)
    reply = livy.get("/sessions")
    assert (reply.status_code, type(reply.json())) == (500, str)
    assert "secret" not in reply.text
    assert "secret internals" in server.journal.events(HandlerError)[0].traceback


def test_lakehouse_names_must_be_there_and_differ(engine: ToyEngine) -> None:
    for names in ([], ["a", "a"]):
        with pytest.raises(FakeLivyError, match="lakehouse"):
            FakeLivy(engine=engine, lakehouses=names)


def test_stopping_ends_every_thread_session_and_the_engine(engine: ToyEngine) -> None:
    before = set(threading.enumerate())
    with FakeLivy(engine=engine) as server:
        livy = Client(server.url)
        livy.submit(livy.session(), "never")
        warehouse = server.warehouse
        assert warehouse.is_dir()
    server.stop()
    assert [session.closed for session in engine.sessions] == [1]
    assert engine.closed
    assert not warehouse.exists()
    eventually(lambda: set(threading.enumerate()) <= before)


def test_stopping_while_a_session_starts_leaves_no_session(engine: ToyEngine) -> None:
    before = set(threading.enumerate())
    engine.gate.clear()
    server = FakeLivy(engine=engine)
    server.start()
    Client(server.url).post("/sessions", {})
    threading.Timer(0.05, engine.gate.set).start()
    server.stop()
    assert [session.closed for session in engine.sessions] == [1]
    eventually(lambda: set(threading.enumerate()) <= before)


def test_a_server_starts_once(engine: ToyEngine) -> None:
    with FakeLivy(engine=engine) as server, pytest.raises(FakeLivyError, match="starts once"):
        server.start()


def test_several_servers_live_side_by_side(clock: ManualClock) -> None:
    with FakeLivy(engine=ToyEngine(clock)) as one, FakeLivy(engine=ToyEngine(clock)) as two:
        Client(one.url).session()
        assert Client(two.url).get("/sessions").json()["total"] == 0


def test_the_same_seed_gives_the_same_ids(clock: ManualClock) -> None:
    def ids(seed: int) -> list[str]:
        with FakeLivy(engine=ToyEngine(clock), seed=seed) as server:
            fabric = Client(fabric_base(server), "fakelivy")
            return [fabric.post("/sessions", {}).json()["id"] for _ in range(3)]

    assert ids(7) == ids(7)
    assert ids(7) != ids(8)


def test_workspace_and_lakehouse_ids_outlive_the_server() -> None:
    assert item_guid("fakelivy", "lakehouse") == "7f5ac466-11ab-5fc2-ab70-0647b5bcf746"
    assert item_guid("fakelivy") == "9f7d6cde-7805-536c-b2a2-e648e9a4d4f5"


def test_the_journal_file_holds_every_event_and_no_token(engine: ToyEngine, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    with FakeLivy(engine=engine, token="s3cret-token", journal_file=file) as server:
        fabric = Client(fabric_base(server), "s3cret-token")
        fabric.get(f"{fabric.session()}?token=s3cret-token")
        assert "s3cret-token" not in repr(server.journal.entries())
        entries = server.journal.entries()
    text = file.read_text()
    assert "s3cret-token" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    assert len(lines) >= len(entries)
    assert {line["event"] for line in lines} >= {"Request", "SessionMoved"}


def test_the_journal_keeps_the_newest_in_memory_and_tells_its_listeners() -> None:
    journal = Journal(ManualClock(), keep=2)
    heard: list[int] = []
    journal.listen(lambda entry: heard.append(entry.seq))
    for state in ("a", "b", "c"):
        journal.add(SessionMoved("0", None, state, ""))
    assert [event.after for event in journal.events(SessionMoved)] == ["b", "c"]
    assert heard == [0, 1, 2]
    assert journal.events(Request) == []


def test_a_bug_in_a_handler_looks_like_the_real_servers_500_and_is_on_record(
    server: FakeLivy, livy: Client, fabric: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret internals")

    monkeypatch.setattr("fakelivy.store.Store.sessions", broken)
    reply = livy.get("/sessions")
    assert (reply.status_code, type(reply.json())) == (500, str)
    assert fabric.get("/sessions").json()["errorCode"] == "InternalServerError"
    assert "secret" not in reply.text
    assert [error.where for error in server.journal.events(HandlerError)] == ["list_sessions", "list_sessions"]


def test_every_problem_has_a_reply_in_each_dialect_it_can_occur_in() -> None:
    only_livy = {Problem.NO_CSRF_HEADER, Problem.BAD_VERSION, Problem.NO_IMPERSONATION}
    only_fabric = {
        Problem.NUMERIC_SESSION,
        Problem.NO_WORKSPACE,
        Problem.NO_LAKEHOUSE,
        Problem.NO_TOKEN,
        Problem.TOKEN_EXPIRED,
        Problem.NO_REPL,
        Problem.NO_HIGH_CONCURRENCY,
        Problem.NAME_TAKEN,
        Problem.NO_OPERATION,
        Problem.NO_RESULT,
        Problem.NO_SHORTCUT,
        Problem.SHORTCUT_EXISTS,
        Problem.NO_JOB,
        Problem.NO_SCHEDULE,
        Problem.BAD_JOB_TYPE,
        Problem.BAD_TOKEN,
        Problem.NO_TABLES_HERE,
    }
    assert set(Problem) - set(LIVY) == only_fabric
    assert set(Problem) - set(FABRIC) == only_livy


def test_the_package_shows_what_it_says() -> None:
    assert all(getattr(fakelivy, name) for name in fakelivy.__all__)
    with pytest.raises(AttributeError):
        fakelivy.nothing  # noqa: B018  # the access is the test


def test_importing_the_package_imports_no_web_framework_and_no_engine() -> None:
    code = "import fakelivy, sys; print([m for m in ('werkzeug', 'pyspark', 'pysail', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
