"""What dbt's own fixtures build on: one fake server and one session for each worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import freezegun
import pytest
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, SessionManagers
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.resilience.runtime import Runtime, SystemRuntime

from fakelivy import FakeLivy
from tests.engines import engine_options
from tests.functional.impatient import ImpatientRuntime

# Some tests stop the clock for dbt; the server and its client must go on. Said before those tests are imported.
freezegun.configure(extend_ignore_list=["dbt.adapters.fabricspark", "fakelivy", "tests.functional.impatient"])


class KeptSessions(SessionManagers):
    """A session survives the end of a dbt command, so that the next one need not start another."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.used: dict[str, FabricSparkCredentials] = {}

    def disconnect(self, credentials: FabricSparkCredentials) -> None:
        self.used[repr(credentials)] = credentials

    def end(self) -> None:
        for credentials in self.used.values():
            super().disconnect(credentials)


@pytest.fixture(scope="session")
def conformance_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    url = request.config.getoption("--spark-url")
    # Spark takes its time, and a clock that runs faster would give it up.
    sessions = KeptSessions(SystemRuntime() if url else ImpatientRuntime())
    with FakeLivy(**engine_options(request, tmp_path_factory)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(FabricSparkConnectionManager, "sessions", sessions)
        yield server
        sessions.end()


@pytest.fixture(scope="class")
def conformance_target(conformance_server: FakeLivy) -> dict[str, Any]:
    outputs = conformance_server.profile("livy")["fakelivy"]["outputs"]
    # Whatever one thread waits for, the others' clock runs on as well.
    patience = dict.fromkeys(("session_start_timeout", "statement_timeout", "http_timeout"), 1_000_000)
    return {**next(iter(outputs.values())), **patience}


@pytest.fixture(scope="class")
def dbt_profile_target(conformance_target: dict[str, Any]) -> dict[str, Any]:
    return conformance_target


@pytest.fixture(scope="class")
def profile_user(request: pytest.FixtureRequest) -> str | None:
    # A Spark without authentication names no owner.
    return None if request.config.getoption("--spark-url") else "fakelivy"


@pytest.fixture(scope="module")
def test_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Of a name only: some tests make the folder, and remove it.
    return tmp_path_factory.mktemp("data") / "made_by_a_test"


@pytest.fixture(scope="class")
def logs_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("logs"))
        patch.setenv("DBT_LOG_PATH", folder)
        yield folder
