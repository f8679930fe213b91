"""Delta logs: read from commits and checkpoints, written atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakelivy.engine.sail import deltalog
from tests.engine.conftest import Sql

METADATA = {"id": "1", "schemaString": '{"type":"struct","fields":[]}', "partitionColumns": [], "configuration": {}}


def add(path: str, rows: int | None = 1) -> dict[str, Any]:
    stats = "" if rows is None else f'{{"numRecords":{rows}}}'
    return {"add": {"path": path, "partitionValues": {}, "size": 10, "dataChange": True, "stats": stats}}


def start(table: Path) -> None:
    deltalog.commit(table, 0, [{"protocol": {"minReaderVersion": 1}}, {"metaData": METADATA}, add("a"), add("b", 2)])


def test_files_are_those_added_and_not_removed(tmp_path: Path) -> None:
    start(tmp_path)
    deltalog.commit(tmp_path, 1, [deltalog.remove(add("a")["add"], 5), add("c\u2028é", 4)])
    snapshot = deltalog.load(tmp_path)
    assert (snapshot.version, set(snapshot.files), snapshot.rows, snapshot.size) == (1, {"b", "c\u2028é"}, 6, 20)


def test_rows_are_unknown_when_a_file_has_no_count(tmp_path: Path) -> None:
    start(tmp_path)
    deltalog.commit(tmp_path, 1, [add("c", None)])
    assert deltalog.load(tmp_path).rows is None


def test_a_version_is_written_once(tmp_path: Path) -> None:
    start(tmp_path)
    with pytest.raises(deltalog.CommitConflict):
        deltalog.commit(tmp_path, 0, [add("other")])
    assert set(deltalog.load(tmp_path).files) == {"a", "b"}
    assert [path.name for path in deltalog.log_dir(tmp_path).iterdir()] == [f"{0:020d}.json"], "a draft was left"


def test_a_folder_without_a_log_is_no_table(tmp_path: Path) -> None:
    assert not deltalog.exists(tmp_path)
    with pytest.raises(FileNotFoundError):
        deltalog.load(tmp_path)


def test_a_checkpoint_stands_for_the_commits_before_it(sql: Sql, warehouse: Path) -> None:
    sql.rows("create table t (i int not null, p string) using delta partitioned by (p)")
    for i in range(12):
        sql.rows(f"insert into t values ({i}, 'p{i % 3}')")
    sql.rows("delete from t where p = 'p1'")
    (schema,) = sql.rows("select current_schema()")[0]
    folder = warehouse / "lakehouse" / "Tables" / schema / "t"
    checkpoints = list(deltalog.log_dir(folder).glob("*.checkpoint.parquet"))
    assert checkpoints, "Sail wrote no checkpoint: this test proves nothing"
    whole = deltalog.load(folder)
    for commit in deltalog.log_dir(folder).glob("0*.json"):
        if commit.name < checkpoints[0].name:
            commit.unlink()
    snapshot = deltalog.load(folder)
    assert (snapshot.version, set(snapshot.files)) == (whole.version, set(whole.files))
    assert snapshot.fields == whole.fields
    assert snapshot.partition_columns == ["p"]
    assert snapshot.rows == 8
    assert sql.rows("select count(*) from t") == [(8,)]
    sql.rows("insert overwrite t select 1, 'x'")
    assert sql.rows("select * from t") == [(1, "x")]
