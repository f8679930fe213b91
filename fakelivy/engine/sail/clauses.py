"""Clauses of a query that Sail reads otherwise than Spark, or not at all, as edits where they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fakelivy.engine.sail.aggregates import AGGREGATES
from fakelivy.engine.sail.expressions import Edit, select_of
from fakelivy.engine.sail.ordering import order_by_aggregate
from fakelivy.engine.sail.tokens import Kind, Token


def _range_of_days(source: str, tokens: Sequence[Token], at: int) -> list[Edit]:
    """``order by d range between interval …``: Sail forgets the frame of a date, and honours that of a timestamp."""
    if not any(token.upper == "INTERVAL" for token in tokens[at + 2 : at + 12]):
        return []
    start = _back_to(tokens, at, "BY")
    if start is None or tokens[start - 1].upper != "ORDER":
        return []
    first, last = start + 1, at - 1
    while tokens[last].upper in ("ASC", "DESC", "NULLS", "FIRST", "LAST"):
        last -= 1
    expression = source[tokens[first].start : tokens[last].end]
    if tokens[first].upper == "CAST" and expression.lower().endswith("as timestamp)"):
        return []
    return [(tokens[first].start, tokens[last].end, f"cast({expression} as timestamp)")]


def _back_to(tokens: Sequence[Token], at: int, word: str) -> int | None:
    """The nearest ``word`` before, at the same depth and with no comma between."""
    depth = 0
    for index in range(at - 1, 0, -1):
        token = tokens[index]
        if token.kind is Kind.PUNCT:
            depth += (token.text == ")") - (token.text == "(")
            if depth < 0 or (depth == 0 and token.text == ","):
                return None
        elif depth == 0 and token.upper == word:
            return index
    return None


def _pivot_column(source: str, tokens: Sequence[Token], at: int) -> list[Edit]:
    """``pivot (… for k in (…))``: Sail wants the column in parentheses."""
    del source
    depth = 0
    for index in range(at + 1, len(tokens)):
        token = tokens[index]
        if token.kind is Kind.PUNCT:
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                return []
        elif depth == 1 and token.upper == "FOR" and tokens[index + 1].text != "(":
            end = next((i for i in range(index, len(tokens)) if tokens[i].upper == "IN"), None)
            if end is None:
                return []
            return [
                (tokens[index + 1].start, tokens[index + 1].start, "("),
                (tokens[end - 1].end, tokens[end - 1].end, ")"),
            ]
    return []


def _group_by_all(source: str, tokens: Sequence[Token], at: int) -> list[Edit]:
    """``group by all``: the positions of the select items without an aggregate function."""
    del source
    select = select_of(tokens, at - 1)
    if tokens[at - 1].upper != "GROUP" or select is None:
        return []
    plain, position, depth, aggregate, star = [], 1, 0, False, False
    index = select + 1
    while True:
        token = tokens[index]
        ends = depth == 0 and (token.text == "," or token.upper == "FROM")
        if ends:
            if not aggregate:
                plain.append(str(position))
            if token.upper == "FROM":
                break
            position, aggregate = position + 1, False
        elif token.kind is Kind.PUNCT:
            depth += (token.text in "([") - (token.text in ")]")
            star = star or (depth == 0 and token.text == "*" and tokens[index - 1].upper in ("SELECT", "DISTINCT"))
        elif token.upper in AGGREGATES and tokens[index + 1].text == "(":
            aggregate = True
        index += 1
    word = tokens[at + 1]
    # A star hides how many columns there are; then it stays Sail's to refuse.
    return [] if star or not plain else [(word.start, word.end, ", ".join(plain))]


CLAUSES: Mapping[tuple[str, str], Callable[[str, Sequence[Token], int], list[Edit]]] = {
    ("RANGE", "BETWEEN"): _range_of_days,
    ("BY", "ALL"): _group_by_all,
    ("PIVOT", ""): _pivot_column,
    ("ORDER", "BY"): order_by_aggregate,
}
"""Patches by the two words with which a clause begins (the second is empty where punctuation follows)."""
