"""The engine `spark`, on a Spark Connect server in a process of its own: Sail's, or real Spark by ``--spark-url``."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakelivy.clock import SystemClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import Engine, EngineUnavailable, Failure, Output, SessionSpec
from fakelivy.engine.sail.connect import Result
from fakelivy.engine.sail.process import Child
from fakelivy.engine.spark.link import SparkLink, message, place
from tests.engine.conftest import Sql

_SESSIONS = itertools.count()


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    given = request.config.getoption("--spark-url")
    if given:
        yield given
        return
    child = Child("spark_catalog")
    yield f"sc://127.0.0.1:{child.port}"
    child.kill()


@pytest.fixture(scope="module")
def spark(url: str) -> Iterator[Engine]:
    engine = create_engine("spark", warehouse=None, clock=SystemClock(), url=url)
    yield engine
    engine.close()


def opened(engine: Engine, lakehouse: str = "lakehouse", **conf: str) -> Sql:
    spec = SessionSpec(f"s{next(_SESSIONS)}", lakehouse, {key.replace("_", "."): value for key, value in conf.items()})
    return Sql(engine.open(spec))


def test_statements_run_one_after_another_and_views_stay_in_their_session(spark: Engine) -> None:
    sql, other = opened(spark), opened(spark)
    assert sql.rows("select 1 as a, 'x' as b") == [(1, "x")]
    sql.rows("create or replace temporary view v as select 7 as i")
    assert sql.rows("select i from v") == [(7,)]
    assert "TABLE_OR_VIEW_NOT_FOUND" in other.error("select * from v") or "not found" in other.error("select * from v")
    assert Sql(sql.session.sibling(SessionSpec("hc", "lakehouse"))).rows("select 2") == [(2,)]
    sql.session.close()
    sql.session.close()


def test_a_write_is_carried_out_once(spark: Engine, tmp_path: object) -> None:
    sql = opened(spark)
    sql.rows(f"create or replace table once using delta location '{tmp_path}/once' as select 1 as i")
    sql.rows("insert into once values (2)")
    assert sql.rows("select i from once order by i") == [(1,), (2,)]
    sql.rows("drop table once")


def test_schemas_of_another_lakehouse_are_told_apart(spark: Engine) -> None:
    sql = opened(spark)
    sql.rows("create schema if not exists silver.sales")
    assert set(sql.rows("show schemas in SILVER")) - {("dbo",), ("default",)} == {("sales",)}
    assert ("sales",) not in sql.rows("show schemas")
    like = sql.rows("show schemas like 'DB*'")
    assert ("dbo",) in like
    assert ("default",) not in like
    assert sql.error("show schemas in nowhere").startswith("[SCHEMA_NOT_FOUND]")
    sql.rows("use schema silver.sales")
    assert ("sales",) in sql.rows("show schemas")
    assert sql.rows("select current_database()") == [("silver__sales",)]
    sql.rows("use schema lakehouse.dbo")
    sql.rows("drop schema silver.sales cascade")
    assert sql.rows("select current_database()") == [("dbo",)]
    assert opened(spark, "silver").rows("select current_database()") == [("silver__dbo",)]


def test_more_rows_than_asked_for_are_cut_and_said_so(spark: Engine) -> None:
    table = opened(spark).table("select id from range(50)", max_rows=3)
    assert (len(table.rows), table.truncated) == (3, True)


def test_a_failed_statement_leaves_the_session_usable(spark: Engine) -> None:
    sql = opened(spark)
    sql.error("select * from nothing_of_this_name")
    assert "code of kind 'scala'" in str(sql.outcome("1", kind="scala"))
    assert sql.rows("select 3") == [(3,)]


def test_cancel_stops_the_statement_and_not_the_next(spark: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = opened(spark)
    sent = threading.Event()
    run = SparkLink.run

    def tell(link: SparkLink, sql: str, *, max_rows: int) -> Result:
        sent.set()
        return run(link, sql, max_rows=max_rows)

    monkeypatch.setattr(SparkLink, "run", tell)
    # Long enough to be stopped, and over by itself: Sail may not hear the cancel while all its threads compute.
    slow = "select count(*) from range(50000) a cross join range(50000) b where sqrt(a.id * b.id) > 7"
    execution, done = sql.start(slow)
    waiting, skipped = sql.start("select 1")
    assert sent.wait(60)
    assert not done.wait(1), "the statement is not slow enough to be stopped"
    execution.cancel()
    execution.cancel()
    waiting.cancel()
    assert done.wait(240)
    assert skipped.wait(240)
    for each in (execution, waiting):
        assert isinstance(each.outcome, Failure)
        assert each.outcome.cancelled
    assert sql.rows("select 4") == [(4,)]


def python(sql: Sql, code: str) -> Any:
    """What a cell printed."""
    outcome = sql.outcome(code, kind="pyspark")
    assert isinstance(outcome, Output), outcome
    return outcome.data["text/plain"]


def test_cells_and_statements_are_of_one_session(spark: Engine, tmp_path: Path) -> None:
    sql = opened(spark)
    sql.rows("create or replace temporary view ours as select 7 as i")
    assert python(
        sql, "x = spark.table('ours').first().i\nprint(x)\nspark.sql('select i + 1 as j from ours').collect()"
    ) == ("7\n[Row(j=8)]")
    python(sql, "spark.createDataFrame([(x, 'é')], ['a', 'b']).createOrReplaceTempView('theirs')")
    assert sql.rows("select * from theirs") == [(7, "é")]
    sql.rows("create schema if not exists silver.cells")
    frame = f"spark.range(3).write.format('delta').mode('overwrite').option('path', '{tmp_path}/t')"
    python(sql, f"{frame}.saveAsTable('silver.cells.t')")
    assert sql.rows("select max(id) from silver.cells.t") == [(2,)]
    assert python(sql, "spark.read.table('silver.cells.t').count()") == "3"
    python(sql, "spark.sql('use schema silver.cells'); tables = spark.sql('show tables').collect()")
    assert python(sql, "[row.tableName for row in tables if not row.isTemporary]") == "['t']"
    assert sql.rows("select current_database()") == [("silver__cells",)]
    python(sql, "spark.sql('use schema lakehouse.dbo'); spark.sql('drop schema silver.cells cascade')")
    assert python(sql, "spark.version") == repr(sql.rows("select version()")[0][0].split()[0])


def test_a_cell_that_fails_has_pythons_frames_and_sparks_words(spark: Engine) -> None:
    sql = opened(spark)
    failure = sql.outcome("def f():\n    return spark.sql('select * from nowhere').collect()\nf()", kind="pyspark")
    assert isinstance(failure, Failure)
    assert failure.name == "AnalysisException"
    assert '  File "<stdin>", line 2, in f\n' in failure.traceback
    assert "nowhere" in failure.message
    assert "JVM stacktrace" not in failure.message


def test_a_cancelled_cell_ends_and_one_that_ends_its_process_ends_itself_only(spark: Engine, tmp_path: Path) -> None:
    sql = opened(spark)
    python(sql, "kept = 1")
    mark = tmp_path / "started"
    os.mkfifo(mark)
    execution, done = sql.start(f"open({str(mark)!r}, 'w').close()\nwhile True: pass", kind="pyspark")
    mark.read_bytes()  # until the cell has come so far
    execution.cancel()
    assert done.wait(240)
    assert isinstance(execution.outcome, Failure)
    assert execution.outcome.cancelled
    assert python(sql, "kept") == "1"
    lost = sql.outcome("import os; os._exit(3)", kind="pyspark")
    assert isinstance(lost, Failure)
    assert lost.message.startswith("[INTERPRETER_LOST]")
    assert python(sql, "spark.sql('select 1').first()[0]") == "1"
    assert sql.rows("select 2") == [(2,)]


def test_settings_of_a_running_spark_are_left_alone_and_wrong_values_refused(spark: Engine) -> None:
    sql = opened(spark, spark_sql_session_timeZone="America/New_York", spark_executor_memory="4g")
    assert sql.rows("select cast(timestamp'2024-01-01 00:00:00' as bigint)") == [(1704085200,)]
    with pytest.raises(EngineUnavailable, match="refuses the session"):
        opened(spark, spark_sql_ansi_enabled="maybe")


def test_nobody_there_is_said_at_once_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"sc://127.0.0.1:{port}/;token=s3cret"
    engine = create_engine("spark", warehouse=None, clock=SystemClock(), url=url)
    with caplog.at_level(logging.DEBUG), pytest.raises(EngineUnavailable) as raised:
        engine.open(SessionSpec("0", "lakehouse"))
    assert f"sc://127.0.0.1:{port}" in str(raised.value)
    assert "s3cret" not in f"{raised.value!r} {engine!r} {caplog.text}"


def test_a_lost_spark_ends_the_statement_and_the_session_goes_on_with_the_next(request: pytest.FixtureRequest) -> None:
    child = Child("spark_catalog")
    engine = create_engine("spark", warehouse=None, clock=SystemClock(), url=f"sc://127.0.0.1:{child.port}")
    sql = opened(engine)
    child.kill()
    assert sql.error("select 1").startswith("[ENGINE_LOST] Spark at sc://127.0.0.1:")
    assert sql.error("select 1").startswith("[ENGINE_LOST] no Spark Connect server answers")
    engine.close()
    with pytest.raises(EngineUnavailable):
        engine.open(SessionSpec("late", "lakehouse"))


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:15002", "sc://", "127.0.0.1:15002/;token=s3cret"])
def test_what_is_no_spark_connect_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"needs a URL such as sc://127\.0\.0\.1:15002") as raised:
        create_engine("spark", warehouse=None, clock=SystemClock(), url=url)
    assert "s3cret" not in str(raised.value)
    assert place("sc://h:1/;token=x") == place("sc://h:1;token=x") == "sc://h:1"


def test_a_failure_is_what_spark_said_and_no_stack() -> None:
    said = "(org.apache.spark.sql.X) [DIVIDE_BY_ZERO] Division by zero.\n\nJVM stacktrace:\njava.lang.X\n\tat a.b"
    assert message(Exception(said)) == "[DIVIDE_BY_ZERO] Division by zero."
    assert message(Exception("(a b) is no table")) == "(a b) is no table"


def test_a_failed_task_says_why() -> None:
    trace = "\n\nJVM stacktrace:\nA\n\tat c\nCaused by: org.D: Task failed.\n\tat e\nCaused by: org.F$G: %s\n\tat h"
    why = "[USER_RAISED_EXCEPTION] Constraint short is broken"
    wrapped = message(Exception("[TASK_WRITE_FAILED] Task failed." + trace % why))
    assert wrapped == f"[TASK_WRITE_FAILED] Task failed.\nCaused by: {why}"
    assert message(Exception(why + trace % why)) == why
