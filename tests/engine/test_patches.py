"""What is patched, and that nothing else in a statement is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakelivy.engine.sail.patches import Scope, prepare
from fakelivy.engine.sail.tokens import Kind, quote_string, tokenize

SCOPE = Scope({}, (), ("lakehouse", "dbo"), "lakehouse")

WORDS = st.lists(
    st.sampled_from(
        [
            *("select", "from", "where", "group", "by", "all", "order", "range", "between", "interval", "pivot", "for"),
            *("cast", "decode", "extract", "element_at", "to_timestamp", "version", "date_part", "as", "bigint", "int"),
            *("(", ")", ",", ".", "'1.7'", '"x"', "`q`", "/* c */", "-- d\n", "5", "-", "*", "in", "null", "dow"),
        ]
    ),
    max_size=25,
).map(" ".join)


def patched(source: str, *, ansi: bool = False) -> str:
    return prepare(source, SCOPE, ansi=ansi)


@given(st.text(max_size=80).filter(lambda text: "(" not in text))
def test_what_has_nothing_to_patch_goes_on_byte_for_byte(source: str) -> None:
    assert patched(source) == source


@given(WORDS)
def test_any_row_of_words_is_patched_without_an_error_and_only_once(source: str) -> None:
    once = patched(source)
    assert patched(once) == once


@given(st.text(max_size=30), st.text(max_size=30))
def test_strings_and_comments_are_never_patched(one: str, two: str) -> None:
    kept = f"select {quote_string('cast(x as bigint) ' + one)}, `to_timestamp(1)` -- version()\n, {quote_string(two)}"
    assert patched(kept) == kept
    mixed = f"select cast(a as bigint), {quote_string('decode(1,2,3)' + one)} from t"
    strings = [token.text for token in tokenize(patched(mixed)) if token.kind is Kind.STRING]
    assert quote_string("decode(1,2,3)" + one) in strings


@given(st.integers(-(2**62), 2**62), st.sampled_from([("tinyint", 8), ("smallint", 16), ("int", 32)]))
def test_a_number_that_is_too_large_wraps_as_in_java(number: int, kind: tuple[str, int]) -> None:
    name, bits = kind
    wrapped = int.from_bytes((number % 2**bits).to_bytes(bits // 8, "big"), "big", signed=True)
    text = patched(f"f(cast({number} as {name}))")
    assert text == f"f(cast({wrapped} as {name}))"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("to_timestamp(x)", "cast(x as timestamp)"),
        ("to_timestamp(x, 'y')", "to_timestamp(x, 'y')"),
        ("a.to_timestamp(x)", "a.to_timestamp(x)"),
        ("f(cast('1.7' as bigint))", "f(cast('1' as bigint))"),
        ("f(cast('x' as bigint))", "f(cast(null as bigint))"),
        ("cast(x as double)", "try_cast(x as double)"),
        ("cast(rand() as bigint)", "try_cast(rand() as bigint)"),
        ("decode(a, 1, 'x', b)", "case when (a) <=> (1) then 'x' else b end"),
        ("extract(dow from d)", "dayofweek(d)"),
        ("date_part('DOW', d)", "dayofweek(d)"),
        ("element_at(a, element_at(b, 1))", "try_element_at(a, try_element_at(b, 1))"),
        ("pivot (sum(v) for k in ('a'))", "pivot (sum(v) for (k) in ('a'))"),
        ("pivot (sum(v) for (k) in ('a'))", "pivot (sum(v) for (k) in ('a'))"),
        ("select a, count(*), b + 1 from t group by all", "select a, count(*), b + 1 from t group by 1, 3"),
        ("select * from t group by all", "select * from t group by all"),
        ("order by d range between interval 1 day", "order by cast(d as timestamp) range between interval 1 day"),
        ("order by d desc range between interval x", "order by cast(d as timestamp) desc range between interval x"),
        ("order by v range between 1 preceding", "order by v range between 1 preceding"),
        ("select - /* c */ 2147483648", "select (-2147483647 - 1)"),
        ("a in (-128y, -32768S)", "a in ((-127Y - 1Y), (-32767S - 1S))"),
        ("select a -2147483648, (b) -128Y", "select a -2147483648, (b) -128Y"),
        ("select -2147483648.0, -21474836480", "select -2147483648.0, -21474836480"),
        (
            "select s as v from t group by s order by count(*) desc, v, s limit 1",
            "select `v` from (select s as v, count(*) as `__order_0`, s as `__order_1` from t group by s ) "
            "as __ordered order by `__order_0` desc, v, `__order_1` limit 1",
        ),
        ("select s, count(*) n from t group by s order by n", "select s, count(*) n from t group by s order by n"),
        ("select s, count(*) as n from t group by s order by count(*)",) * 2,
        ("select s, upper(s) from t group by s order by count(*)",) * 2,
        ("select s, s from t group by s order by count(*)",) * 2,
        ("select s from t order by count(*)",) * 2,
        ("select distinct s from t group by s order by count(*)",) * 2,
        ("select 1 as s union all select s from t group by s order by count(*)",) * 2,
        ("select s from t group by s order by count(*) over ()",) * 2,
    ],
)  # fmt: skip
def test_each_patch(source: str, expected: str) -> None:
    assert patched(source) == expected


@pytest.mark.parametrize(
    "source", ["cast('x' as double)", "cast('x' as bigint)", "cast(300 as tinyint)", "element_at(a, 1)"]
)
def test_with_ansi_on_casts_are_sails(source: str) -> None:
    assert patched(source, ansi=True) == source
