"""Who is before whom in a session: it runs statements one after the other, in the order of their ids.

Nobody needs to look at a statement while an earlier one of ours has not ended. (Livy runs the code of a session on one
thread; Fabric's high concurrency gives every REPL a line of its own.)
"""

from __future__ import annotations

from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.runtime import Runtime


class Line:
    """The statements of this process that a session has and that have not ended.

    Args:
        runtime: clock and lock.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._moved = RankedCondition(runtime, Rank.LINE)
        self._ids: set[int] = set()

    def join(self, statement_id: int) -> None:
        """It is in the session's queue, or runs."""
        with self._moved:
            self._ids.add(statement_id)

    def leave(self, statement_id: int) -> None:
        """It has ended, or nobody waits for it any more. Twice does no harm."""
        with self._moved:
            self._ids.discard(statement_id)
            self._moved.notify_all()

    def ahead(self, statement_id: int) -> int:
        """How many are before it; none of one that has left."""
        with self._moved:
            return self._ahead(statement_id)

    def wait(self, statement_id: int, seconds: float) -> bool:
        """Wait until none is before it, at most so many seconds; whether that came true."""
        end = self._runtime.monotonic() + seconds
        with self._moved:
            while self._ahead(statement_id):
                left = end - self._runtime.monotonic()
                if left <= 0:
                    return False
                self._moved.wait(left)
            return True

    def _ahead(self, statement_id: int) -> int:
        return sum(other < statement_id for other in self._ids) if statement_id in self._ids else 0
