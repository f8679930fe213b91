"""Request bodies: which fields there are, of which type, and the real server's words when one is wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fakelivy.errors import Problem, Refused

_KINDS = {
    "spark": "spark",
    "scala": "spark",
    "pyspark": "pyspark",
    "python": "pyspark",
    "sparkr": "sparkr",
    "r": "sparkr",
    "shared": "shared",
    "sql": "sql",
}
_DURATION = re.compile(r"(-?\d+)\s*([a-z]+)?")
_UNITS = {"us": 1e-6, "ms": 1e-3, None: 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class _WrongType(ValueError):
    """A value of another type; the text says which was meant."""


def _scalar(value: Any) -> str:
    # Jackson turns numbers and booleans into text where text is wanted.
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise _WrongType("java.lang.String")


def _kind(value: Any) -> str:
    known = kind_of(_scalar(value))
    if known is None:
        raise Refused(Problem.BAD_BODY, text=f"Invalid kind: {value}")
    return known


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not re.fullmatch(r"-?\d{1,10}", str(value)):
        raise _WrongType("int")
    number = int(value)
    if not -(2**31) <= number < 2**31:
        raise _WrongType("int")
    return number


def _list(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _WrongType("scala.collection.immutable.List")
    return [_scalar(item) for item in value]


def _map(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _WrongType("scala.collection.immutable.Map")
    return {key: _scalar(item) for key, item in value.items()}


@dataclass(frozen=True)
class Body:
    """A kind of request body: the Java class that errors name, and its fields."""

    java_class: str
    fields: Mapping[str, Callable[[Any], Any]]


_SESSION_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "kind": _kind,
    "proxyUser": _scalar,
    "jars": _list,
    "pyFiles": _list,
    "files": _list,
    "driverMemory": _scalar,
    "driverCores": _integer,
    "executorMemory": _scalar,
    "executorCores": _integer,
    "numExecutors": _integer,
    "archives": _list,
    "queue": _scalar,
    "name": _scalar,
    "conf": _map,
    "heartbeatTimeoutInSecond": _integer,
    "ttl": _scalar,
    "idleTimeout": _scalar,
}

LIVY_SESSION = Body("org.apache.livy.server.interactive.CreateInteractiveRequest", _SESSION_FIELDS)
_BATCH_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    **{name: _SESSION_FIELDS[name] for name in ("proxyUser", "jars", "pyFiles", "files", "archives", "queue", "name")},
    **{name: _SESSION_FIELDS[name] for name in ("driverMemory", "driverCores", "executorMemory", "executorCores")},
    **{name: _SESSION_FIELDS[name] for name in ("numExecutors", "conf")},
    "file": _scalar,
    "args": _list,
    "className": _scalar,
}

LIVY_BATCH = Body("org.apache.livy.server.batch.CreateBatchRequest", _BATCH_FIELDS)
FABRIC_BATCH = Body("BatchRequest", {**_BATCH_FIELDS, "tags": _map, "artifactName": _scalar})
LIVY_COMPLETION = Body(
    "org.apache.livy.server.interactive.CompletionRequest", {"code": _scalar, "kind": _scalar, "cursor": _integer}
)
LIVY_STATEMENT = Body("org.apache.livy.sessions.ExecuteRequest", {"code": _scalar, "kind": _scalar})
# The swagger knows fewer fields, but clients send Livy's others too and Fabric takes them.
FABRIC_SESSION = Body("SessionRequest", {**_SESSION_FIELDS, "tags": _map, "artifactName": _scalar})
FABRIC_HIGH_CONCURRENCY = Body(
    "HighConcurrencySessionRequest",
    {**_SESSION_FIELDS, "tags": _map, "artifactName": _scalar, "file": _scalar, "sessionTag": _scalar},
)
FABRIC_STATEMENT = Body("StatementRequest", {"code": _scalar, "kind": _scalar, "sourceId": _scalar})


def _no_constant(text: str) -> None:
    raise ValueError(f"Non-standard token '{text}'")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"Numeric value ({text}) out of range")
    return value


def parse(raw: bytes, body: Body) -> dict[str, Any]:
    """The fields of a JSON body, nulls left out.

    Raises:
        Refused: BAD_BODY with the parser's words.
    """
    fields = {}
    for name, value in json_object(raw, body.java_class).items():
        if name not in body.fields:
            known = ", ".join(f'"{field}"' for field in body.fields)
            raise Refused(
                Problem.BAD_BODY,
                text=f'Unrecognized field "{name}" (class {body.java_class}), not marked as ignorable '
                f"({len(body.fields)} known properties: {known})",
            )
        if value is None:
            continue
        try:
            fields[name] = body.fields[name](value)
        except _WrongType as wrong:
            text = f"Cannot deserialize value of type `{wrong}` (through reference chain: {body.java_class}"
            raise Refused(Problem.BAD_BODY, text=f'{text}["{name}"])') from None
    return fields


def json_object(raw: bytes, java_class: str) -> dict[str, Any]:
    """A JSON object, its fields unchecked; ``java_class`` is for the error's words.

    Raises:
        Refused: BAD_BODY with the parser's words.
    """
    if not raw.strip():
        raise Refused(Problem.BAD_BODY, text="No content to map due to end-of-input")
    try:
        document = json.loads(raw, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Refused(Problem.BAD_BODY, text=f"Cannot parse JSON: {error}") from None
    if not isinstance(document, dict):
        raise Refused(Problem.BAD_BODY, text=f"Cannot deserialize instance of `{java_class}`: not an object")
    return document


def kind_of(text: str) -> str | None:
    """Livy's name of a kind of code, or None when there is no such kind."""
    return _KINDS.get(text.lower())


def seconds(text: str) -> float | None:
    """Livy's durations (``90s``, ``10m``, ``2h``; milliseconds without a unit), or None when it is not one."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or match[2] not in _UNITS:
        return None
    return int(match[1]) * _UNITS[match[2]]
