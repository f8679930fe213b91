"""What Spark and Delta refuse and this engine could do: refused here too, or a project would pass here and fail there.

The texts are those of Spark 3.5 with Delta 3.2, the line of Fabric's runtime 1.3, as it said them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from fakelivy.engine.sail.errors import SparkError, quoted, spark_error
from fakelivy.engine.sail.operands import after_call
from fakelivy.engine.sail.sparktypes import Field, SparkType, sql_text
from fakelivy.engine.sail.tokens import Kind, Token, tokenize

_FORBIDDEN = frozenset(" ,;{}()\n\t=")


def is_mapped(properties: Mapping[str, str]) -> bool:
    """Whether the table's columns have names apart from those in its files."""
    return properties.get("delta.columnMapping.mode", "none").lower() in ("name", "id")


def check_names(names: Iterable[str], properties: Mapping[str, str]) -> None:
    """The columns of a table may be called this.

    Raises:
        SparkError: not without column mapping, or one twice.
    """
    seen: set[str] = set()
    wrong = []
    for name in names:
        if name.lower() in seen:
            raise spark_error(
                "COLUMN_ALREADY_EXISTS",
                f"The column `{name.lower()}` already exists. Choose another name or rename the existing column.",
            )
        seen.add(name.lower())
        if _FORBIDDEN & set(name):
            wrong.append(name)
    if wrong and not is_mapped(properties):
        raise spark_error(
            "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES",
            "Found invalid character(s) among ' ,;{}()\\n\\t=' in the column names of your schema. "
            f"Invalid column names: {', '.join(wrong)}. Please use other characters, "
            "or enable Column Mapping to keep using these.",
        )


def check_mapping(properties: Mapping[str, str], what: str) -> None:
    """Columns may be renamed or dropped (``what``).

    Raises:
        SparkError: not without column mapping.
    """
    if not is_mapped(properties):
        operation = "Column rename" if what == "RENAME" else "DROP COLUMN"
        raise spark_error(
            f"DELTA_UNSUPPORTED_{what}_COLUMN",
            f"{operation} is not supported for your Delta table. Please enable Column Mapping on your Delta table with "
            "mapping mode 'name': ALTER TABLE … SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', "
            "'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5').",
        )


_WHOLE = ("byte", "short", "integer", "long")
_WIDER: Mapping[str, tuple[str, ...]] = {
    "byte": (*_WHOLE[1:], "float", "double"),
    "short": (*_WHOLE[2:], "float", "double"),
    "integer": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "date": ("timestamp", "timestamp_ntz"),
}
"""What Spark casts without a loss; anything but bytes and what is nested becomes a text."""


def check_type(table: Sequence[str], column: Field, new: SparkType) -> None:
    """A column's type may be changed to ``new``.

    Raises:
        SparkError: it may not: Delta only lets a type be what it is.
    """
    old = column["type"]
    if old == new:
        return
    widens = isinstance(old, str) and (new in _WIDER.get(old, ()) or (new == "string" and old != "binary"))
    shown = sql_text(old).upper(), sql_text(new).upper()
    if widens:
        raise spark_error(
            "DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP",
            f"ALTER TABLE CHANGE COLUMN is not supported for changing column {column['name']} from {shown[0]} to "
            f"{shown[1]}",
        )
    raise spark_error(
        "NOT_SUPPORTED_CHANGE_COLUMN",
        f"ALTER TABLE ALTER/CHANGE COLUMN is not supported for changing {quoted(tuple(table))}'s column "
        f'`{column["name"]}` with type "{shown[0]}" to `{column["name"]}` with type "{shown[1]}".',
    )


def not_nullable(column: Field) -> SparkError:
    """Delta makes no column NOT NULL afterwards; Spark's text has no class."""
    return SparkError(f"Cannot change nullable column to non-nullable: {column['name']}.")


def check_condition(source: str, command: str) -> None:
    """The condition of a DELETE or UPDATE has no subquery.

    Raises:
        SparkError: it has one.
    """
    words = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    where = next((at for at, token in enumerate(words) if token.upper == "WHERE"), len(words))
    for before, token in zip(words[where:], words[where + 1 :], strict=False):
        if before.text == "(" and token.upper in ("SELECT", "WITH"):
            condition = source[words[where].end :].strip()
            raise spark_error(
                "DELTA_UNSUPPORTED_SUBQUERY",
                f"Subqueries are not supported in the {command} (condition = ({condition})).",
            )


_ORDERED = frozenset(
    {"CUME_DIST", "DENSE_RANK", "LAG", "LEAD", "NTH_VALUE", "NTILE", "PERCENT_RANK", "RANK", "ROW_NUMBER"}
)
_MAYBE = re.compile(rf"\b(?:{'|'.join(_ORDERED)})\s*\(", re.IGNORECASE)


def check_windows(source: str) -> None:
    """Functions that number rows have a window with an order.

    Raises:
        SparkError: Sail would number them as they come, Spark refuses.
    """
    if not _MAYBE.search(source):
        return
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    for at, token in enumerate(tokens[:-1]):
        if token.upper not in _ORDERED or tokens[at + 1].text != "(":
            continue
        closing = _closing(tokens, at + 1)
        if closing is None:
            return
        last = after_call(tokens, closing)
        window = tokens[closing:last]
        if window and tokens[last].text == ")" and not any(t.upper == "ORDER" for t in window) and not _named(window):
            name = source[token.start : tokens[closing].end]
            raise SparkError(
                f"Window function {name} requires window to be ordered, please add ORDER BY clause. For example SELECT "
                f"{name}(value_expr) OVER (PARTITION BY window_partition ORDER BY window_ordering) from table."
            )


def _named(window: Sequence[Token]) -> bool:
    """``over (w …)``: a window that is defined elsewhere."""
    opening = next(at for at, token in enumerate(window) if token.upper == "OVER") + 1
    after = window[opening + 1] if opening + 1 < len(window) else None
    return after is not None and after.upper not in ("PARTITION", "DISTRIBUTE", "ORDER", "SORT", "ROWS", "RANGE", "")


def _closing(tokens: Sequence[Token], opening: int) -> int | None:
    depth = 0
    for index in range(opening, len(tokens)):
        depth += (tokens[index].text == "(") - (tokens[index].text == ")")
        if depth == 0:
            return index
    return None
