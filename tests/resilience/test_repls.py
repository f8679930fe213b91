"""REPLs of Fabric's high-concurrency sessions: as few Livy sessions as hold them, and none left behind."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.pool import OneForEach
from dbt.adapters.fabricspark.resilience.deadline import Deadline

from fakelivy import Knobs
from fakelivy.engine.scripted import Rule
from tests.resilience.actors import Repls
from tests.resilience.world import world

SELDOM = {"poll_statement_wait": 60.0}
SLOW_START = ("acquire_hc:before:slow_start(20)",)


@pytest.mark.parametrize("trouble", ["status(404)", "hang"])
def test_the_livy_session_of_the_repls_is_deleted_for_good(trouble: str) -> None:
    with world(f"delete_session:before:{trouble}@first(1)", dialect="fabric") as here:
        here.actor = Repls(here.network, {})
        here.run(["select 1"])
        assert here.oracle.live_sessions() == []


def test_repls_of_which_a_server_does_not_answer_are_not_waited_for_one_by_one() -> None:
    rules = [Rule("insert", duration=60)]
    with world("delete_hc:before:hang", dialect="fabric", rules=rules) as here:
        here.actor = Repls(here.network, SELDOM)
        here.run(*([f"insert into t_{thread}_ values (1)"] for thread in range(16)))
        assert here.runtime.monotonic() < 60 + 90 + 15 * 5 + 90
        assert here.oracle.live_sessions() == []


@pytest.mark.parametrize(("threads", "strategy"), [(8, "random"), (16, "random"), (16, "many"), (16, "starved")])
def test_as_few_livy_sessions_are_started_as_hold_the_repls(threads: int, strategy: str) -> None:
    # A Livy session that was asked for just now takes no other REPL.
    knobs, rules = Knobs(hc_pack_delay=1.0), [Rule("insert", duration=600)]
    with world(*SLOW_START, dialect="fabric", strategy=strategy, knobs=knobs, rules=rules) as here:
        here.actor = Repls(here.network, SELDOM)
        here.run(*([f"insert into t_{thread}_ values (1)"] for thread in range(threads)))
        assert here.sessions_made == math.ceil(threads / 5)
        assert [here.executions(f"t_{thread}_") for thread in range(threads)] == [1] * threads
        assert here.oracle.live_sessions() == []


@pytest.mark.parametrize("end", ["gone", "dead"])
@pytest.mark.parametrize("strategy", ["random", "many"])
@pytest.mark.parametrize("threads", [5, 8, 16])
def test_a_livy_session_that_dies_is_replaced_by_one(threads: int, strategy: str, end: str) -> None:
    knobs, rules = Knobs(hc_pack_delay=1.0), [Rule("select", duration=600)]
    faults = (*SLOW_START, f"get_repl_statement:before:session_to({end})@first(1)")
    with world(*faults, dialect="fabric", strategy=strategy, knobs=knobs, rules=rules) as here:
        here.actor = Repls(here.network, SELDOM)
        here.run(*([f"select {thread} as t_{thread}_"] for thread in range(threads)))
        assert [result for result in here.results.values() if isinstance(result, Exception)] == []
        assert here.sessions_made == math.ceil(threads / 5) + 1
        assert here.oracle.live_sessions() == []


def test_a_repl_that_is_lost_alone_is_asked_for_again_where_the_others_are() -> None:
    knobs, rules = Knobs(hc_pack_delay=1.0), [Rule("select", duration=600)]
    with world(*SLOW_START, dialect="fabric", knobs=knobs, rules=rules) as here:
        actor = here.actor = Repls(here.network, SELDOM)

        def lose_one() -> None:
            # As another thread that sees its REPL gone and the others at work.
            here.runtime.sleep(120)
            session = actor.pool.borrow()
            first = session.connect()
            assert first.session_id is not None
            api = here.another(high_concurrency=True).manager._api
            api.delete_session(first.session_id, Deadline.after(here.runtime, 60))
            session.run(session.statement("select 'again'"))
            actor.pool.give_back(session)

        here.run(*([f"select {thread} as t_{thread}_"] for thread in range(4)), during=lose_one)
        assert [result for result in here.results.values() if isinstance(result, Exception)] == []
        assert here.sessions_made == 1
        assert here.oracle.live_sessions() == []


def test_a_repl_that_could_not_be_had_is_asked_for_by_the_next() -> None:
    with world("acquire_hc:before:status(400)@first(1)", dialect="fabric") as here:
        here.actor = Repls(here.network, SELDOM)
        here.run(["select 0", "select 1", "select 2"])
        assert [sql for sql, result in here.results.items() if isinstance(result, Exception)] == ["select 0"]
        assert here.sessions_made == 1
        assert here.oracle.live_sessions() == []


def test_each_new_livy_session_may_take_its_time_to_start() -> None:
    rules = [Rule("insert", duration=3000)]
    with world("acquire_hc:before:slow_start(400)", dialect="fabric", rules=rules) as here:
        here.actor = Repls(here.network, SELDOM)
        here.run(*([f"insert into t_{thread}_ values (1)"] for thread in range(11)))
        assert [result for result in here.results.values() if isinstance(result, Exception)] == []
        assert here.sessions_made == 3


@pytest.mark.parametrize("threads", [4, 16])
def test_who_waits_for_a_livy_session_that_does_not_start_shares_its_failure(threads: int) -> None:
    with world("acquire_hc:before:slow_start(100000)", dialect="fabric") as here:
        here.actor = Repls(here.network, SELDOM)
        here.run(*([f"select {thread}"] for thread in range(threads)))
        assert ["still 'starting' after 600 s" in str(result) for result in here.results.values()] == [True] * threads
        assert here.runtime.monotonic() < 600 + 60
        assert here.oracle.live_sessions() == []


def test_a_repl_that_is_refused_where_there_is_room_fails_for_nobody_else() -> None:
    knobs, rules = Knobs(hc_pack_delay=1.0), [Rule("select", duration=600)]
    faults = (*SLOW_START, "acquire_hc:before:status(400)@nth(2)")
    with world(*faults, dialect="fabric", knobs=knobs, rules=rules) as here:
        here.actor = Repls(here.network, SELDOM)
        here.run(*([f"select {thread}"] for thread in range(8)))
        assert sum(isinstance(result, Exception) for result in here.results.values()) == 1
        assert here.oracle.live_sessions() == []


def test_a_repl_that_is_given_back_to_another_renews_nobodys_patience() -> None:
    class Stuck:
        """Never comes up, nor gives up."""

        def connect(self) -> None:
            here.runtime.sleep(10_000)

    class Ready:
        """Can be used at once."""

        def connect(self) -> None:
            """It is there."""

    class Full:
        """No Livy session takes another REPL."""

        room = 0

    with world(dialect="fabric") as here:
        parts: Any = (Stuck, Full())
        ready: Any = Ready()
        pool = OneForEach(
            *parts, keep=True, patience=660, runtime=here.runtime, logger=logging.getLogger("tests.resilience")
        )
        gave_up: list[float] = []

        def borrow() -> None:
            try:
                pool.borrow()
            except FailedToConnectError:
                gave_up.append(here.runtime.monotonic())

        def main() -> None:
            threads = [here.scheduler.spawn(f"t{number}", borrow) for number in range(3)]
            here.runtime.sleep(300)
            pool.give_back(ready)
            for thread in threads:
                thread.join()

        here.scheduler.run(main)
        assert here.scheduler.errors == []
        assert gave_up == [pytest.approx(660, abs=1)]


@pytest.mark.parametrize("strategy", ["random", "many"])
def test_a_livy_session_whose_end_nobody_has_noticed_is_replaced_by_one(strategy: str) -> None:
    knobs, rules = Knobs(hc_pack_delay=1.0), [Rule("select", duration=600)]
    with world(*SLOW_START, dialect="fabric", strategy=strategy, knobs=knobs, rules=rules) as here:
        actor = here.actor = Repls(here.network, SELDOM)
        at_once = actor.execute

        def later(sql: str) -> tuple[tuple[Any, ...], ...]:
            here.runtime.sleep(200)
            return at_once(sql)

        def lose_it() -> None:
            first = actor.pool.borrow()
            api = here.another(high_concurrency=True).manager._api
            for session in here.oracle.live_sessions():
                api._delete(f"/sessions/{session}", Deadline.after(here.runtime, 60))
            actor.pool.give_back(first)
            actor.pool.borrow()

        actor.execute = later  # type: ignore[method-assign]
        here.run(*([f"select {thread} as t_{thread}_"] for thread in range(4)), during=lose_it)
        assert [result for result in here.results.values() if isinstance(result, Exception)] == []
        assert here.sessions_made == 2
        assert here.oracle.live_sessions() == []


def test_a_livy_session_that_no_reply_told_of_is_found_by_its_name_in_the_end() -> None:
    # Five REPLs fill it before the first reply comes.
    with world("acquire_hc:after_commit:status(502)@first(6)", dialect="fabric") as here:
        here.actor = Repls(here.network, {})
        here.run(["select 1", "select 2", "select 3"])
        assert here.sessions_made == 2
        assert here.oracle.live_sessions() == []


def test_what_others_have_made_is_not_deleted_with_it() -> None:
    with world("acquire_hc:after_commit:status(502)@first(6)", dialect="fabric") as here:
        here.actor = Repls(here.network, {})

        def elsewhere() -> None:
            here.client.execute("select 0")

        here.run(["select 1", "select 2", "select 3"], during=elsewhere)
        assert here.sessions_made == 3
        assert len(here.oracle.live_sessions()) == 1
