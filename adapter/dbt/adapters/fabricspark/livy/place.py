"""Where a statement runs and how long it may take, as the statement sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dbt.adapters.fabricspark.livy.line import Line


class Place(Protocol):
    """The session a statement runs in."""

    @property
    def session_id(self) -> str | None: ...

    @property
    def newest(self) -> int:
        """The highest statement id seen there, -1 for none."""

    @property
    def line(self) -> Line:
        """Those of ours that have not ended there."""

    def saw(self, statement_id: int) -> None:
        """A statement of that id is there."""

    def ended(self) -> str | None:
        """How the session has ended, by one look at it; ``None`` if it has not, or cannot be seen."""

    def is_there(self) -> bool:
        """Whether one look at it shows that it is still the session it was."""


@dataclass(frozen=True)
class StatementSettings:
    """How long to wait for a statement, in seconds.

    Attributes:
        timeout: what it may take.
        longest_pause: between two looks at it.
        expected: how long it ran last time; ``None`` if nobody knows.
    """

    timeout: float
    longest_pause: float
    expected: float | None = None
