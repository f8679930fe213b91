"""What happened on the server, as typed events in order; the truth that tests judge by. It never holds a token."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TypeVar

from fakelivy.clock import Clock


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened."""


@dataclasses.dataclass(frozen=True)
class Request(Event):
    """An answered request; ``status`` is 0 when a fault let the connection end without an answer.

    Neither headers nor bodies nor query strings: that is where secrets are. ``session`` is the one in its path.
    """

    request_id: str
    dialect: str
    operation: str
    method: str
    path: str
    status: int
    session: str = ""


@dataclasses.dataclass(frozen=True)
class SessionMoved(Event):
    """A session went from one state to another (``before`` is None when it was created)."""

    session: str
    before: str | None
    after: str
    why: str


@dataclasses.dataclass(frozen=True)
class SessionForgotten(Event):
    """A session's id stopped existing."""

    session: str
    why: str


@dataclasses.dataclass(frozen=True)
class HighConcurrencyMoved(Event):
    """A high-concurrency session went from one state to another (``before`` is None when it was asked for)."""

    id: str
    session: str
    repl: str
    before: str | None
    after: str


@dataclasses.dataclass(frozen=True)
class BatchMoved(Event):
    """A batch went from one state to another (``before`` is None when it was created)."""

    batch: str
    before: str | None
    after: str


@dataclasses.dataclass(frozen=True)
class BatchForgotten(Event):
    """A batch's id stopped existing."""

    batch: str
    why: str


@dataclasses.dataclass(frozen=True)
class JobMoved(Event):
    """A job instance went from one state to another (``before`` is None when it was started)."""

    job: str
    type: str
    before: str | None
    after: str


@dataclasses.dataclass(frozen=True)
class StatementMoved(Event):
    """A statement went from one state to another (``before`` is None when it was submitted)."""

    session: str
    statement: int
    before: str | None
    after: str


@dataclasses.dataclass(frozen=True)
class Execution(Event):
    """A piece of code was handed to the engine: once per execution, so a repeated write shows."""

    session: str
    statement: int
    kind: str
    code: str


@dataclasses.dataclass(frozen=True)
class FaultArmed(Event):
    """A fault came into force; ``spec`` is its compact spelling."""

    fault: str
    spec: str


@dataclasses.dataclass(frozen=True)
class FaultCleared(Event):
    """A fault is no longer in force; how many requests it matched and how many it struck."""

    fault: str
    matches: int
    fires: int


@dataclasses.dataclass(frozen=True)
class FaultDecision(Event):
    """A request matched a fault: whether it fired, and if its effect found nothing to work on, what was missing.

    ``ordinal`` counts all matches, ``repeat`` those of requests for the same thing; ``request`` says which are that.
    """

    request_id: str
    fault: str
    operation: str
    phase: str
    ordinal: int
    fired: bool
    why_not: str
    request: str = ""
    repeat: int = 0


@dataclasses.dataclass(frozen=True)
class EarlyCall(Event):
    """A throttled client came back before the moment it was told; ``early`` in seconds."""

    request_id: str
    fault: str
    operation: str
    early: float


@dataclasses.dataclass(frozen=True)
class TokenIssued(Event):
    """A token was made; ``expires_on`` is in seconds since the epoch. The token itself is nowhere."""

    number: int
    flow: str
    subject: str
    audience: str
    expires_on: int


@dataclasses.dataclass(frozen=True)
class TokenRefused(Event):
    """A request came without a good token; ``why`` is ``expired``, ``revoked``, ``signature`` and so on."""

    request_id: str
    why: str


@dataclasses.dataclass(frozen=True)
class ServerRestarted(Event):
    """A dialect's side of the server restarted, with or without its memory, and was down for ``down`` seconds."""

    dialect: str
    recovery: bool
    down: float


@dataclasses.dataclass(frozen=True)
class HandlerError(Event):
    """A bug of this server. The client saw the real server's kind of 500."""

    where: str
    traceback: str


EVENTS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}
"""Every kind of event by its name."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """An event with its place and time."""

    seq: int
    at: dt.datetime
    event: Event

    def line(self) -> str:
        """One JSON object, without a newline."""
        return json.dumps(
            {
                "seq": self.seq,
                "at": self.at.isoformat(),
                "event": type(self.event).__name__,
                # Events are flat: to copy them deeply, as asdict does, takes longer than all the rest.
                **vars(self.event),
            }
        )

    @classmethod
    def parse(cls, line: str) -> Entry:
        """The entry that ``line`` was written from; one of an older version has the defaults of newer fields.

        Raises:
            ValueError: it is no line of a journal.
        """
        try:
            fields = json.loads(line)
            seq, at, kind = fields.pop("seq"), dt.datetime.fromisoformat(fields.pop("at")), EVENTS[fields.pop("event")]
            return cls(seq, at, kind(**fields))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"no line of a journal: {line[:80]!r}") from error


def read(file: str | Path) -> list[Entry]:
    """The entries of a journal's file, for an ``Oracle``; one that a killed server left half written is left out.

    A file to which several servers wrote has what the last one did.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no journal.
    """
    entries: list[Entry] = []
    torn: ValueError | None = None
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        try:
            entry = Entry.parse(line)
        except ValueError as error:
            if torn:
                raise
            torn = error
            continue
        if entry.seq == 0:
            entries, torn = [], None
        if torn:
            raise torn
        entries.append(entry)
    if torn and not entries:
        raise torn
    return entries


E = TypeVar("E", bound=Event)


class Journal:
    """Append-only: the last ``keep`` entries in memory, all of them in a file if there is one.

    ``file_error`` says why the file stopped, if it did. The lock is the innermost one: nothing is called under it.
    """

    def __init__(self, clock: Clock, *, file: Path | None = None, keep: int = 10_000) -> None:
        """Open the journal.

        Raises:
            OSError: the file cannot be written.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._seq = 0
        self._file: IO[str] | None = _appended(file) if file else None
        self.file_error: OSError | None = None
        self._listeners: list[Callable[[Entry], None]] = []

    def listen(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Have every later entry handed to ``listener``, in the thread that caused it, until the result is called."""

        def stop() -> None:
            with self._lock:
                self._listeners = [each for each in self._listeners if each is not listener]

        with self._lock:
            self._listeners = [*self._listeners, listener]
        return stop

    def add(self, event: Event) -> None:
        with self._lock:
            entry = Entry(self._seq, self._clock.now(), event)
            self._seq += 1
            self._entries.append(entry)
            if self._file:
                try:
                    self._file.write(entry.line() + "\n")
                except OSError as error:  # a full disk: the server goes on, whoever reads the file must know
                    self.file_error = error
                    self._close_file()
        for listener in self._listeners:
            listener(entry)

    @property
    def size(self) -> int:
        """How many entries there have been, which is the number of the next one."""
        with self._lock:
            return self._seq

    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def events(self, kind: type[E]) -> list[E]:
        """The remembered events of one type, oldest first."""
        return [entry.event for entry in self.entries() if isinstance(entry.event, kind)]

    def close(self) -> None:
        """Close the file; later events are kept in memory only. Idempotent."""
        with self._lock:
            self._close_file()

    def _close_file(self) -> None:
        if self._file:
            with contextlib.suppress(OSError):  # what is still in the buffer of a full disk is lost
                self._file.close()
            self._file = None


def _appended(file: Path) -> IO[str]:
    opened = file.open("a", encoding="utf-8", buffering=1)
    # A server that was killed may have left half a line.
    if file.is_file() and file.stat().st_size:
        with file.open("rb") as before:
            before.seek(-1, os.SEEK_END)
            if before.read() != b"\n":
                opened.write("\n")
    return opened
