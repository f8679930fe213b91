"""``order by`` an aggregate that is not selected: Sail orders by what a query selects, and finds nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from fakelivy.engine.sail.aggregates import AGGREGATES
from fakelivy.engine.sail.expressions import Edit, call_at, select_of
from fakelivy.engine.sail.tokens import Kind, Token, quote_name

_SET_OPERATORS = ("UNION", "EXCEPT", "INTERSECT", "MINUS")
_DIRECTIONS = ("ASC", "DESC", "NULLS", "FIRST", "LAST")
_AFTER = ("LIMIT", "OFFSET", *_SET_OPERATORS)
_NAMES = (Kind.WORD, Kind.QUOTED)


def order_by_aggregate(source: str, tokens: Sequence[Token], at: int) -> list[Edit]:
    """The query within another, which has its columns, and orders by what the inner one selects in addition.

    Nothing is patched where the names of the columns are not plain to see.
    """
    select = select_of(tokens, at - 1, stop=_SET_OPERATORS)
    if select is None or tokens[select - 1].upper in (*_SET_OPERATORS, "ALL") or tokens[select + 1].upper == "DISTINCT":
        return []
    top = [index for index in _top(tokens, select + 1) if index < at]
    end = next((index for index in top if tokens[index].upper == "FROM"), None)
    if end is None or not any(tokens[index].upper == "GROUP" for index in top):
        return []
    selected = list(_items(tokens, select + 1, end))
    names = [_name(item) for item in selected]
    columns = {name.lower() for name in names if name}
    if len(columns) < len(names):
        return []
    texts = {_text(item) for item in selected} | {_text(item[:-2]) for item in selected if len(item) > 2}
    hidden = [key for key in _keys(tokens, at + 2) if not _is_column(key, columns)]
    if not any(_text(key) not in texts and _has_aggregate(source, tokens, key) for key in hidden):
        return []
    added = {f"`__order_{number}`": key for number, key in enumerate(hidden)}
    return [
        (tokens[select].start, tokens[select].start, f"select {', '.join(quote_name(str(n)) for n in names)} from ("),
        (
            tokens[end - 1].end,
            tokens[end - 1].end,
            "".join(f", {source[key[0].start : key[-1].end]} as {name}" for name, key in added.items()),
        ),
        (tokens[at].start, tokens[at].start, ") as __ordered "),
        *((key[0].start, key[-1].end, name) for name, key in added.items()),
    ]


def _top(tokens: Sequence[Token], start: int) -> Iterator[int]:
    """The places from ``start`` on that are in no parentheses of their own, up to where those around them close."""
    depth = 0
    for index in range(start, len(tokens)):
        mark = tokens[index].text if tokens[index].kind is Kind.PUNCT else ""
        depth -= mark in (")", "]")
        if depth < 0 or (depth == 0 and mark == ";"):
            return
        if depth == 0:
            yield index
        depth += mark in ("(", "[")


def _items(tokens: Sequence[Token], start: int, end: int) -> Iterator[Sequence[Token]]:
    """What is between the commas."""
    for index in _top(tokens, start):
        if index < end and tokens[index].text == ",":
            yield tokens[start:index]
            start = index + 1
    yield tokens[start:end]


def _keys(tokens: Sequence[Token], start: int) -> Iterator[Sequence[Token]]:
    """The expressions after ORDER BY, without their directions."""
    end = start
    for index in _top(tokens, start):
        if tokens[index].upper in _AFTER:
            break
        end = index + 1
    for item in _items(tokens, start, end):
        size = len(item)
        while size and item[size - 1].upper in _DIRECTIONS:
            size -= 1
        if size:
            yield item[:size]


def _name(item: Sequence[Token]) -> str | None:
    """The name of a column that is one by its look: after AS, or a column's own."""
    last = item[-1] if item else None
    if last is None or last.kind not in _NAMES:
        return None
    dotted = all(token.kind in _NAMES if i % 2 == 0 else token.text == "." for i, token in enumerate(item))
    if not dotted and not (len(item) > 2 and item[-2].upper == "AS"):
        return None
    return last.text[1:-1].replace("``", "`") if last.kind is Kind.QUOTED else last.text


def _is_column(key: Sequence[Token], columns: Collection[str]) -> bool:
    """Whether it is the name or the number of a column."""
    return len(key) == 1 and (key[0].kind is Kind.NUMBER or (_name(key) or "").lower() in columns)


def _has_aggregate(source: str, tokens: Sequence[Token], key: Sequence[Token]) -> bool:
    for at in range(tokens.index(key[0]), tokens.index(key[-1])):
        if tokens[at].upper in AGGREGATES and tokens[at + 1].text == "(":
            call = call_at(source, tokens, at)
            after = tokens[call.closing + 1] if call and call.closing + 1 < len(tokens) else None
            if call and (after is None or after.upper not in ("OVER", "FILTER")):
                return True
    return False


def _text(item: Sequence[Token]) -> str:
    return " ".join(token.upper or token.text for token in item)
