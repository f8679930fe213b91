"""Replacing partitions: those that the model does not fill survive, even if the session dies in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakelivy import FakeLivy, Oracle
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import Rule, ScriptedEngine
from fakelivy.journal import SessionMoved
from tests.answers import schema_with, table
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

OURS = """
{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by=['day']) }}
select {{ var('id') }} as id, '{{ var("day") }}' as day
"""
THEIRS = """
{{ config(
    materialized='incremental', partition_by=['day'],
    pre_hook='set spark.sql.sources.partitionOverwriteMode = DYNAMIC',
    post_hook="insert overwrite {{ this }} partition (day) select 10 * id as id, day from {{ this }} where day = 'b'",
) }}
select {{ var('id') }} as id, '{{ var("day") }}' as day
"""


def run(project: Project, number: int, day: str) -> None:
    done = project.dbt("run", "--threads", "1", "--vars", f"{{id: {number}, day: {day}}}")
    assert done.success, done


@pytest.mark.parametrize("repls", [False, True])
def test_the_other_partitions_survive_the_end_of_the_session(repls: bool, tmp_path: Path) -> None:
    with FakeLivy(warehouse=tmp_path / "warehouse") as server:
        project = Project(tmp_path / "project", server, high_concurrency=repls, connect_retries=3)
        project.write({"models/ours.sql": OURS, "models/theirs.sql": THEIRS})
        run(project, 1, "a")
        begin = len(server.journal.entries())
        dies = "submit_repl_statement" if repls else "submit_statement"
        with (
            server.fault(f'{dies}[contains="replace where"]:before:session_to(dead)@nth(1)'),
            server.fault(f'{dies}[contains="insert overwrite"]:before:session_to(dead)@nth(1)'),
        ):
            run(project, 3, "b")
        assert list(Oracle(server.journal).fired().values()) == [1, 1]
        made = [each.event for each in server.journal.entries()[begin:] if isinstance(each.event, SessionMoved)]
        assert [event.before for event in made].count(None) == 3
        for model, expected in (("ours", [(1, "a"), (3, "b")]), ("theirs", [(1, "a"), (30, "b")])):
            assert project.rows(f"select id, day from {{{{ ref('{model}') }}}} order by id") == expected


def test_where_no_condition_is_known_each_partition_is_replaced_by_a_statement_of_its_own(tmp_path: Path) -> None:
    clock = SystemClock()
    rules = (
        *schema_with("dbo", "parts", provider="parquet"),
        Rule("describe", table(("col_name", "data_type", "comment"), ("id", "int", None), ("day", "string", None))),
        Rule("select distinct", table(("p0",), ("it's",), (None,))),
    )
    with FakeLivy(engine=ScriptedEngine(clock, rules), clock=clock) as server:
        project = Project(tmp_path, server, "livy", schema="dbo")
        project.write({"models/parts.sql": OURS.replace("partition_by", "file_format='parquet', partition_by")})
        run(project, 1, "a")
        written = [sql for sql in project.executed() if sql.startswith("insert")]
    query = "( select 1 as id, 'a' as day )"
    assert written == [
        rf"insert overwrite table dbo.parts partition (day = 'it\'s') select `id` from {query}"
        r" where (day = cast('it\'s' as string))",
        f"insert overwrite table dbo.parts partition (day = null) select `id` from {query} where (day is null)",
    ]
