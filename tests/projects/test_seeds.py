"""Seeds of several statements, of other formats than Delta, and at places of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import ScriptedEngine
from fakelivy.journal import Execution
from tests.answers import schema_with
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

SMALL_BATCHES = "{% macro fabricspark__get_batch_size() %}{{ return(2) }}{% endmacro %}"
ROWS = "id,name\n1,a\n2,b\n3,c\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home",)) as server:
        yield server


def seeds(project: Project, config: str) -> None:
    project.write(
        {
            "macros/batches.sql": SMALL_BATCHES,
            "seeds/people.csv": ROWS,
            "seeds/people.yml": f"seeds: [{{name: people, config: {{{config}}}}}]",
        }
    )


def seeded(project: Project) -> list[str]:
    """The statements of ``dbt seed`` that change anything."""
    begin = project.server.journal.size
    done = project.dbt("seed")
    assert done.success, done
    events = [entry.event for entry in project.server.journal.entries()[begin:]]
    # dbt puts no comment before what loads a seed.
    codes = [re.sub(r"/\*.*?\*/", "", event.code, flags=re.DOTALL) for event in events if isinstance(event, Execution)]
    return [" ".join(code.split()) for code in codes if re.match(r"\s*(create|drop|alter|insert)", code)]


def test_only_the_seed_itself_is_at_its_location(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="located")
    seeds(project, f"location_root: {tmp_path / 'root'}")
    executed = seeded(project)
    made = [code for code in executed if code.startswith("create or replace table")]
    assert ["__dbt_seed " in code for code in made] == [True, False]
    assert [f"location '{tmp_path}" in code for code in made] == [False, True]
    assert project.rows("select * from {{ ref('people') }} order by id") == [(1, "a"), (2, "b"), (3, "c")]


def test_a_seed_that_is_not_delta_stays_until_the_next_one_is_complete(tmp_path: Path) -> None:
    clock = SystemClock()
    # The embedded engine has tables of Delta only.
    engine = ScriptedEngine(clock, schema_with("dbo", "people", provider="parquet"))
    with FakeLivy(engine=engine, clock=clock) as server:
        project = Project(tmp_path, server, "livy", schema="dbo")
        seeds(project, "file_format: parquet")
        executed = seeded(project)
    assert [re.split(r" \(| select| using", code)[0] for code in executed] == [
        "drop table if exists dbo.people__dbt_seed",
        "create table dbo.people__dbt_seed",
        "insert into dbo.people__dbt_seed",
        "insert into dbo.people__dbt_seed",
        "drop table if exists dbo.people__dbt_new",
        "create table dbo.people__dbt_new",
        "drop table if exists dbo.people",
        "alter table dbo.people__dbt_new rename to dbo.people",
        "drop table if exists dbo.people__dbt_seed",
    ]
