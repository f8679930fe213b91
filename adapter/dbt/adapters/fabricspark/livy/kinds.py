"""Languages of statements, and the comment by which a statement is found again on the server."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAKES_THE_REST = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*\n)*(?:set|reset|add|list)\b", re.IGNORECASE | re.DOTALL)
"""Statements for which Spark takes all that follows as it is: a comment after ``SET k = v`` is part of the value."""


@dataclass(frozen=True)
class Kind:
    """A language of statements.

    Attributes:
        name: Livy's.
        comment: how a comment is written; it makes the mark.
        traceback: whether an error's traceback tells the user more than its last line.
    """

    name: str
    comment: str
    traceback: bool = False


SQL = Kind("sql", "/* {} */")
PYTHON = Kind("pyspark", "# {}", traceback=True)


def marked(sql: str, mark: str) -> str:
    """``sql`` and the comment ``mark``: after it where Spark allows, so that errors tell the user's own lines."""
    return f"{mark}\n{sql}" if _TAKES_THE_REST.match(sql) else f"{sql}\n{mark}"
