"""Python values as Spark SQL literals, exact."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from dbt_common.exceptions import DbtRuntimeError

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
_LONGEST_DECIMAL = 38
"""Digits of Spark's widest decimal."""


def text(value: str) -> str:
    """A string literal: Spark reads backslash escapes inside single quotes.

    Before that it would put a setting in the place of ``${name}``, in texts too; so no such thing is left standing.
    """
    escaped = "".join(_ESCAPES.get(character, character) for character in value)
    return "'" + escaped.replace("${", "\\u0024{") + "'"


def _float(value: float) -> str:
    return f"{value!r}D" if math.isfinite(value) else f"double('{value}')"


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        return f"double('{value}')"
    digits = len(value.as_tuple().digits)
    plain = format(value, "f")
    return f"{plain}BD" if max(digits, len(plain.lstrip("-").replace(".", ""))) <= _LONGEST_DECIMAL else text(plain)


def _timestamp(value: dt.datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(dt.timezone.utc)
    return f"timestamp'{value.isoformat(sep=' ')}'"


_ENCODERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: str(value).lower()),
    (int, str),
    (float, _float),
    (Decimal, _decimal),
    (str, text),
    (bytes, lambda value: f"X'{value.hex()}'"),
    (dt.datetime, _timestamp),
    (dt.date, lambda value: f"date'{value.isoformat()}'"),
    (dt.time, lambda value: text(value.isoformat())),
)
"""In this order: a bool is an int, a datetime is a date."""


def literal(value: Any) -> str:
    """``value`` as a literal that Spark reads back as the same value; ``None`` is ``null``.

    Raises:
        DbtRuntimeError: there is no literal for its type.
    """
    if value is None:
        return "null"
    for kind, encode in _ENCODERS:
        if isinstance(value, kind):
            return encode(value)
    raise DbtRuntimeError(f"a value of type {type(value).__name__} cannot be written as a Spark SQL literal")


def bind(sql: str, bindings: Sequence[Any]) -> str:
    """Put literals in the place of the ``%s`` placeholders, leaving every other character alone.

    Raises:
        DbtRuntimeError: there are more or fewer placeholders than values.
    """
    parts = sql.split("%s")
    if len(parts) - 1 != len(bindings):
        raise DbtRuntimeError(f"{len(bindings)} values for {len(parts) - 1} placeholders in: {sql[:200]}")
    filled = (part + literal(value) for part, value in zip(parts[:-1], bindings, strict=True))
    return "".join(filled) + parts[-1]
