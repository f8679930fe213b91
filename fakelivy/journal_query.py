"""Which of the journal's entries somebody asks for over HTTP: fields, times and pages."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from fakelivy.journal import EVENTS, Entry
from fakelivy.usage import meant

V = TypeVar("V")


class QueryError(ValueError):
    """A question that makes no sense; the message says what was probably meant."""


@dataclasses.dataclass(frozen=True)
class Query:
    """What an entry must be like, and how many of them are wanted.

    Attributes:
        fields: the values that a field may have, as text; an entry without one of the fields is not meant.
        events: the kinds of events; all of them if empty.
        after: only entries with a higher number.
        since, until: only entries of this time, the ends included.
        limit: the first so many of all that fit, which is a page; the next one is ``after`` its last entry.
        last: the last so many of all that fit.
    """

    fields: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    events: frozenset[str] = frozenset()
    after: int = -1
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    limit: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, parameters: Iterable[tuple[str, str]]) -> Query:
        """Read a URL's parameters; one that is given twice lets either value pass.

        Raises:
            QueryError: a parameter or a kind of event is not known, or a value is none that it can have.
        """
        given: dict[str, list[str]] = {}
        for name, value in parameters:
            given.setdefault(name, []).append(value)
        events = given.pop("event", [])
        for event in events:
            if event not in EVENTS:
                raise QueryError(f"no event {event!r}{meant(event, EVENTS)}")
        kinds = [EVENTS[event] for event in events] or list(EVENTS.values())
        known = {field.name for kind in kinds for field in dataclasses.fields(kind)}
        choices: dict[str, Any] = {
            name: _only(name, given.pop(name), read) for name, read in _PAGE.items() if name in given
        }
        for name in given:
            if name not in known:
                of = f" of {' or '.join(events)}" if events else ""
                raise QueryError(f"no field {name!r}{of}{meant(name, {*known, 'event', *_PAGE})}")
        if {"limit", "last"} <= choices.keys():
            raise QueryError("limit takes the first entries and last the last ones; give one of the two")
        fields = {name: frozenset(values) for name, values in given.items()}
        return cls(fields=fields, events=frozenset(events), **choices)

    def select(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """The entries that are meant, in their order."""
        fitting = [entry for entry in entries if self._fits(entry)]
        return fitting[-self.last :] if self.last else fitting[: self.limit]

    def _fits(self, entry: Entry) -> bool:
        return (
            entry.seq > self.after
            and (self.since is None or self.since <= entry.at)
            and (self.until is None or entry.at <= self.until)
            and (not self.events or type(entry.event).__name__ in self.events)
            and all(_text(getattr(entry.event, name, _NOWHERE)) in values for name, values in self.fields.items())
        )


_NOWHERE = object()


def _text(value: object) -> str | None:
    if value is _NOWHERE:
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _only(name: str, values: Sequence[str], read: Callable[[str], V]) -> V:
    if len(values) > 1:
        raise QueryError(f"give {name} once")
    try:
        return read(values[0])
    except ValueError as error:
        raise QueryError(f"{name} is {error}, not {values[0]!r}") from None


def _number(text: str) -> int:
    # Eighteen digits are enough for any journal, and int() refuses thousands of them in words of its own.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("a number")
    return int(text)


def _place(text: str) -> int:
    return -1 if text == "-1" else _number(text)


def _count(text: str) -> int:
    if not _number(text):
        raise ValueError("at least 1")
    return int(text)


def _time(text: str) -> dt.datetime:
    # In a URL the plus sign of an offset is a blank.
    for spelling in (text.replace("Z", "+00:00"), text.replace(" ", "+")):
        with contextlib.suppress(ValueError):
            time = dt.datetime.fromisoformat(spelling)
            return time if time.tzinfo else time.replace(tzinfo=dt.timezone.utc)
    raise ValueError("a time such as 2026-01-31T12:00:00Z")


_PAGE: Mapping[str, Callable[[str], Any]] = {
    "after": _place,
    "since": _time,
    "until": _time,
    "limit": _count,
    "last": _count,
}
