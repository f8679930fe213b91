"""What a MERGE reads: the model's query itself, but a temporary view where Delta 3.2 would refuse the query there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = "{{ config(materialized='incremental', incremental_strategy='%s', unique_key='id') }} "
NEW = "{% if is_incremental() %} where id >= (select max(id) from {{ this }}){% endif %}"
CTE = "with numbers as (select 1 as id, 'a' as v union all select 2, 'b') select * from numbers "


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home",)) as server:
        yield server


@pytest.mark.parametrize("strategy", ["merge", "delete+insert"])
@pytest.mark.parametrize(
    ("sql", "view"),
    [
        (CTE + NEW, True),
        (CTE, False),
        ("select * from (select 1 as id, 'a' as v union all select 2, 'b') " + NEW, False),
    ],
    ids=["CTEs and its own table", "CTEs", "its own table"],
)
def test_a_merge_reads_a_view_only_where_its_query_has_ctes_and_looks_into_its_own_table(
    strategy: str, sql: str, view: bool, server: FakeLivy, tmp_path: Path
) -> None:
    project = Project(tmp_path, server, schema=tmp_path.name.lower())
    project.write({"models/kept.sql": CONFIG % strategy + sql})
    assert project.dbt("run").success
    begin = server.journal.size
    assert project.dbt("run").success
    executed = project.executed(begin)
    assert len([code for code in executed if "create or replace temporary view" in code.lower()]) == view
    (merge,) = [code for code in executed if "merge into" in code.lower()]
    assert ("with numbers" in merge) == ("with" in sql and not view)
    assert sorted(project.rows("select * from {{ ref('kept') }}")) == [(1, "a"), (2, "b")]
