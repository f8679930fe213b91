"""Repairs of expressions that give another number, text or type in Sail, by the types of their operands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from fakelivy.engine.sail.expressions import Call, Edit
from fakelivy.engine.sail.operands import after_call, left_of, right_of
from fakelivy.engine.sail.tokens import Kind
from fakelivy.engine.sail.typed import Find, Rules, Site, Type, sides, whole

_DIGITS = {"Int8": 3, "Int16": 5, "Int32": 10, "Int64": 20}
"""Digits of whole numbers as decimals (Spark source, ``DecimalType.forType``)."""


def _adjusted(precision: int, scale: int) -> tuple[int, int]:
    """What Spark keeps of a decimal that may have more than 38 digits (``DecimalType.adjustPrecisionScale``)."""
    return (precision, scale) if precision <= 38 else (38, max(38 - (precision - scale), min(scale, 6)))


def _as_decimal(kind: Type, operand: str) -> Type | None:
    if kind.name in _DIGITS:
        return Type("Decimal128", len(operand) if operand.isdigit() else _DIGITS[kind.name])
    return kind if kind.is_decimal else None


def _division(span: Call) -> Iterator[Site]:
    """``a / b`` of decimals: Sail's has four digits more than ``a`` and drops the rest; Spark's has more, rounded."""
    left, right = sides(span)

    def repair(types: Sequence[Type]) -> list[Edit]:
        if any(kind.name == "Float32" for kind in types):
            return span.instead(f"cast({left} as double) / {right}{span.alias(_shown(f'({left} / {right})'))}")
        a, b = _as_decimal(types[0], left), _as_decimal(types[1], right)
        if a is None or b is None or not any(kind.is_decimal for kind in types):
            return []
        scale = max(6, a.scale + b.precision + 1)  # Spark source, Divide
        precision, scale = _adjusted(a.precision - a.scale + b.scale + scale, scale)
        wide = max(a.scale, scale - 3)  # one digit more than is kept, so that the rest rounds
        # ROUND and not the cast alone: Sail takes a cast off a comparison with a number, whatever it has cut.
        text = f"round(cast({left} as decimal(38, {wide})) / {right}, {scale})"
        text = f"cast({text} as decimal({precision}, {scale}))"
        return span.instead(text + span.alias(_shown(f"({left} / {right})")))

    yield Site(*whole(span), whole(span), (left, right), repair)


def _product(span: Call) -> Iterator[Site]:
    """``100 * a`` of a decimal: the number is a decimal of 3 digits to Spark, and of 10 to Sail.

    Without a number written out the types are the same, but for products of more than 38 digits. Those are looked
    for where they come from: after a division.
    """
    left, right = sides(span)
    if not (left.isdigit() != right.isdigit() or _WIDE in left or _WIDE in right):
        return

    def repair(types: Sequence[Type]) -> list[Edit]:
        a, b = _as_decimal(types[0], left), _as_decimal(types[1], right)
        if a is None or b is None or not any(kind.is_decimal for kind in types):
            return []
        one, other = (
            f"cast({text} as decimal({kind.precision}, 0))" if text.isdigit() else text
            for text, kind in ((left, a), (right, b))
        )
        text, precision = f"{one} * {other}", a.precision + b.precision + 1
        if precision > 38:
            digits, scale = _adjusted(precision, a.scale + b.scale)
            text = f"cast({text} as decimal({digits}, {scale}))"
        return [] if text == f"{left} * {right}" else span.instead(text + span.alias(_shown(f"({left} * {right})")))

    yield Site(*whole(span), whole(span), (left, right), repair)


_WIDE = "as decimal(38, "


def _shown(text: str) -> str:
    """A column's name, which has no trace of what ANSI mode made of a cast."""
    return text.replace("try_cast(", "CAST(")


def _average(call: Call) -> Iterator[Site]:
    """``avg(x)`` of decimals: Sail drops the digits that Spark rounds."""
    if call.commas:
        return
    first = call.at + 2 + (call.tokens[call.at + 2].upper in ("DISTINCT", "ALL"))
    place = call.tokens[first].start, call.tokens[call.closing].start
    value = call.source[slice(*place)]
    last = after_call(call.tokens, call.closing)
    whole = Call(call.source, call.tokens, call.at, last, ())

    def repair(types: Sequence[Type]) -> list[Edit]:
        (kind,) = types
        if not kind.is_decimal:
            return []
        precision, scale = min(38, kind.precision + 4), min(38, kind.scale + 4)
        end = call.tokens[last].end
        return [
            (call.name.start, call.name.start, "cast("),
            (place[0], place[0], "cast("),
            (place[1], place[1], f" as decimal({min(38, kind.precision + 1)}, {min(38, kind.scale + 1)}))"),
            (end, end, f" as decimal({precision}, {scale})){whole.alias(_shown(call.text))}"),
        ]

    yield Site(call.name.start, call.tokens[last].end, place, (value,), repair)


def _coalesced(call: Call) -> Iterator[Site]:
    """``nvl(a, b)`` is ``coalesce(a, b)``, where Sail makes a text of an array or a date, and a double of a decimal."""
    if len(call.commas) != 1:
        return
    place = whole(call)

    def repair(types: Sequence[Type]) -> list[Edit]:
        moments = {"Timestamp", "Date32"} <= {kind.name for kind in types}
        wrong = moments or any(kind.is_decimal or kind.name in _NESTED for kind in types)
        return call.renamed("coalesce") if wrong and not any(kind.name in _RIGHT for kind in types) else []

    yield Site(*place, place, tuple(call.arguments), repair)


_NESTED = frozenset({"List", "LargeList", "FixedSizeList", "Map", "Struct", "Binary", "LargeBinary", "BinaryView"})
_RIGHT = frozenset({"Utf8", "LargeUtf8", "Utf8View", "Float32", "Float64"})
_BYTES = frozenset({"Binary", "LargeBinary", "BinaryView"})


def _of_bytes(make: Callable[..., str], counts: Sequence[int]) -> Callable[[Call], Iterator[Site]]:
    """A function of texts that takes bytes too: Sail gives a text, here it works on their two digits each."""

    def sites(call: Call) -> Iterator[Site]:
        if len(call.arguments) not in counts:
            return
        place = whole(call)

        def repair(types: Sequence[Type]) -> list[Edit]:
            if types[0].name not in _BYTES:
                return []
            return call.instead(f"unhex({make(*call.arguments)}){call.alias(call.text)}")

        yield Site(*place, place, (call.arguments[0],), repair)

    return sites


def _left(value: str, count: str) -> str:
    return f"cast(left(hex({value}), 2 * ({count})) as string)"


def _substring(value: str, start: str, *length: str) -> str:
    place = f"case when ({start}) > 0 then 2 * ({start}) - 1 else 2 * ({start}) end"
    return f"cast(substr(hex({value}), {place}{''.join(f', 2 * ({each})' for each in length)}) as string)"


def _round_half_even(call: Call) -> Iterator[Site]:
    """``bround(x, n)`` of decimals: Sail gives a double and rounds halves up."""
    value, *rest = call.arguments
    if len(rest) > 1 or (rest and not rest[0].isdigit()):
        return
    places = int(rest[0]) if rest else 0
    place = whole(call)

    def repair(types: Sequence[Type]) -> list[Edit]:
        (kind,) = types
        if not kind.is_decimal:
            return []
        scale = min(places, kind.scale)
        unit = f"{Decimal(1).scaleb(-scale):f}"
        text = f"round({value}, {scale})"
        if scale < kind.scale:
            tie = f"abs({text} - ({value})) * 2 = {unit} and {text} % (2 * {unit}) <> 0"
            text = f"case when {tie} then {text} - case when ({value}) < 0 then -{unit} else {unit} end else {text} end"
        precision = min(38, kind.precision - kind.scale + 1 + scale)
        return call.instead(f"cast({text} as decimal({precision}, {scale})){call.alias(call.text)}")

    yield Site(*place, place, (value,), repair)


_SPARK = {
    "Int8": "tinyint",
    "Int16": "smallint",
    "Int32": "int",
    "Int64": "bigint",
    "Float32": "float",
    "Float64": "double",
}


def _percentile(call: Call) -> Iterator[Site]:
    """``percentile_approx(x, 0.5)`` is a value of the column, of its type; Sail's is a double between two of them."""
    if len(call.commas) not in (1, 2) or [token.kind for token in call.argument(1)] != [Kind.NUMBER]:
        return
    value, share = call.arguments[:2]
    after = call.tokens[call.closing + 1].upper if call.closing + 1 < len(call.tokens) else ""
    if value.upper().startswith("DISTINCT") or after in ("OVER", "FILTER"):
        return
    place = call.argument(0)[0].start, call.argument(0)[-1].end

    def repair(types: Sequence[Type]) -> list[Edit]:
        (kind,) = types
        name = f"decimal({kind.precision}, {kind.scale})" if kind.is_decimal else _SPARK.get(kind.name)
        if name is None:
            return []
        text = f"cast(percentile_disc({share}) within group (order by {value}) as {name})"
        return call.instead(f"{text}{call.alias(_shown(call.text))}")

    yield Site(*whole(call), place, (value,), repair)


def _round(call: Call) -> Iterator[Site]:
    """``round(x, n)`` of decimals: the same number in both, of fewer digits to Spark."""
    value, *rest = call.arguments
    if len(rest) > 1 or (rest and not rest[0].isdigit()):
        return
    place = whole(call)

    def repair(types: Sequence[Type]) -> list[Edit]:
        (kind,) = types
        if not kind.is_decimal:
            return []
        scale = min(int(rest[0]) if rest else 0, kind.scale)
        precision = min(38, kind.precision - kind.scale + 1 + scale)
        return call.instead(f"cast({call.text} as decimal({precision}, {scale})){call.alias(_shown(call.text))}")

    yield Site(*place, place, (value,), repair)


_CALLS: Mapping[str, Find] = {
    "APPROX_PERCENTILE": _percentile,
    "AVG": _average,
    "BROUND": _round_half_even,
    "IFNULL": _coalesced,
    "LEFT": _of_bytes(_left, (2,)),
    "MEAN": _average,
    "NVL": _coalesced,
    "PERCENTILE_APPROX": _percentile,
    "ROUND": _round,
    "SUBSTR": _of_bytes(_substring, (2, 3)),
    "SUBSTRING": _of_bytes(_substring, (2, 3)),
}

RULES = Rules(
    calls=_CALLS,
    operators={"/": _division, "*": _product},
    operands=lambda tokens, at: (left_of(tokens, at), right_of(tokens, at)),
    trigger=re.compile(rf"/(?!\*)|\d\s*\*|\*\s*\d|\b(?:{'|'.join(_CALLS)})\s*\(", re.IGNORECASE),
)
"""What is repaired in every statement."""
