"""INSERT … VALUES of plain literals, sent as Arrow: Sail's parser takes a millisecond for a row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.names import sql_name
from fakelivy.engine.sail.tokens import quote_name, string_value

_VIEW = "__fakelivy_values"

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
_AFTER_ROW = re.compile(r"\s*(?:(?P<more>,)|;*\s*\Z)")


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
        """The column's expression over the text column ``name``; ``None`` when the kinds of its values differ."""
        if self.kinds <= {"string"}:
            natural = name
        elif self.kinds == {"boolean"}:
            natural = f"cast({name} as boolean)"
        elif self.kinds == {"number"}:
            numbers = [text.lstrip("+-") for text in self.texts if text is not None]
            whole = max(len(number.partition(".")[0]) for number in numbers)
            scale = max(len(number.partition(".")[2]) for number in numbers)
            cast = (self.type or "").lower()
            if whole + scale > 38 or cast == "string":  # as texts, 1 and 1.50 have nothing in common
                return None
            if cast == "boolean":  # to which Sail casts no decimal
                return f"cast(cast({name} as double) as boolean)"
            natural = f"cast({name} as {'bigint' if not scale and whole < 19 else f'decimal({whole + scale},{scale})'})"
        else:
            return None
        return natural if self.type is None else f"cast({natural} as {self.type})"


def insert_values(ctx: Context, table: Relation, source: str, start: int) -> bool:
    """Insert the rows that ``source[start:]`` lists, if all of them are plain literals.

    Returns:
        Whether it was done; if not, nothing was.
    """
    columns = _read(source, start, len(ctx.fields(table)))
    if columns is None:
        return False
    items = [column.sql(f"_{i}") for i, column in enumerate(columns)]
    if None in items:
        return False
    import pyarrow as pa

    rows = pa.table({f"_{i}": pa.array(column.texts, pa.string()) for i, column in enumerate(columns)})
    ctx.put(_VIEW, rows)
    try:
        selected = ", ".join(f"{item} as {quote_name(f'c{i}')}" for i, item in enumerate(items))
        ctx.execute(f"insert into {sql_name(table)} select {selected} from {_VIEW}")
    finally:
        ctx.take_back(f"view if exists {_VIEW}")
    return True


def _read(source: str, start: int, width: int) -> list[_Column] | None:
    """The rows by column, or ``None`` when there is anything but literals or the rows differ in shape."""
    columns = [_Column() for _ in range(width)]
    cell, position = _CELL.match, start
    while True:
        opening = _ROW.match(source, position)
        if opening is None:
            return None
        position = opening.end()
        for index, column in enumerate(columns):
            match = cell(source, position)
            if match is None or (match["next"] == ")") != (index == width - 1):
                return None
            position = match.end()
            if not column.add(match):
                return None
        after = _AFTER_ROW.match(source, position)
        if after is None:
            return None
        if after["more"] is None:
            return columns
        position = after.end()
