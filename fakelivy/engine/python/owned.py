"""The interpreter of one session: started for its first cell, replaced when it has died, ended with the session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from fakelivy.engine.port import EngineUnavailable, Failure, Output
from fakelivy.engine.python.process import Answer, Interpreter, InterpreterDied


class SessionInterpreter:
    """Used by the session's worker thread; ``interrupt``, ``end`` and ``close`` by any.

    Args:
        settings: what ``spark.connect`` takes, asked for whenever an interpreter starts.
    """

    def __init__(self, settings: Callable[[], Mapping[str, Any]]) -> None:
        self._settings = settings
        self._guard = threading.Lock()  # over what follows; held for moments only
        self._current: Interpreter | None = None
        self._closed = False

    def ready(self) -> None:
        """Start one, unless it runs.

        Raises:
            EngineUnavailable: it did not start, or the session is closed.
        """
        with self._guard:
            current = self._current
        if current is not None and current.alive():
            return
        self.end()
        new = Interpreter(self._settings())
        with self._guard:
            closed = self._closed
            if not closed:
                self._current = new
        if closed:
            new.kill()
            raise EngineUnavailable("the session is closed")

    def run(self, code: str, answer: Answer) -> Output | Failure:
        """Run a cell in it; ``answer`` is asked what the cell needs of the session.

        Raises:
            EngineUnavailable: as ``ready``.
        """
        self.ready()
        with self._guard:
            current = self._current
        if current is None:  # ended in between
            return _lost("it was ended")
        try:
            return current.run(code, answer)
        except InterpreterDied as death:
            self.end()
            return _lost(str(death))

    def interrupt(self) -> None:
        """Stop the running cell, which may not listen."""
        with self._guard:
            current = self._current
        if current is not None:
            current.interrupt()

    def end(self) -> None:
        """End the process; the next cell gets a new one."""
        with self._guard:
            current, self._current = self._current, None
        if current is not None:
            current.kill()

    def close(self) -> None:
        """End the process for good."""
        with self._guard:
            self._closed = True
        self.end()


def _lost(how: str) -> Failure:
    return Failure(
        f"[INTERPRETER_LOST] The Python process ended while the statement ran ({how}). The session goes on with a new "
        "one, without the variables of the old."
    )
