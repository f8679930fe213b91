"""``method: session``: the cursor that Livy has, over the Spark session of this process."""

from __future__ import annotations

import datetime as dt
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark import sparksession
from dbt.adapters.fabricspark.cursor import LivyCursor, LivyHandle
from dbt.adapters.fabricspark.livy.errors import DeadlineExceeded, StatementCancelled, StatementFailed
from dbt.adapters.fabricspark.livy.kinds import PYTHON
from dbt.adapters.fabricspark.resilience.halt import HaltingRuntime
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
from dbt.adapters.fabricspark.sparksession import SparkSessionManager, spark_session
from pysail.spark import SparkConnectServer
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """A real session: PySpark over Spark Connect, to the engine that fakelivy embeds."""
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    with pytest.MonkeyPatch.context() as patch:
        # PySpark takes a main module without a file, which a worker of xdist has, for its own doctests.
        patch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
        session = SparkSession.builder.remote(f"sc://{host}:{port}").create()
    yield session
    session.stop()
    server.stop()


def cursor_on(spark: Any, timeout: float = 60.0, runtime: HaltingRuntime | None = None) -> LivyCursor:
    return LivyCursor(SparkSessionManager(lambda: spark, timeout, runtime or HaltingRuntime(SystemRuntime()), logger))


@pytest.mark.parametrize(
    ("sql", "kind", "value"),
    [
        ("cast(9007199254740993 as bigint)", "bigint", 9007199254740993),
        ("cast(1.10 as decimal(10, 2))", "decimal(10,2)", Decimal("1.10")),
        ("date'2024-02-29'", "date", dt.date(2024, 2, 29)),
        ("timestamp'2024-07-01 12:00:00'", "timestamp", dt.datetime(2024, 7, 1, 12)),
        ("X'00ff'", "binary", b"\x00\xff"),
        ("cast(null as string)", "string", None),
        ("named_struct('a', 1, 'b', array('x'))", "struct<a:int,b:array<string>>", {"a": 1, "b": ["x"]}),
    ],
)
def test_values_and_types_are_those_that_livy_gives(spark: SparkSession, sql: str, kind: str, value: Any) -> None:
    cursor = cursor_on(spark)
    cursor.execute(f"select {sql} as v")
    assert cursor.description is not None
    assert [(each[0], each[1]) for each in cursor.description] == [("v", kind)]
    assert cursor.fetchall() == [(value,)]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "-03:30", "UTC"])
def test_a_timestamp_is_told_in_the_sessions_time_zone(
    spark: SparkSession, zone: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not known:
        # As on a machine without tzdata.
        monkeypatch.setattr(sparksession, "ZoneInfo", unknown)
    before = str(spark.conf.get(sparksession.TIME_ZONE))
    spark.conf.set(sparksession.TIME_ZONE, zone)
    try:
        cursor = cursor_on(spark)
        cursor.execute("select timestamp'2024-07-01 12:00:00' as t, 1 as t, cast(null as timestamp) as t")
        assert cursor.fetchone() == (dt.datetime(2024, 7, 1, 12), 1, None)
        assert cursor.description is not None
        assert [(each[0], each[1]) for each in cursor.description] == [
            ("t", "timestamp"),
            ("t", "int"),
            ("t", "timestamp"),
        ]
    finally:
        spark.conf.set(sparksession.TIME_ZONE, before)


@pytest.mark.parametrize(
    ("name", "minutes"),
    [("Z", 0), ("UTC", 0), ("GMT", 0), ("+1", 60), ("UTC-03:30", -210), ("+5:3", 303), ("+0530", 330)],
)
def test_offsets_and_utc_need_no_table_of_time_zones(name: str, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparksession, "ZoneInfo", unknown)
    zone = sparksession._zone(name)
    assert zone is not None
    assert zone.utcoffset(None) == dt.timedelta(minutes=minutes)


@pytest.mark.parametrize("name", ["Asia/Kolkata", "PST", "../../etc/passwd", "", "nonsense"])
def test_a_time_zone_that_is_not_known_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "Asia/Kolkata":
        monkeypatch.setattr(sparksession, "ZoneInfo", unknown)
    assert sparksession._zone(name) is None


def unknown(name: str) -> None:
    raise ZoneInfoNotFoundError(name)


def test_bindings_become_the_literals_that_livy_is_sent(spark: SparkSession) -> None:
    cursor = cursor_on(spark)
    cursor.execute("select %s as a, %s as b", ["it's \\ 100%", Decimal("1.50")])
    assert cursor.fetchone() == ("it's \\ 100%", Decimal("1.50"))


def test_a_statement_that_fails_says_so_in_sparks_words(spark: SparkSession) -> None:
    with pytest.raises(StatementFailed, match="nowhere"):
        cursor_on(spark).execute("select * from nowhere")


def test_python_runs_with_the_session_and_an_error_shows_its_lines(spark: SparkSession) -> None:
    cursor = cursor_on(spark)
    cursor.execute("spark.range(3).createOrReplaceTempView('made')", kind=PYTHON)
    cursor.execute("select count(*) from made")
    assert cursor.fetchone() == (3,)
    with pytest.raises(StatementFailed) as caught:
        cursor.execute("def deep():\n    return 1 // 0\ndeep()", kind=PYTHON)
    said = str(caught.value)
    assert said.startswith("ZeroDivisionError: ")
    assert 'File "<python model>", line 2, in deep' in said
    assert "sparksession.py" not in said


def test_what_one_python_model_defines_the_next_does_not_see(spark: SparkSession) -> None:
    cursor = cursor_on(spark)
    cursor.execute("left_behind = 1", kind=PYTHON)
    with pytest.raises(StatementFailed, match="left_behind"):
        cursor.execute("left_behind", kind=PYTHON)


class Busy:
    """Spark with a statement that runs until it is told to stop; it hears only the third order."""

    def __init__(self) -> None:
        self.tags: list[str] = []
        self.orders: list[str] = []
        self.runs = threading.Event()
        self._stopped = threading.Event()

    def addTag(self, tag: str) -> None:
        self.tags.append(tag)

    def removeTag(self, tag: str) -> None:
        self.tags.remove(tag)

    def interruptTag(self, tag: str) -> None:
        self.orders.append(tag)
        if len(self.orders) == 3:
            self._stopped.set()

    def sql(self, text: str) -> None:
        self.runs.set()
        assert self._stopped.wait(60)
        raise PySparkException("Job 7 cancelled")


def test_a_statement_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparksession, "AGAIN", 0.01)
    busy = Busy()
    with pytest.raises(DeadlineExceeded, match="statement_timeout"):
        cursor_on(busy, timeout=0.01).execute("select forever")
    assert len(set(busy.orders)) == 1
    assert busy.tags == []


@pytest.mark.parametrize("how", ["cancel", "halt"])
def test_a_statement_is_stopped_until_spark_hears_it(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparksession, "AGAIN", 0.01)
    busy, runtime = Busy(), HaltingRuntime(SystemRuntime())
    handle = LivyHandle(SparkSessionManager(lambda: busy, 60.0, runtime, logger))
    cursor = handle.cursor()
    stop: Callable[[], None] = {"cancel": handle.cancel, "halt": runtime.halt}[how]

    def meanwhile() -> None:
        if busy.runs.wait(60):
            stop()

    threading.Thread(target=meanwhile, daemon=True).start()
    with pytest.raises(StatementCancelled):
        cursor.execute("select forever")
    assert len(busy.orders) >= 3


class Grouped:
    """What Spark 3 has in place of tags."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, bool]] = []
        self.sparkContext = self

    def setJobGroup(self, groupId: str, description: str, interruptOnCancel: bool = False) -> None:
        self.groups.append((groupId, interruptOnCancel))

    def cancelJobGroup(self, groupId: str) -> None:
        """Nothing runs."""

    def sql(self, text: str) -> Any:
        raise PySparkException("[TABLE_OR_VIEW_NOT_FOUND] no such table\n\nJVM stacktrace:\nmany lines")


def test_spark_3_is_told_by_job_group_and_its_stack_trace_is_left_out() -> None:
    grouped = Grouped()
    with pytest.raises(StatementFailed) as caught:
        cursor_on(grouped).execute("select * from nowhere")
    assert str(caught.value) == "[TABLE_OR_VIEW_NOT_FOUND] no such table"
    assert [interrupts for _, interrupts in grouped.groups] == [True]


def test_without_pyspark_the_profile_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(FailedToConnectError, match=r"pip install 'dbt-fabricspark\[session\]'"):
        spark_session({})
