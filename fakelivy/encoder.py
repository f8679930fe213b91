"""Engine results as the JSON that Livy and Fabric put on the wire, with all that gets lost on the way."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fakelivy.engine.port import Failure, Output, Table
from fakelivy.knobs import DialectKnobs

Json = Any
"""Anything that ``json.dumps(..., allow_nan=False)`` takes."""

_DECIMAL = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")


class Unencodable(ValueError):
    """A value that makes the real server's serializer fail, and the statement with it."""


def encode_output(outcome: Table | Output | Failure, execution_count: int, knobs: DialectKnobs) -> dict[str, Json]:
    """A statement's ``output`` object (Livy source; measured values in the contract, 1.7 and 2.6)."""
    if isinstance(outcome, Output):
        return {"status": "ok", "execution_count": execution_count, "data": dict(outcome.data)}
    if isinstance(outcome, Table):
        try:
            data = encode_table(outcome, knobs)
        except Unencodable as error:
            outcome = Failure(str(error))
        else:
            return {"status": "ok", "execution_count": execution_count, "data": {"application/json": data}}
    return {
        "status": "error",
        "execution_count": execution_count,
        "ename": outcome.name,
        "evalue": outcome.message,
        "traceback": list(outcome.traceback),
    }


def encode_table(table: Table, knobs: DialectKnobs) -> dict[str, Json]:
    """Schema and rows.

    Raises:
        Unencodable: where Livy's serializer raises.
    """
    encode = _Encoder(knobs).value
    types = [field["type"] for field in table.schema.get("fields", ())]
    data: dict[str, Json] = {
        "schema": table.schema,
        "data": [[encode(value, kind) for value, kind in zip(row, types, strict=True)] for row in table.rows],
    }
    if knobs.truncated_key:
        data["truncated"] = table.truncated
    return data


class _Encoder:
    def __init__(self, knobs: DialectKnobs) -> None:
        self._knobs = knobs
        self._scalars: dict[str, Callable[[Any], Json]] = {
            "byte": int,
            "short": int,
            "integer": int,
            "long": str if knobs.stringify_wide else int,
            "float": self._double,
            "double": self._double,
            "boolean": (lambda value: str(value).lower()) if knobs.stringify_wide else bool,
            "date": lambda value: value.isoformat(),
            "timestamp": utc_seconds,
            "timestamp_ntz": self._no_zone,
            "binary": lambda value: [byte - 256 if byte > 127 else byte for byte in value],
        }
        self._nested: dict[str, Callable[[Any, Mapping[str, Any]], Json]] = {
            "array": lambda value, kind: [self.value(item, kind["elementType"]) for item in value],
            "map": self._map,
            "struct": self._struct,
            "udt": lambda value, kind: self.value(value, kind["sqlType"]),
        }

    def value(self, value: Any, kind: str | Mapping[str, Any]) -> Json:
        if value is None:
            return None
        if not isinstance(kind, str):
            return self._nested[kind["type"]](value, kind)
        if kind.startswith("decimal"):
            return self._double(value)
        if kind.startswith("interval"):
            return self._no_zone(value)
        return self._scalars.get(kind, str)(value)

    def _double(self, value: float | Decimal) -> Json:
        # Livy's JSON has no decimals: whatever does not fit a double is rounded, silently.
        number = float(value)
        if math.isfinite(number):
            return number
        if math.isnan(number) or self._knobs.nonfinite == "null":
            return None
        return "Infinity" if number > 0 else "-Infinity"

    def _no_zone(self, value: Any) -> Json:
        if self._knobs.ntz_encoding == "error":
            raise Unencodable(
                "Unable to make field private final java.time.LocalDate java.time.LocalDateTime.date accessible: "
                'module java.base does not "opens java.time" to unnamed module'
            )
        if self._knobs.ntz_encoding == "empty":
            return {}
        if not isinstance(value, dt.datetime):
            return str(value)
        # Java prints as few groups of three digits as the fraction needs.
        whole_millis = value.microsecond and value.microsecond % 1000 == 0
        return value.isoformat(timespec="milliseconds" if whole_millis else "auto")

    def _map(self, value: list[tuple[Any, Any]], kind: Mapping[str, Any]) -> Json:
        return {self._key(key, kind["keyType"]): self.value(item, kind["valueType"]) for key, item in value}

    def _key(self, key: Any, kind: str | Mapping[str, Any]) -> str:
        if kind == "boolean":
            raise Unencodable("Do not know how to serialize key of type class java.lang.Boolean")
        if kind == "date":
            return f"{key.isoformat()}T00:00:00Z"
        if not isinstance(kind, str):
            raise Unencodable(f"Do not know how to serialize key of type {kind['type']}.")
        encoded = self.value(key, kind)
        return encoded if isinstance(encoded, str) else str(encoded)

    def _struct(self, value: Mapping[str, Any], kind: Mapping[str, Any]) -> Json:
        # json4s has no serializer for Row: it dumps the object's fields by reflection.
        fields = kind["fields"]
        return {
            "schema": [_reflected_field(field) for field in fields],
            "values": [self.value(value[field["name"]], field["type"]) for field in fields],
        }


def utc_seconds(value: dt.datetime) -> str:
    """An instant in UTC, fractions of a second dropped; Java goes on counting years after 9999."""
    shift = 0
    if value.year >= 9999 or value.year <= 1:
        # The calendar repeats every 400 years: step back from the edge of Python's datetime, convert, step forward.
        shift = 400 if value.year >= 9999 else -400
        value = value.replace(year=value.year - shift)
    utc = value.astimezone(dt.timezone.utc)
    return f"{utc.year + shift:04d}-{utc:%m-%dT%H:%M:%S}Z"


def _reflected_field(field: Mapping[str, Any]) -> dict[str, Json]:
    return {
        "name": field["name"],
        "dataType": _reflected_type(field["type"]),
        "nullable": field["nullable"],
        "metadata": {"map": field.get("metadata", {})},
    }


def _reflected_type(kind: str | Mapping[str, Any]) -> Json:
    if isinstance(kind, str):
        match = _DECIMAL.fullmatch(kind)
        return {"precision": int(match[1]), "scale": int(match[2])} if match else {}
    if kind["type"] == "struct":
        return [_reflected_field(field) for field in kind["fields"]]
    return {
        name: _reflected_type(part) if name.endswith("Type") else part for name, part in kind.items() if name != "type"
    }
