"""SIGTERM ends a run as Ctrl-C does, and both end every wait at once: statements are cancelled, sessions deleted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM. dbt cancels and cleans up on a KeyboardInterrupt, and on nothing else."""


class StopHandler:
    """Handles Ctrl-C and SIGTERM; polite to who else does.

    A handler that was there before is called afterwards and may do as it likes: Python's own raises the
    KeyboardInterrupt of Ctrl-C. A process that ignores a signal goes on ignoring it. Only Python's main thread may set
    handlers: from any other one nothing is changed.

    Args:
        stop: called first; must not wait for anything.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._before: dict[int, Any] = {}
        self._holds_back = False
        self._held: int | None = None

    def install(self) -> None:
        """Handle the signals from now on."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            before = signal.getsignal(number)
            # None: set by something that is not Python, which could not be called nor put back.
            if before not in (None, signal.SIG_IGN, self._handle):
                signal.signal(number, self._handle)
                self._before[number] = before

    def uninstall(self) -> None:
        """Put back what was there, unless somebody else has put their own handler there since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in list(self._before.items()):
            if signal.getsignal(number) == self._handle:
                signal.signal(number, before)
                del self._before[number]

    @contextmanager
    def holding_back(self) -> Iterator[None]:
        """Inside, a signal stops as ever, and interrupts this thread no sooner than the block is left."""
        self._holds_back = True
        try:
            yield
        finally:
            self._holds_back = False
            held, self._held = self._held, None
            if held is not None:
                signal.raise_signal(held)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._stop()
        if self._holds_back:
            self._held = number
            return
        before = self._before.get(number)
        if callable(before):
            before(number, frame)
        if number == signal.SIGTERM:
            raise Terminated("SIGTERM")
