"""One run of a scenario in virtual time: a server, a client, its threads, what goes wrong; and the record of it all."""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import requests
from fakelivy import FakeLivy, IdentityOptions, TokenMode
from fakelivy.inprocess import InProcessAdapter
from fakelivy.journal import Entry

from chaos.client import Client, Factory, Options
from chaos.history import Call, claimed
from chaos.ledger import Ledger
from chaos.plans import faults
from chaos.scenario import SETTINGS, Moment, Scenario
from chaos.simulation import Scheduler, SimulatedClock, SimulatedRuntime, SimulationError, Thread
from chaos.wiretap import Exchange, Issue, Tap, TokenSource, secret
from chaos.workloads import PROOF, Desk

LATENCY = 0.1
"""Virtual seconds of a request's way, and of its reply's: about what a request to the cloud takes."""

SETTLE = 5.0
"""Virtual seconds after healing in which what went wrong comes to its end: a server that restarts is back."""

LEAVING = ("delete_session", "delete_hc")
"""What a client asks for when it leaves."""

STEPS = 200_000
"""Hand-overs of a run: many times what a run of sixteen threads needs that goes in no circles."""

WATCHDOG = 300.0
"""Real seconds of a run: many times what the longest takes on a machine that has other things to do."""


@dataclass
class Run:
    """Everything there is to judge. Times are virtual seconds since the start."""

    name: str
    scenario: Scenario
    seed: int
    strategy: str
    dialect: str
    faults: tuple[str, ...]
    settings: dict[str, float]
    calls: list[Call] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    issued: list[Issue] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=dict)
    rebuilt: dict[str, int] = field(default_factory=dict)
    ends: list[float] = field(default_factory=list)
    """When each execution ended on the engine, in the order of the journal's."""
    log: list[str] = field(default_factory=list)
    healed_at: float = 0.0
    cancelled_at: float | None = None
    interrupted_at: float | None = None
    closing_at: float = 0.0
    elapsed: float = 0.0
    steps: int = 0
    close_error: str = ""
    stuck: SimulationError | None = None
    """Why the run did not come to its end."""
    thread_errors: list[str] = field(default_factory=list)
    """What ended threads that the client started."""

    def secrets(self) -> list[str]:
        """What must not show anywhere."""
        return [secret(issue.number, self.seed) for issue in self.issued]


def choices(scenario: Scenario, seed: int) -> tuple[str, str, tuple[str, ...]]:
    """The dialect, the strategy and the faults that a seed stands for."""
    dialects, strategies = scenario.workload.dialects, scenario.budget.strategies
    dialect, turn = dialects[seed % len(dialects)], seed // len(dialects)
    return (
        dialect,
        strategies[turn % len(strategies)],
        faults(scenario.faults, seed, dialect, turn, scenario.workload.high_concurrency),
    )


def drawn(moment: Moment, seed: int) -> float:
    """The moment itself, or the one that a seed picks between two."""
    return random.Random(f"{seed}/moment").uniform(*moment) if isinstance(moment, tuple) else moment


def run(name: str, scenario: Scenario, seed: int, factory: Factory) -> Run:
    """Run a scenario once. The same arguments give the same run, to the byte."""
    dialect, strategy, specs = choices(scenario, seed)
    settings = {**SETTINGS, **scenario.workload.settings}
    record = Run(name, scenario, seed, strategy, dialect, specs, settings)
    scheduler = Scheduler(
        seed, strategy, time_limit=scenario.budget.virtual_seconds, step_limit=STEPS, watchdog=WATCHDOG
    )
    clock = SimulatedClock(scheduler, latency=LATENCY)
    engine = Ledger(clock, scenario.workload.takes)
    identity = IdentityOptions(mode=TokenMode.ANY)
    with (
        FakeLivy(engine=engine, clock=clock, listen=False, seed=seed, identity=identity) as server,
        requests.Session() as http,
        _listening(record.log),
    ):
        server.journal.listen(record.journal.append)
        tokens = TokenSource(scheduler, clock, scenario.workload.token_lifetime)
        server.mount(http)
        inner = http.get_adapter(server.url + "/")
        assert isinstance(inner, InProcessAdapter)
        tap = Tap(inner, scheduler, clock, tokens)
        stage = _Stage(record, scheduler, server, tap, SimulatedRuntime(scheduler, clock), tokens, factory)
        try:
            scheduler.run(stage.play)
        except SimulationError as stuck:
            record.stuck = stuck
        record.ends = engine.ends()
        record.exchanges, record.issued = tap.exchanges, tokens.issued
        record.journal = list(record.journal)
        record.tables, record.rebuilt = engine.tables_, engine.rebuilt
        record.elapsed, record.steps = scheduler.elapsed, scheduler.steps
        record.thread_errors = [f"{name}: {error!r}" for name, error in scheduler.errors]
    return record


class _Stage:
    """The acts of a run, in order. All of it happens on threads of the simulation."""

    def __init__(
        self,
        record: Run,
        scheduler: Scheduler,
        server: FakeLivy,
        tap: Tap,
        runtime: SimulatedRuntime,
        tokens: TokenSource,
        factory: Factory,
    ) -> None:
        self._record = record
        self._scheduler = scheduler
        self._server = server
        self._tap = tap
        self._runtime = runtime
        self._tokens = tokens
        self._factory = factory
        self._client: Client | None = None
        self._healed = False

    def play(self) -> None:
        record, workload = self._record, self._record.scenario.workload
        for spec in record.faults:
            self._server.arm(spec)
        self._scheduler.spawn("healer", self._heal_in_time)
        self._connect("safety")
        threads = self._go("safety", workload.script)
        if workload.cancel_after is not None:
            self._scheduler.spawn("canceller", partial(self._cancel, drawn(workload.cancel_after, record.seed)))
        if workload.interrupt_after is not None and threads:
            after = drawn(workload.interrupt_after, record.seed)
            self._scheduler.spawn("interrupter", partial(self._interrupt, after, threads[0]))
        for thread in threads:
            thread.join()
        if threads and threads[0].pending is not None:
            # It came to its end before the interrupt came to it.
            record.interrupted_at = None
        self._heal()
        self._scheduler.sleep(SETTLE)
        if record.interrupted_at is not None:
            self._leave()
            # The next one to come must find everything in order.
            self._tokens.client += 1
            self._connect("liveness")
        elif self._client is None:
            self._connect("liveness")
        for thread in self._go("liveness", PROOF):
            thread.join()
        record.closing_at = self._scheduler.elapsed
        self._leave()

    def _connect(self, phase: str) -> None:
        record, begin = self._record, self._scheduler.elapsed
        workload = record.scenario.workload
        options = Options(
            record.dialect, workload.threads, self._tokens.get_token, record.settings, workload.high_concurrency
        )
        try:
            self._client = self._factory(base_url(self._server, record.dialect), self._tap, self._runtime, options)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a client may fail to connect: that is an answer
            record.calls.append(
                Call(
                    thread="main",
                    phase="safety" if phase == "safety" else "liveness",
                    step="connect",
                    sql="",
                    mark="",
                    begin=begin,
                    end=self._scheduler.elapsed,
                    outcome=claimed(error),
                    error=type(error).__name__,
                    message=str(error),
                )
            )

    def _go(self, phase: str, script: Sequence[str]) -> list[Thread]:
        client = self._client
        if client is None:
            return []
        kind = "safety" if phase == "safety" else "liveness"
        threads = []
        for number in range(1, self._record.scenario.workload.threads + 1):
            desk = Desk(client, self._scheduler, f"t{number}", kind, self._record.calls)  # type: ignore[arg-type]  # one of the two phases
            threads.append(self._scheduler.spawn(f"t{number}", lambda desk=desk: self._work(desk, script)))  # type: ignore[misc]  # mypy cannot type the default
        return threads

    def _work(self, desk: Desk, script: Sequence[str]) -> None:
        # An interrupt ends the thread, as it ends a program.
        with contextlib.suppress(KeyboardInterrupt):
            desk.go_through(script)

    def _heal_in_time(self) -> None:
        self._scheduler.sleep(self._record.scenario.phases.heal_after)
        self._heal()

    def _heal(self) -> None:
        """End the faults, but for those that can only strike when the client leaves."""
        if self._healed:
            return
        self._healed = True
        self._record.healed_at = self._scheduler.elapsed
        for armed in self._server.armed:
            if armed.fault.select.operation not in LEAVING:
                self._server.clear(armed.fault.label)

    def _cancel(self, after: float) -> None:
        self._scheduler.sleep(after)
        self._record.cancelled_at = self._scheduler.elapsed
        if self._client is not None:
            self._client.cancel()

    def _interrupt(self, after: float, thread: Thread) -> None:
        self._scheduler.sleep(after)
        if thread.done:
            return
        self._record.interrupted_at = self._scheduler.elapsed
        thread.interrupt(KeyboardInterrupt())
        if self._client is not None:
            self._client.cancel()

    def _leave(self) -> None:
        if self._client is None:
            return
        try:
            self._client.close()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # judged: leaving must not fail
            self._record.close_error = f"{type(error).__name__}: {error}"
        self._client = None


def base_url(server: FakeLivy, dialect: str) -> str:
    """Where a client finds the sessions of a dialect."""
    if dialect == "livy":
        return server.url
    target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    place = f"workspaces/{target['workspaceid']}/lakehouses/{target['lakehouseid']}"
    return f"{target['endpoint']}/{place}/livyapi/versions/2023-12-01"


class _Listener(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        # Tracebacks are in logs, too.
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


@contextlib.contextmanager
def _listening(lines: list[str]) -> Iterator[None]:
    """Collect what anybody logs, at any level."""
    root, listener = logging.getLogger(), _Listener(lines)
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
