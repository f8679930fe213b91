"""The least number of each integer type, whose digits alone are one too many: Sail reads the sign apart from them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fakelivy.engine.sail.expressions import Edit
from fakelivy.engine.sail.operands import is_sign
from fakelivy.engine.sail.tokens import Kind, tokenize

_LEAST = {
    "128Y": "(-127Y - 1Y)",
    "32768S": "(-32767S - 1S)",
    "2147483648": "(-2147483647 - 1)",
    "9223372036854775808": "(-9223372036854775807 - 1)",
    "9223372036854775808L": "(-9223372036854775807L - 1L)",
}
"""Digits after a sign -> what Sail reads as the same number of the type that Spark gives it."""

_TRIGGER = re.compile("|".join(_LEAST), re.IGNORECASE)
_TRACE = re.compile(r"\(\(- (127|32767|2147483647|9223372036854775807)\) - 1\)")
_SIGNED = re.compile(r"\(- (\d[\d.]*)\)")


def least_numbers(source: str) -> Iterator[Edit]:
    """Edits for those in ``source``."""
    if not _TRIGGER.search(source):
        return
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    for at, token in enumerate(tokens[1:]):
        least = _LEAST.get(token.text.upper()) if token.kind is Kind.NUMBER and tokens[at].text == "-" else None
        if least is None or not is_sign(tokens, at):
            continue
        word = tokens[at - 2].upper if at > 1 and tokens[at - 1].text == "(" else ""
        if word in ("CAST", "TRY_CAST") and token.text.isdigit():
            continue  # what a cast makes of digits is decided there
        yield tokens[at].start, token.end, least


def signed(name: str, source: str) -> str:
    """A column's name with the sign of a number as Spark writes it, before the digits."""
    name = _TRACE.sub(lambda found: f"-{int(found[1]) + 1}", name)
    # Of -(1) Spark makes the same name as Sail.
    return name if re.search(r"-\s*\(", source) else _SIGNED.sub(r"-\1", name)
