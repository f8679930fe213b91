"""A server over the toy engine, in manual time, and a client for each dialect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakelivy import FakeLivy, ManualClock
from tests.server.toy import Client, ToyEngine, fabric_base


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(clock: ManualClock) -> ToyEngine:
    return ToyEngine(clock)


@pytest.fixture
def server(clock: ManualClock, engine: ToyEngine) -> Iterator[FakeLivy]:
    with FakeLivy(engine=engine, clock=clock, seed=1, lakehouses=["lakehouse", "other"]) as server:
        yield server


@pytest.fixture
def livy(server: FakeLivy) -> Iterator[Client]:
    client = Client(server.url)
    yield client
    client.http.close()


@pytest.fixture
def fabric(server: FakeLivy) -> Iterator[Client]:
    client = Client(fabric_base(server), "fakelivy")
    yield client
    client.http.close()
