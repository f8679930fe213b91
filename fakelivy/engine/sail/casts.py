"""CAST with ANSI mode off: NULL for what is no value, and Java's bits for a number that is too large."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fakelivy.engine.sail.expressions import Call, Edit
from fakelivy.engine.sail.tokens import Kind, Token, string_value

_FAILS_ON_BAD_TEXT = frozenset({"DOUBLE", "FLOAT", "REAL", "DECIMAL", "DEC", "NUMERIC", "BOOLEAN"})
"""Types whose CAST in Sail raises where Spark's gives NULL; its TRY_CAST is then exactly Spark's CAST."""

_BITS = {"INT": 32, "INTEGER": 32, "BIGINT": 64, "LONG": 64, "SMALLINT": 16, "SHORT": 16, "TINYINT": 8, "BYTE": 8}
_WHOLE = re.compile(r"\s*([+-]?)(\d*)(?:\.\d*)?\s*")
_FRACTION = "^ *([+-]?[0-9]+)[.][0-9]* *$"
_LONG = 4000
"""Characters of an expression that is not written twice any more."""

_CHANCE = frozenset({"RAND", "RANDN", "RANDOM", "UUID", "MONOTONICALLY_INCREASING_ID", "SHUFFLE"})


def cast(call: Call, ansi: bool) -> list[Edit]:
    tokens = call.tokens
    as_at = next((i for i in range(call.closing - 1, call.at, -1) if tokens[i].upper == "AS"), None)
    if as_at is None:
        return []
    kind = tokens[as_at + 1].upper
    value = tokens[call.at + 2 : as_at]
    if kind in _BITS and not ansi and as_at + 2 == call.closing:
        return _integer(call, value, kind, as_at)
    if kind not in _FAILS_ON_BAD_TEXT:
        return []
    edits: list[Edit] = []
    if kind == "BOOLEAN" and len(value) == 1 and value[0].kind is Kind.NUMBER:
        # Sail cannot cast a decimal literal to a boolean.
        edits.append((value[0].start, value[0].end, f"cast({value[0].text} as double)"))
    return edits if ansi else [*edits, *call.renamed("try_cast")]


def _integer(call: Call, value: Sequence[Token], kind: str, as_at: int) -> list[Edit]:
    signed = len(value) == 2 and value[0].text == "-" and value[1].kind is Kind.NUMBER
    if signed or (len(value) == 1 and value[0].kind is Kind.NUMBER):
        return _number(call, int(value[-1].text) if value[-1].text.isdigit() else None, kind, negative=signed)
    if len(value) == 1 and value[0].kind is Kind.STRING:
        whole = _whole(string_value(value[0].text), kind)
        return _instead(call, value, "null" if whole is None else f"'{whole}'")
    if kind in ("INT", "INTEGER"):
        return []  # Sail reads text as Spark does here; a number that is too large is an error, not a wrong result
    if len(value) == 1 and value[0].upper == "NULL":
        return []
    start, end = call.tokens[call.at + 1].end, call.tokens[as_at].start
    text = call.source[start:end].strip()
    if any(token.upper in _CHANCE for token in value) or len(text) > _LONG:
        return call.renamed("try_cast")
    # For these types Sail knows no '1.7', which is 1 to Spark: only then the whole part is cut out of the text.
    cut = f"regexp_extract(cast({text} as string), '{_FRACTION}', 1)"
    name = _column_name(value)
    return call.instead(
        f"coalesce(try_cast({text} as {kind}), try_cast({cut} as {kind})){call.alias(name) if name else ''}"
    )


def _column_name(value: Sequence[Token]) -> str:
    """What Spark calls the cast of a column: as the column is called. Empty for other expressions."""
    shape = [token.text if token.kind is Kind.PUNCT else "" for token in value]
    if shape != ["" if i % 2 == 0 else "." for i in range(len(value))]:
        return ""
    last = value[-1]
    if last.kind is Kind.QUOTED:
        return last.text[1:-1].replace("``", "`")
    return last.text if last.kind is Kind.WORD else ""


def _instead(call: Call, value: Sequence[Token], text: str) -> list[Edit]:
    """Another literal for ``value``, without a trace in the name of the column."""
    old = call.source[value[0].start : value[-1].end]
    if old == text:
        return []
    shown = string_value(old) if value[0].kind is Kind.STRING else old
    kind = call.tokens[call.closing - 1].text.upper()
    alias = call.alias(f"CAST({shown} AS {kind})")
    end = call.tokens[call.closing].end
    return [(value[0].start, value[-1].end, text), *([(end, end, alias)] if alias else [])]


def _number(call: Call, number: int | None, kind: str, *, negative: bool) -> list[Edit]:
    bits = _BITS[kind]
    if number is None or number >= 2**63:
        return []
    number = -number if negative else number
    wrapped = (number + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    if wrapped == number:
        return []
    return _instead(call, call.tokens[call.at + 2 : call.at + 3 + negative], str(wrapped))


def _whole(text: str, kind: str) -> int | None:
    """What Spark makes of a text: its whole part, or NULL when that is no number or too large."""
    match = _WHOLE.fullmatch(text)
    if match is None or not text.strip().lstrip("+-").strip("."):
        return None
    number = int(match[1] + (match[2] or "0"))
    return number if -(2 ** (_BITS[kind] - 1)) <= number < 2 ** (_BITS[kind] - 1) else None


_TRACE = re.compile(
    r"coalesce\((?P<x>.+?), CAST\(regexp_extract\(.+?, "
    + re.escape(_FRACTION)
    + r", 1\) AS (?:BIGINT|SMALLINT|TINYINT)\)\)"
)


def without_traces(name: str) -> str:
    """A column's name as it would be without the patches here and in ``expressions``."""
    name = name.replace("TRY_CAST(", "CAST(").replace("try_element_at(", "element_at(")
    while (cleared := _TRACE.sub(r"\g<x>", name)) != name:
        name = cleared
    return name
