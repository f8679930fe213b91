"""A date beside a timestamp is a timestamp to Spark. Sail counts both in nanoseconds, and then has no type for them.

Where it says so, or when a day is too far away to be counted so, the dates are cast and the statement is sent again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fakelivy.engine.sail.expressions import Call, Edit
from fakelivy.engine.sail.operands import sides_of
from fakelivy.engine.sail.tokens import Token
from fakelivy.engine.sail.typed import Ask, Find, Rules, Site, Type, repaired, whole
from fakelivy.engine.sail.unions import Fields, aligned

REFUSAL = re.compile(r"Timestamp\((?:Nanosecond|ns)|\* 86400000000000\b")
"""What Sail says then."""


def with_moments(source: str, ask: Ask, fields: Fields) -> str:
    """``source`` with a cast for each date that stands beside a timestamp."""
    return aligned(repaired(source, ask, RULES), fields)


# -- expressions -----------------------------------------------------------------------------------------------------


def _together(places: Sequence[tuple[int, int]], call: Call, probed: tuple[int, int]) -> Site:
    """Values at ``places``, of which the dates become timestamps where one is a timestamp."""

    def repair(types: Sequence[Type]) -> list[Edit]:
        if not any(kind.name == "Timestamp" for kind in types):
            return []
        dates = [place for place, kind in zip(places, types, strict=True) if kind.name == "Date32"]
        return [edit for start, end in dates for edit in ((start, start, "cast("), (end, end, " as timestamp)"))]

    operands = tuple(call.source[start:end] for start, end in places)
    return Site(*whole(call), probed, operands, repair)


def _of(first: int, step: int = 1) -> Find:
    """The arguments of a call from ``first`` on, every so many of them."""

    def sites(call: Call) -> Iterator[Site]:
        arguments = [call.argument(index) for index in range(len(call.commas) + 1)][first::step]
        yield _together([(each[0].start, each[-1].end) for each in arguments if each], call, whole(call))

    return sites


def _compared(span: Call) -> Iterator[Site]:
    (at,) = span.commas
    left, right = span.tokens[at - 1].end, span.tokens[at + 1].start
    start, end = whole(span)
    guess = [Type("Date32" if span.tokens[first].upper == "DATE" else "Timestamp") for first in (span.at, at + 1)]
    yield _together([(start, left), (right, end)], span, (start, end))._replace(guess=guess)


def _case(span: Call) -> Iterator[Site]:
    """``case … then a … else b end``, of which ``span`` is no call: it begins with CASE and ends with END."""
    depth, opens, places = 0, -1, []
    for index in range(span.at, span.closing + 1):
        token = span.tokens[index]
        depth += (token.upper == "CASE") - (token.upper == "END") + (token.text == "(") - (token.text == ")")
        ends = depth == 0 if token.upper == "END" else depth == 1 and token.upper in ("WHEN", "ELSE")
        if ends and opens >= 0:
            places.append((span.tokens[opens + 1].start, span.tokens[index - 1].end))
            opens = -1
        if depth == 1 and token.upper in ("THEN", "ELSE"):
            opens = index
    yield _together(places, span, whole(span))


def _between(span: Call) -> Iterator[Site]:
    (at,) = span.commas
    tokens, middle = span.tokens, span.closing + 1
    if middle >= len(tokens) or tokens[middle].upper != "AND":
        return
    _, last = sides_of(tokens, middle)
    if last is None:
        return
    value = (span.name.start, tokens[at - 1 - (tokens[at - 1].upper == "NOT")].end)
    low = (tokens[at + 1].start, tokens[span.closing].end)
    high = (tokens[middle + 1].start, tokens[last].end)
    # Asked for in the place of the value, where the whole condition would need a boolean.
    yield _together([value, low, high], span._replace(closing=last), value)


def _operands(tokens: Sequence[Token], at: int) -> tuple[int | None, int | None]:
    negated = tokens[at].upper == "BETWEEN" and tokens[at - 1].upper == "NOT"
    first, last = sides_of(tokens, at - negated)[0], sides_of(tokens, at)[1]
    return first, last


_COMPARISONS = ("=", "==", "<", "<=", ">", ">=", "<>", "!=", "<=>")

RULES = Rules(
    calls={
        **dict.fromkeys(("ARRAY", "COALESCE", "GREATEST", "IFNULL", "LEAST", "NULLIF", "NVL"), _of(0)),
        "IF": _of(1),
        "MAP": _of(1, 2),
        "NVL2": _of(1),
    },
    operators={**dict.fromkeys(_COMPARISONS, _compared), "BETWEEN": _between},
    operands=_operands,
    trigger=re.compile("."),
    case=_case,
)
