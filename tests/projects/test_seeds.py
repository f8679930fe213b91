"""Seeds of several statements, of other formats than Delta, and at places of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy
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
    """The statements of ``dbt seed``, which succeeds and leaves the rows as they are in the file."""
    begin = project.server.journal.size
    done = project.dbt("seed")
    assert done.success, done
    executed = project.executed(begin)
    assert project.rows("select * from {{ ref('people') }} order by id") == [(1, "a"), (2, "b"), (3, "c")]
    return executed


def test_only_the_seed_itself_is_at_its_location(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="located")
    seeds(project, f"location_root: {tmp_path / 'root'}")
    made = {
        code.split(" ")[4].partition("located.")[2]: " location " in code
        for code in seeded(project)
        if code.startswith("create or replace table")
    }
    assert made == {"people__dbt_seed": False, "people": True}


def test_a_seed_of_another_format_stays_until_the_next_one_is_complete(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="formats")
    for config in ("file_format: parquet", "file_format: parquet", "file_format: delta", "file_format: parquet"):
        seeds(project, config)
        executed = [code for code in seeded(project) if "__dbt_seed" not in code]
        drops = [n for n, code in enumerate(executed) if code == "drop table if exists home.formats.people"]
        made = [n for n, code in enumerate(executed) if code.startswith(("create table", "create or replace table"))]
        assert len(made) == 1
        assert all(made[0] < drop for drop in drops)


def test_what_an_interrupted_seed_left_is_not_in_the_way(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="interrupted")
    seeds(project, "file_format: parquet")
    with server.fault('submit_statement[contains="insert into"]:before:status(400)@first(1)'):
        assert not project.dbt("seed").success
    seeded(project)
