"""One order in which locks are taken, and a lock that refuses any other order."""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import Any, cast

from dbt.adapters.fabricspark.resilience.runtime import Condition, Runtime


class Rank(IntEnum):
    """Who may wait for whom: a thread that holds a lock takes only locks of a higher rank."""

    TARGETS = 1
    POOL = 2
    SESSION = 3
    STATEMENT = 4
    LINE = 5
    TOKEN = 6
    PACE = 7
    NOTICES = 8


class LockOrderError(AssertionError):
    """A thread took locks in an order in which two threads could wait for each other for ever."""


# What each thread holds is true of the thread, whoever owns the locks.
_held = threading.local()


class RankedCondition:
    """A runtime's condition that knows its place.

    Args:
        runtime: where it comes from.
        rank: its place.
    """

    def __init__(self, runtime: Runtime, rank: Rank) -> None:
        self._condition: Condition = runtime.condition()
        self._rank = rank

    def __enter__(self) -> RankedCondition:
        held = _mine()
        if any(other is not self and other._rank >= self._rank for other in held):
            order = " then ".join(other._rank.name for other in [*held, self])
            raise LockOrderError(f"locks taken in the wrong order: {order}")
        self._condition.__enter__()
        held.append(self)
        return self

    def __exit__(self, *exc_info: Any) -> Any:
        _mine().remove(self)
        return self._condition.__exit__(*exc_info)

    def wait(self, timeout: float | None = None) -> bool:
        """See ``Condition.wait``. A thread that waits must hold nothing else."""
        if any(other is not self for other in _mine()):
            raise LockOrderError(f"waiting for {self._rank.name} while holding another lock")
        return self._condition.wait(timeout)

    def notify_all(self) -> None:
        """See ``Condition.notify_all``."""
        self._condition.notify_all()


def _mine() -> list[RankedCondition]:
    if not hasattr(_held, "locks"):
        _held.locks = []
    return cast("list[RankedCondition]", _held.locks)
