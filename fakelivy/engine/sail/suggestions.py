"""Which columns a name that does not resolve may have meant, in the order in which Spark names them."""

from __future__ import annotations

from collections.abc import Sequence

from fakelivy.engine.sail.expressions import select_of
from fakelivy.engine.sail.operands import defined_at, partner_after
from fakelivy.engine.sail.tokens import Kind, Token, tokenize
from fakelivy.engine.sail.unions import Fields

MOST = 5
"""So many names Spark suggests."""

_AFTER_FROM = frozenset(
    {
        *("WHERE", "GROUP", "HAVING", "ORDER", "SORT", "CLUSTER", "DISTRIBUTE", "LIMIT", "OFFSET", "WINDOW", "UNION"),
        *("EXCEPT", "INTERSECT", "MINUS", "QUALIFY", "WHEN"),
    }
)


def suggestions(source: str, name: str, fields: Fields) -> list[str]:
    """The columns of the FROM of the query that has ``name`` in it; none when there is no such query."""
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    for at, token in enumerate(tokens):
        if token.kind in (Kind.WORD, Kind.QUOTED) and token.text.strip("`").lower() == name.lower():
            read = _read(source, tokens, at)
            found = [column["name"] for column in fields(read)] if read else []
            if found:
                return sorted(dict.fromkeys(found), key=lambda column: _distance(column.lower(), name.lower()))[:MOST]
    return []


def _read(source: str, tokens: Sequence[Token], at: int) -> str:
    """A query of all columns that may stand at ``tokens[at]``; empty when there is no FROM."""
    select = None
    while at >= 0 and (select := select_of(tokens, at)) is None:
        at = _opening_before(tokens, at) - 1
    if select is None:
        return ""
    depth, start, end = 0, -1, len(tokens)
    for index in range(select, len(tokens)):
        token = tokens[index]
        if token.kind is Kind.PUNCT:
            depth += (token.text == "(") - (token.text == ")")
        if depth < 0 or (depth == 0 and start >= 0 and (token.upper in _AFTER_FROM or token.text == ";")):
            end = index
            break
        if depth == 0 and start < 0 and token.upper == "FROM":
            start = index
    if start < 0:
        return ""
    names = ", ".join(source[tokens[a].start : tokens[b].end] for a, b in _definitions(tokens, start))
    head = f"with {names} " if names else ""
    return f"{head}select * {source[tokens[start].start : tokens[end - 1].end]}"


def _opening_before(tokens: Sequence[Token], at: int) -> int:
    depth = 0
    for index in range(at, -1, -1):
        if tokens[index].kind is Kind.PUNCT:
            depth += (tokens[index].text == ")") - (tokens[index].text == "(")
            if depth < 0:
                return index
    return 0


def _definitions(tokens: Sequence[Token], before: int) -> list[tuple[int, int]]:
    """What a WITH has defined up to ``before``."""
    found = []
    for opening in (at for at in range(before) if tokens[at].text == "("):
        name, closing = defined_at(tokens, opening), partner_after(tokens, opening)
        if name is not None and closing is not None and closing < before:
            found.append((name, closing))
    return found


def _distance(one: str, other: str) -> int:
    """Levenshtein's: how many letters are put in, left out or changed."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != wanted))
    return row[-1]
