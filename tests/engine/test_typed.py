"""Expressions that are repaired by the types of their operands: what Sail is asked, and what comes of it."""

from __future__ import annotations

import decimal
import random
from collections.abc import Iterator

import pytest

from fakelivy.engine.sail import typed
from fakelivy.engine.sail.arithmetic import RULES
from fakelivy.engine.sail.operands import left_of, right_of
from fakelivy.engine.sail.tokens import Kind, Token, tokenize
from fakelivy.engine.sail.typed import repaired as repaired_by
from tests.engine.conftest import Sql, names

SEED = 20240501


def repaired(source: str, ask: Ask) -> str:
    return repaired_by(source, ask, RULES)


def operands(source: str) -> tuple[str, str] | None:
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    at = [index for index, token in enumerate(tokens) if token.text == "/"][-1]
    first, last = left_of(tokens, at), right_of(tokens, at)
    if first is None or last is None:
        return None
    return source[tokens[first].start : tokens[at - 1].end], source[tokens[at + 1].start : tokens[last].end]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("select a / b + c", ("a", "b")),
        ("select 1 + a * -2 / t.b.c, d", ("a * -2", "t.b.c")),
        ("select a - b / -c", ("b", "-c")),
        ("select (a - b) / (c) * d", ("(a - b)", "(c)")),
        ("select f(x, y)[0].z / m['k'].l", ("f(x, y)[0].z", "m['k'].l")),
        ("where x in (1) and sum(a) over (order by b) / count(*) over w > 1",
         ("sum(a) over (order by b)", "count(*) over w")),
        ("select sum(a) over w / 2", ("sum(a) over w", "2")),
        ("select sum(a) filter (where b) / percentile_cont(0.5) within group (order by c) from t",
         ("sum(a) filter (where b)", "percentile_cont(0.5) within group (order by c)")),
        ("select case when a then case b when 1 then 2 end end / case when c then 1 end from t",
         ("case when a then case b when 1 then 2 end end", "case when c then 1 end")),
        ("case when -a / b > 1 then 2 end", ("-a", "b")),
        ("select `a b` / `c``d`.e", ("`a b`", "`c``d`.e")),
        ("select a /* x */ / -- y\n b", ("a", "b")),
        # what is not sure is left alone
        ("select a::decimal(10,2) / b", None),
        ("select a / b::int", None),
        ("select '5' / a", None),
        ("select a / date '2024-01-01'", None),
        ("select / a", None),
        ("select a /", None),
        ("select a) / (b", None),
    ],
)  # fmt: skip
def test_operands_are_found(source: str, expected: tuple[str, str] | None) -> None:
    assert operands(source) == expected


class Ask:
    """Stands for Sail: tells these types, and keeps what it was asked."""

    def __init__(self, *types: str) -> None:
        self.questions: list[str] = []
        fields = (f'"__t{i}": non-null {kind}' for i, kind in enumerate(types))
        self._told = f"(DataType: Struct({', '.join(fields)}))"

    def __call__(self, query: str) -> str:
        self.questions.append(query)
        return self._told


def test_the_operands_are_asked_about_where_they_stand_and_those_inside_first() -> None:
    ask = Ask("Decimal128(10, 2)", "Int32")
    inner = "cast(round(cast(a as decimal(38, 3)) / 3, 6) as decimal(14, 6))"
    text = repaired("insert into t select a/3/b as x, 'c/d' from s where y > 0", ask)
    assert ask.questions == [
        "select btrim(named_struct('__t0', a, '__t1', 3))/b as x, 'c/d' from s where y > 0",
        f"select btrim(named_struct('__t0', {inner}, '__t1', b)) as x, 'c/d' from s where y > 0",
    ]
    assert text.startswith(f"insert into t select cast(round(cast({inner} as decimal(38, ")
    assert text.endswith(" as x, 'c/d' from s where y > 0")


def cost(monkeypatch: pytest.MonkeyPatch, expressions: int) -> tuple[int, int]:
    """Tokens that are made and questions that are asked for a query with so many different quotients."""
    made = 0

    def counted(source: str) -> Iterator[Token]:
        nonlocal made
        for token in tokenize(source):
            made += 1
            yield token

    monkeypatch.setattr(typed, "tokenize", counted)
    ask = Ask("Decimal128(10, 2)", "Decimal128(10, 2)")
    repaired(f"select {', '.join(f'round(a{i} / b{i}, 1)' for i in range(expressions))} from t", ask)
    return made, len(ask.questions)


def test_a_statement_costs_as_much_as_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, questions = cost(monkeypatch, 20)
    more_tokens, more_questions = cost(monkeypatch, 200)
    assert (questions, more_questions) == (40, 400)
    assert more_tokens < 11 * tokens


@pytest.mark.parametrize(
    "source",
    [
        "update t set a = a / b",
        "delete from t where a / b > 1",
        "merge into t using s on t.i = s.i when matched then update set a = s.a / t.b",
        "create table t (a int) location '/x/y'",
        "select /* a / b */ '1/2', 'avg(x)' -- a / b",
    ],
)
def test_what_is_no_query_is_never_asked_about(source: str) -> None:
    ask = Ask("Decimal128(10, 2)", "Decimal128(10, 2)")
    assert repaired(source, ask) == source
    assert not ask.questions


def test_the_query_in_a_merge_is_asked_about_alone() -> None:
    ask = Ask("Decimal128(10, 2)", "Decimal128(10, 2)")
    repaired("merge into t using (select a/b as q from s) x on t.i = x.i when matched then update set q = x.q", ask)
    assert ask.questions == ["select btrim(named_struct('__t0', a, '__t1', b)) as q from s"]


@pytest.mark.parametrize(
    "types", [("Int32", "Int32"), ("Float64", "Decimal128(3, 1)"), ("Utf8", "Decimal128(3, 1)"), ()]
)
def test_other_types_are_left_as_they_are(types: tuple[str, ...]) -> None:
    assert repaired("select a / b, nvl(a, b), a * 100 from t", Ask(*types)) == "select a / b, nvl(a, b), a * 100 from t"


def spark_quotient(a: decimal.Decimal, b: decimal.Decimal, kinds: tuple[int, int, int, int]) -> decimal.Decimal:
    """By the rules in Spark's source, with Python's decimals."""
    p1, s1, p2, s2 = kinds
    scale = max(6, s1 + p2 + 1)
    precision = p1 - s1 + s2 + scale
    if precision > 38:
        scale = max(38 - (precision - scale), min(scale, 6))
    with decimal.localcontext(decimal.Context(prec=100, rounding=decimal.ROUND_HALF_UP)):
        return (a / b).quantize(decimal.Decimal(1).scaleb(-scale))


def test_quotients_of_decimals_have_sparks_digits(sql: Sql) -> None:
    rng = random.Random(SEED)
    items, wanted = [], []
    for _ in range(60):
        p1, p2 = rng.randint(3, 28), rng.randint(3, 18)
        s1, s2 = rng.randint(0, min(p1, 4)), rng.randint(0, min(p2, 4))
        a, b = (
            decimal.Decimal(rng.choice((-1, 1)) * rng.randint(1, 10 ** min(p, 8) - 1)).scaleb(-s)
            for p, s in ((p1, s1), (p2, s2))
        )
        items.append(f"cast('{a}' as decimal({p1},{s1})) / cast('{b}' as decimal({p2},{s2}))")
        wanted.append(spark_quotient(a, b, (p1, s1, p2, s2)))
    (row,) = sql.rows(f"select {', '.join(items)}")
    wrong = [(item, str(is_), str(should)) for item, is_, should in zip(items, row, wanted, strict=True)
             if is_ != should or is_.as_tuple().exponent != should.as_tuple().exponent]  # fmt: skip
    assert not wrong, f"seed {SEED}: {wrong}"


def test_more_than_38_digits_on_the_way_are_an_error_and_no_rounded_result(sql: Sql) -> None:
    query = "select cast(10 as decimal(38,18)) / cast(3 as decimal(38,18))"
    assert sql.error(query).startswith("[ARITHMETIC_OVERFLOW]")


VALUES = "from values (cast(10 as decimal(18,2)), cast(3 as decimal(12,4))) t(a, b)"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        # as real Spark 3.5 answers
        ("select 1/3.0, 10.0/4, -10.0/3, 2.0/3/3", "0.333333 2.500000 -3.333333 0.22222233"),
        (f"select a/b, (a+b)/(a-b), 2*a/3, round(a/b, 2), avg(a) over () {VALUES}",
         "3.333333333333333 1.85714285714285714 6.666667 3.33 10.000000"),
        (f"select sum(a)/count(*), avg(a/b) {VALUES}", "10.000000000000 3.3333333333333330000"),
        (f"select a/b {VALUES} group by a/b having a/b > 1", "3.333333333333333"),
        ("with c as (select a / 3 as q from values (cast(10 as decimal(10,2))) t(a)), "
         "d as (select q / 7 as r from c) select * from d", "0.47619043"),
        ("select avg(v), avg(distinct v) from values (cast(1 as decimal(10,2))), (2), (2) t(v)", "1.666667 1.500000"),
        ("select sum(a) / sum(b) * 100 from values (cast(10 as decimal(18,2)), cast(3 as decimal(18,2))) t(a,b)",
         "333.333333"),
        ("select a / 3 = 3.333333 from values (cast(10 as decimal(10,2))) t(a)", "True"),
        ("select 1 / 0.0, cast(1 as decimal(10,2)) / cast(null as decimal(10,2))", "None None"),
        ("select cast(1 as float) / 3.0", "0.3333333333333333"),
        ("select nvl(cast(null as array<string>), array('2')), ifnull(map('a', 1), map())", "['2'] [('a', 1)]"),
        ("select nvl(a / b, 0), nvl(1, 'a') from values (cast(1 as decimal(10,2)), cast(0 as decimal(10,2))) t(a,b)",
         "0E-13 1"),
        ("select percentile_approx(v, 0.5), approx_percentile(v, 0.9, 100) from values (0), (1), (2), (10) t(v)",
         "1 10"),
        ("select percentile_approx(v, 0.5) as p from values (1.5), (2.5) t(v) group by 1 = 1", "1.5"),
        ("select left(b, 2), substr(b, 2), substring(b, -2, 1) from values (x'616263') t(b)", "b'ab' b'bc' b'b'"),
        ("select bround(d), bround(d, 1) from values (cast(2.50 as decimal(10,2))) t(d)", "2 2.5"),
        ("select bround(d) from values (cast(-3.50 as decimal(10,2))) t(d)", "-4"),
        ("select typeof(round(d, 1)), typeof(3 * d) from values (cast(1 as decimal(18,4))) t(d)",
         "decimal(16,1) decimal(20,4)"),
    ],
)  # fmt: skip
def test_results_are_sparks(sql: Sql, query: str, wanted: str) -> None:
    ((*row,),) = sql.rows(query)
    assert " ".join(map(str, row)) == wanted


def test_what_is_written_and_what_views_show_is_repaired_too(sql: Sql) -> None:
    sql.rows("create table t (a decimal(10,2), b int)")
    sql.rows("insert into t select 10, 3")
    sql.rows("create view v as select a / b as q from t")
    assert sql.rows("select * from v") == [(decimal.Decimal("3.3333333333333"),)]
    sql.rows("create table u as select a / b as q, avg(a) as m from t group by a, b")
    assert sql.rows("describe u") == [("q", "decimal(21,13)", None), ("m", "decimal(14,6)", None)]
    sql.rows("alter table t add columns (c decimal(21,13))")
    sql.rows("insert into t select 1, 2, a / b from t")
    assert sql.rows("select c from t where a = 1") == [(decimal.Decimal("3.3333333333333"),)]


def test_a_column_without_an_alias_keeps_its_name(sql: Sql) -> None:
    assert names(sql.table("select a / 3.0, avg(a) from values (1.5) t(a) group by a")) == ["(a / 3.0)", "avg(a)"]
