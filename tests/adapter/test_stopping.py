"""After a halt, what is left to do is done in seconds, whatever the server does; and only where the halt was meant."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
import requests
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.connections import SessionManagers
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials, Settings
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livysession import LivySession, LivySessionManager
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.halt import DELETE_BUDGET, Halted, HaltingRuntime
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
from dbt.adapters.fabricspark.resilience.transport import Transport

from chaos.simulation import Scheduler, SimulatedRuntime
from fakelivy import FakeLivy, Oracle
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import ScriptedEngine
from tests.adapter.conftest import ScriptedServer

CREATE, LOOK, DELETE = "POST /sessions", "GET /sessions/0", "DELETE /sessions/0"
GONE = 10.0
"""Seconds after which a process that was told to stop has ended."""


class HangingServer(ScriptedServer):
    """Answers until it is told to hang; then every request takes all the time it has."""

    def __init__(self, runtime: SimulatedRuntime) -> None:
        self.runtime, self.hangs = runtime, False
        super().__init__({CREATE: [(201, {"id": 0})], LOOK: [(200, {"id": 0, "state": "idle"})]})

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # as its base
        if not self.hangs:
            return super().send(request, **kwargs)
        self.seen.append((f"{request.method} {request.path_url}", None))
        self.runtime.sleep(kwargs["timeout"][1])
        raise requests.ReadTimeout


def manager_of(
    server: HangingServer, runtime: HaltingRuntime, settings: Settings, logger: logging.Logger
) -> LivySessionManager:
    transport = Transport("http://livy", http_timeout=120, user_agent="tests", adapter=server, left=runtime.left)
    api = LivyApi(transport, Retrier(runtime, Pace(runtime), None, logger))
    return LivySessionManager(api, settings, {"name": "dbt-fabricspark"}, runtime, logger)


@pytest.mark.parametrize("late", [0.0, 3.0, 4.5])
def test_a_server_that_hangs_is_asked_to_delete_the_session_and_not_waited_for(
    late: float, settings: Settings, logger: logging.Logger
) -> None:
    scheduler = Scheduler(seed=1)
    runtime = SimulatedRuntime(scheduler)
    server, halting = HangingServer(runtime), HaltingRuntime(runtime)
    took: list[float] = []

    def work() -> None:
        manager = manager_of(server, halting, settings, logger)
        manager.connect()
        halted_at = runtime.monotonic()
        halting.halt()
        server.hangs = True
        # What cancelling the statements has used up.
        runtime.sleep(late)
        manager.disconnect()
        took.append(runtime.monotonic() - halted_at)

    scheduler.run(work)
    assert server.count(DELETE) >= 1
    assert took[0] <= DELETE_BUDGET + 0.01 < GONE - 4


def test_a_session_that_is_made_while_a_halt_ends_the_request_for_it_is_deleted(
    settings: Settings, logger: logging.Logger
) -> None:
    clock, runtime = SystemClock(), HaltingRuntime(SystemRuntime())
    with FakeLivy(engine=ScriptedEngine(clock), clock=clock, faults=["create_session:after_commit:hang"]) as server:
        transport = Transport(server.url, http_timeout=120, user_agent="tests", left=runtime.left)
        api = LivyApi(transport, Retrier(runtime, Pace(runtime), None, logger))
        manager = LivySessionManager(api, settings, {"name": "dbt-fabricspark"}, runtime, logger)
        failed: list[Exception] = []

        def connect() -> None:
            try:
                manager.connect()
            except FailedToConnectError as error:
                failed.append(error)

        thread = threading.Thread(target=connect)
        thread.start()
        for _ in range(3000):
            if Oracle(server.journal).live_sessions():
                break
            runtime.sleep(0.02)
        runtime.halt()
        thread.join(GONE)
        assert Oracle(server.journal).live_sessions() == []
    assert len(failed) == 1


@pytest.mark.parametrize("asked", [True, False], ids=["its id is known", "its reply is on its way"])
def test_a_session_that_starts_while_the_run_ends_is_deleted_and_used_by_nobody(
    asked: bool, settings: Settings, logger: logging.Logger
) -> None:
    scheduler = Scheduler(seed=1)
    runtime = SimulatedRuntime(scheduler)
    server = HangingServer(runtime)
    failed: list[str] = []

    def create() -> tuple[int, object]:
        runtime.sleep(0 if asked else 10)
        return 201, {"id": 0}

    server.answers |= {CREATE: [create], DELETE: [(200, {"msg": "deleted"})]}
    if asked:
        server.answers[LOOK] = [(200, {"id": 0, "state": "starting"})]

    def work() -> None:
        manager = manager_of(server, HaltingRuntime(runtime), settings, logger)

        def connect() -> None:
            with pytest.raises(FailedToConnectError) as caught:
                manager.connect()
            failed.append(str(caught.value))

        thread = scheduler.spawn("starting", connect)
        runtime.sleep(5)
        manager.disconnect()
        # Whoever starts it may take another ten minutes to hear that nobody wants it.
        assert server.count(DELETE) == (1 if asked else 0)
        server.answers[LOOK] = [(200, {"id": 0, "state": "idle"})]
        thread.join()
        assert manager.session_id is None

    scheduler.run(work)
    assert scheduler.errors == []
    assert len(failed) == 1
    assert server.count(DELETE) == 1


@pytest.mark.parametrize("halted", [True, False])
@pytest.mark.parametrize("told", [True, False], ids=["told itself", "another thread was told"])
def test_a_throttled_list_of_sessions_is_not_waited_for_in_vain(
    told: bool, halted: bool, settings: Settings, logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(seed=1)
    runtime = SimulatedRuntime(scheduler)
    server, halting = HangingServer(runtime), HaltingRuntime(runtime)
    route = "GET /sessions?from=0&size=50&$skip=0&$top=50"
    server.answers[route] = [(429, {"message": "blocked until: 1/1/2030 1:00:00 AM (UTC)"})]
    took: list[float] = []

    def work() -> None:
        manager = manager_of(server, halting, settings, logger)
        session = LivySession(manager._api, settings, halting, logger)
        session.name, session._strays = "lost", True
        if not told:
            manager._api.retrier.pace.stay_away(600)
        if halted:
            halting.halt()
        begun = runtime.monotonic()
        assert not session.delete_session()
        took.append(runtime.monotonic() - begun)

    scheduler.run(work)
    assert scheduler.errors == []
    assert server.count(route) == (1 if told else 0)
    assert took[0] < 0.1
    assert "Livy session lost could not be deleted" in caplog.text


@pytest.mark.parametrize("seconds", [20.0, 60.0, 4e8])
@pytest.mark.parametrize("late", [0.0, 3.0])
def test_a_throttle_does_not_keep_a_session_from_being_deleted_after_a_halt(
    seconds: float, late: float, settings: Settings, logger: logging.Logger
) -> None:
    scheduler = Scheduler(seed=1)
    runtime = SimulatedRuntime(scheduler)
    server, halting = HangingServer(runtime), HaltingRuntime(runtime)
    server.answers[DELETE] = [(200, {"msg": "deleted"})]

    def work() -> None:
        session = manager_of(server, halting, settings, logger).connect()
        session._api.retrier.pace.stay_away(seconds)
        halting.halt()
        runtime.sleep(late)
        assert session.delete_session()

    scheduler.run(work)
    assert scheduler.errors == []
    assert server.count(DELETE) == 1


def delete(session: LivySession) -> None:
    session.delete_session()


@pytest.mark.parametrize("told", [True, False], ids=["told itself", "another thread was told"])
def test_a_halt_does_not_wait_for_a_delete_that_waits(told: bool, settings: Settings, logger: logging.Logger) -> None:
    scheduler = Scheduler(seed=1)
    runtime = SimulatedRuntime(scheduler)
    server, halting = HangingServer(runtime), HaltingRuntime(runtime)
    throttle = (429, {"message": "blocked until: 1/1/2030 1:00:00 AM (UTC)"})
    server.answers[DELETE] = [throttle, (200, {"msg": "deleted"})] if told else [(200, {"msg": "deleted"})]
    took: list[float] = []

    def work() -> None:
        session = manager_of(server, halting, settings, logger).connect()
        if not told:
            session._api.retrier.pace.stay_away(60)
        thread = scheduler.spawn("deleting", lambda: delete(session))
        runtime.sleep(30)
        halting.halt()
        begun = runtime.monotonic()
        thread.join()
        took.append(runtime.monotonic() - begun)

    scheduler.run(work)
    assert scheduler.errors == []
    assert server.count(DELETE) == (2 if told else 1)
    assert took[0] < 0.1


def test_a_server_that_is_busy_after_a_halt_too_is_not_asked_again_and_again(
    settings: Settings, logger: logging.Logger
) -> None:
    scheduler = Scheduler(seed=1)
    runtime = SimulatedRuntime(scheduler)
    server, halting = HangingServer(runtime), HaltingRuntime(runtime)
    server.answers[DELETE] = [(429, {"message": "blocked until: 1/1/2030 1:00:00 AM (UTC)"})]

    def work() -> None:
        session = manager_of(server, halting, settings, logger).connect()
        thread = scheduler.spawn("deleting", lambda: delete(session))
        runtime.sleep(30)
        halting.halt()
        thread.join()
        assert runtime.monotonic() <= 30 + DELETE_BUDGET + 1

    scheduler.run(work)
    assert scheduler.errors == []
    assert server.count(DELETE) == 2


def target(name: str) -> FabricSparkCredentials:
    return FabricSparkCredentials(livy_mode="local", spark_config={"name": name}, schema="s")


def test_stopping_one_target_does_not_stop_another() -> None:
    scheduler = Scheduler(seed=1)
    managers = SessionManagers(SimulatedRuntime(scheduler))
    one, two = target("one"), target("two")

    def work() -> None:
        runtimes = [managers.target(credentials).runtime for credentials in (one, two)]
        managers.halt(one)
        with pytest.raises(Halted):
            runtimes[0].sleep(1)
        runtimes[1].sleep(1)
        managers.halt()
        with pytest.raises(Halted):
            runtimes[1].sleep(1)

    scheduler.run(work)
    assert scheduler.errors == []


def test_a_target_whose_session_is_being_deleted_is_stopped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(seed=1)
    runtime = SimulatedRuntime(scheduler)
    managers = SessionManagers(runtime)
    credentials = target("one")
    ended: list[float] = []

    def work() -> None:
        found = managers.target(credentials)

        def disconnect() -> None:
            # As deleting does at a server that is busy.
            with pytest.raises(Halted):
                found.runtime.sleep(90)
            ended.append(runtime.monotonic())

        monkeypatch.setattr(found.pool, "disconnect", disconnect)
        thread = scheduler.spawn("leaving", lambda: managers.disconnect(credentials))
        runtime.sleep(1)
        managers.halt()
        thread.join()

    begun = runtime.monotonic()
    scheduler.run(work)
    assert scheduler.errors == []
    assert ended[0] - begun < 2
