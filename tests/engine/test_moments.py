"""A date beside a timestamp is a timestamp, of any year: in expressions, conditions and set operations."""

from __future__ import annotations

import datetime as dt

import pytest

from fakelivy.engine.sail.unions import aligned
from tests.engine.conftest import Sql, names

MOMENT = dt.datetime(2024, 1, 1, 10, tzinfo=dt.timezone.utc)
LAST = dt.datetime(9999, 12, 31, tzinfo=dt.timezone.utc)


@pytest.fixture
def t(sql: Sql) -> Sql:
    """A session with a table of a timestamp and a date that no count of nanoseconds reaches."""
    sql.rows("create table t (a timestamp, d date)")
    sql.rows("insert into t values (timestamp'2024-01-01 10:00:00', date'9999-12-31')")
    return sql


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("coalesce(a, d)", MOMENT),
        ("coalesce(null, d, a)", LAST),
        ("nvl(a, d)", MOMENT),
        ("ifnull(cast(null as date), a)", MOMENT),
        ("nullif(a, d)", MOMENT),
        ("if(a is null, a, d)", LAST),
        ("greatest(a, coalesce(a, d), d)", LAST),
        ("case when a > d then a when 1 = 2 then null else d end", LAST),
        ("case when a = d then d else case when true then a else d end end", MOMENT),
        ("array(a, d)", [MOMENT, LAST]),
        ("map('x', a, 'y', d)", [("x", MOMENT), ("y", LAST)]),
        ("a < d and not a = d and d >= a and a <=> a", True),
        ("timestamp'2024-01-01' < date'9999-12-31'", True),
        ("a between '2024-01-01' and date '9999-12-31'", True),
        ("a not between d and d + interval '1 day'", True),
        ("a < d - interval 1 day + interval 2 hours", True),
    ],
)
def test_an_expression_is_sparks(t: Sql, expression: str, wanted: object) -> None:
    ((value,),) = t.rows(f"select {expression} from t")
    assert value == wanted
    assert t.rows(f"select 1 from t where ({expression}) is not null") == [(1,)]


QUERIES = [
    ("select a as x from t union all select d from t", [(MOMENT,), (LAST,)]),
    ("select d as x from t union all select a from t limit 5", [(MOMENT,), (LAST,)]),
    ("(select a as x from t) union (select d from t) order by x desc", [(LAST,), (MOMENT,)]),
    ("select x from (select a as x from t union select d from t intersect select d from t)", [(MOMENT,), (LAST,)]),
    ("select a as x from t except select d from t", [(MOMENT,)]),
    ("with c as (select a as x, d as y from t), e(x, y) as (select y, x from c union all select * from c) "
     "select x from e", [(MOMENT,), (LAST,)]),
    ("select l.a as x from t l join t r on l.a < r.d", [(MOMENT,)]),
    ("select a as x from t where a in (select coalesce(d, a) from t union all select a from t)", [(MOMENT,)]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "wanted"), QUERIES)
def test_a_query_is_sparks(t: Sql, query: str, wanted: list[object]) -> None:
    table = t.table(query)
    assert sorted(table.rows) == sorted(wanted)  # type: ignore[type-var]
    assert (names(table), table.schema["fields"][0]["type"]) == (["x"], "timestamp")
    t.rows(f"create table u as {query}")
    assert t.rows("describe u")[0] == ("x", "timestamp", None)


def test_a_merge_compares_with_a_date_that_is_written_out(t: Sql) -> None:
    t.rows("create table u (a timestamp)")
    t.rows("insert into u values (timestamp'9999-12-31 00:00:00')")
    merge = "merge into u using t on u.a = date('9999-12-31') and date '0001-01-01' < u.a"
    t.rows(f"{merge} when matched then update set a = t.a")
    assert t.rows("select * from u") == [(MOMENT,)]


def test_what_a_union_has_beside_it_is_left_as_it_is() -> None:
    asked = []

    def fields(query: str) -> list[dict[str, object]]:
        asked.append(query)
        return [{"name": "v", "type": "timestamp" if "a, 1" in query else "date"}, {"name": "w", "type": "date"}]

    scope = "with c as (select 1), x (p) as (select 2) "
    source = f"insert into t {scope}select a, 1 from c union all select d, 2 from x order by 1"
    cast = "select cast(_0 as timestamp) as `v`, _1 as `w` from (select d, 2 from x) as __side(_0, _1)"
    assert aligned(source, fields) == source.replace("select d, 2 from x", cast)
    assert asked == [scope + "select a, 1 from c", scope + "select d, 2 from x"]
    assert aligned(source, lambda _: []) == source
