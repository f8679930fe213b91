"""Which SQL is safe to run twice: a small list of statements that only read, and in doubt no."""

from __future__ import annotations

import re

COMMANDS = frozenset({"show", "describe", "desc", "explain", "use", "set"})
"""First words of statements that change no data, whatever follows. ``use`` and ``set`` change the session, to the same
twice."""

QUERIES = frozenset({"select", "values", "table", "with"})
"""First words of queries, which change no data unless a doubtful word follows."""

DOUBTS = re.compile(
    r"""insert|into|overwrite|update|delete|merge|create|drop|alter|truncate|load|copy|grant|revoke|call|refresh|analyze|
        optimize|vacuum|cache|uncache|msck|add|transform|reduce|map|reflect|java_method|try_reflect""",
    re.VERBOSE,
)
"""Words of statements that write, run programs or Java code. Found anywhere in a query, even as the name of a column,
it is in doubt: a retry less is cheap, a write more is not."""

_TOKEN = re.compile(
    r"""
      (?P<line>--[^\r\n]*)
    | (?P<open>/\*)
    | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<quoted>`(?:[^`]|``)*`)
    | (?P<word>[^\W\d]\w*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_DOUBTFUL_STRING = re.compile(r"\\['\"]|\\\Z")


def is_safe_to_repeat(sql: str) -> bool:
    """Whether running ``sql`` twice does the same as running it once.

    True for a single statement that starts with one of ``COMMANDS``, or with one of ``QUERIES`` and holds no word of
    ``DOUBTS`` outside strings, comments and back-quotes. A string with an escaped quote is in doubt too: where it ends
    depends on a setting of the session, and on whether it is a raw one.
    """
    words = _words(sql)
    if not words or ";" in words:
        return False
    return words[0] in COMMANDS or (words[0] in QUERIES and not any(map(DOUBTS.fullmatch, words)))


def _words(sql: str) -> list[str]:
    """The unquoted words in lower case, and ``;`` between statements; empty if it cannot be told."""
    found: list[str] = []
    at = 0
    text = sql.rstrip().rstrip(";")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or (match.lastgroup == "other" and match[0] in "'\"`"):
            return []  # a quote that does not end
        at = match.end()
        if match.lastgroup == "open":
            at = _end_of_comment(text, at)
        elif match.lastgroup == "line":
            if match[0].endswith("\\"):
                return []  # Spark goes on with the comment in the next line, other engines do not
        elif match.lastgroup == "string":
            if _DOUBTFUL_STRING.search(match[0][1:-1]):
                return []
        elif match.lastgroup == "word":
            found.append(match[0].lower())
        elif match[0] == ";":
            found.append(";")
    return found


def _end_of_comment(text: str, at: int) -> int:
    """Where a bracketed comment ends; they nest in Spark."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)
