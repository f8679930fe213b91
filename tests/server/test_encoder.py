"""Results as JSON: what the real servers were seen to send for each type."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakelivy.encoder import Unencodable, encode_output, encode_table
from fakelivy.engine.port import EMPTY, Failure, Table
from fakelivy.knobs import FABRIC, LIVY, DialectKnobs
from tests.server.toy import table

UTC = dt.timezone.utc
NEW_YORK = dt.timezone(dt.timedelta(hours=-5))


def one(value: Any, kind: Any, knobs: DialectKnobs = LIVY) -> Any:
    return encode_table(table((value,), x=kind), knobs)["data"][0][0]


STRUCT = {
    "type": "struct",
    "fields": [
        {"name": "x", "type": "integer", "nullable": False, "metadata": {}},
        {"name": "d", "type": "decimal(5,2)", "nullable": True, "metadata": {"comment": "c"}},
        {"name": "a", "type": {"type": "array", "elementType": "date", "containsNull": True}, "nullable": True},
    ],
}

BOTH = [
    (None, "integer", None),
    (None, STRUCT, None),
    (-128, "byte", -128),
    (9223372036854775807, "long", 9223372036854775807),
    (0.10000000149011612, "float", 0.10000000149011612),
    (1.0e300, "double", 1.0e300),
    (math.nan, "double", None),
    (Decimal("1.10"), "decimal(3,2)", 1.1),
    (Decimal("3"), "decimal(10,0)", 3.0),
    (Decimal("12345678901234567890.123456789012345678"), "decimal(38,18)", 1.2345678901234567e19),
    (Decimal("1E-10"), "decimal(12,10)", 1e-10),
    (True, "boolean", True),
    ('é"\\', "string", 'é"\\'),
    ("x", "varchar(3)", "x"),
    (dt.date(1, 1, 1), "date", "0001-01-01"),
    (dt.date(9999, 12, 31), "date", "9999-12-31"),
    (dt.datetime(2024, 1, 2, 8, 4, 5, 999999, UTC), "timestamp", "2024-01-02T08:04:05Z"),
    (dt.datetime(2026, 9, 7, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))), "timestamp", "2026-09-07T10:30:00Z"),
    (dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=NEW_YORK), "timestamp", "10000-01-01T04:59:59Z"),
    (dt.datetime(1, 1, 1, tzinfo=UTC), "timestamp", "0001-01-01T00:00:00Z"),
    (b"\xff\x00", "binary", [-1, 0]),
    (b"", "binary", []),
    ([1, None], {"type": "array", "elementType": "long", "containsNull": True}, [1, None]),
    ([(1, "a"), (2, None)], {"type": "map", "keyType": "integer", "valueType": "string"}, {"1": "a", "2": None}),
    (
        [(dt.date(2024, 1, 2), 1)],
        {"type": "map", "keyType": "date", "valueType": "integer"},
        {"2024-01-02T00:00:00Z": 1},
    ),
    (
        {"x": 1, "d": Decimal("1.5"), "a": [dt.date(2024, 1, 2)]},
        STRUCT,
        {
            "schema": [
                {"name": "x", "dataType": {}, "nullable": False, "metadata": {"map": {}}},
                {
                    "name": "d",
                    "dataType": {"precision": 5, "scale": 2},
                    "nullable": True,
                    "metadata": {"map": {"comment": "c"}},
                },
                {
                    "name": "a",
                    "dataType": {"elementType": {}, "containsNull": True},
                    "nullable": True,
                    "metadata": {"map": {}},
                },
            ],
            "values": [1, 1.5, ["2024-01-02"]],
        },
    ),
]


@pytest.mark.parametrize(("value", "kind", "wire"), BOTH, ids=range(len(BOTH)))
@pytest.mark.parametrize("knobs", [LIVY, FABRIC], ids=["livy", "fabric"])
def test_a_value_is_encoded_as_measured(value: Any, kind: Any, wire: Any, knobs: DialectKnobs) -> None:
    encoded = one(value, kind, knobs)
    assert encoded == wire
    assert type(encoded) is type(wire)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinities_are_strings_in_livy_and_null_in_fabric(value: float) -> None:
    assert one(value, "double", LIVY) == ("Infinity" if value > 0 else "-Infinity")
    assert one(value, "double", FABRIC) is None


def test_timestamps_without_zone_follow_their_knob() -> None:
    value = dt.datetime(2026, 8, 10, 12, 30, 1, 125000)
    with pytest.raises(Unencodable, match=r"opens java\.time"):
        one(value, "timestamp_ntz", LIVY)
    assert one(value, "timestamp_ntz", replace(LIVY, ntz_encoding="empty")) == {}
    assert one(value, "timestamp_ntz", FABRIC) == "2026-08-10T12:30:01.125"
    assert one(value.replace(microsecond=0), "timestamp_ntz", FABRIC) == "2026-08-10T12:30:01"
    with pytest.raises(Unencodable):
        one(dt.timedelta(1), "interval day to second", LIVY)


def test_boolean_map_keys_fail_the_statement() -> None:
    odd = table(([(True, 1)],), m={"type": "map", "keyType": "boolean", "valueType": "integer"})
    output = encode_output(odd, 7, LIVY)
    assert (output["status"], output["execution_count"], output["ename"]) == ("error", 7, "Error")
    assert "key of type class java.lang.Boolean" in output["evalue"]


def test_wide_values_become_strings_only_when_told() -> None:
    wide = replace(FABRIC, stringify_wide=True)
    assert (one(2**53 + 1, "long", wide), one(True, "boolean", wide)) == ("9007199254740993", "true")


def test_only_fabric_says_that_rows_were_cut() -> None:
    assert set(encode_table(EMPTY, LIVY)) == {"schema", "data"}
    assert encode_table(EMPTY, FABRIC) == {"schema": {"type": "struct", "fields": []}, "data": [], "truncated": False}
    assert encode_table(replace(EMPTY, truncated=True), FABRIC)["truncated"] is True


def test_duplicate_column_names_and_columnless_rows_are_kept() -> None:
    fields = [{"name": "a", "type": "integer", "nullable": True, "metadata": {}}] * 2
    assert encode_table(Table({"type": "struct", "fields": fields}, [(1, 2)]), LIVY)["data"] == [[1, 2]]
    assert encode_table(Table({"type": "struct", "fields": []}, [(), ()]), FABRIC)["data"] == [[], []]


def test_a_failure_is_an_error_output() -> None:
    assert encode_output(Failure("m", traceback=("t",)), 3, FABRIC) == {
        "status": "error",
        "execution_count": 3,
        "ename": "Error",
        "evalue": "m",
        "traceback": ["t"],
    }


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "byte": st.integers(-128, 127),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(),
    "decimal(38,18)": st.decimals(
        allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19
    ),
    "boolean": st.booleans(),
    "string": st.text(),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.sampled_from([UTC, NEW_YORK, dt.timezone(dt.timedelta(hours=14))])),
    "timestamp_ntz": st.datetimes(),
    "binary": st.binary(),
}


@st.composite
def typed(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Any]:
    """A type and a value of it."""
    shape = draw(st.sampled_from(["scalar", "array", "map", "struct"] if depth else ["scalar"]))
    if shape == "scalar":
        kind = draw(st.sampled_from(sorted(SCALARS)))
        return kind, draw(st.none() | SCALARS[kind])
    inner, value = draw(typed(depth - 1))
    if shape == "array":
        return {"type": "array", "elementType": inner, "containsNull": True}, [value, None]
    if shape == "map":
        kind = draw(st.sampled_from(sorted(set(SCALARS) - {"boolean"})))
        key = draw(SCALARS[kind])
        return {"type": "map", "keyType": kind, "valueType": inner, "valueContainsNull": True}, [(key, value)]
    fields = [{"name": "f", "type": inner, "nullable": True, "metadata": {}}]
    return {"type": "struct", "fields": fields}, {"f": value}


@given(typed(), st.sampled_from([replace(LIVY, ntz_encoding="empty"), FABRIC, replace(FABRIC, stringify_wide=True)]))
def test_whatever_the_engine_returns_becomes_json(sample: tuple[Any, Any], knobs: DialectKnobs) -> None:
    kind, value = sample
    document = encode_table(table((value,), x=kind), knobs)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
