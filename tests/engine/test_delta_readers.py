"""Tables on disk as another Delta implementation reads them: delta-rs, which shares no code with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from tests.engine.conftest import Sql


@pytest.fixture
def schema(sql: Sql) -> str:
    name: str = sql.rows("select current_schema()")[0][0]
    return name


@pytest.fixture
def folder(warehouse: Path, schema: str) -> Path:
    return warehouse / "lakehouse" / "Tables" / schema


def read(folder: Path, version: int | None = None) -> list[tuple[Any, ...]]:
    rows = DeltaTable(folder, version=version).to_pyarrow_table().to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=repr)


def test_every_version_of_a_table_is_read_alike(sql: Sql, folder: Path) -> None:
    steps = [
        "create table t using delta partitioned by (p) as select 1 as id, 'a b/c=%' as p, 1.50 as amount",
        "insert into t values (2, 'b', 2.25)",
        "insert into t values (3, null, null)",
        "set spark.sql.sources.partitionOverwriteMode = DYNAMIC",
        "insert overwrite t select 20 as id, 'b' as p, 7.00 as amount",
        "alter table t add columns (more array<string>)",
        "insert into t values (4, 'b', 1.00, array('x', null))",
        "update t set id = id + 100 where p = 'b'",
        "merge into t using (select 1 as id, 'a b/c=%' as p, 9.99 as amount, cast(null as array<string>) as more) s "
        "on s.id = t.id when matched then update set *",
        "optimize t",
        "alter table t set tblproperties ('delta.columnMapping.mode' = 'name')",
        "alter table t rename column amount to sum",
        "delete from t where p is null",
        "restore table t to version as of 4",
        "create or replace table t using delta as select 'all new' as x",
    ]
    for step in steps:
        sql.rows(step)
    last = sql.rows("describe history t")[0][0]
    for version in range(last + 1):
        ours = [tuple(row) for row in sql.rows(f"select * from t version as of {version}")]
        assert read(folder / "t", version) == sorted(ours, key=repr), version


def test_old_versions_are_read_after_a_checkpoint(sql: Sql, folder: Path) -> None:
    sql.rows("create table t using delta as select 0 as id")
    for number in range(1, 13):
        sql.rows(f"insert into t values ({number})")
    assert list((folder / "t" / "_delta_log").glob("*.checkpoint.parquet")), "Sail wrote no checkpoint"
    counts = [sql.rows(f"select count(*) from t version as of {version}")[0][0] for version in range(13)]
    assert counts == list(range(1, 14))
    sql.rows("create view v as select count(*) as n from t version as of 5")
    assert sql.rows("select n from v") == [(6,)]


def test_checks_and_comments_are_where_readers_look(sql: Sql, folder: Path) -> None:
    sql.rows("create table t (id int not null comment 'the key', v int) using delta comment 'about t'")
    sql.rows("alter table t add constraint positive check (v > 0)")
    table = DeltaTable(folder / "t")
    assert table.metadata().description == "about t"
    assert table.metadata().configuration["delta.constraints.positive"] == "v > 0"
    field = table.schema().fields[0]
    assert (field.nullable, field.metadata["comment"]) == (False, "the key")


def test_another_writers_rows_and_columns_are_seen_at_once(sql: Sql, folder: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    sql.rows("create table t using delta as select 1 as id")
    write_deltalake(folder / "t", pa.table({"id": pa.array([2], pa.int32())}), mode="append")
    assert sql.rows("select * from t order by id") == [(1,), (2,)]
    more = pa.table({"id": pa.array([3], pa.int32()), "n": ["x"]})
    write_deltalake(folder / "t", more, mode="append", schema_mode="merge")
    assert sql.rows("select * from t order by id") == [(1, None), (2, None), (3, "x")]
    assert sql.rows("describe t") == [("id", "int", None), ("n", "string", None)]


def test_a_table_vacuumed_by_us_is_whole_to_others(sql: Sql, folder: Path) -> None:
    sql.rows("create table t using delta partitioned by (p) as select id, cast(id % 3 as int) as p from range(90)")
    sql.rows("delete from t where p = 1")
    sql.rows("optimize t")
    sql.rows("set spark.databricks.delta.retentionDurationCheck.enabled = false")
    sql.rows("vacuum t retain 0 hours")
    assert len(read(folder / "t")) == 60
    assert sorted(path.name for path in (folder / "t").iterdir()) == ["_delta_log", "p=0", "p=2"]
    assert sum(1 for _ in (folder / "t").rglob("*.parquet")) == 2
