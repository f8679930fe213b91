"""OneLake shortcuts of an item, as entries: nothing is read through them (contract 3)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fakelivy.errors import Problem, Refused

POLICIES = ("Abort", "GenerateUniqueName", "CreateOrOverwrite", "OverwriteOnly")
"""What happens when the name is taken (Fabric REST specification); the first is the default."""


@dataclass(frozen=True)
class Shortcut:
    """An entry of an item. ``path`` has no slash at its ends; ``target`` is as the server shows it."""

    path: str
    name: str
    target: Mapping[str, Any]


class Shortcuts:
    """The shortcuts of all items, by item, path and name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shortcuts: dict[tuple[str, str, str], Shortcut] = {}

    def put(self, item: str, wanted: Shortcut, policy: str) -> tuple[Shortcut, bool]:
        """Make a shortcut by one of ``POLICIES``; with it, whether it is new.

        Raises:
            Refused: SHORTCUT_EXISTS with ``Abort``, NO_SHORTCUT with ``OverwriteOnly`` and nothing there.
        """
        with self._lock:
            taken = (item, wanted.path, wanted.name) in self._shortcuts
            if taken and policy == "Abort":
                raise Refused(Problem.SHORTCUT_EXISTS, name=wanted.name)
            if not taken and policy == "OverwriteOnly":
                raise Refused(Problem.NO_SHORTCUT, name=wanted.name)
            made = wanted
            if taken and policy == "GenerateUniqueName":
                made, taken = self._unique(item, wanted), False
            self._shortcuts[item, made.path, made.name] = made
            return made, not taken

    def of(self, item: str) -> list[Shortcut]:
        """An item's shortcuts, oldest first."""
        with self._lock:
            return [each for (owner, _, _), each in self._shortcuts.items() if owner == item]

    def get(self, item: str, path: str, name: str) -> Shortcut:
        """One shortcut.

        Raises:
            Refused: NO_SHORTCUT.
        """
        with self._lock:
            return self._find(item, path, name)

    def delete(self, item: str, path: str, name: str) -> None:
        """Remove one.

        Raises:
            Refused: NO_SHORTCUT.
        """
        with self._lock:
            self._find(item, path, name)
            del self._shortcuts[item, path, name]

    def forget_all(self) -> None:
        """Forget every shortcut."""
        with self._lock:
            self._shortcuts.clear()

    def _find(self, item: str, path: str, name: str) -> Shortcut:
        found = self._shortcuts.get((item, path, name))
        if found is None:
            raise Refused(Problem.NO_SHORTCUT, name=name)
        return found

    def _unique(self, item: str, wanted: Shortcut) -> Shortcut:
        number = 1
        while (item, wanted.path, f"{wanted.name}_{number}") in self._shortcuts:
            number += 1
        return Shortcut(wanted.path, f"{wanted.name}_{number}", wanted.target)
