"""Real threads that run one at a time: a seed decides at every hand-over who goes on, and time is only a number.

A thread hands over at each request, sleep, lock and wait. Time moves only when nobody can go on, to the next moment
somebody waits for; when there is none, that is a deadlock, and it is shown with the stacks of all threads.
"""

from __future__ import annotations

import random
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from chaos.simulation.strategies import STRATEGIES

_HERE = str(Path(__file__).parent)
_FOREVER = float("inf")


class SimulationError(Exception):
    """A run that could not go on; the text ends with the stacks of all threads."""

    what = "the simulation failed"

    def __init__(self, detail: str, stacks: str) -> None:
        super().__init__(f"{self.what}: {detail}\n\n{stacks}")
        self.detail = detail
        self.stacks = stacks


class Deadlock(SimulationError):
    """Everybody waits for somebody else, and no timer is left."""

    what = "deadlock"


class OutOfTime(SimulationError):
    """The run's limit of virtual time has passed."""

    what = "out of virtual time"


class TooManySteps(SimulationError):
    """So many hand-overs that somebody must be going round in circles."""

    what = "too many steps"


class Stalled(SimulationError):
    """A thread kept the machine's time instead: it computes for ever, or blocks on something real."""

    what = "stalled in real time"


class Aborted(BaseException):
    """Ends the threads of a run that is over. Not an Exception, so that nobody handles it."""


class Thread:
    """One thread of a simulation. Made by ``Scheduler.spawn``."""

    def __init__(self, scheduler: Scheduler, number: int, name: str, work: Callable[[], None]) -> None:
        self.number = number
        self.name = name
        self.error: BaseException | None = None
        self.done = False
        self.doing = "about to start"
        self.until = _FOREVER
        self.ready: Callable[[], bool] | None = None
        self.pending: BaseException | None = None
        self.gate = threading.Lock()
        self.gate.acquire()
        self._scheduler = scheduler
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def ident(self) -> int | None:
        return self._thread.ident

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it ends, at most ``timeout`` virtual seconds; whether it has. Outside of a run it only looks."""
        if not self.done and self._scheduler.inside:
            self._scheduler.block(f"join {self.name}", timeout, lambda: self.done)
        return self.done

    def interrupt(self, error: BaseException) -> None:
        """Have ``error`` raised in it at its next turn, whatever it waits for: a signal's exception, say."""
        self.pending = error
        self.until = self._scheduler.elapsed

    def _run(self) -> None:
        self.gate.acquire()
        try:
            if not self._scheduler.over:
                self._work()
        except Aborted:
            pass
        except BaseException as error:  # noqa: BLE001  # of any kind: the run hands it to whoever asked for the work
            self.error = error
        self.done = True
        self._scheduler.ended()


class Scheduler:
    """One run. What it does depends on ``seed``, ``strategy`` and the work only.

    Args:
        seed: picks one interleaving of the strategy's kind.
        strategy: a name of ``STRATEGIES``.
        time_limit: virtual seconds after which a run is given up.
        step_limit: hand-overs after which a run is given up.
        watchdog: real seconds after which a run is given up.

    Attributes:
        elapsed: virtual seconds since the start.
        steps: hand-overs so far.
        errors: exceptions that ended threads other than the first, with the threads' names.
    """

    def __init__(
        self,
        seed: int,
        strategy: str = "random",
        *,
        time_limit: float = 7 * 86400.0,
        step_limit: int = 200_000,
        watchdog: float = 300.0,
    ) -> None:
        self.seed = seed
        self.elapsed = 0.0
        self.steps = 0
        self.over = False
        self._time_limit = time_limit
        self._step_limit = step_limit
        self._watchdog = watchdog
        self._strategy = STRATEGIES[strategy](random.Random(f"{seed}/{strategy}"))
        self._threads: list[Thread] = []
        self._born = 0
        self._main: Thread | None = None
        self._current: Thread | None = None
        self._by_ident: dict[int, Thread] = {}
        self._failure: SimulationError | None = None
        self._finished = threading.Lock()
        self._finished.acquire()
        self.errors: list[tuple[str, BaseException]] = []

    @property
    def inside(self) -> bool:
        """Whether the caller is the thread whose turn it is."""
        current = self._current
        return current is not None and current.ident == threading.get_ident()

    @property
    def current(self) -> Thread | None:
        """The thread whose turn it is, None outside of a run."""
        return self._current

    def run(self, work: Callable[[], None], name: str = "main") -> None:
        """Do ``work`` as the first thread; when it ends, threads that still run are ended too.

        Raises:
            SimulationError: a deadlock, or a limit was passed.
            BaseException: whatever ``work`` raised.
        """
        if self._main is not None:
            raise RuntimeError("a simulation runs once; make a new one")
        self._main = self._current = self._new(name, work)
        self._main.gate.release()
        if not self._finished.acquire(timeout=self._watchdog):
            self.over = True
            raise Stalled(f"no end after {self._watchdog:g} seconds on the real clock", self._stacks())
        if self._failure is not None:
            raise self._failure
        if self._main.error is not None:
            raise self._main.error

    def spawn(self, name: str, work: Callable[[], None]) -> Thread:
        """A new thread, ready to run. The caller goes on: under a real lock nobody must be made to wait."""
        if self._main is None or self.over:
            raise RuntimeError("threads are simulated during a run only")
        return self._new(name, work)

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of virtual time pass for the calling thread (none: hand over). Outside of a run, for all."""
        if self._current is None:
            self.elapsed += max(seconds, 0.0)
        else:
            self.block(f"sleep {seconds:g}", max(seconds, 0.0), None)

    def handover(self, doing: str) -> None:
        """A moment at which somebody else may go on."""
        if self._current is not None:
            self.block(doing, 0.0, None)

    def block(self, doing: str, timeout: float | None, ready: Callable[[], bool] | None) -> bool:
        """Wait until ``ready`` or the timeout in virtual seconds; whether it was ``ready``. Only threads of the run.

        Raises:
            Aborted: the run is over.
        """
        thread = self._mine()
        if self.over:
            raise Aborted
        thread.doing = doing
        thread.until = _FOREVER if timeout is None else self.elapsed + timeout
        thread.ready = ready
        self._turn(thread)
        if self.over:
            raise Aborted
        if thread.pending is not None:
            error, thread.pending = thread.pending, None
            raise error
        return ready is None or ready()

    def ended(self) -> None:
        """The calling thread is done: somebody else's turn, or the end."""
        thread = self._mine()
        self._threads.remove(thread)
        self._by_ident.pop(threading.get_ident(), None)
        if thread is self._main:
            self.over = True
        elif thread.error is not None:
            self.errors.append((thread.name, thread.error))
        self._turn(None)

    # ---- whose turn it is

    def _new(self, name: str, work: Callable[[], None]) -> Thread:
        thread = Thread(self, self._born, name, work)
        self._born += 1
        thread.until = self.elapsed
        self._threads.append(thread)
        thread.start()
        self._by_ident[thread.ident or 0] = thread
        return thread

    def _mine(self) -> Thread:
        thread = self._by_ident.get(threading.get_ident())
        if thread is None or thread is not self._current:
            raise RuntimeError("a thread that the simulation did not start uses its time or locks")
        return thread

    def _turn(self, waiting: Thread | None) -> None:
        """Give the turn to whoever is next, and come back when it is the caller's again."""
        following = self._next()
        if following is waiting and waiting is not None:
            return
        self._current = following
        if following is None:
            self._finished.release()
        else:
            following.gate.release()
        if waiting is not None:
            waiting.gate.acquire()

    def _next(self) -> Thread | None:
        if not self.over:
            self.steps += 1
            if self.steps > self._step_limit:
                self._fail(TooManySteps(f"{self.steps - 1} hand-overs", self._stacks()))
        while not self.over:
            now = self.elapsed
            ready = [t for t in self._threads if t.until <= now or (t.ready is not None and t.ready())]
            if ready:
                return ready[self._strategy.choose(ready, self._current)]
            due = min((thread.until for thread in self._threads), default=_FOREVER)
            if due == _FOREVER:
                self._fail(Deadlock(self._waits(), self._stacks()))
            elif due > self._time_limit:
                self._fail(OutOfTime(f"{self._time_limit:g} seconds have passed: {self._waits()}", self._stacks()))
            else:
                self.elapsed = due
        # Over: whoever is left ends, one after the other.
        return self._threads[-1] if self._threads else None

    def _fail(self, failure: SimulationError) -> None:
        self._failure = failure
        self.over = True

    def _waits(self) -> str:
        return "; ".join(f"{thread.name}: {thread.doing}" for thread in self._threads)

    def _stacks(self) -> str:
        frames = sys._current_frames()
        return "\n".join(
            f"thread {thread.name}, {thread.doing}:\n{_stack(frames.get(thread.ident or 0))}"
            for thread in sorted(self._threads, key=lambda thread: thread.number)
        )


def _stack(frame: FrameType | None) -> str:
    summary: Sequence[traceback.FrameSummary] = traceback.extract_stack(frame) if frame else []
    shown = [each for each in summary if not each.filename.startswith(_HERE) and each.filename != threading.__file__]
    return "".join(traceback.format_list(shown))
