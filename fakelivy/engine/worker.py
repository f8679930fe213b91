"""A session's own thread: its statements run one after another, and each can be stopped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from fakelivy.clock import Clock
from fakelivy.engine.port import Failure, Output, Table


class Running:
    """One statement, from its start to its outcome.

    Attributes:
        cancelled: set when it is to stop.
        done: set when it has its outcome.
    """

    def __init__(self, code: str, kind: str, max_rows: int, on_done: Callable[[], None], clock: Clock) -> None:
        self.code = code
        self.kind = kind
        self.max_rows = max_rows
        self.cancelled = threading.Event()
        self.done = threading.Event()
        self.stop: Callable[[], None] = lambda: None
        self._on_done = on_done
        self._clock = clock
        self._outcome: Table | Output | Failure | None = None
        self._finished_at: float | None = None

    @property
    def outcome(self) -> Table | Output | Failure | None:
        return self._outcome

    @property
    def finished_at(self) -> float | None:
        return self._finished_at

    def finish(self, outcome: Table | Output | Failure) -> None:
        self._finished_at = self._clock.monotonic()
        self._outcome = outcome
        self.done.set()
        self._on_done()

    def cancel(self) -> None:
        if not self.cancelled.is_set() and not self.done.is_set():
            self.cancelled.set()
            threading.Thread(target=self.stop, name="fakelivy-cancel", daemon=True).start()


class Worker:
    """Runs statements in the order in which they came.

    Args:
        name: of the thread.
        perform: does one statement; what it raises would end the thread, so it raises nothing.
        stop: makes the running statement end, on a thread of its own.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        perform: Callable[[Running], Table | Output | Failure],
        stop: Callable[[Running], None],
    ) -> None:
        self._clock = clock
        self._perform = perform
        self._stop = stop
        self._turn = threading.Lock()  # held while the running statement changes or is interrupted
        self._running: Running | None = None
        self._todo: queue.SimpleQueue[Running | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def start(self, code: str, kind: str, max_rows: int, on_done: Callable[[], None]) -> Running:
        """Put a statement in the queue."""
        running = Running(code, kind, max_rows, on_done, self._clock)
        running.stop = lambda: self._stop(running)
        self._todo.put(running)
        return running

    def while_running(self, running: Running, action: Callable[[], None]) -> None:
        """Do ``action`` if ``running`` is the statement that runs, and keep it from being followed by the next."""
        with self._turn:
            if running is self._running:
                action()

    @property
    def running(self) -> Running | None:
        return self._running

    def end(self, timeout: float) -> None:
        """Take no more statements; wait for the thread, ``timeout`` seconds at most."""
        self._todo.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _work(self) -> None:
        while (running := self._todo.get()) is not None:
            with self._turn:
                self._running = running
            outcome = self._perform(running)
            with self._turn:
                self._running = None
            running.finish(outcome)
