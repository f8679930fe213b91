"""Where the operands of an operator, a CASE, a parenthesis begin and end, read off the tokens around them."""

from __future__ import annotations

from collections.abc import Sequence

from fakelivy.engine.sail.tokens import Kind, Token

_NO_FUNCTIONS = frozenset(
    {
        *("ALL", "AND", "ANY", "AS", "BETWEEN", "BY", "CASE", "DISTINCT", "DIV", "ELSE", "EXISTS", "FROM", "HAVING"),
        *("IN", "INTERVAL", "IS", "JOIN", "LIKE", "LIMIT", "NOT", "ON", "OR", "RLIKE", "SELECT", "SET", "SOME"),
        *("THEN", "USING", "VALUES", "WHEN", "WHERE", "END"),
    }
)
"""Words before a parenthesis, or before an operator, that are neither a function nor a column."""

_AFTER_CALL = ("OVER", "FILTER", "GROUP")  # the last word of `within group`
_OPENS, _CLOSES = "([", ")]"


def left_of(tokens: Sequence[Token], at: int) -> int | None:
    """Where the operand before ``tokens[at]``, an operator such as ``/``, begins; ``None`` when that is not clear."""
    start = _primary_before(tokens, at - 1)
    while start is not None and start > 0 and _times(tokens, start - 1):
        start = _primary_before(tokens, start - 2)
    return start


def _times(tokens: Sequence[Token], at: int) -> bool:
    return tokens[at].text in ("*", "/", "%") or tokens[at].upper == "DIV"


def sides_of(tokens: Sequence[Token], at: int) -> tuple[int | None, int | None]:
    """The operands of ``tokens[at]``, an operator that binds less than ``+`` does: a first and a last token."""
    start, end = _left_with_literals(tokens, at), _right_with_literals(tokens, at)
    while start is not None and start > 0 and _plus(tokens, start - 1):
        start = _left_with_literals(tokens, start - 1)
    while end is not None and end + 1 < len(tokens) and (_plus(tokens, end + 1) or _times(tokens, end + 1)):
        end = _right_with_literals(tokens, end + 1)
    return start, end


def _left_with_literals(tokens: Sequence[Token], at: int) -> int | None:
    if at > 0 and tokens[at - 1].kind is Kind.STRING:
        return at - 1 - (at > 1 and tokens[at - 2].upper in _TYPED)
    if at > 2 and tokens[at - 3].upper == "INTERVAL":  # with its unit
        return at - 3
    return left_of(tokens, at)


def _right_with_literals(tokens: Sequence[Token], at: int) -> int | None:
    first = tokens[at + 1].upper if at + 1 < len(tokens) else ""
    last = at + 1 + (first in _TYPED)
    if last >= len(tokens) or (tokens[last].kind is not Kind.STRING and first != "INTERVAL"):
        return right_of(tokens, at)
    has_unit = first == "INTERVAL" and last + 1 < len(tokens) and tokens[last + 1].upper.rstrip("S") in _UNITS
    return last + has_unit


_TYPED = ("DATE", "INTERVAL", "TIMESTAMP")
_UNITS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")


def _plus(tokens: Sequence[Token], at: int) -> bool:
    return tokens[at].kind is Kind.PUNCT and tokens[at].text in ("+", "-", "||")


def _primary_before(tokens: Sequence[Token], last: int) -> int | None:
    """Where the primary expression that ends at ``tokens[last]`` begins, its sign included."""
    start = _unsigned_before(tokens, last)
    if start and tokens[start - 1].text == "::":
        return None  # a cast's type, not an operand
    if start is None or start == 0 or tokens[start - 1].text not in ("-", "+", "~"):
        return start
    return start - 1 if is_sign(tokens, start - 1) else start


def is_sign(tokens: Sequence[Token], at: int) -> bool:
    """Whether ``tokens[at]``, a plus or minus, belongs to what follows alone: nothing before it is an operand."""
    before = tokens[at - 1] if at > 0 else None
    if before is None or before.kind is Kind.PUNCT:
        return before is None or before.text not in _CLOSES
    return before.upper in _NO_FUNCTIONS - {"END"}


def _unsigned_before(tokens: Sequence[Token], last: int) -> int | None:
    if last < 0:
        return None
    token = tokens[last]
    if token.kind is Kind.PUNCT and token.text in _CLOSES:
        opening = _partner_before(tokens, last)
        if opening is None:
            return None
        if token.text == "]":
            return _unsigned_before(tokens, opening - 1)
        name = tokens[opening - 1] if opening else None
        if name is None or name.kind not in (Kind.WORD, Kind.QUOTED) or name.upper in _NO_FUNCTIONS:
            return opening
        if name.upper in _AFTER_CALL:
            at = opening - 2 - (tokens[opening - 2].upper == "WITHIN")
            return _unsigned_before(tokens, at)
        return _dotted_before(tokens, opening - 1)
    if token.upper == "END":
        return _case_before(tokens, last)
    if token.kind is Kind.NUMBER:
        return last
    if token.kind in (Kind.WORD, Kind.QUOTED) and token.upper not in _NO_FUNCTIONS:
        if last and tokens[last - 1].upper == "OVER":  # a named window
            return _unsigned_before(tokens, last - 2)
        return _dotted_before(tokens, last)
    return None


def _dotted_before(tokens: Sequence[Token], last: int) -> int | None:
    start = last
    while start > 1 and tokens[start - 1].text == ".":
        if tokens[start - 2].kind not in (Kind.WORD, Kind.QUOTED):
            return _unsigned_before(tokens, start - 2)  # a field of what a call or an index gives
        start -= 2
    return start


def _partner_before(tokens: Sequence[Token], last: int) -> int | None:
    depth = 0
    for index in range(last, -1, -1):
        if tokens[index].kind is Kind.PUNCT:
            depth += (tokens[index].text in _CLOSES) - (tokens[index].text in _OPENS)
            if depth == 0:
                return index
    return None


def _case_before(tokens: Sequence[Token], last: int) -> int | None:
    depth = 0
    for index in range(last, -1, -1):
        depth += (tokens[index].upper == "END") - (tokens[index].upper == "CASE")
        if depth == 0:
            return index
    return None


def right_of(tokens: Sequence[Token], at: int) -> int | None:
    """Where the operand after ``tokens[at]`` ends: the index of its last token; ``None`` when that is not clear."""
    index = at + 1
    while index < len(tokens) and tokens[index].text in ("-", "+", "~"):
        index += 1
    if index >= len(tokens):
        return None
    token = tokens[index]
    if token.text == "(" and token.kind is Kind.PUNCT:
        last = partner_after(tokens, index)
    elif token.upper == "CASE":
        last = case_end(tokens, index)
    elif token.kind is Kind.NUMBER:
        return index
    elif token.kind in (Kind.WORD, Kind.QUOTED) and token.upper not in _NO_FUNCTIONS:
        last = index
    else:
        return None
    return _extended(tokens, last) if last is not None else None


def after_call(tokens: Sequence[Token], last: int) -> int:
    """The last token of what follows a call that ends at ``last``: FILTER, OVER and their kin."""
    while last + 2 < len(tokens):
        word, then = tokens[last + 1].upper, last + 2
        if word == "WITHIN":
            then += 1
        elif word not in ("OVER", "FILTER"):
            return last
        if tokens[then].text != "(":
            return then  # a named window
        closing = partner_after(tokens, then)
        if closing is None:
            return last
        last = closing
    return last


def _extended(tokens: Sequence[Token], last: int) -> int | None:
    """Over fields, calls and indexes that follow."""
    while last + 1 < len(tokens):
        follows = tokens[last + 1]
        if follows.text == "." and follows.kind is Kind.PUNCT and last + 2 < len(tokens):
            last += 2
        elif follows.kind is Kind.PUNCT and follows.text in _OPENS:
            closing = partner_after(tokens, last + 1)
            if closing is None:
                return None
            last = after_call(tokens, closing)
        elif follows.kind is Kind.STRING or follows.text == "::":
            return None  # a literal with its type before it; a cast
        else:
            return last
    return last


def partner_after(tokens: Sequence[Token], first: int) -> int | None:
    """What closes the parenthesis or bracket at ``tokens[first]``."""
    depth = 0
    for index in range(first, len(tokens)):
        if tokens[index].kind is Kind.PUNCT:
            depth += (tokens[index].text in _OPENS) - (tokens[index].text in _CLOSES)
            if depth == 0:
                return index
    return None


def case_end(tokens: Sequence[Token], first: int) -> int | None:
    """The END of the CASE at ``tokens[first]``."""
    depth = 0
    for index in range(first, len(tokens)):
        depth += (tokens[index].upper == "CASE") - (tokens[index].upper == "END")
        if depth == 0:
            return index
    return None


def defined_at(tokens: Sequence[Token], opening: int) -> int | None:
    """Where ``name as (`` or ``name (columns) as (`` begins after WITH or a comma, if ``opening`` ends one."""
    at = opening - 1
    if at < 2 or tokens[at].upper != "AS":
        return None
    at -= 1
    if tokens[at].text == ")":
        at = next((index for index in range(at, 0, -1) if tokens[index].text == "("), 1) - 1
    before = tokens[at - 1]
    return at if before.text == "," or before.upper in ("WITH", "RECURSIVE") else None
