"""The command line, as a person or a script meets it: in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from click.testing import CliRunner

from fakelivy import FakeLivy
from fakelivy.cli import main
from tests.server.toy import Client, eventually

Serve = Callable[..., "Served"]


class Served:
    """``fakelivy serve`` as a process, up to its first line."""

    def __init__(self, *options: str) -> None:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fakelivy", "serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            bufsize=0,  # so that reading a line takes no more than the line
            start_new_session=True,
        )
        assert self.process.stdout
        self.first = self.process.stdout.readline().decode()
        found = re.search(r"https?://\S+", self.first)
        self.url = found[0] if found else ""

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, how: signal.Signals) -> tuple[int, str, str]:
        """Exit code, the rest of stdout, and stderr."""
        self.process.send_signal(how)
        return self.rest()

    def rest(self) -> tuple[int, str, str]:
        out, _ = self.process.communicate(timeout=90)
        self.errors.seek(0)
        return self.process.returncode, out.decode(), self.errors.read()

    def dispose(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.errors.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    running: list[Served] = []

    def start(*options: str, engine: str = "scripted", warehouse: Path = tmp_path / "warehouse") -> Served:
        running.append(Served("--engine", engine, "--warehouse", str(warehouse), *options))
        return running[-1]

    yield start
    for served in running:
        served.dispose()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_serve_says_where_it_is_and_stops_cleanly(serve: Serve, tmp_path: Path, how: signal.Signals) -> None:
    served = serve("--seed", "5")
    livy = Client(served.url)
    assert livy.state(livy.submit(livy.session(), "select 1")) == "available"
    code, out, err = served.end(how)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "fakelivy stopped"
    assert f"warehouse {tmp_path / 'warehouse'}, seed 5" in out
    assert served.url in out


def test_serve_prints_a_line_for_each_request_only_when_verbose(serve: Serve) -> None:
    quiet, verbose = serve(), serve("--verbose")
    for served in (quiet, verbose):
        Client(served.url).get("/sessions/4")
    assert "/sessions/4" not in quiet.end(signal.SIGINT)[1]
    assert re.search(r"^\d\d:\d\d:\d\d 404 GET /sessions/4$", verbose.end(signal.SIGINT)[1], re.MULTILINE)


def test_serve_keeps_the_token_out_of_its_journal(serve: Serve, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    served = serve("--token", "s3cret-token", "--journal", str(journal))
    assert Client(f"{served.url}/v1", "fakelivy").get("/workspaces").status_code == 401
    assert Client(f"{served.url}/v1", "s3cret-token").get("/workspaces").status_code == 200
    served.end(signal.SIGTERM)
    assert '"Request"' in journal.read_text()
    assert "s3cret-token" not in journal.read_text()


def test_serve_takes_knobs_and_names_the_one_that_was_meant(serve: Serve) -> None:
    served = serve("--knob", "csrf_protection=true", "--knob", "livy.unique_names=false")
    assert Client(served.url).post("/sessions", {}).status_code == 400
    assert "did you mean 'csrf_protection'?" in failed(serve("--knob", "csrf_protect=true"))


def failed(served: Served) -> str:
    """The one line on stderr of a server that did not start."""
    code, out, err = served.rest()
    assert (code, served.first, out) == (1, "", "")
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    return err


def test_a_taken_port_is_one_clear_line(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 is in use" in failed(serve("--port", str(port)))


def test_a_bad_warehouse_is_one_clear_line(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert "is not a folder" in failed(serve(warehouse=file))
    corrupt = tmp_path / "corrupt"
    corrupt.mkdir()
    (corrupt / "catalog.sqlite").write_bytes(b"this is not a database" * 100)
    assert "catalog.sqlite" in failed(serve(engine="sail", warehouse=corrupt))


def test_a_public_address_is_one_clear_line(serve: Serve) -> None:
    assert "executes code" in failed(serve("--host", "0.0.0.0"))


def rows_of(livy: Client, session: str, sql: str) -> Any:
    path = livy.submit(session, sql)
    output = eventually(lambda: livy.get(path).json()["output"], sql)
    assert output["status"] == "ok", output
    return output["data"]["application/json"]["data"]


def test_sail_answers_sql_keeps_tables_and_leaves_no_process(serve: Serve, tmp_path: Path) -> None:
    for number in (1, 2):
        served = serve(engine="sail")
        livy = Client(served.url)
        session = livy.session()
        statements = ["create table t (n bigint) using delta", "insert into t values (41)"] if number == 1 else []
        rows = [rows_of(livy, session, sql) for sql in (*statements, "select n + 1 as n from t")]
        assert rows[-1] == [[42]]
        children = served.children()
        assert children
        # The whole foreground group gets a Ctrl-C in a terminal, the engine's processes too.
        for child in children:
            child.send_signal(signal.SIGINT)
        code, out, err = served.end(signal.SIGINT)
        assert (code, err) == (0, "")
        assert "fakelivy stopped" in out
        assert psutil.wait_procs(children, timeout=90)[1] == []


def test_sail_processes_end_even_when_the_server_is_killed(serve: Serve) -> None:
    served = serve(engine="sail")
    Client(served.url).session()
    children = served.children()
    served.end(signal.SIGKILL)
    assert psutil.wait_procs(children, timeout=90)[1] == []


@pytest.mark.parametrize(
    ("dialect", "targets"), [("livy", ["livy"]), ("fabric", ["fabric"]), ("both", ["livy", "fabric"])]
)
def test_profile_prints_yaml_for_dbt(dialect: str, targets: list[str]) -> None:
    result = CliRunner().invoke(main, ["profile", "--dialect", dialect, "--url", "http://127.0.0.1:9/"])
    assert result.exit_code == 0
    profile = yaml.safe_load(result.output)["fakelivy"]
    assert profile["target"] == targets[0]
    assert list(profile["outputs"]) == targets
    expected = {
        "livy": {
            "type": "fabricspark",
            "method": "livy",
            "livy_mode": "local",
            "livy_url": "http://127.0.0.1:9",
            "lakehouse": "lakehouse",
            "schema": "dbo",
            "threads": 4,
            "spark_config": {"name": "dbt"},
        },
        "fabric": {
            "type": "fabricspark",
            "method": "livy",
            "livy_mode": "fabric",
            "endpoint": "http://127.0.0.1:9/v1",
            "workspaceid": "9f7d6cde-7805-536c-b2a2-e648e9a4d4f5",
            "lakehouseid": "7f5ac466-11ab-5fc2-ab70-0647b5bcf746",
            "authentication": "token",
            "accessToken": "fakelivy",
            "lakehouse": "lakehouse",
            "schema": "dbo",
            "threads": 4,
            "spark_config": {"name": "dbt"},
        },
    }
    assert profile["outputs"] == {target: expected[target] for target in targets}


def test_serve_prints_the_profile_that_reaches_it(serve: Serve) -> None:
    served = serve("--lakehouse", "gold", "--no-schemas", "--token", "t0ken")
    out = served.end(signal.SIGINT)[1]
    text = out[out.index("fakelivy:\n") : out.index("fakelivy stopped")]
    options = ["profile", "--url", served.url, "--lakehouse", "gold", "--no-schemas", "--token", "t0ken"]
    assert yaml.safe_load(text) == yaml.safe_load(CliRunner().invoke(main, options).output)
    assert yaml.safe_load(text)["fakelivy"]["outputs"]["fabric"]["accessToken"] == "t0ken"


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["serve", "--help"], 0), (["--version"], 0), (["nope"], 2)]
)
def test_help_and_version_work_and_typos_are_usage_errors(arguments: list[str], code: int) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == code


def test_serve_over_https_prints_what_its_clients_need(serve: Serve) -> None:
    served = serve("--tls", "--tokens", "verify", "--token-lifetime", "60")
    assert served.url.startswith("https://")
    assert served.process.stdout
    lines = [served.process.stdout.readline().decode() for _ in range(6)]
    environment = dict(re.findall(r"^export (\w+)=(.*)$", "".join(lines), re.MULTILINE))
    assert environment["AZURE_AUTHORITY_HOST"] == served.url
    client = Client(served.url)
    client.http.verify = environment["REQUESTS_CA_BUNDLE"]
    assert client.get("/version").ok
    code, rest, errors = served.end(signal.SIGTERM)
    assert (code, errors) == (0, "")
    content = yaml.safe_load(rest.partition("fakelivy stopped")[0])
    target = content["fakelivy"]["outputs"]["fabric"]
    assert (target["authentication"], target["authority"]) == ("SPN", served.url)
    assert not Path(environment["REQUESTS_CA_BUNDLE"]).exists()


def test_the_profile_of_an_https_server_is_the_one_it_prints() -> None:
    result = CliRunner().invoke(main, ["profile", "--url", "https://127.0.0.1:1/", "--dialect", "fabric"])
    with FakeLivy(engine="scripted", tls=True) as server:
        served = server.profile("fabric")
        served["fakelivy"]["outputs"]["fabric"]["endpoint"] = "https://127.0.0.1:1/v1"
        served["fakelivy"]["outputs"]["fabric"]["authority"] = "https://127.0.0.1:1"
    assert yaml.safe_load(result.output) == served


def test_serve_writes_a_stand_in_for_az(serve: Serve, tmp_path: Path) -> None:
    served = serve("--az", str(tmp_path / "bin"), "--tokens", "verify")
    command = [str(tmp_path / "bin" / "az"), "account", "get-access-token", "--resource"]
    fabric = [*command, "https://api.fabric.microsoft.com"]
    # The folder is written after the first line, which is all that has been waited for.
    eventually(lambda: (tmp_path / "bin" / "az").exists() and (tmp_path / "bin" / "az").stat().st_mode & 0o111)
    got = subprocess.run(fabric, capture_output=True, text=True, timeout=120, check=True)
    client = Client(served.url, json.loads(got.stdout)["accessToken"])
    assert client.get("/v1/workspaces").ok
    nobody = subprocess.run([*command, "https://x"], capture_output=True, text=True, timeout=120, check=False)
    assert nobody.returncode == 1
    assert "AADSTS500011" in nobody.stderr
    served.end(signal.SIGTERM)
    late = subprocess.run(fabric, capture_output=True, text=True, timeout=120, check=False)
    assert late.returncode == 1
    assert f"no answer from {served.url}" in late.stderr


def test_an_az_that_cannot_be_written_is_one_line(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, errors = serve("--az", str(tmp_path / "file")).rest()
    assert (code, errors.count("\n")) == (1, 1)
    assert "cannot write az into" in errors


def test_the_profile_has_the_name_that_is_asked_for() -> None:
    printed = CliRunner().invoke(main, ["profile", "--name", "my_project"]).output
    assert list(yaml.safe_load(printed)) == ["my_project"]


def test_the_spark_engine_wants_a_url_and_no_other_engine_does() -> None:
    runner = CliRunner()
    missing = runner.invoke(main, ["serve", "--port", "0", "--engine", "spark"])
    assert (missing.exit_code, "needs a URL such as sc://127.0.0.1:15002" in missing.output) == (1, True)
    stray = runner.invoke(main, ["serve", "--port", "0", "--spark-url", "sc://127.0.0.1:1"])
    assert (stray.exit_code, "--spark-url needs --engine spark" in stray.output) == (2, True)
