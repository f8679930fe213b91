"""Expressions that Sail reads otherwise than Spark, or not at all, as edits where they stand.

Every row is exact: where the types of columns would have to be known, nothing is patched (docs/sql.md lists what
stays different).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from fakelivy.engine.sail.tokens import Kind, Token, quote_name, quote_string, string_value

Edit = tuple[int, int, str]

SPARK_VERSION = "3.5.5"
"""What ``version()`` gives: that of Fabric's runtime 1.3 (Fabric docs), not Sail's own."""


class Call(NamedTuple):
    """A function call: ``tokens[at]`` is its name, ``tokens[closing]`` the parenthesis that ends it.

    Attributes:
        commas: positions in ``tokens`` of the commas between its arguments.
    """

    source: str
    tokens: Sequence[Token]
    at: int
    closing: int
    commas: Sequence[int]

    @property
    def empty(self) -> bool:
        return self.closing == self.at + 2

    @property
    def text(self) -> str:
        """The call as it stands."""
        return self.source[self.name.start : self.tokens[self.closing].end]

    @property
    def name(self) -> Token:
        return self.tokens[self.at]

    @property
    def arguments(self) -> list[str]:
        """The text of each argument."""
        if self.empty:
            return []
        bounds = [self.at + 1, *self.commas, self.closing]
        return [self.source[self.tokens[a + 1].start : self.tokens[b - 1].end] for a, b in pairwise(bounds)]

    def argument(self, index: int) -> Sequence[Token]:
        """The tokens of one argument."""
        marks = (self.at + 1, *self.commas, self.closing)
        return self.tokens[marks[index] + 1 : marks[index + 1]]

    def instead(self, text: str) -> list[Edit]:
        """The edit that puts ``text`` in the place of the whole call."""
        return [(self.name.start, self.tokens[self.closing].end, text)]

    def renamed(self, name: str) -> list[Edit]:
        return [(self.name.start, self.name.end, name)]

    def alias(self, name: str) -> str:
        """What names the column ``name`` if the call is a whole item of a SELECT that has no name yet."""
        before = self.tokens[self.at - 1] if self.at else None
        after = self.tokens[self.closing + 1] if self.closing + 1 < len(self.tokens) else None
        if before is None or not (before.text == "," or before.upper in ("SELECT", "DISTINCT", "ALL")):
            return ""
        if after is not None and not (after.text in (",", ")", ";") or after.upper in _AFTER_ITEMS):
            return ""
        select = select_of(self.tokens, self.at - 1, stop=_AFTER_ITEMS)
        return "" if select is None else f" as {quote_name(name)}"


_AFTER_ITEMS = frozenset(
    {"FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "LATERAL"}
)


def select_of(tokens: Sequence[Token], at: int, stop: Collection[str] = ()) -> int | None:
    """The SELECT that what stands at ``at`` belongs to; ``None`` when a word of ``stop`` is between."""
    depth = 0
    for index in range(at, -1, -1):
        token = tokens[index]
        if token.kind is Kind.PUNCT:
            depth += (token.text == ")") - (token.text == "(")
            if depth < 0:
                return None
        elif depth == 0 and token.upper == "SELECT":
            return index
        elif depth == 0 and token.upper in stop:
            return None
    return None


def call_at(source: str, tokens: Sequence[Token], at: int) -> Call | None:
    """The call whose name is ``tokens[at]``; ``None`` when its parenthesis does not close."""
    depth = 0
    commas: list[int] = []
    for index in range(at + 1, len(tokens)):
        token = tokens[index]
        if token.kind is not Kind.PUNCT:
            continue
        depth += (token.text in "([") - (token.text in ")]")
        if depth == 0:
            return Call(source, tokens, at, index, commas)
        if token.text == "," and depth == 1:
            commas.append(index)
    return None


def _to_timestamp(call: Call, _: bool) -> list[Edit]:
    # Sail takes a number for microseconds; Spark's one-argument form is a cast, which both read as seconds.
    if call.commas or call.empty:
        return []
    end = call.tokens[call.closing].start
    return [*call.renamed("cast"), (end, end, " as timestamp")]


def _version(call: Call, _: bool) -> list[Edit]:
    return call.instead(quote_string(SPARK_VERSION)) if call.empty else []


def _element_at(call: Call, ansi: bool) -> list[Edit]:
    # Beyond the end is NULL with ANSI off. The index 0 is an error in either mode, and for both functions.
    return [] if ansi else call.renamed("try_element_at")


def _decode(call: Call, _: bool) -> list[Edit]:
    # Of two arguments it decodes bytes; of more it is a CASE that takes NULL for equal to NULL.
    value, *rest = call.arguments or [""]
    if len(rest) < 2:
        return []
    default = f" else {rest[-1]}" if len(rest) % 2 else ""
    branches = zip(rest[::2], rest[1::2], strict=False)
    return call.instead("case" + "".join(f" when ({value}) <=> ({a}) then {b}" for a, b in branches) + f"{default} end")


_TIMES: Mapping[str, tuple[str, int]] = {
    **dict.fromkeys(("MINUTE", "M", "MIN", "MINS", "MINUTES"), ("minute", 60)),
    **dict.fromkeys(("HOUR", "H", "HOURS", "HR", "HRS"), ("hour", 24)),
}
"""Parts of a time by the words EXTRACT takes for them: the function, and how many there are."""


def _part(call: Call, part: str, value: str) -> list[Edit]:
    # Spark counts the days of a week from 1, Sunday; Sail's extract from 0. Of an interval Sail gives all its minutes.
    shown = call.alias(call.text)
    if part in ("DOW", "DAYOFWEEK"):
        return call.instead(f"dayofweek({value}){shown}")
    if part not in _TIMES:
        return []
    name, size = _TIMES[part]
    return call.instead(f"(`{name}`({value}) % {size}){shown}")


def _extract(call: Call, _: bool) -> list[Edit]:
    tokens = call.tokens
    if call.closing < call.at + 4 or tokens[call.at + 3].upper != "FROM":
        return []
    value = call.source[tokens[call.at + 3].end : tokens[call.closing].start].strip()
    return _part(call, tokens[call.at + 2].upper, value)


def _date_part(call: Call, _: bool) -> list[Edit]:
    part = call.tokens[call.at + 2]
    if len(call.commas) != 1 or part.kind is not Kind.STRING:
        return []
    return _part(call, string_value(part.text).upper(), call.arguments[1])


def _part_of(part: str) -> Callable[[Call, bool], list[Edit]]:
    def edit(call: Call, _: bool) -> list[Edit]:
        return [] if call.empty or call.commas else _part(call, part, call.arguments[0])

    return edit


def _weekday(call: Call, _: bool) -> list[Edit]:
    # Sail's is off by one on Sundays. Monday is 0, and of the other function Sunday is 1.
    if call.empty or call.commas:
        return []
    end = call.tokens[call.closing].end
    return [(call.name.start, call.name.end, "((dayofweek"), (end, end, " + 5) % 7)")]


CALLS: Mapping[str, Callable[[Call, bool], list[Edit]]] = {
    "TO_TIMESTAMP": _to_timestamp,
    "VERSION": _version,
    "ELEMENT_AT": _element_at,
    "DECODE": _decode,
    "EXTRACT": _extract,
    "DATE_PART": _date_part,
    "DATEPART": _date_part,
    "HOUR": _part_of("HOUR"),
    "MINUTE": _part_of("MINUTE"),
    "WEEKDAY": _weekday,
}
"""Patches of function calls by name; the flag says whether ANSI mode is on."""
