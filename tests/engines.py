"""Which engine runs the SQL of tests that hold on each: the embedded one, or real Spark by ``--spark-url``."""

from __future__ import annotations

from typing import Any

import pytest


def engine_options(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> dict[str, Any]:
    """Arguments of ``FakeLivy`` for the engine that this run of pytest asks for."""
    url = request.config.getoption("--spark-url")
    return {"engine": "spark", "spark_url": url} if url else {"warehouse": folders.mktemp("warehouse")}
