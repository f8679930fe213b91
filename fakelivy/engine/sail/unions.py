"""UNION and its kin over dates on one side and timestamps on the other, which are timestamps to Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fakelivy.engine.sail.expressions import Edit
from fakelivy.engine.sail.operands import defined_at
from fakelivy.engine.sail.sparktypes import Field
from fakelivy.engine.sail.syntax import patch
from fakelivy.engine.sail.tokens import Kind, Token, quote_name, tokenize

Fields = Callable[[str], Sequence[Field]]
"""The columns of a query; none when it does not resolve."""

_OPERATORS = ("UNION", "EXCEPT", "INTERSECT", "MINUS")
_AFTER = ("ORDER", "SORT", "CLUSTER", "DISTRIBUTE", "LIMIT", "OFFSET")


class _Union(NamedTuple):
    """A set operation.

    Attributes:
        end: where it ends; those that end first are inside, or before, the others.
        sides: the queries it is of, as places in the source.
        scope: the names defined by WITH that they may read, as places too.
    """

    end: int
    sides: Sequence[tuple[int, int]]
    scope: Sequence[tuple[int, int]]


def aligned(source: str, fields: Fields) -> str:
    """``source`` with a cast for each date that a set operation has beside a timestamp."""
    done = -1
    while True:
        tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
        following = [union for union in _unions(tokens) if union.end > done]
        if not following:
            return source
        union = min(following)
        after = patch(source, _edits(source, union, fields))
        done = union.end + len(after) - len(source)
        source = after


def _edits(source: str, union: _Union, fields: Fields) -> list[Edit]:
    names = ", ".join(source[start:end] for start, end in union.scope)
    head = f"with {names} " if names else ""
    sides = [list(fields(head + source[start:end])) for start, end in union.sides]
    if len({len(columns) for columns in sides}) != 1:
        return []
    kinds = [
        {column["type"] for column in each if isinstance(column["type"], str)} for each in zip(*sides, strict=True)
    ]
    mixed = [{"date", "timestamp"} <= each for each in kinds]
    return [
        (start, end, _cast(source[start:end], columns, mixed))
        for (start, end), columns in zip(union.sides, sides, strict=True)
        if any(wrong and column["type"] == "date" for wrong, column in zip(mixed, columns, strict=True))
    ]


def _cast(query: str, columns: Sequence[Field], mixed: Sequence[bool]) -> str:
    items = []
    for i, (column, wrong) in enumerate(zip(columns, mixed, strict=True)):
        value = f"cast(_{i} as timestamp)" if wrong and column["type"] == "date" else f"_{i}"
        items.append(f"{value} as {quote_name(column['name'])}")
    return f"select {', '.join(items)} from ({query}) as __side({', '.join(f'_{i}' for i in range(len(columns)))})"


@dataclass
class _Level:
    """What is between two parentheses.

    Attributes:
        opening: the token before it, ``-1`` for the statement itself.
        starts: the first token of each side, as far as they are known.
        stops: the token after each.
        names: what its WITH has defined so far.
        parenthesis: the one that was closed last in it, which a side may be.
    """

    opening: int
    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    names: list[tuple[int, int]] = field(default_factory=list)
    parenthesis: int = -1


def _unions(tokens: Sequence[Token]) -> Iterator[_Union]:
    levels = [_Level(-1)]
    for index, token in enumerate([*tokens, Token(Kind.END, "", 0)]):
        level = levels[-1]
        ends = token.kind is Kind.END or (token.kind is Kind.PUNCT and token.text in (")", ";"))
        if token.kind is Kind.PUNCT and token.text == "(":
            levels.append(_Level(index))
        elif token.upper in ("SELECT", "VALUES") and not level.starts:
            level.starts.append(index)
        elif token.upper in _OPERATORS and (level.starts or level.parenthesis >= 0):
            level.starts = level.starts or [level.parenthesis]
            level.stops.append(index)
            level.starts.append(index + 1 + (tokens[index + 1].upper in ("ALL", "DISTINCT")))
        elif token.upper in _AFTER and level.stops and len(level.stops) < len(level.starts):
            level.stops.append(index)
        elif ends:
            if len(level.starts) > 1:
                stops = [*level.stops, index][: len(level.starts)]
                sides = [(tokens[a].start, tokens[b - 1].end) for a, b in zip(level.starts, stops, strict=True)]
                yield _Union(sides[-1][1], sides, [name for each in levels for name in each.names])
            if token.text == ")" and len(levels) > 1:
                levels.pop()
                levels[-1].parenthesis = level.opening
                defined = defined_at(tokens, level.opening)
                if defined is not None:
                    levels[-1].names.append((tokens[defined].start, token.end))
