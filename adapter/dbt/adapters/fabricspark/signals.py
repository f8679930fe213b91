"""SIGTERM ends a run as Ctrl-C does: statements are cancelled, sessions deleted, dbt writes what it has."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Terminated(KeyboardInterrupt):
    """SIGTERM. dbt cancels and cleans up on a KeyboardInterrupt, and on nothing else."""


class TermHandler:
    """Turns SIGTERM into ``Terminated``; polite to who else handles it.

    A handler that was there before is called first and may do as it likes. A process that ignores SIGTERM goes on
    ignoring it. Only Python's main thread may set handlers: from any other one nothing is changed.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self._installed = False

    def install(self) -> bool:
        """Handle SIGTERM from now on; whether that is so."""
        if threading.current_thread() is not threading.main_thread():
            return False
        if self._installed and signal.getsignal(signal.SIGTERM) == self._handle:
            return True
        before = signal.getsignal(signal.SIGTERM)
        # None: set by something that is not Python, which could not be called nor put back.
        if before is None or before is signal.SIG_IGN:
            return False
        signal.signal(signal.SIGTERM, self._handle)
        self._before, self._installed = before, True
        return True

    def uninstall(self) -> None:
        """Put back what was there, unless somebody else has put their own handler there since."""
        if threading.current_thread() is not threading.main_thread() or not self._installed:
            return
        if signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, self._before)
            self._installed = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if callable(self._before):
            self._before(number, frame)
        raise Terminated("SIGTERM")
