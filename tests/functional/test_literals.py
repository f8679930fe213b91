"""What a literal says is what the SQL engine reads: values of every kind, there and back through the real engine."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from dbt.adapters.fabricspark.connections import SessionManagers
from dbt.adapters.fabricspark.cursor import LivyCursor
from dbt.adapters.fabricspark.literals import bind, literal
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakelivy import FakeLivy
from tests.adapter.test_credentials import load

Ask = Callable[[str], list[Any]]
LOG = logging.getLogger("tests.literals")


@pytest.fixture(scope="module")
def ask(fakelivy_server: FakeLivy) -> Iterator[Ask]:
    """The one row of a query, by the adapter, in one session for all tests."""
    target = fakelivy_server.profile("livy")["fakelivy"]["outputs"]["livy"]
    credentials = load({key: value for key, value in target.items() if key not in ("type", "threads")})
    managers = SessionManagers(SystemRuntime())
    session = managers.target(credentials).pool.borrow()

    def ask(sql: str) -> list[Any]:
        cursor = LivyCursor(session)
        cursor.execute(sql)
        (row,) = cursor.fetchall()
        return list(row)

    yield ask
    managers.disconnect(credentials)


def selected(values: list[Any], shape: str = "{}") -> str:
    return "select " + ", ".join(f"{shape.format(literal(value))} as c{n}" for n, value in enumerate(values))


def lists(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=1, max_size=12)


# NUL apart: the engine's parser keeps it, but Spark documents none.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
AWKWARD = [
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "a\\",
    "100%",
    "%s",
    "{{ x }}",
    "--",
    "/* */",
    "\n\r\t",
    "é\u0301🐎",
    "${x}",
    "\\n",
    '"',
]


@given(lists(TEXTS))
@example(AWKWARD)
@settings(max_examples=20)
def test_strings_survive(ask: Ask, values: list[str]) -> None:
    assert ask(selected(values)) == values


@given(lists(st.integers(-(10**37), 10**37) | st.integers(-(2**63), 2**63 - 1)))
@example([9007199254740993, -(2**63), 2**63 - 1, 2**31, -(2**31), 0])
@settings(max_examples=10)
def test_whole_numbers_survive(ask: Ask, values: list[int]) -> None:
    assert ask(selected(values, "cast({} as string)")) == [str(value) for value in values]


@given(lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=9)))
@example([Decimal("0.10"), Decimal("-0.0000000001"), Decimal("12345678901234567890123456789.123456789")])
@settings(max_examples=10)
def test_decimals_keep_every_digit(ask: Ask, values: list[Decimal]) -> None:
    found = ask(selected(values, "cast({} as string)"))
    assert [Decimal(each) for each in found] == values
    assert [Decimal(each).as_tuple().exponent for each in found] == [value.as_tuple().exponent for value in values]


@given(lists(st.floats(allow_subnormal=False)))
@example([0.1, -0.0, 1e308, 5e-300, math.inf, -math.inf, math.nan])
@settings(max_examples=10)
def test_floats_survive(ask: Ask, values: list[float]) -> None:
    found = ask(selected(values, "cast({} as string)"))
    assert [repr(float(each)) for each in found] == [repr(value) for value in values]


@given(lists(st.binary(max_size=40)))
@settings(max_examples=8)
def test_bytes_survive(ask: Ask, values: list[bytes]) -> None:
    assert ask(selected(values, "hex({})")) == [value.hex().upper() for value in values]


@given(lists(st.dates()))
@settings(max_examples=8)
def test_dates_survive(ask: Ask, values: list[dt.date]) -> None:
    assert ask(selected(values, "cast({} as string)")) == [value.isoformat() for value in values]


ZONES = st.sampled_from([None, dt.timezone.utc, dt.timezone(dt.timedelta(hours=-9, minutes=-30))])

MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))


@given(lists(st.builds(lambda moment, zone: moment.replace(tzinfo=zone), MOMENTS, ZONES)))
@settings(max_examples=8)
def test_moments_survive(ask: Ask, values: list[dt.datetime]) -> None:
    found = ask(selected(values, "unix_micros({})"))
    aware = [value if value.tzinfo else value.replace(tzinfo=dt.timezone.utc) for value in values]
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    assert found == [(value - epoch) // dt.timedelta(microseconds=1) for value in aware]


def test_null_and_booleans_survive(ask: Ask) -> None:
    assert ask(selected([None, True, False])) == [None, True, False]


@given(st.lists(TEXTS | st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8))
@settings(max_examples=8)
@example([-(2**63), 2**63 - 1, -(2**31)])
def test_bindings_arrive_as_what_they_are(ask: Ask, values: list[Any]) -> None:
    assert ask(bind("select " + ", ".join(f"%s as c{n}" for n in range(len(values))), values)) == values
