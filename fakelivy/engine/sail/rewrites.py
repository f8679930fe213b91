"""Function calls that Sail does not know or reads otherwise, written in those it knows, token by token.

Only calls that Spark would read the same either way: what is rewritten has Spark's value and type. A lambda with
another lambda inside is left alone, because the inner one may use the same names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from fakelivy.engine.sail.expressions import Call, Edit
from fakelivy.engine.sail.tokens import Kind, Token, quote_name, quote_string

_DECIMAL = re.compile(r"\d*\.\d+|\d+\.")


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
    """``date_trunc('MONTH', x)``: Spark casts what it is given to ``timestamp``; Sail may give a ``timestamp_ntz``."""
    if len(call.commas) != 1 or not call.argument(1):
        return []
    first, last = call.argument(1)[0], call.argument(1)[-1]
    end = call.source[first.start : last.end].lower()
    if first.upper == "CAST" and end.endswith("as timestamp)"):
        return []
    return [(first.start, first.start, "cast("), (last.end, last.end, " as timestamp)")]


def cast_to(kind: str) -> Callable[[Call, bool], list[Edit]]:
    """``bigint(x)`` is a cast; Sail's function of this name reads the microseconds of a timestamp."""

    def edit(call: Call, _: bool) -> list[Edit]:
        if call.empty or call.commas:
            return []
        end = call.tokens[call.closing].start
        return [*call.renamed("cast"), (end, end, f" as {kind}")]

    return edit


def left(call: Call, _: bool) -> list[Edit]:
    """``left(x, n)``: of fewer than no characters there are none; Sail counts a negative number from the end."""
    if len(call.commas) != 1 or [token.kind for token in call.argument(1)] == [Kind.NUMBER]:
        return []
    text, count = call.arguments
    if count.startswith("greatest(0, "):
        return []
    # Of a NULL, greatest would make 0.
    return call.instead(f"left({text}, greatest(0, {count}) + ({count}) * 0){call.alias(call.text)}")


def split(call: Call, _: bool) -> list[Edit]:
    """``split(x, '')``: its characters; Sail puts an empty text before and behind them."""
    if len(call.commas) != 1 or call.arguments[1] not in ("''", '""'):
        return []
    text = call.arguments[0]
    return call.instead(f"slice(`split`({text}, ''), 2, greatest(length({text}), 1)){call.alias(call.text)}")


def substring(call: Call, _: bool) -> list[Edit]:
    """``substr(x, -5, 3)`` of a shorter text: what is before its beginning counts, and is not there."""
    if len(call.commas) != 2 or [token.text for token in call.argument(1)][:1] != ["-"]:
        return []
    text, start, length = call.arguments
    back = start.lstrip("- ")
    if not back.isdigit() or length.startswith("greatest(0, "):
        return []
    within = f"greatest(0, {length} - greatest(0, {back} - length({text}))) + ({length}) * 0"
    return call.instead(f"{call.name.text}({text}, {start}, {within}){call.alias(call.text)}")


def rint(call: Call, _: bool) -> list[Edit]:
    """``rint(2.5)`` is 2.0, as Java's is."""
    if call.empty or call.commas:
        return []
    return call.instead(f"bround(cast({call.arguments[0]} as double)){call.alias(call.text)}")


def bround(call: Call, _: bool) -> list[Edit]:
    """``bround(2.5)`` of a number that is written out: Sail gives a double that is rounded up."""
    argument, places = call.argument(0) if call.arguments else (), call.arguments[1:]
    signed = [token.text for token in argument[:1]] == ["-"]
    digits = argument[signed:]
    if len(digits) != 1 or not _DECIMAL.fullmatch(digits[0].text) or len(places) > 1:
        return []
    scale = int(places[0]) if places and places[0].isdigit() else 0 if not places else None
    number = Decimal(call.arguments[0].replace(" ", ""))
    if scale is None or scale >= -int(number.as_tuple().exponent):
        return []
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_EVEN)
    precision = len(number.as_tuple().digits) + int(number.as_tuple().exponent) + 1 + scale
    return call.instead(f"cast({rounded} as decimal({max(precision, scale + 1)}, {scale}))")


def conv(call: Call, _: bool) -> list[Edit]:
    """``conv(x, 16, 10)`` of up to 16 digits, as people cut them from a hash: Sail's ends at 2^63."""
    if len(call.commas) != 2 or call.arguments[1:] != ["16", "10"]:
        return []
    text = f"cast({call.arguments[0]} as string)"
    halves = (f"left({text}, length({text}) - 8)", f"right({text}, 8)")
    high, low = (f"`conv`(cast({half} as string), 16, 10)" for half in halves)
    long = f"cast(cast({high} as decimal(20, 0)) * 4294967296 + cast({low} as decimal(20, 0)) as string)"
    return call.instead(
        f"(case when {text} rlike '^[0-9a-fA-F]{{9,16}}$' then {long} else `conv`({text}, 16, 10) end)"
        f"{call.alias(call.text)}"
    )


def with_interval(operator: str) -> Callable[[Call, bool], list[Edit]]:
    """``try_add(t, interval …)``: Sail's makes a ``timestamp_ntz`` of the moment."""

    def edit(call: Call, _: bool) -> list[Edit]:
        if len(call.commas) != 1 or not call.argument(1) or call.argument(1)[0].upper != "INTERVAL":
            return []
        return call.instead(f"({call.arguments[0]} {operator} {call.arguments[1]})")

    return edit


def timestamp_seconds(call: Call, _: bool) -> list[Edit]:
    """``timestamp_seconds(1.5)``: Sail drops the fraction."""
    argument = call.argument(0) if not call.commas else ()
    if [token.kind for token in argument] != [Kind.NUMBER] or "." not in argument[0].text:
        return []
    name, end = call.name, call.tokens[call.closing].start
    return [(name.start, name.end, "cast"), (end, end, " as timestamp")]


def whole(call: Call, _: bool) -> list[Edit]:
    """``datediff(a, b)`` is an ``int``; Sail's is a ``bigint``."""
    if len(call.commas) != 1:
        return []
    return call.instead(f"cast(`{call.name.text}`({', '.join(call.arguments)}) as int){call.alias(call.text)}")


REWRITES: Mapping[str, Callable[[Call, bool], list[Edit]]] = {
    "BIGINT": cast_to("bigint"),
    "BROUND": bround,
    "CONV": conv,
    "DATEDIFF": whole,
    "DATE_DIFF": whole,
    "DATE_TRUNC": date_trunc,
    "DENSE_RANK": rank,
    "DOUBLE": cast_to("double"),
    "FLOAT": cast_to("float"),
    "INT": cast_to("int"),
    "LEFT": left,
    "PERCENT_RANK": rank,
    "RANK": rank,
    "REGEXP_COUNT": whole,
    "RINT": rint,
    "SMALLINT": cast_to("smallint"),
    "SPLIT": split,
    "SUBSTR": substring,
    "SUBSTRING": substring,
    "TIMESTAMP_SECONDS": timestamp_seconds,
    "TINYINT": cast_to("tinyint"),
    "TRANSFORM_KEYS": _transformed("named_struct('key', …, 'value', __e.`value`)"),
    "TRANSFORM_VALUES": _transformed("named_struct('key', __e.`key`, 'value', …)"),
    "TRY_ADD": with_interval("+"),
    "TRY_SUBTRACT": with_interval("-"),
    "ZIP_WITH": zip_with,
}
"""What is rewritten, by the function's name."""
