"""Every operation's reply and every error, to the last field, is what was written down and judged."""

from __future__ import annotations

import pytest

from fakelivy import FakeLivy
from fakelivy.journal import Request
from fakelivy.routes import ROUTES
from tests.server import exchanges


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[FakeLivy]:
    """The servers that are started."""
    started: list[FakeLivy] = []
    start = FakeLivy.start

    def remember(server: FakeLivy) -> None:
        started.append(server)
        start(server)

    monkeypatch.setattr(FakeLivy, "start", remember)
    return started


def test_everything_is_said_as_it_was_written_down(servers: list[FakeLivy]) -> None:
    said = exchanges.record().splitlines()
    assert said == exchanges.FILE.read_text(encoding="utf-8").splitlines(), "see exchanges.py"
    answered = {
        (request.dialect, request.operation)
        for server in servers
        for request in server.journal.events(Request)
        if 200 <= request.status < 300
    }
    routes = {(dialect.value, route.operation) for dialect, routes in ROUTES.items() for route in routes}
    assert routes - answered == set(), "operations that were not used, or only refused"
