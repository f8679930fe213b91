"""What SQL changes in its session for good: settings, and where names are looked up.

A session that takes another's place gets the same, and one that is left to the next run is given back as it was.
"""

from __future__ import annotations

import re

PLACE = "the current catalog and schema"
"""What ``use`` and ``set catalog`` change. Nothing brings it back to what it was."""

_COMMENTS = r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"

_CHANGES = tuple(
    (re.compile(_COMMENTS + pattern, re.IGNORECASE | re.DOTALL), what)
    for pattern, what in (
        (r"set\s+time\s+zone\b", "spark.sql.session.timeZone"),
        (r"set\s+catalog\b", PLACE),
        (r"use\b", PLACE),
        (r"set\s+`(?P<key>[^`]+)`\s*=", None),
        (r"set\s+(?P<key>[\w.:-]+)\s*=", None),
    )
)
"""Beginnings of statements, and what they change; ``None``: the setting they name."""

_RESET = re.compile(_COMMENTS + r"reset(?:\s+`?(?P<key>[\w.:-]+)`?)?[\s;]*\Z", re.IGNORECASE | re.DOTALL)


def changed_by(sql: str) -> str | None:
    """What a statement changes in its session: the name of a setting, or ``PLACE``; ``None`` for nothing we know of.

    Temporary views, functions and variables are not told of: they cannot be brought back by repeating one statement.
    """
    for pattern, what in _CHANGES:
        if found := pattern.match(sql):
            return what or found["key"]
    return None


def changes_session(sql: str) -> bool:
    """Whether a statement changes its session, or changes it back."""
    return changed_by(sql) is not None or _RESET.match(sql) is not None


class Conf:
    """What one run has changed in its session, in the order in which it did. Not locked: its owner does that."""

    def __init__(self) -> None:
        self._changes: dict[str, str] = {}

    def note(self, sql: str) -> str | None:
        """The statement is about to run; the one that last changed the same thing, if there was one."""
        what, reset = changed_by(sql), _RESET.match(sql)
        before = None
        if what is not None:
            before = self._changes.pop(what, None)
            self._changes[what] = sql
        elif reset is not None:
            gone = [reset["key"]] if reset["key"] else [key for key in self._changes if key != PLACE]
            for key in gone:
                self._changes.pop(key, None)
        return before

    def take_back(self, sql: str, before: str | None) -> None:
        """The statement was refused: what ``before`` did still holds."""
        what = changed_by(sql)
        if what is None or self._changes.get(what) != sql:
            return
        del self._changes[what]
        if before is not None:
            self._changes[what] = before

    @property
    def names(self) -> tuple[str, ...]:
        """What is not as it was."""
        return tuple(self._changes)

    @property
    def again(self) -> tuple[str, ...]:
        """Statements that change another session in the same way."""
        return tuple(self._changes.values())

    @property
    def undo(self) -> tuple[str, ...] | None:
        """Statements that make all as it was in the beginning; ``None`` if there are none that could."""
        if PLACE in self._changes:
            return None
        return tuple(f"reset {name}" for name in self._changes)
