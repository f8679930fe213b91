"""Time that does not pass, and a server that says what a test tells it to."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
import requests
from dbt.adapters.fabricspark.credentials import Settings
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.runtime import Condition
from dbt.adapters.fabricspark.resilience.transport import Transport
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse


class VirtualRuntime:
    """A runtime in which sleeping moves the clock and costs nothing."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.sleeps: list[float] = []
        self.names = 0

    def monotonic(self) -> float:
        return self.elapsed

    def now(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=self.elapsed)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.sleeps.append(seconds)
        self.elapsed += seconds

    def lock(self) -> AbstractContextManager[Any]:
        return threading.RLock()

    def condition(self) -> Condition:
        return threading.Condition()

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()

    def random(self) -> float:
        return 0.5

    def unique(self) -> str:
        self.names += 1
        return str(self.names)


Answer = tuple[int, object] | Exception | Callable[[], tuple[int, object]]


@dataclass
class ScriptedServer(HTTPAdapter):
    """Answers each route from its list; the last answer of a list is repeated for ever."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    seen: list[tuple[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def count(self, route: str) -> int:
        return sum(seen == route for seen, _ in self.seen)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # the keywords are requests' business
        assert kwargs["timeout"] is not None, "a request without a time-out"
        route = f"{request.method} {request.path_url}"
        body = json.loads(request.body) if request.body else None
        with self._lock:
            self.seen.append((route, body))
            queue = self.answers.get(route)
            assert queue, f"unexpected request {route}"
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        status, payload = answer
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        kind = "text/html" if content.startswith(b"<") else "application/json"
        raw = HTTPResponse(BytesIO(content), status=status, headers={"Content-Type": kind}, preload_content=False)
        return self.build_response(request, raw)


@pytest.fixture
def runtime() -> VirtualRuntime:
    return VirtualRuntime()


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer()


@pytest.fixture
def api(server: ScriptedServer, runtime: VirtualRuntime, logger: logging.Logger) -> LivyApi:
    transport = Transport("http://livy", http_timeout=120, user_agent="tests", adapter=server)
    return LivyApi(transport, Retrier(runtime, Pace(runtime), None, logger, connect_retries=1))


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("tests.adapter")


@pytest.fixture
def settings() -> Settings:
    return Settings(
        http_timeout=120,
        session_start_timeout=600,
        statement_timeout=3600,
        poll_wait=10,
        poll_statement_wait=5,
        connect_retries=1,
        connect_timeout=10,
    )
