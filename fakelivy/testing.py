"""What one test of somebody's suite did to a shared server, and what it left behind."""

from __future__ import annotations

from typing import Any, TypeVar

from fakelivy.ids import item_guid
from fakelivy.journal import Entry, Event, HandlerError, SessionForgotten, SessionMoved
from fakelivy.machines import ACTIVE, FINISHED
from fakelivy.server import FakeLivy

E = TypeVar("E", bound=Event)


class TestServer:
    """A server as one test sees it: the journal begins with the test.

    Args:
        server: shared with other tests, which do not run at the same time.
        name: of the test; its dbt schema is made of it, so that tests do not meet in each other's tables.
    """

    __test__ = False  # pytest looks for classes of this name

    def __init__(self, server: FakeLivy, name: str) -> None:
        self.server = server
        self._name = name
        self._begin = server.journal.size

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

    def entries(self) -> list[Entry]:
        """The journal since the test began, oldest first."""
        return [entry for entry in self.server.journal.entries() if entry.seq >= self._begin]

    def events(self, kind: type[E]) -> list[E]:
        """The events of one type since the test began."""
        return [entry.event for entry in self.entries() if isinstance(entry.event, kind)]

    def live_sessions(self) -> list[str]:
        """Ids of the sessions that the test started and that have not ended."""
        states: dict[str, str] = {}
        for entry in self.entries():
            if isinstance(entry.event, SessionMoved):
                # One without a beginning was there before the test.
                if entry.event.before is None or entry.event.session in states:
                    states[entry.event.session] = entry.event.after
            elif isinstance(entry.event, SessionForgotten):
                states.pop(entry.event.session, None)
        return [session for session, state in states.items() if state in ACTIVE - FINISHED]

    def finish(self) -> list[str]:
        """End what the test left behind, and say what is wrong; an empty list is a clean test."""
        wrong = [f"a bug of fakelivy in {each.where}:\n{each.traceback}" for each in self.events(HandlerError)]
        left = self.live_sessions()
        if left:
            wrong.append(f"the test left sessions alive: {', '.join(left)}; delete what it starts")
        self.server.end_sessions(left)
        return wrong

    def tail(self, lines: int = 30) -> str:
        """The last lines of the test's journal."""
        entries = self.entries()
        cut = [f"… {len(entries) - lines} earlier lines"] if len(entries) > lines else []
        return "\n".join([*cut, *(entry.line() for entry in entries[-lines:])])
