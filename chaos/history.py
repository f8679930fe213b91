"""What the client says happened: one record for each statement it was asked to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chaos.scenario import Outcome

Phase = Literal["safety", "liveness"]

BUILD = ("list", "append", "rebuild")
"""The statements that make up a ``build``."""


@dataclass(frozen=True)
class Call:
    """One statement, from ``begin`` to ``end`` in virtual seconds.

    Attributes:
        step: the step of the script it is, or one of the parts of a ``build``; ``connect`` is none.
        outcome: ``ok`` when the client returned, else what its error claims; ``error`` is that error's class.
    """

    thread: str
    phase: Phase
    step: str
    sql: str
    mark: str
    begin: float
    end: float
    outcome: Outcome
    rows: tuple[tuple[str, ...], ...] = ()
    error: str = ""
    message: str = ""

    @property
    def scripted(self) -> str:
        """The step of the script that it belongs to."""
        return "build" if self.step in BUILD else self.step


def claimed(error: BaseException) -> Outcome:
    """What an error says of the statement: that it failed, or that nobody knows."""
    if getattr(error, "outcome", None) == "unknown" or isinstance(error, KeyboardInterrupt):
        return "unknown"
    return "unknown" if any("Unknown" in kind.__name__ for kind in type(error).__mro__) else "failed"


def plain(rows: Sequence[Sequence[Any]] | None) -> tuple[tuple[str, ...], ...]:
    """Rows as text, so that two clients' rows compare."""
    return tuple(tuple(str(value) for value in row) for row in rows or ())
