"""What Livy's JSON means, read with tolerance: every field may be missing, null, or of another type."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from dbt.adapters.fabricspark.livy.errors import ProtocolError


@dataclass(frozen=True)
class SessionView:
    """A session as the server describes it.

    Attributes:
        id: an integer in Apache Livy, a GUID in Fabric; text here.
        state: lower case; ``""`` while the server does not say.
        log: the last lines of its log, and the server's own error messages.
        name: what its maker called it; ``""`` where the server does not say.
        spark_ui: address of its Spark UI; ``""`` where unknown.
    """

    id: str
    state: str
    log: tuple[str, ...] = ()
    name: str = ""
    spark_ui: str = ""


@dataclass(frozen=True)
class Column:
    """A result column: its name, Spark's type as SQL writes it (``decimal(18,2)``), and its schema type."""

    name: str
    type_name: str
    schema_type: Any


@dataclass(frozen=True)
class Output:
    """What a finished statement left.

    Attributes:
        status: ``ok`` or ``error``.
        columns: ``None`` when the server sent no table at all.
        rows: positional, decoded to Python values.
        truncated: the server left rows out.
        ename, evalue, traceback: of an error, in the server's words.
    """

    status: str
    columns: tuple[Column, ...] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    truncated: bool = False
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True)
class StatementView:
    """A statement as the server describes it.

    Attributes:
        output: ``None`` until it has one.
        code: what was sent; ``None`` where the server does not say.
        progress: 0 to 1; Fabric never says, so 0 there.
        started, completed: milliseconds since the epoch by the server's clock; 0 where it does not say.
    """

    id: int
    state: str
    output: Output | None = None
    code: str | None = None
    progress: float = 0.0
    started: float = 0.0
    completed: float = 0.0


@dataclass(frozen=True)
class Page:
    """A part of a list: what it holds, and how many there are in all, ``None`` where the server does not say."""

    items: tuple[Mapping[str, Any], ...]
    total: int | None


_ID = re.compile(r"[\w-][\w.~:-]*", re.ASCII)
_HALF = re.compile("[\ud800-\udfff]")


def usable_id(value: object) -> str | None:
    """An id as it stands in an address; ``None`` for what cannot be one."""
    known = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if known and _ID.fullmatch(str(value)) else None


def readable(value: object) -> str:
    """The server's words. Of a character that was cut in two (``\\ud83d``) dbt would print nothing, nor of the rest."""
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", str(value))


def session_view(reply: object) -> SessionView:
    """Read a session.

    Raises:
        ProtocolError: it is no JSON object, or has no id.
    """
    body = _object(reply, "a session")
    session_id = usable_id(body.get("id"))
    if session_id is None:
        raise ProtocolError("the server described a session without an id")
    livy = _mapping(body.get("livyInfo"))
    fabric = _mapping(body.get("fabricSessionStateInfo"))
    # Fabric fills these in as the session comes up, and rejects a session for lack of capacity in the last one
    # only (contract 2.3, F4, F5).
    state = livy.get("currentState") or body.get("state") or ""
    if str(fabric.get("state")).lower() in ("error", "cancelled") and not livy.get("currentState"):
        state = "error"
    notes = [*_texts(body.get("log"))]
    notes += [readable(fabric["errorMessage"])] if fabric.get("errorMessage") else []
    notes += [
        " ".join(readable(info[key]) for key in ("errorCode", "message") if info.get(key))
        for info in map(_mapping, _list(body.get("errorInfo")))
    ]
    return SessionView(
        session_id,
        str(state).lower(),
        tuple(note for note in notes if note.strip()),
        name=str(body.get("name") or ""),
        spark_ui=str(_mapping(body.get("appInfo")).get("sparkUiUrl") or ""),
    )


def statement_view(reply: object) -> StatementView:
    """Read a statement.

    Raises:
        ProtocolError: it is no JSON object, or has no integer id, or its output makes no sense.
    """
    body = _object(reply, "a statement")
    statement_id = body.get("id")
    if not isinstance(statement_id, int) or isinstance(statement_id, bool):
        raise ProtocolError("the server described a statement without an id")
    code = body.get("code")
    try:
        output = _output(body.get("output"))
    except RecursionError as error:
        raise ProtocolError("the server described a statement whose output is nested too deeply") from error
    return StatementView(
        statement_id,
        str(body.get("state") or "").lower(),
        output,
        code=code if isinstance(code, str) else None,
        progress=_number(body.get("progress")),
        started=_number(body.get("started")),
        completed=_number(body.get("completed")),
    )


_LISTS = (("sessions", "total"), ("statements", "total_statements"), ("items", "totalCountOfMatchedItems"))
"""Names of a list and its total: Livy's sessions, both dialects' statements, Fabric's sessions (contract 1.2, 2.3)."""


def page(reply: object) -> Page:
    """Read a part of a list.

    Raises:
        ProtocolError: it is no list that Livy or Fabric would send.
    """
    body = _object(reply, "a list")
    for items, total in _LISTS:
        if isinstance(body.get(items), Sequence) and not isinstance(body[items], str):
            count = body.get(total)
            known = count if isinstance(count, int) and not isinstance(count, bool) else None
            return Page(tuple(_mapping(item) for item in body[items]), known)
    raise ProtocolError("the server answered without a list where one was expected")


def _output(raw: object) -> Output | None:
    if not isinstance(raw, Mapping):
        return None
    status = str(raw.get("status") or "").lower()
    if status == "error":
        return Output(
            status="error",
            ename=readable(raw.get("ename") or ""),
            evalue=readable(raw.get("evalue") or ""),
            traceback=tuple(_texts(raw.get("traceback"))),
        )
    table = _mapping(raw.get("data")).get("application/json")
    if not isinstance(table, Mapping):
        return Output(status=status)
    fields = _list(_mapping(table.get("schema")).get("fields"))
    columns = tuple(Column(str(f.get("name")), type_name(f.get("type")), f.get("type")) for f in map(_mapping, fields))
    decoders = [decoder(column.schema_type) for column in columns]
    rows = []
    for row in _list(table.get("data")):
        cells = _list(row)
        if len(cells) != len(columns):
            raise ProtocolError(f"a result row has {len(cells)} values for {len(columns)} columns")
        rows.append(tuple(None if cell is None else decode(cell) for decode, cell in zip(decoders, cells, strict=True)))
    return Output(status, columns, tuple(rows), truncated=_as_bool(table.get("truncated")))


# --- types -----------------------------------------------------------------------------------------------------------

_SQL_NAMES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}


def type_name(schema_type: object) -> str:
    """Spark's schema JSON type as SQL writes it: ``long`` is ``bigint``, an array of it ``array<bigint>``."""
    if isinstance(schema_type, str):
        return _SQL_NAMES.get(schema_type, schema_type)
    body = _mapping(schema_type)
    match body.get("type"):
        case "array":
            return f"array<{type_name(body.get('elementType'))}>"
        case "map":
            return f"map<{type_name(body.get('keyType'))},{type_name(body.get('valueType'))}>"
        case "struct":
            inner = (f"{f.get('name')}:{type_name(f.get('type'))}" for f in map(_mapping, _list(body.get("fields"))))
            return f"struct<{','.join(inner)}>"
        case other:
            return str(other or "string")


def _as_int(value: Any) -> Any:
    # Wide numbers may come as JSON strings (contract 2.6).
    return int(value) if not isinstance(value, bool) else value


def _as_bool(value: Any) -> Any:
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def _as_date(value: Any) -> Any:
    return dt.date.fromisoformat(str(value)[:10])


_FRACTION = re.compile(r"\.\d+")


def _as_timestamp(value: Any) -> Any:
    # Spark leaves out zeros at the end of a fraction, and Python 3.10 takes three digits or six only.
    text = _FRACTION.sub(lambda found: found[0][:7].ljust(7, "0"), str(value).strip().replace(" ", "T", 1))
    return dt.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


def _as_bytes(value: Any) -> Any:
    # Livy writes bytes as a JVM does: signed.
    return bytes(byte & 0xFF for byte in value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=float))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "byte": _as_int,
    "short": _as_int,
    "integer": _as_int,
    "long": _as_int,
    "float": float,
    "double": float,
    "boolean": _as_bool,
    "date": _as_date,
    "timestamp": _as_timestamp,
    "timestamp_ntz": _as_timestamp,
    "binary": _as_bytes,
    "string": str,
}


def decoder(schema_type: object) -> Callable[[Any], Any]:
    """A function from a JSON value (not null) to the Python value of that Spark type.

    A value that cannot be what its type says (year 10000, an encoder's odd shape) is handed on as it came: the
    query succeeded, and a client must not turn that into a failure.
    """
    if isinstance(schema_type, str) and schema_type.startswith("decimal"):
        convert = _decimal_decoder(schema_type)
    elif isinstance(schema_type, str):
        convert = _DECODERS.get(schema_type, _as_json)
    else:
        convert = _as_json

    def decode(value: Any) -> Any:
        try:
            return convert(value)
        except (ValueError, TypeError, InvalidOperation, OverflowError):
            return value

    return decode


def _decimal_decoder(schema_type: str) -> Callable[[Any], Any]:
    # Livy sends decimals through a double; quantizing gives back the scale it dropped (1.1 -> 1.10).
    _, _, scale = schema_type.removeprefix("decimal").strip("()").partition(",")
    try:
        exponent = Decimal(1).scaleb(-int(scale or 0))
    except (ValueError, InvalidOperation):
        # No type of Spark's: what digits there are stay.
        return lambda value: Decimal(str(value))

    def convert(value: Any) -> Decimal:
        number = Decimal(str(value))
        try:
            return number.quantize(exponent)
        except InvalidOperation:
            return number

    return convert


def _object(reply: object, what: str) -> Mapping[str, Any]:
    if not isinstance(reply, Mapping):
        raise ProtocolError(f"the server answered with {type(reply).__name__} where {what} was expected")
    return reply


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()


def _number(value: object) -> float:
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    # JSON of a JVM may have NaN and Infinity; no moment and no progress is that.
    return number if math.isfinite(number) else 0.0


def _texts(value: object) -> list[str]:
    return [readable(item).rstrip("\n") for item in _list(value)]
