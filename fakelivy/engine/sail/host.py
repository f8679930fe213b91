"""The child process that the sessions of one application share: started when needed, ended with the last of them."""

from __future__ import annotations

import threading

from fakelivy.engine.port import EngineUnavailable
from fakelivy.engine.sail.process import Child


class Host:
    """At most one child at a time, and how many sessions count on it.

    Its lock is held while a child starts, so that sessions that lost theirs together get one together.
    """

    def __init__(self, lakehouse: str) -> None:
        self._lakehouse = lakehouse
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._guests = 0
        self._closed = False

    def join(self) -> Host:
        """Count one more session.

        Raises:
            EngineUnavailable: the last one has left.
        """
        with self._lock:
            if self._closed:
                raise EngineUnavailable("the application has ended")
            self._guests += 1
        return self

    def leave(self) -> None:
        """Count one less; the child ends with the last."""
        with self._lock:
            self._guests -= 1
            self._closed = self._guests == 0
            if self._closed and self._child:
                self._child.kill()

    @property
    def shared(self) -> bool:
        """Whether killing the child would hit a neighbour."""
        return self._guests > 1

    def child(self) -> Child:
        """The living child, a new one if there is none.

        Raises:
            EngineUnavailable: it did not start, or the last session has left.
        """
        with self._lock:
            if self._closed:
                raise EngineUnavailable("the application has ended")
            if self._child is None or not self._child.alive():
                if self._child:
                    self._child.kill()
                self._child = Child(self._lakehouse)
            return self._child
