"""The journal's answers to what a judge asks."""

from __future__ import annotations

import pytest

from fakelivy import FakeLivy, ManualClock, Oracle
from fakelivy.journal import Journal, SessionMoved
from fakelivy.oracle import JournalCut
from tests.server.toy import Client


def test_executions_are_counted_per_piece_of_sql(server: FakeLivy, livy: Client) -> None:
    session = livy.session()
    for code in ("insert /* mark-1 */", "insert /* mark-2 */", "insert /* mark-1 */"):
        livy.submit(session, code)
    oracle = Oracle(server.journal)
    assert [e.statement for e in oracle.executions("mark-1")] == [0, 2]
    assert oracle.executions("mark-3") == []
    assert oracle.executions_by_code() == {"insert /* mark-1 */": 2, "insert /* mark-2 */": 1}


def test_sessions_left_behind_are_named(server: FakeLivy, livy: Client, fabric: Client) -> None:
    livy.session()
    livy.delete(livy.session())
    killed = fabric.session()
    fabric.delete(killed)
    kept = fabric.session()
    assert Oracle(server.journal).live_sessions() == ["0", kept.rpartition("/")[2]]


def test_the_peak_counts_statements_that_run_at_one_moment(server: FakeLivy, livy: Client, clock: ManualClock) -> None:
    first, second = livy.session(), livy.session()
    for session in (first, second):
        livy.submit(session, "take 5")
        livy.submit(session, "take 5")
    assert Oracle(server.journal).peak_running() == 2
    clock.advance(20)
    livy.get("/sessions")
    livy.submit(first, "take 5")
    assert Oracle(server.journal).peak_running() == 2
    third = livy.session()
    livy.submit(third, "never")
    livy.delete(third)
    livy.submit(second, "take 5")
    assert Oracle(server.journal).peak_running() == 2


def test_requests_are_counted_per_operation(server: FakeLivy, livy: Client) -> None:
    for path in ("/version", "/version", "/nowhere", "/sessions"):
        livy.get(path)
    assert Oracle(server.journal).requests() == {"version": 2, "no_route": 1, "list_sessions": 1}


def test_early_callers_are_known(server: FakeLivy, livy: Client) -> None:
    server.arm("t=version:before:throttle(1)")
    for _ in range(3):
        livy.get("/version")
    assert [(call.fault, call.operation) for call in Oracle(server.journal).early_callers()] == [("t", "version")]


def test_a_fault_that_never_fired_is_named_even_after_it_was_cleared(server: FakeLivy, livy: Client) -> None:
    server.arm("hit=version:before:delay(0)")
    server.arm("unmatched=list_sessions:before:reset")
    server.arm("missed=version:body:garbage(missing_field,field=x)")
    livy.get("/version")
    server.clear()
    oracle = Oracle(server.journal)
    assert oracle.fired() == {"hit": 1, "unmatched": 0, "missed": 0}
    assert oracle.never_fired() == ["unmatched", "missed"]


def test_a_journal_without_its_beginning_is_not_judged(clock: ManualClock) -> None:
    journal = Journal(clock, keep=2)
    for state in ("starting", "idle", "busy"):
        journal.add(SessionMoved("0", None, state, ""))
    with pytest.raises(JournalCut, match="begins at entry 1"):
        Oracle(journal)
