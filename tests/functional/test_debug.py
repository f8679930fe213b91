"""``dbt debug`` says what is wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, SessionManagers
from dbt.cli.main import dbtRunner

from fakelivy import FakeLivy
from tests.functional.conftest import Dbt
from tests.functional.impatient import OneThread

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

MakeDbt = Callable[[Mapping[str, str]], Dbt]


class _HomePage(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = b"<html><h1>Welcome to the shop</h1></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def website() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _HomePage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def vacant() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def debug(dbt: Dbt, server: FakeLivy, target: str, change: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether all checks passed, and what was printed. In this process: starting dbt takes longer than the check."""
    profile = server.profile()
    output = profile["fakelivy"]["outputs"][target]
    output.update(change)
    profile["fakelivy"]["outputs"][target] = {name: value for name, value in output.items() if value != "REMOVE"}
    dbt.profile(profile)
    said: list[str] = []
    # The events are protobuf messages, which have no types.
    runner = dbtRunner(callbacks=[lambda event: said.append(getattr(event.info, "msg"))])  # noqa: B009
    place = str(dbt.folder)
    result = runner.invoke(["debug", "--target", target, "--project-dir", place, "--profiles-dir", place])
    return result.success, " ".join(" ".join(said).split())


@pytest.mark.parametrize("target", ["livy", "fabric"])
def test_a_right_profile_passes_all_checks(target: str, make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    result = make_dbt({}).run("debug", "--target", target)
    assert result.returncode == 0, result.stdout
    assert f"server: {fakelivy_server.url}" in result.stdout
    assert "All checks passed!" in result.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"workspaceid": "REMOVE"}, "livy_mode 'fabric' needs workspaceid in the profile"),
        ({"lakehouse_id": "x"}, "unknown field 'lakehouse_id'. Did you mean 'lakehouseid'?"),
        ({"workspaceid": "my-workspace"}, "workspaceid 'my-workspace' is not a GUID"),
        ({"endpoint": "http://fabric.example/v1"}, "must start with https://"),
        ({"lakehouseid": "01234567-89ab-cdef-0123-456789abcdef"}, "ItemNotFound"),
        ({"accessToken": "wrong"}, "answered 401"),
    ],
    ids=["missing", "misspelt", "guid", "http", "lakehouse", "token"],
)
def test_a_wrong_profile_is_named(
    change: dict[str, Any], words: str, make_dbt: MakeDbt, fakelivy_server: FakeLivy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A lakehouse that is not there may be a new one, and is given half a minute.
    monkeypatch.setattr(FabricSparkConnectionManager, "sessions", SessionManagers(OneThread()))
    passed, output = debug(make_dbt({}), fakelivy_server, "fabric", change)
    assert not passed
    assert words in output
    assert "Traceback" not in output


def test_a_missing_azure_cli_is_named(
    make_dbt: MakeDbt, fakelivy_server: FakeLivy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    passed, output = debug(make_dbt({}), fakelivy_server, "fabric", {"authentication": "CLI", "connect_retries": 0})
    assert not passed
    assert "no access token: Azure CLI not found on path" in output


def test_a_server_that_is_not_there_is_named(make_dbt: MakeDbt, fakelivy_server: FakeLivy, vacant: str) -> None:
    passed, output = debug(make_dbt({}), fakelivy_server, "livy", {"livy_url": vacant, "connect_retries": 0})
    assert not passed
    assert f"POST {vacant}/sessions: connection refused" in output


def test_a_server_that_is_not_livy_is_named(make_dbt: MakeDbt, fakelivy_server: FakeLivy, website: str) -> None:
    passed, output = debug(make_dbt({}), fakelivy_server, "livy", {"livy_url": website})
    assert not passed
    assert "answered 200 with text/html instead of JSON: is this a Livy server?" in output
