"""The workspaces and lakehouses of a server; clients can make and remove lakehouses (contract 3)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from fakelivy.errors import Problem, Refused
from fakelivy.model import Lakehouse


class Lakehouses:
    """All lakehouses by id, the server's own first. A workspace outlives its lakehouses."""

    def __init__(self, lakehouses: Sequence[Lakehouse]) -> None:
        self._lock = threading.Lock()
        self._default = lakehouses[0]
        self._lakehouses = {each.id: each for each in lakehouses}
        self._workspaces = {each.workspace_id: each.workspace for each in lakehouses}

    @property
    def default(self) -> Lakehouse:
        """Where vanilla sessions work, even after somebody removed its item."""
        return self._default

    def __iter__(self) -> Iterator[Lakehouse]:
        with self._lock:
            return iter(list(self._lakehouses.values()))

    def workspaces(self) -> list[tuple[str, str]]:
        """Id and name of every workspace."""
        return list(self._workspaces.items())

    def add(self, lakehouse: Lakehouse) -> None:
        """Keep a new one.

        Raises:
            Refused: NAME_TAKEN, by another of the workspace, in any case.
        """
        with self._lock:
            for each in self._lakehouses.values():
                if each.workspace_id == lakehouse.workspace_id and each.name.lower() == lakehouse.name.lower():
                    raise Refused(Problem.NAME_TAKEN, name=lakehouse.name)
            self._lakehouses[lakehouse.id] = lakehouse

    def remove(self, lakehouse: Lakehouse) -> None:
        """Forget one. Its tables stay in the warehouse."""
        with self._lock:
            self._lakehouses.pop(lakehouse.id, None)
