"""What sessions share, what they do not, and what outlives them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fakelivy.clock import SystemClock
from fakelivy.engine.port import EngineUnavailable, Failure, SessionSpec
from fakelivy.engine.sail.engine import SailEngine
from tests.engine.conftest import Sql, SqlError


def opened(engine: SailEngine, lakehouse: str = "lakehouse", **conf: str) -> Sql:
    return Sql(engine.open(SessionSpec("test", lakehouse, conf)))


@pytest.fixture
def schema(sql: Sql) -> str:
    name: str = sql.rows("select current_schema()")[0][0]
    return name


def test_tables_and_views_survive_a_restart(tmp_path: Path) -> None:
    # A path that must be escaped in URLs and in SQL.
    warehouse = tmp_path / "it's a wärehouse #1 100%"
    first = SailEngine(warehouse, SystemClock())
    sql = opened(first)
    sql.rows("create schema sales")
    sql.rows("create table sales.t using delta comment 'kept' as select 1 as id, 'é' as `ä-b`")
    sql.rows("insert into sales.t values (2, null)")
    sql.rows("create view sales.v as select * from sales.t where id > 1")
    sql.rows("create temporary view gone as select 1 as x")
    first.close()

    second = SailEngine(warehouse, SystemClock())
    sql = opened(second)
    assert sql.rows("select * from sales.t order by id") == [(1, "é"), (2, None)]
    assert sql.rows("select `ä-b` from sales.v") == [(None,)]
    assert sql.rows("show databases") == [("dbo",), ("default",), ("sales",)]
    assert ("Comment", "kept", "") in sql.rows("describe extended sales.t")
    assert "TABLE_OR_VIEW_NOT_FOUND" in sql.error("select * from gone")
    second.close()


def test_two_sessions_see_each_others_tables_at_once_and_no_temporary_views(
    sql: Sql, schema: str, engine: SailEngine
) -> None:
    other = opened(engine)
    sql.rows(f"create table {schema}.t using delta as select 1 as id")
    sql.rows("create temporary view mine as select 1 as x")
    assert other.rows(f"select * from {schema}.t") == [(1,)]
    other.rows(f"insert into {schema}.t values (2)")
    other.rows(f"alter table {schema}.t add columns (more string)")
    assert sql.rows(f"select * from {schema}.t order by id") == [(1, None), (2, None)]
    sql.rows(f"create or replace table {schema}.t using delta as select 'x' as other_column")
    assert other.rows(f"select * from {schema}.t") == [("x",)]
    sql.rows(f"drop table {schema}.t")
    sql.rows(f"create view {schema}.t as select 5 as five")
    assert other.rows(f"select * from {schema}.t") == [(5,)]
    assert "TABLE_OR_VIEW_NOT_FOUND" in other.error("select * from mine")
    other.session.close()


def test_settings_and_current_schema_are_the_sessions_own(sql: Sql, schema: str, engine: SailEngine) -> None:
    other = opened(engine, **{"spark.sql.ansi.enabled": "true"})
    assert other.rows("select current_schema()") == [("dbo",)]
    assert "CAST_INVALID_INPUT" in other.error("select cast('x' as double)")
    assert sql.rows("select cast('x' as double)") == [(None,)]
    other.rows("set a.b = 1")
    assert sql.rows("set a.b") == [("a.b", "<undefined>")]
    other.session.close()


def test_a_session_with_an_impossible_setting_is_not_opened(engine: SailEngine) -> None:
    with pytest.raises(EngineUnavailable, match="timeZone"):
        opened(engine, **{"spark.sql.session.timeZone": "Nowhere/X"})


@pytest.mark.parametrize("lakehouse", ["My Lakehouse", "123", "true", "é", 'a"b'])
def test_a_lakehouse_may_have_any_name(engine: SailEngine, lakehouse: str) -> None:
    sql = opened(engine, lakehouse)
    sql.rows("create or replace table t using delta as select 1 as a")
    sql.rows("create or replace view v as select * from t")
    assert sql.rows(f"select current_catalog(), v.a from `{lakehouse}`.dbo.v, dbo.t") == [(lakehouse.lower(), 1)]
    sql.session.close()


def test_a_view_means_the_same_in_a_session_of_another_lakehouse(sql: Sql, schema: str, engine: SailEngine) -> None:
    sql.rows("create table t using delta as select 'ours' as whose")
    sql.rows("create view v as select * from t")
    other = opened(engine, "elsewhere")
    other.rows(f"create schema {schema}")
    other.rows(f"use {schema}")
    other.rows("create table t using delta as select 'theirs' as whose")
    assert other.rows(f"select * from lakehouse.{schema}.v") == [("ours",)]
    assert other.rows("select current_catalog(), whose from t") == [("elsewhere", "theirs")]
    other.session.close()


def test_a_failing_create_or_replace_leaves_the_old_table(sql: Sql, schema: str, warehouse: Path) -> None:
    sql.rows("create table t using delta comment 'old' as select 1 as id")
    for broken in (
        "select nope from t",
        "select assert_true(id > 1) as x from t",
        "selec 1",
        "select 1 as a, 2 as a",
        "select * from nope",
    ):
        with pytest.raises(SqlError):
            sql.rows(f"create or replace table t using delta partitioned by (x) comment 'new' as {broken}")
    assert sql.rows("select * from t") == [(1,)]
    assert len(sql.rows("describe history t")) == 1
    assert ("Comment", "old", "") in sql.rows("describe extended t")
    assert not list((warehouse / ".fakelivy" / "staging").iterdir()), "rows written aside were left"


def test_writers_to_one_table_queue_and_none_is_lost(sql: Sql, schema: str, engine: SailEngine) -> None:
    sql.rows(f"create table {schema}.t using delta as select 0 as id, 0 as n")
    sessions = [opened(engine), opened(engine)]
    running = [
        session.start(
            f"merge into {schema}.t d using (select {i} as id, {n} as n) s on s.id = d.id "
            "when matched then update set * when not matched then insert *"
        )
        for n in range(5)
        for i, session in enumerate(sessions, 1)
    ]
    for execution, done in running:
        assert done.wait(60)
        assert getattr(execution.outcome, "message", None) is None
    assert sql.rows(f"select id, n from {schema}.t order by id") == [(0, 0), (1, 4), (2, 4)]
    for session in sessions:
        session.session.close()


def test_rows_beyond_the_limit_are_cut_and_said_to_be(sql: Sql) -> None:
    table = sql.table("select * from range(1001)", max_rows=1000)
    assert (len(table.rows), table.truncated) == (1000, True)
    table = sql.table("select * from range(1000)", max_rows=1000)
    assert (len(table.rows), table.truncated) == (1000, False)
    assert len(sql.table("select * from range(50000000)", max_rows=10).rows) == 10
    assert sql.rows("select 1") == [(1,)]


def test_code_that_is_neither_sql_nor_python_is_refused(sql: Sql) -> None:
    outcome = sql.outcome("println(1)", kind="spark")
    assert isinstance(outcome, Failure)
    assert re.search(r"UNSUPPORTED_FEATURE.*spark", outcome.message)


def test_an_external_table_is_forgotten_but_not_deleted(sql: Sql, tmp_path: Path) -> None:
    location = tmp_path / "outside"
    sql.rows(f"create table e using delta location '{location}' as select 1 as id")
    assert ("Type", "EXTERNAL", "") in sql.rows("describe extended e")
    sql.rows("drop table e")
    sql.rows(f"create table again using delta location '{location.as_uri()}'")
    assert sql.rows("select * from again") == [(1,)]
    assert "UNSUPPORTED_FEATURE" in sql.error("create table x using delta location 's3://b/k' as select 1 as id")


def test_a_deep_expression_does_not_end_the_process(sql: Sql) -> None:
    condition = " or ".join(f"id = {i}" for i in range(2000))
    assert sql.rows(f"select count(*) from range(10) where {condition}") == [(10,)]
