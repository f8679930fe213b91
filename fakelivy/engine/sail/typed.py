"""Finds expressions whose repair depends on the types of their operands, and asks Sail for those.

Asked how? By a statement that it must refuse, with the operands where they stand, so that they mean what they mean
there: the refusal names their types. Nothing runs for it. Where Sail does not tell, nothing is repaired.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fakelivy.engine.sail.expressions import Call, Edit, call_at
from fakelivy.engine.sail.operands import case_end
from fakelivy.engine.sail.syntax import patch
from fakelivy.engine.sail.tokens import Kind, Token, tokenize

TELLS = "(DataType: "
"""What Sail's refusal has in it when it names types."""

Ask = Callable[[str], str]
"""Sail's refusal of a query, if it names types; empty otherwise."""


class Type(NamedTuple):
    """A type of Sail's, e.g. ``Decimal128`` with 10 digits, 2 of them after the point."""

    name: str
    precision: int = 0
    scale: int = 0

    @property
    def is_decimal(self) -> bool:
        return self.name == "Decimal128"


class Site(NamedTuple):
    """An expression to be looked at.

    Attributes:
        start, end: where it stands. Those inside it are repaired first.
        probed: what the question stands in the place of.
        operands: those whose types are asked for.
        repair: the edits, by the types; none if all is well.
        guess: what the types are taken for outside of a query, where nothing can be asked.
    """

    start: int
    end: int
    probed: tuple[int, int]
    operands: tuple[str, ...]
    repair: Callable[[Sequence[Type]], list[Edit]]
    guess: Sequence[Type] = ()


Find = Callable[[Call], Iterator[Site]]
"""Makes the sites of a call, or of an operator and its operands: a call whose only comma is the operator."""


class Rules(NamedTuple):
    """What is looked at.

    Attributes:
        calls: by the function's name, in capitals.
        operators: by their text, in capitals.
        operands: the first token of what is left of the operator at a place, and the last of what is right of it.
        trigger: without a match of it in a statement there is nothing to look at.
        case: for CASE, as a call that ends with its END.
    """

    calls: Mapping[str, Find]
    operators: Mapping[str, Find]
    operands: Callable[[Sequence[Token], int], tuple[int | None, int | None]]
    trigger: re.Pattern[str]
    case: Find | None = None


def repaired(source: str, ask: Ask, rules: Rules) -> str:
    """``source`` with every such expression written as Sail must read it to do what Spark would.

    Expressions with none inside are repaired from left to right, then those around them, and so on: a question for
    each, and the statement is cut into tokens once for each level.
    """
    done: list[tuple[int, int]] = []
    while rules.trigger.search(source):
        level = _Level(source, rules, done)
        if not level.leaves:
            break
        source, done = level.repaired(ask)
    return source


class _Level:
    """A statement, and those of its sites that have none inside.

    Args:
        done: where nothing is to be repaired any more, in order.
    """

    def __init__(self, source: str, rules: Rules, done: Sequence[tuple[int, int]]) -> None:
        self._source = source
        self._tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
        self._done = done
        self._edits: list[Edit] = []
        found = (site for site in _sites(source, self._tokens, rules) if not self._is_done(site))
        self._sites = sorted(found, key=lambda site: (site.start, -site.end))
        self.leaves: list[Site] = []
        for at, site in enumerate(self._sites):
            inside = any(other.end <= site.end for other in self._sites[at + 1 : at + 2])
            if not inside and (not self.leaves or self.leaves[-1].end <= site.start):
                self.leaves.append(site)

    def repaired(self, ask: Ask) -> tuple[str, list[tuple[int, int]]]:
        """The statement with the leaves repaired, and where it is done."""
        known: dict[tuple[str, ...], list[Type]] = {}
        for leaf in self.leaves:
            if not known.get(leaf.operands):
                # A grouped expression may stand where its operands may not: then they are asked for where they may.
                same = (site for site in self._sites if site.operands == leaf.operands and site.start >= leaf.end)
                known[leaf.operands] = next(filter(None, (self._types(site, ask) for site in (leaf, *same))), [])
            if types := known[leaf.operands]:
                self._edits += leaf.repair(types)
        spans = [(leaf.start, leaf.end) for leaf in self.leaves]
        starts = [start for start, _ in spans]
        for start, end in self._done:
            at = bisect(starts, start) - 1
            if at < 0 or end > spans[at][1]:
                spans.append((start, end))
        return patch(self._source, self._edits), sorted((self._moved(a, 0), self._moved(b, 1)) for a, b in spans)

    def _is_done(self, site: Site) -> bool:
        at = bisect(self._done, (site.start, len(self._source))) - 1
        return at >= 0 and site.end <= self._done[at][1]

    def _moved(self, place: int, after: int) -> int:
        """Where ``place`` is once the edits are made: before an insertion there, or ``after`` it."""
        return place + sum(len(text) - (end - start) for start, end, text in self._edits if end < place + after)

    def _types(self, site: Site, ask: Ask) -> list[Type]:
        """The types of the operands; none when Sail does not tell."""
        around = _query_around(self._tokens, site.probed)
        if around is None:
            return list(site.guess)
        now = patch(self._source, self._edits)
        start, first = self._moved(around[0], 0), self._moved(site.probed[0], 0)
        last, end = self._moved(site.probed[1], 1), self._moved(around[1], 1)
        fields = ", ".join(f"'__t{i}', {operand}" for i, operand in enumerate(site.operands))
        told = ask(f"{now[start:first]}btrim(named_struct({fields})){now[last:end]}").partition(TELLS)[2]
        found = [
            re.search(rf'"__t{i}": (?:non-null )?(\w+)(?:\((\d+), (-?\d+)\))?', told) for i in range(len(site.operands))
        ]
        if not all(found):
            return []
        return [Type(match[1], int(match[2] or 0), int(match[3] or 0)) for match in found if match]


def _sites(source: str, tokens: Sequence[Token], rules: Rules) -> Iterator[Site]:
    for at, token in enumerate(tokens[:-1]):
        operator = rules.operators.get(token.upper or token.text) if token.kind in (Kind.PUNCT, Kind.WORD) else None
        if operator is not None:
            first, last = rules.operands(tokens, at)
            if first is not None and last is not None:
                yield from operator(Call(source, tokens, first, last, (at,)))
        elif (make := rules.calls.get(token.upper)) and tokens[at + 1].text == "(" and tokens[at - 1].text != ".":
            call = call_at(source, tokens, at)
            if call is not None and call.arguments:
                yield from make(call)
        elif token.upper == "CASE" and rules.case is not None:
            last = case_end(tokens, at)
            if last is not None:
                yield from rules.case(Call(source, tokens, at, last, ()))


def _query_around(tokens: Sequence[Token], place: tuple[int, int]) -> tuple[int, int] | None:
    """The query of the statement that ``place`` is in. Only queries are asked about: nothing can happen."""
    first = 0
    if not _opens_query(tokens, 0) and tokens[0].text != "(":
        first = next((at for at in range(len(tokens)) if _opens_query(tokens, at)), len(tokens))
    depth, end = 0, tokens[-1].end
    for token in tokens[first:]:
        if token.kind is Kind.PUNCT:
            depth += (token.text == "(") - (token.text == ")")
            if depth < 0:
                end = token.start
                break
    if first == len(tokens) or not (tokens[first].start <= place[0] and place[1] <= end):
        return None
    return tokens[first].start, end


def _opens_query(tokens: Sequence[Token], at: int) -> bool:
    after = tokens[at + 1].upper if at + 1 < len(tokens) else ""
    return tokens[at].upper in ("SELECT", "VALUES") or (tokens[at].upper == "WITH" and after != "SCHEMA")


def sides(span: Call) -> tuple[str, str]:
    """What is on the left and on the right of an operator."""
    (at,) = span.commas
    tokens = span.tokens
    return (
        span.source[span.name.start : tokens[at - 1].end],
        span.source[tokens[at + 1].start : tokens[span.closing].end],
    )


def whole(call: Call) -> tuple[int, int]:
    """Where all of it stands."""
    return call.name.start, call.tokens[call.closing].end
