"""A cursor over the tokens of one statement: the few moves from which the statement handlers are written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import TypeVar

from fakelivy.engine.sail.errors import SparkError, syntax_error, unsupported
from fakelivy.engine.sail.tokens import Kind, Token, string_value, tokenize

T = TypeVar("T")

_SILENT = (Kind.SPACE, Kind.COMMENT)


class Cursor:
    """Reads a statement from left to right. Tokens are made as needed, so a huge ``VALUES`` costs nothing here."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._tokens = (token for token in tokenize(source) if token.kind not in _SILENT)
        self._seen: list[Token] = []
        self.index = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token ``ahead`` of the next one; kind ``END`` (and empty text) past the last."""
        wanted = self.index + ahead
        while len(self._seen) <= wanted:
            token = next(self._tokens, None)
            if token is None:
                return Token(Kind.END, "", len(self.source))
            self._seen.append(token)
        return self._seen[wanted]

    def next(self) -> Token:
        token = self.peek()
        if token.kind is not Kind.END:
            self.index += 1
        return token

    def take(self, *words: str) -> bool:
        """Step over these keywords if all of them are next."""
        if all(self.peek(i).upper == word for i, word in enumerate(words)):
            self.index += len(words)
            return True
        return False

    def take_any(self, *words: str) -> str:
        """Step over one of these keywords; empty if none is next."""
        word = self.peek().upper
        if word and word in words:
            self.index += 1
            return word
        return ""

    def opens(self, words: str) -> bool:
        """Step over ``words`` if all of them are next: ``[a|b]`` may be missing, ``a|b`` is one of them."""
        start = self.index
        for optional, options in _pattern(words):
            if not self.take_any(*options) and not optional:
                self.index = start
                return False
        return True

    def punct(self, text: str) -> bool:
        """Step over this punctuation if it is next."""
        token = self.peek()
        if token.kind is Kind.PUNCT and token.text == text:
            self.index += 1
            return True
        return False

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.take(word):
                raise self.error()

    def expect_punct(self, text: str) -> None:
        if not self.punct(text):
            raise self.error()

    def is_string(self) -> bool:
        return self.peek().kind is Kind.STRING

    def string(self) -> str:
        """The value of the string literal that must be next; adjacent literals are one, as in Spark."""
        if not self.is_string():
            raise self.error()
        value = ""
        while self.is_string():
            value += string_value(self.next().text)
        return value

    def number(self) -> float:
        """The number that must be next."""
        if self.peek().kind is not Kind.NUMBER:
            raise self.error()
        try:
            return float(self.next().text)
        except ValueError:  # a suffix of Spark's: 5L, 1BD
            self.index -= 1
            raise self.error() from None

    def identifier(self) -> str:
        """The identifier that must be next, without its quotes."""
        token = self.peek()
        if token.kind is Kind.WORD:
            return self.next().text
        if token.kind is Kind.QUOTED and len(token.text) > 2 and token.text.endswith("`"):
            return self.next().text[1:-1].replace("``", "`")
        raise self.error()

    def name(self) -> tuple[str, ...]:
        """The dotted name that must be next."""
        parts = [self.identifier()]
        while self.punct("."):
            parts.append(self.identifier())
        return tuple(parts)

    def names(self) -> list[tuple[str, ...]]:
        """A parenthesised list of dotted names."""
        return self.listed(self.name)

    def listed(self, item: Callable[[], T]) -> list[T]:
        """A parenthesised list of whatever ``item`` reads."""
        self.expect_punct("(")
        items = [item()]
        while self.punct(","):
            items.append(item())
        self.expect_punct(")")
        return items

    def parenthesised(self) -> str:
        """The text between the parenthesis that must be next and its partner."""
        opening = self.peek()
        self.expect_punct("(")
        depth = 1
        while (token := self.next()).kind is not Kind.END:
            if token.kind is Kind.PUNCT:
                depth += (token.text == "(") - (token.text == ")")
            if not depth:
                return self.source[opening.end : token.start]
        raise self.error()

    def until(self, *words: str, stop: str = "") -> str:
        """The text up to one of these keywords or ``stop`` characters outside parentheses, which is not taken."""
        start, end, depth = self.peek().start, self.peek().start, 0
        while (token := self.peek()).kind is not Kind.END:
            if depth == 0 and (token.upper in words or (token.kind is Kind.PUNCT and token.text in (*stop, ";"))):
                break
            if token.kind is Kind.PUNCT:
                depth += (token.text in "([") - (token.text in ")]")
            end = self.next().end
        return self.source[start:end]

    def rest(self) -> str:
        """What is left, without the closing semicolons; untouched otherwise."""
        start = self.peek().start
        end = start
        closed: Token | None = None
        while (token := self.next()).kind is not Kind.END:
            if token.kind is Kind.PUNCT and token.text == ";":
                closed = closed or token
            elif closed is not None:
                raise syntax_error(self.source, token, extra=True)
            else:
                end = token.end
        return self.source[start:end]

    def end(self) -> None:
        """Nothing but semicolons may be left."""
        while self.punct(";"):
            pass
        if self.peek().kind is not Kind.END:
            raise self.error()

    def error(self) -> SparkError:
        """A syntax error at the next token."""
        return syntax_error(self.source, self.peek())

    def unsupported(self) -> SparkError:
        """The refusal of the command whose words have been taken."""
        return unsupported(" ".join(token.text for token in self._seen[: self.index]).upper())


def patch(source: str, edits: list[tuple[int, int, str]]) -> str:
    """``source`` with each ``source[start:end]`` replaced; the edits must not overlap."""
    edits = sorted(edits)
    assert all(a[1] <= b[0] for a, b in pairwise(edits)), "overlapping edits"
    pieces, position = [], 0
    for start, end, text in edits:
        pieces += [source[position:start], text]
        position = end
    return "".join([*pieces, source[position:]])


@cache
def _pattern(words: str) -> tuple[tuple[bool, tuple[str, ...]], ...]:
    return tuple((word.startswith("["), tuple(word.strip("[]").upper().split("|"))) for word in words.split())
