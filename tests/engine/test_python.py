"""Python cells: what they print, what goes wrong, and that their tables are the session's tables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fakelivy.clock import SystemClock
from fakelivy.engine.port import Failure, Output, SessionSpec
from fakelivy.engine.sail.engine import SailEngine
from tests.engine.conftest import WAIT, Sql


def interpreters() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "fakelivy.engine.python.child" in child.cmdline()]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sql]:
    engine = SailEngine(tmp_path_factory.mktemp("python"), SystemClock())
    yield Sql(engine.open(SessionSpec("python", "lakehouse")))
    engine.close()


def python(sql: Sql, code: str) -> Any:
    """What a cell printed."""
    outcome = sql.outcome(code, kind="pyspark")
    assert isinstance(outcome, Output), outcome
    return outcome.data["text/plain"]


def fails(sql: Sql, code: str) -> Failure:
    outcome = sql.outcome(code, kind="pyspark")
    assert isinstance(outcome, Failure), outcome
    return outcome


def test_a_cell_prints_shows_its_last_expression_and_leaves_its_names(shared: Sql) -> None:
    assert python(shared, "print('hi')\nx = 20\nx + 1") == "hi\n21"
    assert python(shared, "import sys; print('é', file=sys.stderr)\nx * 2") == "40\né"
    assert python(shared, "y = x") == ""
    assert python(shared, "") == ""


def test_an_error_has_pythons_name_words_and_frames(shared: Sql) -> None:
    failure = fails(shared, "def f(a):\n    return a / 0\nf(1)")
    assert (failure.name, failure.message) == ("ZeroDivisionError", "division by zero")
    assert list(failure.traceback) == [
        "Traceback (most recent call last):\n",
        '  File "<stdin>", line 2, in f\n',
        "ZeroDivisionError: division by zero\n",
    ]
    assert fails(shared, "x = (").name == "SyntaxError"
    assert fails(shared, "raise SystemExit(3)").name == "SystemExit"
    assert python(shared, "'the session goes on'") == "'the session goes on'"


def test_magics_show_a_variable(shared: Sql) -> None:
    python(shared, "rows = [[1, 'a', None], [2, 'b', 2.5]]\nstruct = {'k': [1, None, 'é']}")
    table = shared.outcome("%table rows", kind="pyspark")
    assert isinstance(table, Output)
    assert table.data == {
        "application/vnd.livy.table.v1+json": {
            "headers": [
                {"type": "INT_TYPE", "name": "0"},
                {"type": "STRING_TYPE", "name": "1"},
                {"type": "DOUBLE_TYPE", "name": "2"},
            ],
            "data": [[1, "a", None], [2, "b", 2.5]],
        }
    }
    shown = shared.outcome("z = 1\n%json struct", kind="pyspark")
    assert isinstance(shown, Output)
    assert shown.data == {"application/json": {"k": [1, None, "é"]}}
    assert fails(shared, "%json nope").name == "NameError"
    assert "different types" in fails(shared, "mixed = [[1], ['a']]\n%table mixed").message
    assert fails(shared, "%nope rows").name == "UnknownMagic"


def test_spark_reads_the_sessions_tables_and_settings(shared: Sql) -> None:
    shared.rows("create schema if not exists s1")
    shared.rows("create table s1.Mixed using delta as select 1 as Id, map('k', array(1)) as m")
    shared.rows("create view s1.v as select id + 1 as id from s1.mixed")
    shared.rows("create temporary view tv as select 7 as seven")
    assert python(shared, "[r.Id for r in spark.table('S1.MIXED').collect()]") == "[1]"
    assert python(shared, "spark.sql('select id, seven from s1.v, tv').collect()") == "[Row(id=2, seven=7)]"
    assert python(shared, "spark.sql('describe s1.mixed').count(), spark.sql('set a.b = c').collect()[0].value") == (
        "(2, 'c')"
    )
    assert shared.rows("set a.b") == [("a.b", "c")]
    assert (
        python(shared, "spark.conf.set('x.y', True); spark.conf.get('x.y'), spark.conf.get('no', 1)") == "('true', 1)"
    )
    assert python(shared, "spark.version") == "'3.5.5'"
    catalog = "spark.catalog.tableExists('s1.v'), spark.catalog.tableExists('s1.no'), spark.catalog.tableExists('no.x')"
    assert python(shared, catalog) == "(True, False, False)"
    assert python(shared, "sorted(t.name for t in spark.catalog.listTables('s1'))") == "['mixed', 'tv', 'v']"


def test_spark_errors_are_of_sparks_classes(shared: Sql) -> None:
    failure = fails(shared, "spark.sql('select * from nowhere')")
    assert failure.name == "AnalysisException"
    assert failure.message.startswith("[TABLE_OR_VIEW_NOT_FOUND]")
    assert fails(shared, "spark.sql('selec 1')").name == "ParseException"
    assert fails(shared, "spark.sql('create function f as 1')").name == "AnalysisException"


def test_dataframes_are_saved_where_tables_are(shared: Sql) -> None:
    shared.rows("create schema if not exists s2")
    frame = "df = spark.createDataFrame([(1, 'a'), (2, None)], ['id', 'v'])\n"
    python(shared, frame + "df.write.mode('overwrite').format('delta').saveAsTable('s2.t')")
    assert shared.rows("select * from s2.t order by id") == [(1, "a"), (2, None)]
    location = dict(row[:2] for row in shared.rows("describe extended s2.t"))["Location"]
    assert location.endswith("/lakehouse/Tables/s2/t")

    # Append goes by name; what the frame does not have is NULL, what the table does not have is an error.
    python(shared, "spark.createDataFrame([('z', 3)], ['v', 'id']).write.mode('append').saveAsTable('s2.t')")
    assert shared.rows("select v from s2.t where id = 3") == [("z",)]
    more = "df3 = spark.createDataFrame([(4, True)], ['id', 'extra'])\n"
    assert "DELTA_METADATA_MISMATCH" in fails(shared, more + "df3.write.mode('append').saveAsTable('s2.t')").message
    python(shared, "df3.write.mode('append').option('mergeSchema', 'true').saveAsTable('s2.t')")
    assert shared.rows("select v, extra from s2.t where id = 4") == [(None, True)]

    assert "TABLE_OR_VIEW_ALREADY_EXISTS" in fails(shared, "df.write.saveAsTable('s2.t')").message
    python(shared, "df.write.mode('ignore').saveAsTable('s2.t')")
    assert shared.rows("select count(*) from s2.t") == [(4,)]
    schema = "df.write.mode('overwrite').option('overwriteSchema', 'true').partitionBy('v').saveAsTable('s2.t')"
    python(shared, schema)
    assert set(shared.rows("show partitions s2.t")) == {("a",), (None,)}
    python(shared, "spark.sql(\"select 9 as id, 'a' as v\").writeTo('s2.t').overwritePartitions()")
    assert shared.rows("select * from s2.t order by id") == [(2, None), (9, "a")]


def test_a_failing_overwrite_leaves_the_old_table(shared: Sql) -> None:
    shared.rows("create table kept using delta as select 1 as id")
    bad = "spark.sql('select assert_true(id > 5) as id from range(9)').write.mode('overwrite').saveAsTable('kept')"
    assert "USER_RAISED_EXCEPTION" in fails(shared, bad).message
    assert shared.rows("select * from kept") == [(1,)]


def test_views_of_dataframes_are_read_by_sql_and_functions_run_in_the_engine(shared: Sql) -> None:
    python(shared, "spark.createDataFrame([(1,)], ['id']).createOrReplaceTempView('frame_view')")
    assert shared.rows("select id + 1 from frame_view") == [(2,)]
    assert "ALREADY_EXISTS" in fails(shared, "spark.range(1).createTempView('frame_view')").message
    code = "from pyspark.sql.functions import udf\n@udf('int')\ndef plus(a):\n    return a + 100\n"
    assert python(shared, code + "spark.table('frame_view').select(plus('id')).first()[0]") == "101"
    assert python(shared, "spark.catalog.dropTempView('frame_view'), spark.catalog.dropTempView('frame_view')") == (
        "(True, False)"
    )
    python(
        shared, "spark.sql('select id, 1 as one from range(2)').writeTo('by_id').partitionedBy('id').createOrReplace()"
    )
    assert set(shared.rows("show partitions by_id")) == {(0,), (1,)}
    assert "TABLE_OR_VIEW_NOT_FOUND" in shared.error("select * from frame_view")


def test_a_cell_that_ends_the_process_ends_itself_only(shared: Sql) -> None:
    python(shared, "kept = 1")
    failure = fails(shared, "import os; os._exit(3)")
    assert failure.message.startswith("[INTERPRETER_LOST]")
    assert "exit status 3" in failure.message
    assert fails(shared, "kept").name == "NameError"
    assert shared.rows("select 1") == [(1,)]


ENDLESS = {
    "python": "while True: pass",
    "deaf": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "asleep": "import time; time.sleep(3600)",
    "spark": "spark.sql('select sum(a.id * b.id) from range(100000000) a cross join range(100000000) b').collect()",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_cancelled_cell_ends_and_the_session_goes_on(shared: Sql, tmp_path: Path, what: str) -> None:
    python(shared, "1")
    mark = tmp_path / "started"
    os.mkfifo(mark)
    execution, done = shared.start(f"open({str(mark)!r}, 'w').close()\n{ENDLESS[what]}", kind="pyspark")
    mark.read_bytes()  # until the cell has come so far
    execution.cancel()
    assert done.wait(WAIT)
    assert isinstance(execution.outcome, Failure)
    assert execution.outcome.cancelled
    assert python(shared, "spark.sql('select 1').first()[0]") == "1"


PARENT = """
import sys
from pathlib import Path
from fakelivy.clock import SystemClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import SessionSpec

session = create_engine("sail", warehouse=Path(sys.argv[1]), clock=SystemClock()).open(SessionSpec("0", "lakehouse"))
code = "import subprocess; p = subprocess.Popen(['sleep', '3600']); open(%r, 'w').close()\\nwhile True: pass"
session.start(code % sys.argv[2], kind="pyspark", max_rows=1, started_at=0.0, on_done=lambda: None)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="named pipes and `sleep`")
def test_neither_the_interpreter_nor_what_it_started_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    os.mkfifo(mark)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "warehouse"), str(mark)], stdin=subprocess.PIPE
    )
    with parent:
        mark.read_bytes()
        family = psutil.Process(parent.pid).children(recursive=True)
        assert {"sleep"} <= {process.name() for process in family}
        parent.kill()
    _, alive = psutil.wait_procs(family, timeout=WAIT)
    assert not alive


def test_closing_a_session_ends_its_running_cell(tmp_path: Path) -> None:
    engine = SailEngine(tmp_path / "warehouse", SystemClock())
    sql = Sql(engine.open(SessionSpec("closing", "lakehouse")))
    before = set(interpreters())
    mark = tmp_path / "started"
    os.mkfifo(mark)
    execution, done = sql.start(f"open({str(mark)!r}, 'w').close()\nwhile True: pass", kind="pyspark")
    mark.read_bytes()
    (interpreter,) = set(interpreters()) - before
    engine.close()
    assert done.wait(WAIT)
    assert isinstance(execution.outcome, Failure)
    assert not interpreter.is_running()
