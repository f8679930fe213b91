"""Random histories: sessions that die, replies that are lost, servers that are busy, in any order and combination."""

from __future__ import annotations

import contextlib
import itertools
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from hypothesis import Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chaos.simulation import STRATEGIES, Scheduler
from fakelivy.engine.scripted import Rule
from fakelivy.journal import Execution
from tests.resilience.world import DIALECTS, World, world

SETTINGS = {"session_start_timeout": 120, "statement_timeout": 60, "http_timeout": 30, "connect_retries": 1}
PATIENCE = 2 * (120 + 60 + 60 + 60)
"""Seconds a statement may take at most: two tries, each with a session to start, and with cleaning up."""

FAULTS = (
    "*:before:reset@rate(0.2)",
    "*:after_commit:reset@rate(0.2)",
    "*:before:hang@every(7)",
    "*:body:garbage(html_login)@every(6)",
    "*:before:status(429,retry_after=seconds,retry_seconds=20)@every(3)",
    "get_*:before:status(503)@rate(0.5)",
    "get_*:after_commit:hang@every(4)",
    "get_session:before:not_found_window(5)",
    "get_statement:before:session_to(dead)@nth(2)",
    "get_statement:before:session_to(gone)@nth(3)",
    "create_session:before:capacity@first(2)",
    "create_session:before:slow_start(90)",
    "create_session:after_commit:close@nth(1)",
    "submit_statement:before:session_to(dead)@nth(1)",
    "submit_statement:after_commit:hang@nth(1)",
    "submit_statement:after_commit:status(502,shape=html)@nth(1)",
    "list_*:before:status(500)@rate(0.5)",
    "delete_session:before:status(500)@first(2)",
    "*:before:restart(down=30)@nth(5)",
)
NAME = re.compile(r"_\d+_")
STATEMENTS = ("select {}", "insert into t{} values (1)", "insert into slow{} values (1)")
WORK = strategies.lists(strategies.sampled_from(STATEMENTS), min_size=1, max_size=2)
"""What one thread does."""


class Steps:
    """Does one step after the other as the first thread of a simulation, which is one run to its scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._steps: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._simulate)
        self._thread.start()

    def do(self, step: Callable[[], None]) -> None:
        self._steps.put(step)
        self._raise(self._ended.get())

    def end(self) -> None:
        self._steps.put(None)
        self._thread.join()
        self._raise(self._ended.get())

    def _simulate(self) -> None:
        ended: BaseException | None = None
        try:
            self._scheduler.run(self._work)
        except BaseException as error:  # noqa: BLE001  # it is raised where the step was asked for
            ended = error
        self._ended.put(ended)

    def _work(self) -> None:
        while (step := self._steps.get()) is not None:
            step()
            self._ended.put(None)

    @staticmethod
    def _raise(error: BaseException | None) -> None:
        if error is not None:
            raise error


class Histories(RuleBasedStateMachine):
    """A client with several threads, and a server in trouble."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.faults = contextlib.ExitStack()
        self.armed: set[str] = set()
        self.sent: list[str] = []
        self.here: World
        self.steps: Steps

    @initialize(
        seed=strategies.integers(0, 9999),
        dialect=strategies.sampled_from(DIALECTS),
        strategy=strategies.sampled_from(sorted(STRATEGIES)),
    )
    def begin(self, seed: int, dialect: str, strategy: str) -> None:
        rules = (Rule("slow", duration=20),)
        self.here = self.stack.enter_context(
            world(seed=seed, dialect=dialect, strategy=strategy, rules=rules, settings=SETTINGS)
        )
        self.steps = Steps(self.here.scheduler)

    @precondition(lambda self: len(self.armed) < 3)
    @rule(fault=strategies.sampled_from(FAULTS))
    def trouble(self, fault: str) -> None:
        if fault not in self.armed:
            self.armed.add(fault)
            self.faults.enter_context(self.here.server.fault(fault))

    @precondition(lambda self: bool(self.armed))
    @rule()
    def heal(self) -> None:
        self.faults.close()
        self.armed = set()

    @rule(
        threads=strategies.lists(
            strategies.lists(strategies.sampled_from(STATEMENTS), min_size=1, max_size=2), min_size=1, max_size=3
        ),
        cancelled_after=strategies.none() | strategies.integers(0, 40),
    )
    def run(self, threads: list[list[str]], cancelled_after: int | None) -> None:
        works = [[self.named(statement) for statement in thread] for thread in threads]
        begin = self.here.runtime.monotonic()

        def step() -> None:
            started = [
                self.here.scheduler.spawn(f"t{number}", partial(self.here.execute, *work))
                for number, work in enumerate(works)
            ]
            if cancelled_after is not None:
                self.here.runtime.sleep(cancelled_after)
                self.here.client.cancel()
            for thread in started:
                thread.join()

        self.steps.do(step)
        count = sum(map(len, works))
        assert self.here.runtime.monotonic() - begin <= (cancelled_after or 0) + PATIENCE * count + 1

    def named(self, statement: str) -> str:
        sql = statement.format(f"_{len(self.sent)}_")
        self.sent.append(sql)
        return sql

    @rule(seconds=strategies.integers(1, 5000))
    def wait(self, seconds: int) -> None:
        self.steps.do(lambda: self.here.runtime.sleep(seconds))

    @precondition(lambda self: not self.armed)
    @rule()
    def close_and_begin_anew(self) -> None:
        self.steps.do(self.here.client.close)
        assert self.here.oracle.live_sessions() == []
        self.here.client = self.here.another()

    @invariant()
    def no_write_ran_twice_no_success_is_a_lie_and_no_session_is_used_after_another(self) -> None:
        if not self.sent:
            return
        executed = self.here.server.journal.events(Execution)
        counts = Counter(found[0] for each in executed if (found := NAME.search(each.code)))
        for sql in self.sent:
            count = counts[NAME.findall(sql)[0]]
            assert count <= 1 or sql.startswith("select"), f"{sql} ran {count} times"
            assert count >= 1 or isinstance(self.here.results[sql], Exception), f"{sql} never ran"
        turns = [session for session, _ in itertools.groupby(each.session for each in executed)]
        assert len(turns) == len(set(turns)), f"sessions in turns: {turns}"

    def teardown(self) -> None:
        if not hasattr(self, "steps"):
            return
        try:
            self.faults.close()
            self.steps.do(self.here.client.close)
            assert self.here.oracle.live_sessions() == []
            assert self.here.scheduler.errors == []
        finally:
            self.steps.end()
            self.stack.close()


TestHistories = Histories.TestCase
# Without shrinking: it would take longer than the rest of the suite, and the steps that failed are printed anyway.
TestHistories.settings = settings(
    settings.default,
    max_examples=12,
    stateful_step_count=8,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
