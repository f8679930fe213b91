"""Locks and conditions of a simulation: taking one is a moment at which somebody else may go on."""

from __future__ import annotations

from collections.abc import Callable

from chaos.simulation.scheduler import Scheduler, Thread


class SimulatedLock:
    """A re-entrant lock. Outside of a run there is nobody to lock out."""

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self._scheduler = scheduler
        self._name = name
        self._owner: Thread | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, waiting at most ``timeout`` virtual seconds if that is not negative; whether it was taken."""
        scheduler = self._scheduler
        if scheduler.current is None:
            return True
        if self._owner is not scheduler.current:
            me = scheduler.current
            # Somebody else may be faster, even if it is free.
            scheduler.handover(f"about to take {self._name}")
            if self._owner is not None:
                if not blocking:
                    return False
                held = f"wait for {self._name}, held by {self._owner.name}"
                if not scheduler.block(held, None if timeout < 0 else timeout, self._free):
                    return False
            self._owner = me
        self._depth += 1
        return True

    def release(self) -> None:
        """Let go.

        Raises:
            RuntimeError: the caller does not hold it.
        """
        if self._scheduler.current is None:
            return
        if self._owner is not self._scheduler.current:
            if self._scheduler.over:
                return
            raise RuntimeError(f"{self._name} is released by a thread that does not hold it")
        self._depth -= 1
        if self._depth == 0:
            self._owner = None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def _free(self) -> bool:
        return self._owner is None

    def _let_go(self) -> int:
        if self._owner is not self._scheduler.current:
            raise RuntimeError(f"{self._name} is waited on by a thread that does not hold it")
        depth, self._depth, self._owner = self._depth, 0, None
        return depth

    def _take_back(self, depth: int) -> None:
        scheduler = self._scheduler
        if self._owner is not None:
            scheduler.block(f"wait for {self._name} again, held by {self._owner.name}", None, self._free)
        self._owner, self._depth = scheduler.current, depth


class SimulatedCondition:
    """A condition with a re-entrant lock of its own."""

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self._scheduler = scheduler
        self._name = name
        self._lock = SimulatedLock(scheduler, name)
        self._waiters: list[list[bool]] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, as ``SimulatedLock.acquire``."""
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        """Let go of the lock. Raises RuntimeError if the caller does not hold it."""
        self._lock.release()

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Let go of the lock until notified, at most ``timeout`` virtual seconds; False if the time ran out.

        Raises:
            RuntimeError: the caller does not hold the lock, or nobody is there who could notify it.
        """
        if self._scheduler.current is None:
            if timeout is None:
                raise RuntimeError(f"nobody could ever notify {self._name} outside of a run")
            self._scheduler.sleep(timeout)
            return False
        depth = self._lock._let_go()
        told = [False]
        self._waiters.append(told)
        try:
            self._scheduler.block(f"wait on {self._name}", timeout, lambda: told[0])
        finally:
            self._waiters = [each for each in self._waiters if each is not told]
            # An interrupt, too, finds the lock held on its way out.
            if not self._scheduler.over:
                self._lock._take_back(depth)
        return told[0]

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until ``predicate``, at most ``timeout`` virtual seconds; what it last said."""
        until = None if timeout is None else self._scheduler.elapsed + timeout
        while not predicate():
            left = None if until is None else until - self._scheduler.elapsed
            if left is not None and left <= 0:
                break
            self.wait(left)
        return predicate()

    def notify(self, n: int = 1) -> None:
        """Wake the ``n`` that have waited longest."""
        for told in [each for each in self._waiters if not each[0]][:n]:
            told[0] = True

    def notify_all(self) -> None:
        """Wake every thread that waits."""
        self.notify(len(self._waiters))
