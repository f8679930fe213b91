"""The few expressions and names Sail reads otherwise than Spark, patched token by token where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakelivy.engine.sail.catalog import Name, Relation
from fakelivy.engine.sail.names import full_name, references, render
from fakelivy.engine.sail.rewrites import REWRITES, Call, Edit
from fakelivy.engine.sail.syntax import patch
from fakelivy.engine.sail.tokens import Kind, Token, quote_name, quote_string, tokenize

_FAILS_ON_BAD_TEXT = frozenset(
    {
        *("DOUBLE", "FLOAT", "REAL", "DECIMAL", "DEC", "NUMERIC", "BOOLEAN"),
        # Not INT, which Sail casts as Spark does, '1.7' to 1 included. For these '1.7' becomes NULL; Spark says 1.
        *("BIGINT", "LONG", "SMALLINT", "SHORT", "TINYINT", "BYTE"),
    }
)


SPARK_VERSION = "3.5.5"
"""What ``version()`` gives: that of Fabric's runtime 1.3 (Fabric docs), not Sail's own."""


@dataclass(frozen=True)
class Scope:
    """What names mean in a session: its tables, temporary views, current schema, and the child's own catalog."""

    relations: Mapping[Name, Relation]
    temporary: Collection[str]
    current: tuple[str, str]
    lakehouse: str


def prepare(source: str, scope: Scope, *, ansi: bool) -> str:
    """``source`` as Sail must read it to do what Spark would."""
    edits = list(_name_edits(source, scope))
    if _TRIGGER.search(source):
        tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
        for index, token in enumerate(tokens[:-1]):
            make = _CALLS.get(token.upper)
            if make is None or tokens[index + 1].text != "(" or (index and tokens[index - 1].text == "."):
                continue
            call = _call(tokens, index)
            if call is not None:
                edits += make(call, ansi)
    return patch(source, edits) if edits else source


def as_written(schema: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """A result's schema without the traces of ``prepare`` in the names of columns that have no alias."""
    if "try_cast" in source.lower():
        return schema
    fields = [{**field, "name": field["name"].replace("TRY_CAST(", "CAST(")} for field in schema["fields"]]
    return {**schema, "fields": fields}


def _name_edits(source: str, scope: Scope) -> Iterator[Edit]:
    # Sail's names are case sensitive, end at three parts, and two of them are always of its own catalog.
    for reference in references(source):
        parts = reference.parts
        usual = len(parts) in (1, 3) or (len(parts) == 2 and scope.current[0] == scope.lakehouse)
        if len(parts) > 4 or (usual and all(part == part.lower() for part in parts)):
            continue
        name = full_name(parts, scope.current)
        if len(parts) == 1 and parts[0].lower() in scope.temporary:
            yield reference.start, reference.end, quote_name(parts[0].lower())
        elif name in scope.relations:
            yield reference.start, reference.end, render(name)


def _call(tokens: Sequence[Token], at: int) -> Call | None:
    depth = 0
    commas: list[int] = []
    for index in range(at + 1, len(tokens)):
        text = tokens[index].text
        if tokens[index].kind is not Kind.PUNCT:
            continue
        depth += (text == "(") - (text == ")")
        if depth == 0:
            return Call(tokens, at, index, tuple(commas))
        if text == "," and depth == 1:
            commas.append(index)
    return None


def _to_timestamp(call: Call, _: bool) -> list[Edit]:
    # Sail takes a number for microseconds; Spark's one-argument form is a cast, which both read as seconds.
    if call.commas or call.empty:
        return []
    name, end = call.tokens[call.at], call.tokens[call.closing].start
    return [(name.start, name.end, "cast"), (end, end, " as timestamp")]


def _cast(call: Call, ansi: bool) -> list[Edit]:
    tokens = call.tokens
    kind_at = next((i for i in range(call.closing - 1, call.at, -1) if tokens[i].upper == "AS"), None)
    if kind_at is None or tokens[kind_at + 1].upper not in _FAILS_ON_BAD_TEXT:
        return []
    edits: list[Edit] = []
    value, name = tokens[call.at + 2], tokens[call.at]
    if tokens[kind_at + 1].upper == "BOOLEAN" and kind_at == call.at + 3 and value.kind is Kind.NUMBER:
        # Sail cannot cast a decimal literal to a boolean.
        edits.append((value.start, value.end, f"cast({value.text} as double)"))
    if not ansi:
        # With ANSI off Spark's cast gives NULL for text that is no number; Sail does so for some types only.
        edits.append((name.start, name.end, "try_cast"))
    return edits


def _version(call: Call, _: bool) -> list[Edit]:
    if not call.empty:
        return []
    return [(call.tokens[call.at].start, call.tokens[call.closing].end, quote_string(SPARK_VERSION))]


def _always(make: Callable[[Call], list[Edit]]) -> Callable[[Call, bool], list[Edit]]:
    return lambda call, _: make(call)


_CALLS: Mapping[str, Callable[[Call, bool], list[Edit]]] = {
    **{name: _always(make) for name, make in REWRITES.items()},
    "TO_TIMESTAMP": _to_timestamp,
    "CAST": _cast,
    "VERSION": _version,
}

_TRIGGER = re.compile("|".join(_CALLS), re.IGNORECASE)
