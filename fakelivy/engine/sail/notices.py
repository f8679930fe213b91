"""What a statement did otherwise than Spark would, without an error: told in the session's log."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from fakelivy.engine.sail.tokens import Kind, tokenize

_WORDS: Mapping[str, str] = {
    "APPROX_PERCENTILE": "is a double between two values, unless its share is written out and there is no window",
    "CONV": "of a negative number or beyond 2^63 is another one than Spark's",
    "MODE": "of values that are equally frequent may be another one of them",
    "OVERLAY": "of binary values is a text",
    "PERCENTILE_APPROX": "is a double between two values, unless its share is written out and there is no window",
}
"""Functions that may have another result."""

_OPENINGS: Mapping[str, str] = {
    "ANALYZE": "ANALYZE computes no statistics here",
    "CACHE": "CACHE keeps nothing in memory here",
    "GRANT": "GRANT is accepted; nobody is kept from anything here",
    "REVOKE": "REVOKE is accepted; nobody is kept from anything here",
}
"""Statements that are accepted, with nothing to do."""

_WRITES = ("MERGE", "UPDATE")


def notices(source: str) -> list[str]:
    """The lines for a statement that succeeded; none as a rule."""
    upper = source.upper()
    if not any(word in upper for word in _LOOKED_FOR):
        return []
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    opening = tokens[0].upper if tokens else ""
    found = [_OPENINGS[opening]] if opening in _OPENINGS else []
    called = {one.upper for one, after in pairwise(tokens) if after.text == "("}
    found += [f"{word.lower()} {_WORDS[word]}" for word in sorted(called & set(_WORDS))]
    if opening in _WRITES and any(token.text == "/" for token in tokens):
        found.append(f"a quotient of decimals in the SET of {opening} has fewer digits than Spark's")
    return found


_LOOKED_FOR = (*_WORDS, *_OPENINGS, *_WRITES)
