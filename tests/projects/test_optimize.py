"""`optimize` after a build: off, unless the profile or a model says otherwise; the model has the last word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

MODEL = "{{ config(materialized='table'%s) }} select 1 as id"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home",)) as server:
        yield server


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (False, ["optimize home.off.asked zorder by (id)"]),
        (True, ["optimize home.on.asked zorder by (id)", "optimize home.on.silent"]),
    ],
)
def test_tables_are_optimized_where_profile_or_model_say_so(
    wish: bool, expected: list[str], server: FakeLivy, tmp_path: Path
) -> None:
    project = Project(tmp_path, server, schema="on" if wish else "off", auto_optimize=wish)
    project.write(
        {
            "models/silent.sql": MODEL % "",
            "models/asked.sql": MODEL % ", auto_optimize=true, zorder='id'",
            "models/declined.sql": MODEL % ", auto_optimize=false",
            "models/view.sql": "select 1 as id",
        }
    )
    begin = server.journal.size
    built = project.dbt("run")
    assert built.success, built
    assert sorted(code for code in project.executed(begin) if code.startswith("optimize")) == expected
