"""A long inline table gives what Sail's own reading of it gives, and costs no text."""

from __future__ import annotations

from typing import cast

import pyarrow as pa
import pytest

from fakelivy.engine.port import Table
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.statements import values
from fakelivy.engine.sail.tokens import tokenize
from tests.engine.conftest import Sql, SqlError, names

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


def long(row: str) -> str:
    return ", ".join([row] * values.MANY)


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_rows_are_those_that_sail_reads_itself(sql: Sql, row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("short", "long"):
        sql.rows(f"create table {table} ({TYPES})")
    before = len(sql.rows("describe history short"))
    sql.rows(f"insert into short values {long(ROWS[row])}")
    assert len(sql.rows("describe history short")) == before + 1
    monkeypatch.setattr(values, "_read", lambda *_: None)
    sql.rows(f"insert into long values {long(ROWS[row])}")
    assert sql.rows("select * from short") == sql.rows("select * from long")


def shape(table: Table) -> tuple[list[str], list[object], object]:
    """The names, the types and the rows of a result."""
    return names(table), [field["type"] for field in table.schema["fields"]], table.rows


QUERIES = [
    "select * from values {} as t(a, b) where a > 0",
    "select t.col1, u.col2 from values {} t join values {} u on t.col1 = u.col1 limit 20",
    "select count(*) from (values {}) as t(a, b), values {}",
    "with c as (values {}) select * from c",
    "select 1 as a, 'values (1, 2)' as b union all values {} order by a",
    "-- values (1), (2)\nvalues {}",
    "select exists(select * from values {} as t(a, b) where b = 'x') as e;",
]

CELLS = [
    "(1, 'a')",
    "(-2147483647, cast(null as string))",
    "(2147483648, 'x')",
    "(9223372036854775808, null)",
    "(1.50, 'x'), (22.5, 'y')",
    "(0.05, 'x'), (0.005, 'x')",
    "(1, 'x'), (1.5, 'y')",
    "(2147483648, 'x'), (1.5, 'y')",
    "(cast('1' as int), 'x'), (cast('2' as int), 'z')",
    "(true, 'x'), (null, null)",
    "(cast(1.5 as double), cast('2024-01-01' as date))",
    "(cast(1 as boolean), cast(2.5 as int))",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_reads_an_inline_table_wherever_it_stands(
    sql: Sql, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = query.format(*[long("(1, 'x')")] * 2)
    sent = shape(sql.table(statement))
    monkeypatch.setattr(values, "_read", lambda *_: None)
    assert shape(sql.table(statement)) == sent


@pytest.mark.parametrize("cells", CELLS)
def test_its_columns_have_the_types_that_sail_finds(sql: Sql, cells: str, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = f"select * from values {long(cells)}"
    sent = shape(sql.table(statement))
    monkeypatch.setattr(values, "_read", lambda *_: None)
    assert shape(sql.table(statement)) == sent


class Child:
    """Stands for a session's context: keeps the views it is given."""

    def __init__(self) -> None:
        self.views: dict[str, pa.Table] = {}

    def put(self, name: str, table: pa.Table) -> None:
        self.views[name] = table

    def take_back(self, what: str) -> None:
        del self.views[what.removeprefix("view if exists ")]


def tokens_of_seed(rows: int) -> int:
    """How many tokens are left of a seed's statement."""
    row = "(cast('7' as bigint), cast('2024-01-01' as string), cast('1.50' as double), cast(null as decimal(10, 2)))"
    child = Child()
    with values.inlined(
        cast("Context", child), f"create table t as select * from values {', '.join([row] * rows)} as s(a, b, c, d)"
    ) as short:
        assert [table.num_rows for table in child.views.values()] == [rows]
        count = sum(1 for _ in tokenize(short))
    assert not child.views
    return count


def test_a_statement_is_as_short_however_many_rows_it_lists() -> None:
    assert tokens_of_seed(values.MANY) == tokens_of_seed(1000) < 150


def test_what_keeps_a_query_keeps_its_rows(sql: Sql) -> None:
    sql.rows(f"create view v as select * from values {long('(1)')}")
    sql.rows(f"create temporary view w as select * from values {long('(1)')}")
    assert sql.rows("select count(*) from v union all select count(*) from w") == [(values.MANY,)] * 2


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
        ("(1)", True),
        ("(1, 'a') as t(a, b)", True),
        ("(1, 'a')) `t`", True),
        ("(1, 'a') + 1", False),
        ("(1, 'a').col1", False),
        ("(1, 'a'), (2)", False),
        ("(cast('1' as int), 'a'), (2, 'b')", False),
        ("(1, 'a'", False),
        ("(1, 'a'), ", False),
        ("", False),
        ("(1, 'a') order by 1", True),
        ("(1, 'a\\')", False),
    ],
)
def test_only_plain_literals_are_taken(rows: str, taken: bool) -> None:
    assert (values._read(rows, 0) is not None) == taken


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
