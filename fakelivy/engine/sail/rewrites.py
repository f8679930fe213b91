"""Function calls that Sail does not know or reads otherwise, written in those it knows, token by token.

Only calls that Spark would read the same either way: what is rewritten has Spark's value and type. A lambda with
another lambda inside is left alone, because the inner one may use the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fakelivy.engine.sail.expressions import Call, Edit
from fakelivy.engine.sail.tokens import Kind, Token, quote_name, quote_string


class Lambda(NamedTuple):
    """``(a, b) -> body``: where it starts, where its body does, its two names, the body."""

    start: int
    arrow_end: int
    names: tuple[str, str]
    body: Sequence[Token]

    def with_names(self, first: str, second: str) -> list[Edit]:
        """Edits that put other expressions in the place of the two names."""
        instead = {self.names[0]: first, self.names[1]: second}
        edits = []
        for index, token in enumerate(self.body):
            field = index > 0 and self.body[index - 1].text == "."
            called = index + 1 < len(self.body) and self.body[index + 1].text == "("
            if token.kind in (Kind.WORD, Kind.QUOTED) and not field and not called and _bare(token) in instead:
                edits.append((token.start, token.end, instead[_bare(token)]))
        return edits


def _bare(token: Token) -> str:
    text = token.text[1:-1].replace("``", "`") if token.kind is Kind.QUOTED else token.text
    return text.lower()


def _lambda(tokens: Sequence[Token]) -> Lambda | None:
    shape = [token.text for token in tokens[:6]]
    if len(tokens) < 7 or (shape[0], shape[2], shape[4], shape[5]) != ("(", ",", ")", "->"):
        return None
    if any(token.text == "->" for token in tokens[6:]):
        return None
    return Lambda(tokens[0].start, tokens[5].end, (_bare(tokens[1]), _bare(tokens[3])), tokens[6:])


def _transformed(make: str) -> Callable[[Call, bool], list[Edit]]:
    def edit(call: Call, _: bool) -> list[Edit]:
        found = _lambda(call.argument(1)) if len(call.commas) == 1 else None
        if found is None:
            return []
        comma, end = call.tokens[call.commas[0]], call.tokens[call.closing]
        before, after = make.split("…")
        return [
            (call.name.start, call.name.end, "map_from_entries(transform(map_entries"),
            (comma.start, comma.end, "),"),
            (found.start, found.arrow_end, f"__e -> {before}"),
            *found.with_names("__e.`key`", "__e.`value`"),
            (end.start, end.end, f"{after}))"),
        ]

    return edit


def zip_with(call: Call, _: bool) -> list[Edit]:
    """``zip_with(a, b, (x, y) -> e)``: over structs with the fields ``x`` and ``y``, as a struct made of them has."""
    found = _lambda(call.argument(2)) if len(call.commas) == 2 else None
    if found is None:
        return []
    first, second = (call.tokens[comma] for comma in call.commas)
    start, end = call.tokens[call.at + 1], call.tokens[call.closing]
    x, y = found.names
    # A column would give the struct's field its own name; what a function gives is called 0 and 1.
    pair = f"__z -> named_struct({quote_string(x)}, __z.`0`, {quote_string(y)}, __z.`1`))"
    return [
        (call.name.start, call.name.end, "transform"),
        (start.end, start.end, "transform(arrays_zip(transform("),
        (first.start, first.end, ", __v -> __v), transform("),
        (second.start, second.end, f", __v -> __v)), {pair},"),
        (found.start, found.arrow_end, " __e ->"),
        *found.with_names(f"__e.{quote_name(x)}", f"__e.{quote_name(y)}"),
        (end.start, end.end, ")"),
    ]


def rank(call: Call, _: bool) -> list[Edit]:
    """``rank(b) over …``: Spark takes arguments and does nothing with them."""
    if call.empty or call.tokens[min(call.closing + 1, len(call.tokens) - 1)].upper != "OVER":
        return []
    return [(call.tokens[call.at + 1].end, call.tokens[call.closing].start, "")]


def date_trunc(call: Call, _: bool) -> list[Edit]:
    """``date_trunc('MONTH', '2024-…')``: the text is cast to ``timestamp``; Sail gives a ``timestamp_ntz``."""
    if len(call.commas) != 1 or [token.kind for token in call.argument(1)] != [Kind.STRING]:
        return []
    (text,) = call.argument(1)
    return [(text.start, text.start, "cast("), (text.end, text.end, " as timestamp)")]


def timestamp_seconds(call: Call, _: bool) -> list[Edit]:
    """``timestamp_seconds(1.5)``: Sail drops the fraction."""
    argument = call.argument(0) if not call.commas else ()
    if [token.kind for token in argument] != [Kind.NUMBER] or "." not in argument[0].text:
        return []
    name, end = call.name, call.tokens[call.closing].start
    return [(name.start, name.end, "cast"), (end, end, " as timestamp")]


REWRITES: Mapping[str, Callable[[Call, bool], list[Edit]]] = {
    "DATE_TRUNC": date_trunc,
    "DENSE_RANK": rank,
    "PERCENT_RANK": rank,
    "RANK": rank,
    "TIMESTAMP_SECONDS": timestamp_seconds,
    "TRANSFORM_KEYS": _transformed("named_struct('key', …, 'value', __e.`value`)"),
    "TRANSFORM_VALUES": _transformed("named_struct('key', __e.`key`, 'value', …)"),
    "ZIP_WITH": zip_with,
}
"""What is rewritten, by the function's name."""
