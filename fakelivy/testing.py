"""What one test of somebody's suite did to a shared server, and what it left behind."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from fakelivy.clock import ManualClock
from fakelivy.faults import Fault, FaultError
from fakelivy.ids import item_guid
from fakelivy.journal import Entry, Event
from fakelivy.ledger import Ledger
from fakelivy.oracle import JournalCut
from fakelivy.server import FakeLivy
from fakelivy.usage import FakeLivyError

E = TypeVar("E", bound=Event)


class Mark(Protocol):
    """A marker of a test, as pytest hands it out."""

    @property
    def args(self) -> tuple[Any, ...]: ...

    @property
    def kwargs(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Marked:
    """What the ``fakelivy`` markers of a test ask for, the nearest one first in everything but the faults."""

    faults: tuple[Fault | str, ...] = ()
    must_fire: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, marks: Iterable[Mark]) -> Marked:
        """Read the markers, the nearest one first."""
        faults: list[Fault | str] = []
        options: dict[str, Any] = {}
        for mark in marks:
            faults[:0] = mark.args
            options = {**mark.kwargs, **options}
        must_fire = bool(options.pop("must_fire", True))
        if options.get("clock") == "manual":
            options["clock"] = ManualClock()
        return cls(tuple(faults), must_fire, options)


class TestServer:
    """A server as one test sees it: the journal begins with the test.

    Args:
        server: shared with other tests, which do not run at the same time.
        name: of the test; its dbt schema is made of it, so that tests do not meet in each other's tables.
        must_fire: whether a fault that the test armed and that struck nobody is its failure.
        begin: the journal's entry with which the test begins; what comes next if not given.
    """

    __test__ = False  # pytest looks for classes of this name

    def __init__(self, server: FakeLivy, name: str, *, must_fire: bool = True, begin: int | None = None) -> None:
        self.server = server
        self._name = name
        self._must_fire = must_fire
        self._ledger = Ledger()
        self._begin = server.journal.size if begin is None else begin
        for entry in self._remembered():
            self._ledger.note(entry)
        self._leave = server.journal.listen(self._ledger.note)

    @property
    def url(self) -> str:
        """Where the server listens, without a trailing slash."""
        return self.server.url

    def profile(self, dialect: str | None = None) -> dict[str, Any]:
        """The content of a dbt ``profiles.yml`` for one dialect, or with a target for each, in a schema of its own."""
        content = self.server.profile(dialect)
        for output in content["fakelivy"]["outputs"].values():
            # A lakehouse without schemas has only one place for tables.
            if output["schema"] == "dbo":
                output["schema"] = f"test_{item_guid(self._name)[:8]}"
        return content

    @property
    def clock(self) -> ManualClock:
        """The server's clock, to be moved.

        Raises:
            FakeLivyError: it is the machine's; mark the test ``fakelivy(clock="manual")``.
        """
        if not isinstance(self.server.clock, ManualClock):
            raise FakeLivyError('this server runs in real time; mark the test with fakelivy(clock="manual")')
        return self.server.clock

    def arm(self, fault: Fault | str) -> Fault:
        """Have something go wrong until the test ends. Raises FaultError as ``FakeLivy.arm`` does."""
        return self.server.arm(fault)

    def never_fired(self) -> list[str]:
        """Faults that came into force since the test began and struck nobody, however they were armed."""
        return list(self._ledger.never_fired)

    def entries(self) -> list[Entry]:
        """The journal since the test began, oldest first.

        Raises:
            JournalCut: more has happened than ``FakeLivy(journal_keep=...)`` remembers.
        """
        entries = self._remembered()
        if entries and entries[0].seq > self._begin:
            lost = entries[0].seq - self._begin
            raise JournalCut(f"{lost} events of this test are not remembered any more; give FakeLivy a journal_keep")
        return entries

    def events(self, kind: type[E]) -> list[E]:
        """The events of one type since the test began."""
        return [entry.event for entry in self.entries() if isinstance(entry.event, kind)]

    def live_sessions(self) -> list[str]:
        """Ids of the sessions that the test started and that have not ended."""
        return list(self._ledger.live_sessions)

    def finish(self) -> list[str]:
        """End what the test left behind, and say what is wrong; an empty list is a clean test."""
        ledger = self._ledger
        wrong = [f"a bug of fakelivy in {each.where}:\n{each.traceback}" for each in ledger.errors]
        if self._must_fire and (idle := ledger.never_fired):
            wrong.append(f"these faults never fired, so the test proves nothing about them: {', '.join(idle)}")
        if left := ledger.live_sessions:
            wrong.append(f"the test left sessions alive: {', '.join(left)}; delete what it starts")
        if acquired := ledger.acquired:
            wrong.append(f"the test left high-concurrency sessions: {', '.join(acquired)}; release what it acquires")
        for label in ledger.faults:
            with contextlib.suppress(FaultError):  # the test has cleared it
                self.server.clear(label)
        self.server.release(acquired)
        self.server.end_sessions(left)
        self.server.end_batches(ledger.batches)
        self._leave()
        return wrong

    def replay(self, seed: int) -> str:
        """The command that runs this test alone with the same seed; a server of its own has its seed in its marker."""
        own = "" if self.server.seed == seed else f"  # its server: seed {self.server.seed}"
        return f"pytest {shlex.quote(self._name)} --fakelivy-seed={seed}{own}"

    def tail(self, lines: int = 30) -> str:
        """The last lines of the test's journal."""
        entries = self._remembered()
        cut = [f"… {len(entries) - lines} earlier lines"] if len(entries) > lines else []
        return "\n".join([*cut, *(entry.line() for entry in entries[-lines:])])

    def _remembered(self) -> list[Entry]:
        return [entry for entry in self.server.journal.entries() if entry.seq >= self._begin]
