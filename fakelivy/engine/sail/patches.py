"""The few expressions and names Sail reads otherwise than Spark, patched token by token where they stand."""

from __future__ import annotations

import re
from bisect import bisect, insort
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakelivy.engine.sail.casts import cast, without_traces
from fakelivy.engine.sail.catalog import Name, Relation
from fakelivy.engine.sail.clauses import CLAUSES
from fakelivy.engine.sail.expressions import CALLS, Edit, call_at
from fakelivy.engine.sail.names import full_name, references, render
from fakelivy.engine.sail.numbers import least_numbers, signed
from fakelivy.engine.sail.rewrites import REWRITES
from fakelivy.engine.sail.syntax import patch
from fakelivy.engine.sail.tokens import Kind, quote_name, tokenize


@dataclass(frozen=True)
class Scope:
    """What names mean in a session: its tables, temporary views, current schema, and the child's own catalog."""

    relations: Mapping[Name, Relation]
    temporary: Collection[str]
    current: tuple[str, str]
    lakehouse: str


def prepare(source: str, scope: Scope, *, ansi: bool) -> str:
    """``source`` as Sail must read it to do what Spark would."""
    named = patch(source, [*_name_edits(source, scope), *least_numbers(source)])
    while True:
        # Inner calls first: what replaces a call as a whole quotes its arguments.
        patched = patch(named, _innermost(named, ansi))
        if patched == named:
            return patched
        named = patched


def as_written(schema: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """A result's schema without the traces of ``prepare`` in the names of columns that have no alias."""
    if "try_" in source.lower():
        return schema
    fields = [{**field, "name": signed(without_traces(field["name"]), source)} for field in schema["fields"]]
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


def _innermost(source: str, ansi: bool) -> list[Edit]:
    """Edits that do not overlap, those of inner calls before those of the calls around them."""
    if not _TRIGGER.search(source):
        return []
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    found: list[tuple[int, list[Edit]]] = []
    for index, token in enumerate(tokens[:-1]):
        after = tokens[index + 1]
        if (make := _CALLS.get(token.upper)) and after.text == "(" and not (index and tokens[index - 1].text == "."):
            call = call_at(source, tokens, index)
            if call is not None:
                found.append((tokens[call.closing].end, make(call, ansi)))
        elif clause := CLAUSES.get((token.upper, after.upper)):
            found.append((after.end, clause(source, tokens, index)))
    edits: list[Edit] = []
    for _, group in sorted(found, key=lambda each: each[0]):
        if not any(_meets(edits, edit) for edit in group):
            for edit in group:
                insort(edits, edit)
    return edits


def _meets(edits: list[Edit], edit: Edit) -> bool:
    """Whether it overlaps with one of ``edits``, which are in order and do not overlap themselves."""
    at = bisect(edits, edit)
    return (at > 0 and edits[at - 1][1] > edit[0]) or (at < len(edits) and edits[at][0] < edit[1])


_CALLS = {**CALLS, **REWRITES, "CAST": cast}
_TRIGGER = re.compile("|".join([*_CALLS, *{first for first, _ in CLAUSES}]), re.IGNORECASE)
