"""Livy's JSON comes back as the Python values it stands for, and odd shapes never crash a run."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from dbt.adapters.fabricspark.livy.errors import ProtocolError
from dbt.adapters.fabricspark.livy.refusals import server_words
from dbt.adapters.fabricspark.livy.wire import decoder, session_view, statement_view, type_name
from dbt.adapters.fabricspark.resilience.transport import Reply
from hypothesis import given
from hypothesis import strategies as st

UTC = dt.timezone.utc


@pytest.mark.parametrize(
    ("schema_type", "wire", "value"),
    [
        ("long", "9007199254740993", 9007199254740993),
        ("long", '"9007199254740993"', 9007199254740993),
        ("integer", "-1", -1),
        ("double", "1.5", 1.5),
        ("double", '"Infinity"', float("inf")),
        ("double", "NaN", float("nan")),
        ("double", '"NaN"', float("nan")),
        ("float", "-Infinity", float("-inf")),
        ("double", '"not a number"', "not a number"),
        ("long", '"1.5"', "1.5"),
        ("long", "{}", {}),
        ("date", '"10000-01-01"', "10000-01-01"),
        ("date", '"+10000-01-01"', "+10000-01-01"),
        ("date", '"-0044-03-15"', "-0044-03-15"),
        ("timestamp", '"soon"', "soon"),
        ("decimal(10,2)", '"NaN"', Decimal("NaN")),
        ("decimal", "1", Decimal("1")),
        ("decimal(a,b)", "1.5", Decimal("1.5")),
        ("decimal(5,99999999999999999999)", "1.5", Decimal("1.5")),
        ("timestamp_ntz", '"2026-08-10 12:30:01.5"', dt.datetime(2026, 8, 10, 12, 30, 1, 500000)),
        ("timestamp", '"2026-08-10T12:30:01.123456789Z"', dt.datetime(2026, 8, 10, 12, 30, 1, 123456, tzinfo=UTC)),
        ({"type": "struct", "fields": []}, '{"a":{"b":null}}', {"a": {"b": None}}),
        ({"type": "udt"}, "1", 1),
        (None, '"x"', "x"),
        ("decimal(10,2)", "1.1", Decimal("1.10")),
        ("decimal(38,18)", '"0.123456789012345678"', Decimal("0.123456789012345678")),
        ("decimal(10,0)", "3.0", Decimal("3")),
        ("decimal(38,18)", "1.2345678901234568E37", Decimal("1.2345678901234568E37")),
        ("boolean", "true", True),
        ("boolean", '"false"', False),
        ("string", '"é\\"\\\\"', 'é"\\'),
        ("date", '"0001-01-01"', dt.date(1, 1, 1)),
        ("timestamp", '"2024-01-02T08:04:05Z"', dt.datetime(2024, 1, 2, 8, 4, 5, tzinfo=UTC)),
        ("timestamp_ntz", '"2026-08-10 12:30:01.125"', dt.datetime(2026, 8, 10, 12, 30, 1, 125000)),
        ("timestamp", '"10000-01-01T04:59:59Z"', "10000-01-01T04:59:59Z"),
        ("binary", "[-1,0]", b"\xff\x00"),
        ({"type": "array", "elementType": "long"}, "[1,null]", [1, None]),
        ({"type": "map", "keyType": "string", "valueType": "double"}, '{"a":1.5}', {"a": 1.5}),
        ("some type of tomorrow", "[1]", [1]),
    ],
)
def test_a_value_is_decoded_by_its_schema_type(schema_type: Any, wire: str, value: Any) -> None:
    decoded = decoder(schema_type)(json.loads(wire, parse_float=Decimal))
    # repr, because 1.1 and 1.10 are equal and not the same.
    assert repr(decoded) == repr(value)


@pytest.mark.parametrize(
    ("schema_type", "name"),
    [
        ("long", "bigint"),
        ("decimal(18,2)", "decimal(18,2)"),
        ({"type": "array", "elementType": "integer", "containsNull": True}, "array<int>"),
        ({"type": "map", "keyType": "string", "valueType": {"type": "array"}}, "map<string,array<string>>"),
        ({"type": "struct", "fields": [{"name": "a", "type": "byte"}]}, "struct<a:tinyint>"),
    ],
)
def test_types_are_named_as_sql_names_them(schema_type: Any, name: str) -> None:
    assert type_name(schema_type) == name


def test_nulls_and_duplicate_column_names_survive() -> None:
    fields = [{"name": "a", "type": "long"}, {"name": "a", "type": "date"}]
    data = {"application/json": {"schema": {"fields": fields}, "data": [[None, None], [1, "2024-02-29"]]}}
    output = statement_view({"id": 0, "state": "available", "output": {"status": "ok", "data": data}}).output
    assert output is not None
    assert output.rows == ((None, None), (1, dt.date(2024, 2, 29)))
    assert [column.name for column in output.columns or ()] == ["a", "a"]


@pytest.mark.parametrize("state", ["available", "Available", "AVAILABLE"])
def test_states_are_read_in_any_case(state: str) -> None:
    assert statement_view({"id": 0, "state": state}).state == "available"


@pytest.mark.parametrize(
    "table", [{"data": [[1]]}, {"data": [[1]], "schema": None}, {"data": [[1]], "schema": {"fields": None}}]
)
def test_rows_without_a_schema_are_refused(table: dict[str, Any]) -> None:
    data = {"application/json": table}
    with pytest.raises(ProtocolError, match="1 values for 0 columns"):
        statement_view({"id": 0, "state": "available", "output": {"status": "ok", "data": data}})


@pytest.mark.parametrize("output", [None, 17, "ok", []])
def test_an_output_that_is_none_is_none(output: Any) -> None:
    assert statement_view({"id": 0, "state": "available", "output": output}).output is None


@pytest.mark.parametrize("data", [None, [], {"text/plain": "x"}, {"application/json": None}, {"image/png": "x"}])
def test_a_result_of_another_kind_is_no_table(data: Any) -> None:
    output = statement_view({"id": 0, "state": "available", "output": {"status": "ok", "data": data}}).output
    assert output is not None
    assert output.columns is None


def test_a_row_of_the_wrong_width_is_refused() -> None:
    data = {"application/json": {"schema": {"fields": [{"name": "a", "type": "long"}]}, "data": [[1, 2]]}}
    with pytest.raises(ProtocolError, match="2 values for 1 columns"):
        statement_view({"id": 0, "state": "available", "output": {"status": "ok", "data": data}})


@pytest.mark.parametrize(
    ("said", "cut"),
    [(True, True), ("true", True), ("TRUE", True), (1, True), (False, False), ("false", False), (None, False)],
)
def test_a_result_that_was_cut_is_known_in_every_spelling(said: Any, cut: bool) -> None:
    table = {"schema": {"fields": []}, "data": [], "truncated": said}
    output = {"status": "ok", "data": {"application/json": table}}
    found = statement_view({"id": 0, "state": "available", "output": output}).output
    assert found is not None
    assert found.truncated is cut


def test_a_result_without_a_table_is_not_an_empty_table() -> None:
    output = statement_view({"id": 0, "output": {"status": "ok", "data": {"text/plain": "x"}}}).output
    assert output is not None
    assert output.columns is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["id", "state", "output"]), inner),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_read_or_refused_as_not_livys(reply: Any) -> None:
    for read in (session_view, statement_view):
        with contextlib.suppress(ProtocolError):
            read(reply)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"msg": "requirement failed: x"}', "requirement failed: x"),
        (b'"java.lang.IllegalStateException: no"', "java.lang.IllegalStateException: no"),
        (b'{"errorCode":"ItemNotFound","message":"gone","requestId":"r1"}', "ItemNotFound: gone (request id r1)"),
        (b'{"error":{"code":"TokenExpired","message":"expired"}}', "TokenExpired: expired"),
        (b"<html><h1>502</h1>\n<p>Bad Gateway</p></html>", "text/html: 502 Bad Gateway"),
        (b"", "an empty body"),
        (b"[1]", "[1]"),
        (b"\xff\xfe", "text/html: \ufffd\ufffd"),
        (b'{"msg": "cut \\ud83d off"}', "cut \ufffd off"),
        (b"[" * 100_000, f"text/html: {'[' * 2000} …"),
    ],
)
def test_the_servers_words_are_found_in_every_shape_of_error_body(body: bytes, words: str) -> None:
    assert server_words(Reply(500, {"Content-Type": "text/html; charset=utf-8"}, body)) == words


@pytest.mark.parametrize("number", [10**400, float("nan"), float("inf"), Decimal("1e400")])
def test_a_progress_or_moment_that_is_no_number_of_ours_is_unknown(number: Any) -> None:
    view = statement_view({"id": 1, "progress": number, "started": number, "completed": number})
    assert (view.progress, view.started, view.completed) == (0.0, 0.0, 0.0)


def test_half_a_character_in_the_words_of_an_error_does_not_cost_the_words() -> None:
    failed = {"status": "error", "evalue": "a \ud83d", "traceback": ["\ude00"]}
    output = statement_view({"id": 1, "output": failed}).output
    assert output is not None
    assert (output.evalue, output.traceback) == ("a \ufffd", ("\ufffd",))
    assert session_view({"id": 1, "log": ["\ud83d"]}).log == ("\ufffd",)


@pytest.mark.parametrize("session_id", ["", "{0}", "a/b", "\ud800", "a b", "..", "../x"])
def test_an_id_that_no_address_can_hold_is_none(session_id: str) -> None:
    with pytest.raises(ProtocolError, match="without an id"):
        session_view({"id": session_id})


def test_a_type_nested_too_deeply_is_refused() -> None:
    schema_type: Any = "long"
    for _ in range(5000):
        schema_type = {"type": "array", "elementType": schema_type}
    table = {"schema": {"fields": [{"name": "a", "type": schema_type}]}, "data": []}
    with pytest.raises(ProtocolError, match="nested too deeply"):
        statement_view({"id": 1, "output": {"status": "ok", "data": {"application/json": table}}})
