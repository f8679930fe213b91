"""Python values become literals that mean the same to Spark."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from dbt.adapters.fabricspark.literals import bind, literal
from dbt_common.exceptions import DbtRuntimeError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (9007199254740993, "9007199254740993"),
        (-1, "-1"),
        (1.5, "1.5D"),
        (float("nan"), "double('nan')"),
        (Decimal("1.10"), "1.10BD"),
        (Decimal("1E+3"), "1000BD"),
        (Decimal("0." + "1" * 40), "'0." + "1" * 40 + "'"),
        (Decimal("9" * 38), "9" * 38 + "BD"),
        (Decimal("-" + "9" * 38), "-" + "9" * 38 + "BD"),
        (Decimal("9" * 39), "'" + "9" * 39 + "'"),
        (Decimal("1E+38"), "'1" + "0" * 38 + "'"),
        (Decimal("1E-39"), "'0." + "0" * 38 + "1'"),
        (Decimal("NaN"), "double('NaN')"),
        (Decimal("-Infinity"), "double('-Infinity')"),
        ("it's", r"'it\'s'"),
        ("a ${setting}", r"'a \u0024{setting}'"),
        ("nul\0", r"'nul\0'"),
        ("trailing\\", r"'trailing\\'"),
        ("50% %s", "'50% %s'"),
        ("line\nline", r"'line\nline'"),
        ("/* not a comment */ -- nor this", "'/* not a comment */ -- nor this'"),
        ("žluťoučký 🐎", "'žluťoučký 🐎'"),
        (b"\x00\xff", "X'00ff'"),
        (dt.date(2024, 2, 29), "date'2024-02-29'"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 6), "timestamp'2024-01-02 03:04:05.000006'"),
        (
            dt.datetime(2024, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "timestamp'2024-01-02 01:04:00+00:00'",
        ),
        (dt.time(1, 2), "'01:02:00'"),
    ],
)
def test_a_value_becomes_an_exact_literal(value: Any, expected: str) -> None:
    assert literal(value) == expected


def test_a_value_without_a_literal_is_refused() -> None:
    with pytest.raises(DbtRuntimeError, match="type object cannot"):
        literal(object())


@given(st.text())
def test_a_string_literal_ends_where_it_should(value: str) -> None:
    inner = literal(value)[1:-1]
    plain = inner.replace("\\\\", "")
    assert "'" not in plain.replace("\\'", "")
    assert not plain.endswith("\\")
    unescaped = inner.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    for escape, character in (("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\0", "\0"), ("\\'", "'")):
        parts = [part.replace(escape, character) for part in unescaped.split("\\\\")]
        unescaped = "\\\\".join(parts)
    assert unescaped.replace("\\\\", "\\") == value


def test_binding_touches_nothing_but_placeholders() -> None:
    sql = "select '100%', %s /* 5% */, %s"
    assert bind(sql, ["a%sb", None]) == "select '100%', 'a%sb' /* 5% */, null"


@pytest.mark.parametrize("values", [[], [1, 2]])
def test_a_wrong_number_of_bindings_is_refused(values: list[int]) -> None:
    with pytest.raises(DbtRuntimeError, match="1 placeholders"):
        bind("select %s", values)
