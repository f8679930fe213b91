"""A session together with what clients do not see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakelivy.bodies import seconds
from fakelivy.errors import Problem, Refused
from fakelivy.interpreter import Interpreter
from fakelivy.knobs import DialectKnobs
from fakelivy.machines import ACCEPTING, SESSION
from fakelivy.model import Session

Outcome = tuple[str, str, Sequence[str]]
"""What became of opening an engine: the session's state, why, and lines for its log."""


@dataclass
class Live:
    """Touched only under the store's lock. Times are monotonic seconds.

    Attributes:
        session: as clients see it.
        interpreter: its own; its REPLs have theirs.
        opened: what became of opening its engine; ``None`` until then.
        starts_at: when it may leave ``starting``.
        recovers_at: when it leaves ``recovering``.
        reap_after: inactivity after which it is reaped whatever the knobs say.
    """

    session: Session
    interpreter: Interpreter
    born_at: float
    beat_at: float
    starts_at: float
    reap_after: float | None = None
    recovers_at: float = 0.0
    finished_at: float | None = None
    opened: Outcome | None = None
    repls: dict[str, Interpreter] = field(default_factory=dict)

    @property
    def interpreters(self) -> tuple[Interpreter, ...]:
        return (self.interpreter, *self.repls.values())

    @property
    def busy(self) -> bool:
        return any(each.busy for each in self.interpreters)

    @property
    def active_at(self) -> float:
        return max(each.active_at for each in self.interpreters)

    @property
    def habitable(self) -> bool:
        """Whether a REPL may live in it."""
        return self.session.state == SESSION.initial or self.session.state in ACCEPTING

    def speaker(self, repl: str | None) -> Interpreter:
        """Its own interpreter, or that of one of its REPLs.

        Raises:
            Refused: NO_REPL.
        """
        if repl is None:
            return self.interpreter
        if repl not in self.repls:
            raise Refused(Problem.NO_REPL, id=repl)
        return self.repls[repl]

    def overdue(self, now: float, knobs: DialectKnobs) -> str | None:
        """Why it is to be reaped now, if it is."""
        request = self.session.request
        idle = self.reap_after or seconds(request.get("idleTimeout", "")) or knobs.idle_timeout
        ttl = seconds(request.get("ttl", "")) or knobs.ttl
        reap_busy = knobs.reap_busy or self.reap_after is not None
        limits = (
            ("ttl over", ttl, self.born_at, ACCEPTING),
            ("no heartbeat", request.get("heartbeatTimeoutInSecond"), self.beat_at, ACCEPTING),
            ("idle too long", idle, self.active_at, ACCEPTING if reap_busy else {"idle"}),
        )
        for why, limit, since, reapable in limits:
            if limit and limit > 0 and self.session.state in reapable and now - since >= limit:
                return why
        return None


def row_limit(request: Mapping[str, Any]) -> int | None:
    """The rows a session wants of each result, through its conf (Livy source)."""
    text = request.get("conf", {}).get("livy.rsc.sql.num-rows", "")
    return int(text) if text.isascii() and text.isdigit() else None
