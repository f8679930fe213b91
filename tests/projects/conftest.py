"""Small projects on the engine that this run of pytest asks for, and what other tests of dbt processes need, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.client import connect

from fakelivy import FakeLivy
from tests.engines import engine_options
from tests.functional.conftest import fakelivy_server, make_dbt
from tests.projects.project import Project

__all__ = ["fakelivy_server", "make_dbt"]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    """A server with one lakehouse, ``home``: with an engine of its own, or on the Spark of ``--spark-url``."""
    with FakeLivy(**engine_options(request, tmp_path_factory), lakehouses=("home",)) as server:
        yield server


@pytest.fixture
def project(server: FakeLivy, tmp_path: Path) -> Iterator[Project]:
    """An empty project with a schema of its own, which is gone afterwards: a Spark server outlives the tests."""
    schema = tmp_path.name.lower()
    yield Project(tmp_path, server, schema=schema)
    client = connect(server.url)
    client.execute(f"drop schema if exists {schema} cascade")
    client.close()
