"""Sessions and statements as immutable values; the store replaces them, so whoever holds one may read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Lakehouse:
    """A Fabric lakehouse of this server. ``schemas`` says whether it is schema-enabled."""

    workspace_id: str
    workspace: str
    id: str
    name: str
    schemas: bool = True


@dataclass(frozen=True)
class Session:
    """A Livy session.

    Attributes:
        id: a number as text in Livy, a lower-case GUID in Fabric.
        scope: the GUID of the lakehouse it belongs to; empty in Livy, where sessions belong to the server.
        lakehouse: name of the default lakehouse of its SQL.
        request: the validated body it was created with.
        state: a state of ``machines.SESSION``.
        entered: the last time it came into each state.
        log: the newest lines of the driver's log.
    """

    id: str
    scope: str
    lakehouse: str
    request: Mapping[str, Any]
    state: str
    entered: Mapping[str, dt.datetime]
    log: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        name: str | None = self.request.get("name")
        return name

    @property
    def kind(self) -> str:
        """Livy's kind; ``shared`` when the client gave none."""
        kind: str = self.request.get("kind") or "shared"
        return kind


@dataclass(frozen=True)
class Statement:
    """A statement. ``started`` and ``completed`` are epoch milliseconds, 0 when not yet (Livy source)."""

    id: int
    code: str
    kind: str
    state: str
    output: Mapping[str, Any] | None = field(default=None, repr=False)
    progress: float = 0.0
    started: int = 0
    completed: int = 0
