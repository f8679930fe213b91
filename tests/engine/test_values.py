"""INSERT … VALUES by the short way gives what Sail's own reading gives."""

from __future__ import annotations

import pytest

from fakelivy.engine.sail.statements import values
from tests.engine.conftest import Sql, SqlError

TYPES = "i int, l bigint, s string, f double, b boolean, d date, ts timestamp, m decimal(20,4), x decimal(38,18)"

ROWS = [
    "(1, 2, 'a', 1.5, true, '2024-01-02', '2024-01-02 03:04:05.12', 1.25, 0.000000000000001)",
    "(cast('1' as int), cast('9007199254740993' as bigint), cast('it\\'s' as string), cast('1e3' as double),"
    " cast('false' as boolean), cast('2024-01-02' as date), cast('2024-01-02T03:04:05Z' as timestamp),"
    " cast('1234567890123456.7891' as decimal(20,4)), cast('12345678901234567890.1234567890123456' as decimal(38,18)))",
    "(null, null, null, null, null, null, null, null, null)",
    "(cast(null as int), cast(null as bigint), cast(null as string), null, NULL, Null, null, null, null)",
    "(cast('' as int), cast('x' as bigint), cast('' as string), cast('' as double), cast('' as boolean),"
    " cast('' as date), cast('' as timestamp), cast('' as decimal(20,4)), cast('x' as decimal(38,18)))",
    "(-1, +2, '-- ; /* \\\\ \\n \\u00e9 \\' \\\" % %s', -1.5, FALSE, null, null, 12.3456, -1.5)",
    "(1.6, 2, 3, 4, 'true', null, null, '5.55555', 6)",
]


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_rows_are_those_that_sail_reads_itself(sql: Sql, row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("short", "long"):
        sql.rows(f"create table {table} ({TYPES})")
    before = len(sql.rows("describe history short"))
    sql.rows(f"insert into short values {ROWS[row]}")
    assert len(sql.rows("describe history short")) == before + 1
    # An expression that is no literal sends the same row the long way.
    monkeypatch.setattr(values, "_read", lambda *_: None)
    sql.rows(f"insert into long values {ROWS[row]}")
    assert sql.rows("select * from short") == sql.rows("select * from long")


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        ("(1, 'a'), (2, 'b')", True),
        ("(1, 'a'),\n (2 , 'b' ) ;", True),
        ("(cast('1' as decimal(10, 2)), 'a')", True),
        ("(1, upper('a'))", False),
        ("(1, 'a') /* c */", False),
        ("(1, 'a' 'b')", False),
        ("(1 + 1, 'a')", False),
        ("(1, date'2024-01-01')", False),
        ("(1e3, 'a')", False),
        ("(1L, 'a')", False),
        ("(1)", False),
        ("(1, 'a', 2)", False),
        ("(1, 'a'), (2)", False),
        ("(cast('1' as int), 'a'), (2, 'b')", False),
        ("(1, 'a'", False),
        ("(1, 'a'), ", False),
        ("", False),
        ("(1, 'a') order by 1", False),
        ("(1, 'a\\')", False),
    ],
)
def test_only_plain_literals_are_taken(rows: str, taken: bool) -> None:
    assert (values._read(rows, 0, 2) is not None) == taken


def test_a_thousand_rows_arrive_whole(sql: Sql) -> None:
    sql.rows("create table t (i bigint, s string)")
    rows = ", ".join(f"(cast('{i}' as bigint), cast('n{i}' as string))" for i in range(1000))
    sql.rows(f"insert into t values {rows}")
    assert sql.rows("select count(distinct i), min(i), max(i), max(s) from t") == [(1000, 0, 999, "n999")]


def test_a_value_of_the_wrong_width_fails_and_leaves_the_table(sql: Sql) -> None:
    sql.rows("create table t (i int, s string)")
    with pytest.raises(SqlError, match="NUM_COLUMNS_MISMATCH"):
        sql.rows("insert into t values (1, 'a'), (2, 'b', 3)")
    assert sql.rows("select * from t") == []
    assert sql.rows("show tables") == [(sql.rows("select current_schema()")[0][0], "t", False)]
