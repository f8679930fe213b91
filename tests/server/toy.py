"""An engine that tests drive by hand, and a small client for both dialects."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from fakelivy import FakeLivy
from fakelivy.clock import Clock
from fakelivy.engine.port import EMPTY, EngineUnavailable, Failure, SessionSpec, StoredTable, Table


def table(*rows: tuple[Any, ...], truncated: bool = False, **columns: Any) -> Table:
    """A result; ``columns`` are name=type, type being Spark's JSON."""
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in columns.items()]
    return Table({"type": "struct", "fields": fields}, rows, truncated)


def eventually(look: Callable[[], Any], what: str = "") -> Any:
    """The first true value of ``look``; fails after thirty seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := look():
            return found
        threading.Event().wait(0.005)
    raise AssertionError(f"did not happen within thirty seconds: {what or look}")


@dataclass
class ToyExecution:
    """Ends at ``ends_at`` on the clock, or when a test calls ``end``."""

    clock: Clock
    code: str
    ends_at: float | None
    result: Table | Failure
    on_done: Callable[[], None]
    stops: bool = True
    max_rows: int = 0
    finished_at: float | None = None
    cancels: int = 0

    @property
    def outcome(self) -> Table | Failure | None:
        if self.finished_at is None and self.ends_at is not None and self.clock.monotonic() >= self.ends_at:
            self.finished_at = self.ends_at
        return None if self.finished_at is None else self.result

    def end(self, result: Table | Failure | None = None) -> None:
        self.result = result or self.result
        self.finished_at = self.clock.monotonic()
        self.on_done()

    def cancel(self) -> None:
        self.cancels += 1
        if self.stops and self.finished_at is None:
            self.end(Failure("Job 0 cancelled", cancelled=True))


@dataclass
class ToySession:
    engine: ToyEngine
    spec: SessionSpec
    started: list[ToyExecution] = field(default_factory=list)
    closed: int = 0
    siblings: list[ToySession] = field(default_factory=list)

    def sibling(self, spec: SessionSpec) -> ToySession:
        session = self.engine.open(spec)
        self.siblings.append(session)
        return session

    def start(
        self, code: str, *, kind: str, max_rows: int, started_at: float, on_done: Callable[[], None]
    ) -> ToyExecution:
        """``take 5`` lasts five seconds, ``never`` until told, ``die`` and ``bug`` raise, the rest is immediate."""
        if code == "die":
            raise EngineUnavailable("the child is gone")
        if code == "bug":
            raise KeyError("secret internals")
        assert not any(each.finished_at is None for each in self.started), "one statement at a time"
        took = re.fullmatch(r"take (\d+)", code)
        ends_at = None if code.startswith("never") else started_at + (int(took[1]) if took else 0)
        result = self.engine.answers.get(code, EMPTY)
        if isinstance(result, Table) and len(result.rows) > max_rows:
            result = Table(result.schema, result.rows[:max_rows], truncated=True)
        stops = code != "never stops"
        execution = ToyExecution(self.engine.clock, code, ends_at, result, on_done, stops, max_rows)
        self.started.append(execution)
        return execution

    def close(self) -> None:
        self.closed += 1


class ToyEngine:
    """Opens when ``gate`` is set; fails to open with ``failure``."""

    name = "toy"
    instant = False

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.answers: dict[str, Table | Failure] = {}
        self.sessions: list[ToySession] = []
        self.stored: dict[str, list[StoredTable]] = {}
        self.closed = False

    def open(self, spec: SessionSpec) -> ToySession:
        assert self.gate.wait(10)
        if self.failure:
            raise self.failure
        session = ToySession(self, spec)
        self.sessions.append(session)
        return session

    def tables(self, lakehouse: str) -> list[StoredTable]:
        return self.stored.get(lakehouse, [])

    def close(self) -> None:
        self.closed = True
        self.gate.set()


class Client:
    """Requests to one base URL; every reply is kept whole."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.trust_env = False
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.http.request(method, self.base + path, timeout=20, allow_redirects=False, **kwargs)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, document: Any = None, **kwargs: Any) -> requests.Response:
        return self.call("POST", path, json=document, **kwargs)

    def delete(self, path: str) -> requests.Response:
        return self.call("DELETE", path)

    def session(self, **request: Any) -> str:
        """The path of a new session that has left ``starting``."""
        path = f"/sessions/{self.post('/sessions', {'kind': 'sql', **request}).json()['id']}"
        eventually(lambda: self.get(path).json()["state"] != "starting")
        return path

    def submit(self, session: str, code: str) -> str:
        """The path of a new statement."""
        reply = self.post(f"{session}/statements", {"code": code, "kind": "sql"})
        assert reply.ok, reply.text
        return f"{session}/statements/{reply.json()['id']}"

    def state(self, path: str) -> str:
        state: str = self.get(path).json()["state"]
        return state


def fabric_base(server: FakeLivy) -> str:
    target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    return (
        f"{target['endpoint']}/workspaces/{target['workspaceid']}/lakehouses/{target['lakehouseid']}"
        "/livyapi/versions/2023-12-01"
    )
