"""Every failure people met, at every request it can hit, with one thread or with eight; the journal is the judge.

Here is every eighth case; the others are among the tests that take longer, ``make test-projects``.
"""

from __future__ import annotations

import zlib
from collections import Counter
from pathlib import Path

import dbt.adapters.fabricspark
import pytest
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt_common.exceptions import DbtRuntimeError

from fakelivy.cookbook import RECIPES
from fakelivy.engine.scripted import Rule
from fakelivy.journal import SessionMoved
from tests.resilience import actors
from tests.resilience.catalogue import BROUGHT_ABOUT, CANCELS, ELSEWHERE, FAILURES, REPLS, Case, split
from tests.resilience.scenes import ANSWER
from tests.resilience.world import World, world

SLOW = 30
"""Seconds a slow statement takes."""

RULES = (Rule("slow", duration=SLOW),)
SETTINGS = {"statement_timeout": 900, "session_start_timeout": 300}
SHORT = {"F24": {**SETTINGS, "statement_timeout": 60}}
"""What takes all the time it gets, gets less."""

ERRORS = (LivyError, TransportError, FailedToConnectError, DbtRuntimeError)
"""What a caller may be told; everything else is a bug."""

NO_BODY = {("delete_session", "fabric"), ("delete_hc", "fabric")}
"""Replies that cannot be damaged."""

REST = {"get_lakehouse": actors.lakehouse, "start_job": actors.jobs, "get_job": actors.jobs}


def statements(thread: int) -> list[str]:
    """The first is a write: what hits the first request of its kind hits that."""
    return [f"insert into t{thread}_ values (1)", f"select {thread}_", f"insert into slow{thread}_ values (1)"]


@pytest.mark.parametrize("case", split()[0], ids=str)
def test_every_failure_at_every_request_it_can_hit(case: Case) -> None:
    meet(case)


def meet(case: Case) -> None:
    """Run statements under a failure, and judge."""
    beside = BROUGHT_ABOUT.get(case.operation)
    faults = [f"failure={case.fault}", *([beside] if beside else [])]
    settings = SHORT.get(case.failure.number, SETTINGS)
    with world(
        *faults, seed=zlib.crc32(case.fault.encode()), dialect=case.dialect, rules=RULES, settings=settings
    ) as w:
        if case.operation in REPLS:
            w.actor = actors.Repls(w.network, settings)
        elif case.operation in REST:
            w.actor = REST[case.operation](w.network)
        work = [statements(thread) for thread in range(case.threads)]
        w.run(*work, during=(lambda: cancel(w)) if case.operation in CANCELS else None)
        judge(w, case, [sql for each in work for sql in each])


def cancel(w: World) -> None:
    w.runtime.sleep(SLOW / 2)
    (w.actor or w.client).cancel()


def going(w: World) -> set[str]:
    """Sessions that were on their way out when they were last heard of."""
    states = {event.session: event.after for event in w.server.journal.events(SessionMoved)}
    return {session for session, state in states.items() if state == "shutting_down"}


def judge(w: World, case: Case, sent: list[str]) -> None:
    for sql in sent:
        result = w.results[sql]
        if isinstance(result, Exception):
            assert isinstance(result, ERRORS), repr(result)
            assert not case.failure.passes or case.operation in CANCELS, result
        elif case.operation not in REST:
            assert w.executions(sql) >= 1, f"{sql} never ran"
        if sql.startswith("insert"):
            assert w.executions(sql) <= 1, f"{sql} ran twice"
    assert [session for session in w.oracle.live_sessions() if session not in going(w)] == []
    if case.failure.passes:
        # What was on its way when the first was refused; whoever came later knew.
        assert w.early < case.threads
    # Bounded: slow statements queue behind each other, and trouble costs each statement its time-outs at the most.
    most = 1500 if case.failure.passes else 12 * 1500
    assert w.runtime.monotonic() < SLOW * case.threads + most
    assert sum(w.oracle.requests().values()) < 400 * case.threads + 400
    assert w.oracle.fired()["failure"] > 0 or (":body:" in case.fault and (case.operation, case.dialect) in NO_BODY)


def test_every_failure_of_the_catalogue_is_met_or_there_is_a_reason_why_not() -> None:
    assert {failure.number for failure in FAILURES} | set(ELSEWHERE) == {recipe.number for recipe in RECIPES}
    both = Counter((case.failure.number, case.fault, case.threads) for part in split() for case in part)
    assert {threads for _, _, threads in both} == {1, 8}
    assert set(both.values()) == {1}


def test_the_list_of_tables_is_never_asked_for() -> None:
    """It lags behind (F43), so nothing may rest on it."""
    sources = Path(dbt.adapters.fabricspark.__file__).parent.rglob("*.py")
    assert [source.name for source in sources if "/tables" in source.read_text(encoding="utf-8")] == []


def test_a_client_without_dbt_does_not_take_a_part_of_the_rows_for_the_whole() -> None:
    with world("submit_statement:before:cut_rows(1)", dialect="fabric", rules=(Rule("select", ANSWER),)) as w:
        w.run(["select n"])
    assert isinstance(w.results["select n"], LivyError)
    assert "after 1 row, and a part must not pass for the whole" in str(w.results["select n"])
