"""Cancelling, dying and closing: nothing hangs, nothing is left running."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fakelivy.clock import SystemClock
from fakelivy.engine.port import EngineUnavailable, Failure, SessionSpec
from fakelivy.engine.sail import session
from fakelivy.engine.sail.engine import SailEngine
from tests.engine.conftest import WAIT, Sql

ENDLESS = "select sum(a.id * b.id) from range(100000000) a cross join range(100000000) b"


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "fakelivy.engine.sail.child" in child.cmdline()]


def computed(process: psutil.Process) -> float:
    """Seconds for which it has computed."""
    times = process.cpu_times()
    return float(times.user + times.system)


def until_busy(process: psutil.Process) -> None:
    """Wait until the process has computed for longer than anything but an endless statement takes it."""
    begin, deadline = computed(process), time.monotonic() + WAIT
    while computed(process) - begin < 0.3:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def suspend(process: psutil.Process) -> None:
    """Stop it, and wait until its threads have: one that goes on for a moment still hears what it is told."""
    process.suspend()
    last = -1.0
    while last != (last := computed(process)):
        time.sleep(0.2)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[SailEngine, Sql, psutil.Process]]:
    """An engine with one session, and its child."""
    before = set(children())
    engine = SailEngine(tmp_path / "warehouse", SystemClock())
    sql = Sql(engine.open(SessionSpec("own", "lakehouse")))
    (child,) = set(children()) - before
    sql.rows("select 1")  # what a child computes when it begins is done
    yield engine, sql, child
    engine.close()
    assert set(children()) - before == set()


def test_a_cancelled_statement_ends_and_the_session_goes_on(
    own: tuple[SailEngine, Sql, psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CANCEL_GRACE", WAIT)  # a loaded machine hears it late
    _, sql, child = own
    sql.rows("create temporary view tv as select 1 as x")
    execution, done = sql.start(ENDLESS)
    until_busy(child)
    assert execution.outcome is None
    execution.cancel()
    execution.cancel()
    assert done.wait(WAIT)
    assert isinstance(execution.outcome, Failure)
    assert execution.outcome.cancelled
    assert execution.finished_at is not None
    assert sql.rows("select * from tv") == [(1,)]


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped there")
def test_a_process_that_does_not_hear_the_cancel_is_killed_and_replaced(
    own: tuple[SailEngine, Sql, psutil.Process],
) -> None:
    _, sql, child = own
    execution, done = sql.start(ENDLESS)
    until_busy(child)
    suspend(child)
    execution.cancel()
    assert done.wait(WAIT)
    assert isinstance(execution.outcome, Failure)
    assert execution.outcome.cancelled
    assert sql.rows("select 1") == [(1,)]
    assert not child.is_running()


def test_a_write_cancelled_while_it_waits_for_the_table_does_not_happen(
    own: tuple[SailEngine, Sql, psutil.Process],
) -> None:
    engine, sql, _ = own
    sql.rows("create table t (i int)")
    session = engine.open(SessionSpec("other", "lakehouse"))
    other = Sql(session)
    context = sql.session._context  # type: ignore[attr-defined]  # holding the lock as another writer would
    with context.writing(context.resolve(("t",))):
        execution, done = other.start("insert into t values (1)")
        execution.cancel()
        assert done.wait(WAIT)
    assert isinstance(execution.outcome, Failure)
    assert execution.outcome.cancelled
    assert sql.rows("select * from t") == []


def test_a_statement_whose_process_dies_fails_and_the_session_goes_on_without_its_temporary_views(
    own: tuple[SailEngine, Sql, psutil.Process],
) -> None:
    _, sql, child = own
    sql.rows("create table t using delta as select 1 as id")
    sql.rows("create temporary view tv as select 1 as x")
    sql.rows("set spark.sql.ansi.enabled = true")
    sql.rows("use default")
    execution, done = sql.start(ENDLESS)
    until_busy(child)
    child.kill()
    assert done.wait(WAIT)
    assert isinstance(execution.outcome, Failure)
    assert execution.outcome.message.startswith("[ENGINE_LOST]")
    assert not execution.outcome.cancelled
    assert sql.rows("select current_schema(), id from dbo.t") == [("default", 1)]
    assert "CAST_INVALID_INPUT" in sql.error("select cast('x' as double)")
    assert "tv was lost" in sql.error("select * from tv")
    sql.rows("create temporary view tv as select 2 as x")
    assert sql.rows("select * from tv") == [(2,)]


def test_a_process_that_died_between_statements_is_replaced_unnoticed(
    own: tuple[SailEngine, Sql, psutil.Process],
) -> None:
    _, sql, child = own
    child.kill()
    child.wait(WAIT)
    assert sql.rows("select 1") == [(1,)]


def test_closing_ends_what_runs_and_leaves_no_process(own: tuple[SailEngine, Sql, psutil.Process]) -> None:
    engine, sql, child = own
    execution, done = sql.start(ENDLESS)
    waiting, waited = sql.start("select 1")
    until_busy(child)
    engine.close()
    engine.close()
    assert done.wait(WAIT)
    assert waited.wait(WAIT)
    assert isinstance(execution.outcome, Failure)
    assert isinstance(waiting.outcome, Failure)
    assert not child.is_running()
    with pytest.raises(EngineUnavailable, match="closed"):
        engine.open(SessionSpec("late", "lakehouse"))


PARENT = """
import sys
from pathlib import Path
from fakelivy.clock import SystemClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import SessionSpec

session = create_engine("sail", warehouse=Path(sys.argv[1]), clock=SystemClock()).open(SessionSpec("0", "lakehouse"))
print("open", flush=True)
sys.stdin.read()
"""


def test_the_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "open\n"
        (child,) = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    _, alive = psutil.wait_procs([child], timeout=WAIT)
    assert not alive


def test_importing_the_engines_imports_neither_spark_nor_sail() -> None:
    code = (
        "import sys, fakelivy.engine, fakelivy.engine.sail.engine; "
        "print(*sorted({'pyspark', 'pysail', 'pandas', 'pyarrow', 'grpc'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=WAIT, check=True)
    assert done.stdout.strip() == ""


def test_siblings_share_one_child_and_nothing_else(own: tuple[SailEngine, Sql, psutil.Process]) -> None:
    _, sql, child = own
    before = set(children())
    sibling = Sql(sql.session.sibling(SessionSpec("sibling", "lakehouse")))
    assert child in before
    assert set(children()) == before
    sql.rows("create table t using delta as select 1 as id")
    sql.rows("create temporary view mine as select 1 as x")
    sql.rows("set a.b = 1")
    assert sibling.rows("select * from t") == [(1,)]
    sibling.rows("insert into t values (2)")
    assert sql.rows("select * from t order by id") == [(1,), (2,)]
    assert "TABLE_OR_VIEW_NOT_FOUND" in sibling.error("select * from mine")
    assert sibling.rows("set a.b") == [("a.b", "<undefined>")]
    sibling.session.close()
    assert sql.rows("select * from mine") == [(1,)]
    assert child.is_running()


def test_a_sibling_runs_beside_a_busy_session_and_a_cancel_hits_only_one(
    own: tuple[SailEngine, Sql, psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    # How long a loaded machine takes to hear a cancel is not what this is about.
    for grace in ("CANCEL_GRACE", "SHARED_GRACE"):
        monkeypatch.setattr(session, grace, WAIT)
    _, sql, child = own
    sibling = Sql(sql.session.sibling(SessionSpec("sibling", "lakehouse")))
    execution, done = sql.start(ENDLESS)
    until_busy(child)
    assert sibling.rows("select 1") == [(1,)]
    other, other_done = sibling.start(ENDLESS)
    execution.cancel()
    assert done.wait(WAIT)
    assert other.outcome is None
    sibling.session.close()
    assert other_done.wait(WAIT)
    assert sql.rows("select 2") == [(2,)]
    assert child.is_running()


def test_whoever_closes_a_busy_sibling_does_not_wait_for_what_it_runs(
    own: tuple[SailEngine, Sql, psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sql, child = own
    sibling = Sql(sql.session.sibling(SessionSpec("sibling", "lakehouse")))
    closed = threading.Event()
    seen: list[bool] = []
    monkeypatch.setattr(session, "SHARED_GRACE", WAIT)
    interrupt = session.SailSession._interrupt

    def deaf(self: session.SailSession, running: Any) -> None:
        seen.append(closed.wait(WAIT / 4))
        interrupt(self, running)

    monkeypatch.setattr(session.SailSession, "_interrupt", deaf)
    _, done = sibling.start(ENDLESS)
    until_busy(child)
    sibling.session.close()
    closed.set()
    assert done.wait(WAIT)
    assert seen == [True]
    assert sql.rows("select 2") == [(2,)]


def test_siblings_that_lose_their_child_go_on_with_one_new_one(own: tuple[SailEngine, Sql, psutil.Process]) -> None:
    engine, sql, child = own
    before = set(children())
    sibling = Sql(sql.session.sibling(SessionSpec("sibling", "lakehouse")))
    child.kill()
    child.wait(WAIT)
    assert sql.rows("select 1") == [(1,)]
    assert sibling.rows("select 1") == [(1,)]
    (new,) = set(children()) - before
    engine.close()
    assert not new.is_running() or new.status() == psutil.STATUS_ZOMBIE
    with pytest.raises(EngineUnavailable):
        sql.session.sibling(SessionSpec("late", "lakehouse"))
