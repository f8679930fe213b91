"""A request on its way through the server, the reply to it, and the routes that connect the two."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

from fakelivy.batches import Batches
from fakelivy.bodies import Body, json_object, parse
from fakelivy.clock import Clock
from fakelivy.engine.port import Engine
from fakelivy.errors import JSON_TYPE, Problem, Refused
from fakelivy.highconcurrency import HighConcurrency
from fakelivy.identity.authority import Authority
from fakelivy.identity.gate import Gate
from fakelivy.ids import Ids
from fakelivy.jobs import Jobs
from fakelivy.journal import Journal
from fakelivy.knobs import Dialect, Knobs
from fakelivy.lakehouses import Lakehouses
from fakelivy.model import Lakehouse
from fakelivy.operations import Operations
from fakelivy.orders import NONE, Orders
from fakelivy.restart import Restarter
from fakelivy.shortcuts import Shortcuts
from fakelivy.store import Store

if TYPE_CHECKING:
    from fakelivy.injector import Injector

_JAVA_INT = re.compile(r"[+-]?\d{1,10}")


@dataclass(frozen=True)
class Services:
    """What handlers work with; owned by the server object."""

    stores: Mapping[Dialect, Store]
    batches: Mapping[Dialect, Batches]
    high_concurrency: HighConcurrency
    lakehouses: Lakehouses
    operations: Operations
    shortcuts: Shortcuts
    jobs: Jobs
    engine: Engine
    clock: Clock
    knobs: Knobs
    ids: Ids
    journal: Journal
    injector: Injector
    authority: Authority
    gate: Gate
    restarter: Restarter

    @property
    def default_lakehouse(self) -> Lakehouse:
        return self.lakehouses.default

    def reset(self) -> None:
        """Forget faults, sessions, batches, jobs, operations and shortcuts; journal, clock, tokens and tables stay."""
        self.injector.clear()
        self.high_concurrency.forget_all()
        for dialect in Dialect:
            self.stores[dialect].forget_all("reset")
            self.batches[dialect].forget_all("reset")
        self.jobs.forget_all()
        self.operations.forget_all()
        self.shortcuts.forget_all()


@dataclass(frozen=True)
class Call:
    """One request. ``params`` come from the path, ``query`` from the query string.

    ``origin`` is scheme and host as the client found them, ``path`` what it asked there for.
    ``orders`` is what faults want done differently.
    """

    services: Services
    dialect: Dialect
    request_id: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    authorization: str | None = field(repr=False)
    body: bytes = field(repr=False)
    path: str = ""
    orders: Orders = NONE
    origin: str = ""
    headers: Headers = field(default_factory=Headers, repr=False)

    @property
    def store(self) -> Store:
        return self.services.stores[self.dialect]

    def header(self, name: str) -> str:
        """A header's value, empty when it is missing."""
        return self.headers.get(name, "")

    def json(self, body: Body) -> dict[str, Any]:
        """The validated body. Raises Refused (BAD_BODY)."""
        return parse(self.body, body)

    def document(self) -> dict[str, Any]:
        """The body as a JSON object, its fields unchecked. Raises Refused (BAD_BODY)."""
        return json_object(self.body, "object")

    def number(self, name: str, default: int) -> int:
        """An integer of the query string. Raises Refused (BAD_NUMBER)."""
        return java_int(self.query[name]) if name in self.query else default


@dataclass(frozen=True)
class Reply:
    """What goes back: a JSON document, or with ``document=None`` nothing."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE

    def body(self) -> bytes:
        if self.document is None:
            return b""
        # A lone surrogate cannot be sent; Java puts a question mark too.
        return json.dumps(self.document, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


@dataclass(frozen=True)
class Route:
    """An operation: how it is called on the wire and who answers it; ``public`` ones need no token."""

    operation: str
    method: str
    rule: str
    handler: Callable[[Call], Reply]
    public: bool = False


def java_int(text: str) -> int:
    """A number as Java's Integer.parseInt sees it. Raises Refused (BAD_NUMBER)."""
    if not text.isascii() or not _JAVA_INT.fullmatch(text) or not -(2**31) <= int(text) < 2**31:
        raise Refused(Problem.BAD_NUMBER, text=text)
    return int(text)
