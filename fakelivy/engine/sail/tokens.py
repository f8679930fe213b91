"""Cuts Spark SQL into tokens that keep their place, so that statements are patched and never regenerated."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import NamedTuple


class Kind(enum.Enum):
    """What a token is. ``SPACE`` and ``COMMENT`` mean nothing to the grammar; hints are comments too."""

    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    PUNCT = "punct"
    SPACE = "space"
    COMMENT = "comment"
    END = "end"


class Token(NamedTuple):
    """A piece of the source: ``source[start:end] == text``."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        """The text as a keyword; empty for anything but a bare word, so that a quoted word is never a keyword."""
        return self.text.upper() if self.kind is Kind.WORD else ""


# Each alternative is unrolled so that it cannot backtrack more than once over a run: scanning stays linear.
# A number glued to word characters is a word (`2024_orders`), and after a name a dot never starts a number.
_PIECE = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--(?:[^\n\\]|\\(?!\n)|\\\n)*)
    | (?P<open_comment>/\*)
    | (?P<string>[rR](?:'[^']*'|"[^"]*") | '[^'\\]*(?:\\.[^'\\]*)*' | "[^"\\]*(?:\\.[^"\\]*)*")
    | (?P<quoted>`[^`]*(?:``[^`]*)*`)
    | (?P<number>(?:\d+(?:\.\d*)?|(?<![\w`)\]])\.\d+)(?:[eE][+-]?\d+)?(?:BD|bd|[LlSsYyDdFf])?(?!\w))
    | (?P<word>\w+)
    | (?P<open>['"`])
    | (?P<punct><=>|->|\|\||::|=>|<=|>=|<>|!=|==|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BRACKETED = re.compile(r"/\*|\*/")
_KINDS = {kind.value: kind for kind in Kind}


def tokenize(source: str, start: int = 0) -> Iterator[Token]:
    """All tokens of ``source``, in order and without gaps. Something left open runs to the end of the source.

    Args:
        start: where a token begins; those before are left out.
    """
    position, length = start, len(source)
    while position < length:
        match = _PIECE.match(source, position)
        assert match is not None  # the last alternative takes any character
        group = match.lastgroup or "punct"
        if group == "open_comment":
            kind, end = Kind.COMMENT, _comment_end(source, position)
        elif group == "open":
            kind, end = (Kind.QUOTED if match[0] == "`" else Kind.STRING), length
        else:
            kind, end = _KINDS[group], match.end()
        yield Token(kind, source[position:end], position)
        position = end


def _comment_end(source: str, start: int) -> int:
    # Spark's bracketed comments nest.
    depth = 0
    for mark in _BRACKETED.finditer(source, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(source)


_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([01][0-7]{2})|(.))", re.DOTALL)


def string_value(text: str) -> str:
    """The value of a string literal (Spark's escapes; none in an ``r'…'`` string)."""
    if text[0] in "rR":
        return text[2:-1]
    body = text[1:-1]
    if "\\" not in body:
        return body

    def plain(match: re.Match[str]) -> str:
        short, long, octal, other = match.groups()
        if other is not None:
            return _ESCAPES.get(other, other)
        return chr(int(octal, 8) if octal else int(short or long, 16))

    return _ESCAPE.sub(plain, body)


def quote_string(value: str) -> str:
    """``value`` as a string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(part: str) -> str:
    """``part`` as a quoted identifier."""
    return "`" + part.replace("`", "``") + "`"
