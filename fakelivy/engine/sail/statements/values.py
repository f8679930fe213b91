"""Inline tables of plain literals, sent as Arrow: Sail's parser takes a millisecond for a row.

A seed of a few thousand rows is such a table. Without it the statement is short, and so is all that reads its text.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.expressions import Edit
from fakelivy.engine.sail.syntax import patch
from fakelivy.engine.sail.tokens import Kind, Token, string_value, tokenize

if TYPE_CHECKING:
    import pyarrow as pa

MANY = 16
"""Rows from which on a view of them costs less than their text does."""

_VIEW = "__fakelivy_values_"
_HAS = re.compile(r"\bvalues\s*\(", re.IGNORECASE)

_LITERAL = r"""
    (?P<{p}string>'[^'\\]*(?:\\.[^'\\]*)*')
  | (?P<{p}number>[+-]?\d{{1,38}}(?:\.\d{{1,38}})?(?![\w.]))
  | (?P<{p}null>null\b)
  | (?P<{p}boolean>(?:true|false)\b)
"""
# One value and the comma or parenthesis after it. Anything else (comments, expressions) is Sail's to read.
_CELL = re.compile(
    rf"""\s*(?: cast\s*\(\s*(?:{_LITERAL.format(p="c")})\s+as\s+(?P<type>\w+(?:\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\))?)\s*\)
    | {_LITERAL.format(p="")} )\s*(?P<next>[,)])""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ROW = re.compile(r"\s*\(")
# Another row, or the end of the table: an alias, the rest of a query, nothing. An operator is Sail's to read.
_AFTER_ROW = re.compile(r"\s*(?:(?P<more>,)|(?=[\w`;)]|\Z))")


@dataclass
class _Column:
    """The values of one column, as text."""

    type: str | None = None
    kinds: set[str] = field(default_factory=set)
    texts: list[str | None] = field(default_factory=list)

    def add(self, match: re.Match[str]) -> bool:
        """Take in a value; false when its cast differs from that of the values before."""
        kind = match["type"]
        if kind != self.type and self.texts:
            return False
        self.type = kind
        text: str | None
        if (text := match["cstring"] or match["string"]) is not None:
            self.kinds.add("string")
            text = string_value(text)
        elif (text := match["cnumber"] or match["number"]) is not None:
            self.kinds.add("number")
        elif (text := match["cboolean"] or match["boolean"]) is not None:
            self.kinds.add("boolean")
        self.texts.append(text)
        return True

    def sql(self, name: str) -> str | None:
        """The column's expression over the text column ``name``; ``None`` when its type is not plain to see."""
        if not self.kinds:
            natural: str | None = "null"
        elif self.kinds == {"string"}:
            natural = name
        elif self.kinds == {"boolean"}:
            natural = f"cast({name} as boolean)"
        elif self.kinds == {"number"} and (kind := self._number()):
            natural = f"cast({name} as {kind})"
            if (self.type or "").lower() == "boolean":  # to which Sail casts no decimal
                natural = f"cast({name} as double)"
        else:
            return None
        return natural if self.type is None else f"cast({natural} as {self.type})"

    def _number(self) -> str:
        """The type that Spark finds for all these numbers; empty if there is none, or each must have its own."""
        numbers = [text for text in self.texts if text is not None]
        if (self.type or "").lower() == "string":  # as texts, 1 and 1.50 have nothing in common
            return ""
        scale = max(len(number.partition(".")[2]) for number in numbers)
        digits = max(map(_digits, numbers))
        if not scale and digits in (10, 20):
            return "int" if digits == 10 else "bigint"
        return f"decimal({digits + scale}, {scale})" if digits + scale <= 38 else ""


def _digits(number: str) -> int:
    """Digits before the point that Spark's type of a number has: a whole one is an int or a bigint if it can be."""
    whole, point, _ = number.partition(".")
    if not point:
        value = int(whole)
        if -(2**31) <= value < 2**31:
            return 10
        if -(2**63) <= value < 2**63:
            return 20
    return len(whole.lstrip("+-").lstrip("0"))


@dataclass(frozen=True)
class _Inline:
    """An inline table: ``source[start:end]``, from VALUES to the last row."""

    start: int
    end: int
    columns: Sequence[_Column]
    items: Sequence[str]
    in_from: bool

    @classmethod
    def read(cls, source: str, before: Token | None, values: Token) -> _Inline | None:
        """The table whose VALUES is given; ``None`` if it is short, or has more in it than literals."""
        found = _read(source, values.end)
        if found is None or len(found[0][0].texts) < MANY:
            return None
        columns, end = found
        items = [column.sql(f"_{i}") for i, column in enumerate(columns)]
        if None in items:
            return None
        in_from = before is not None and (before.text == "," or before.upper in ("FROM", "JOIN"))
        return cls(values.start, end, columns, [item for item in items if item is not None], in_from)

    def query(self, view: str) -> str:
        selected = ", ".join(f"{item} as col{i}" for i, item in enumerate(self.items, 1))
        text = f"select {selected} from {view}"
        return f"({text})" if self.in_from else text

    def rows(self) -> pa.Table:
        import pyarrow as pa

        return pa.table({f"_{i}": pa.array(column.texts, pa.string()) for i, column in enumerate(self.columns)})


@contextlib.contextmanager
def inlined(ctx: Context, source: str) -> Iterator[str]:
    """``source`` with a view in the place of each long inline table, for the length of the block."""
    edits: list[Edit] = []
    try:
        for inline in _tables(source):
            view = f"{_VIEW}{len(edits)}"
            ctx.put(view, inline.rows())
            edits.append((inline.start, inline.end, inline.query(view)))
        yield patch(source, edits)
    finally:
        for number in range(len(edits)):
            ctx.take_back(f"view if exists {_VIEW}{number}")


def _tables(source: str) -> Iterator[_Inline]:
    """The inline tables that can be sent as Arrow, from left to right. Their rows are not cut into tokens."""
    position = 0
    while _HAS.search(source, position):
        before: Token | None = None
        for token in tokenize(source, position):
            if token.kind in (Kind.SPACE, Kind.COMMENT):
                continue
            position = token.end
            if token.upper == "VALUES" and (inline := _Inline.read(source, before, token)):
                yield inline
                position = inline.end
                break
            before = token


def _read(source: str, start: int) -> tuple[list[_Column], int] | None:
    """The rows by column and where they end, or ``None`` when there is more than literals or rows differ in shape."""
    columns: list[_Column] = []
    cell, position, first = _CELL.match, start, True
    while True:
        opening = _ROW.match(source, position)
        if opening is None:
            return None
        position, index, last = opening.end(), 0, False
        while not last:
            match = cell(source, position)
            if match is None:
                return None
            if first:
                columns.append(_Column())
            position, last = match.end(), match["next"] == ")"
            if index >= len(columns) or not columns[index].add(match):
                return None
            index += 1
        if index != len(columns):
            return None
        first = False
        after = _AFTER_ROW.match(source, position)
        if after is None:
            return None
        if after["more"] is None:
            return columns, position
        position = after.end()
