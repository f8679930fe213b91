"""``method: session``: statements run in the Spark session of this very process, as in a notebook or a Spark job.

Connections, cursors, literals and names are those of Livy; what it takes to reach a server is not there.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.livy.errors import DeadlineExceeded, LivyError, StatementCancelled, StatementFailed
from dbt.adapters.fabricspark.livy.kinds import SQL, Kind
from dbt.adapters.fabricspark.livy.wire import Column, Output, StatementView, decoder
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import CANCEL_BUDGET, Halted, cleaning
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.runtime import Runtime

AGAIN = 0.5
"""Seconds between two orders to stop: one that comes before Spark has made a job of the statement is not heard."""

TIME_ZONE = "spark.sql.session.timeZone"

_OFFSET = re.compile(r"(?:Z|(?:UTC|GMT|UT)?(?:([+-])(\d{1,2})(?::?(\d\d?))?(?::?(\d\d))?)?)\Z")


def spark_session(conf: Mapping[str, object]) -> Any:
    """The Spark session of this process, with these settings; started if there is none.

    Raises:
        FailedToConnectError: there is no PySpark, or it does not start.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise FailedToConnectError(
            "method 'session' needs PySpark, which notebooks and Spark jobs have; elsewhere: "
            "pip install 'dbt-fabricspark[session]'"
        ) from error
    builder: Any = SparkSession.builder
    for name, value in conf.items():
        builder = builder.config(name, str(value))
    try:
        return builder.getOrCreate()
    except Exception as error:
        raise FailedToConnectError(f"the Spark session of this process does not start: {error}") from error


class Jobs(Protocol):
    """How Spark is told whose jobs are whose, and which to stop. The thread that runs them calls ``start``."""

    def start(self, tag: str, node: str) -> None: ...

    def end(self, tag: str) -> None: ...

    def stop(self, tag: str) -> object: ...


class TaggedJobs:
    """Spark 4, and Spark Connect since 3.5."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark
        self.end, self.stop = spark.removeTag, spark.interruptTag

    def start(self, tag: str, node: str) -> None:  # noqa: ARG002  # of Spark's own, a job's description is its SQL
        self._spark.addTag(tag)


class GroupedJobs:
    """Spark 3, Fabric's: a thread's jobs are of one group, and the next statement's takes its place."""

    def __init__(self, spark: Any) -> None:
        self._context = spark.sparkContext
        self.stop = self._context.cancelJobGroup

    def start(self, tag: str, node: str) -> None:
        """The node is what Spark's pages show of the job."""
        self._context.setJobGroup(tag, node, interruptOnCancel=True)

    def end(self, tag: str) -> None:
        """Nothing to be done."""


class SessionStatement:
    """A statement; for the attributes that are told of afterwards see ``progress.Watched``.

    Args:
        code: SQL, or Python.
        node: on whose behalf.
        kind: SQL or Python.
        number: among this process's own.
        runtime: for the lock and the tag.

    Attributes:
        tag: by which Spark knows its jobs.
        moved: notified when it is over, or is to stop.
        stopped: what its caller is told in place of Spark's words; ``None`` unless it was to stop.
    """

    def __init__(self, code: str, node: str, kind: Kind, number: int, runtime: Runtime) -> None:
        self.code = code
        self.node = node
        self.kind = kind
        self.tag = f"dbt-fabricspark-{runtime.unique()}"
        self.moved = RankedCondition(runtime, Rank.STATEMENT)
        self.stopped: LivyError | None = None
        self.over = False
        self.session_id: str | None = "session"
        self.id: int | None = number
        self.sends, self.looks = 1, 0
        self.view: StatementView | None = None
        self.submitted_at: float | None = None
        self.running_at: float | None = None
        self.noticed_at: float | None = None

    def cancel(self) -> None:
        """Have it stopped."""
        self.stop(StatementCancelled(f"statement {self.id} of this process was cancelled"))

    def stop(self, why: LivyError) -> None:
        """Have it stopped; of several reasons the first counts."""
        with self.moved:
            self.stopped = self.stopped or why
            self.moved.notify_all()

    def end(self) -> None:
        """It is over."""
        with self.moved:
            self.over = True
            self.moved.notify_all()


class SparkSessionManager:
    """The Spark session of this process, shared by all connections. It may be others' too, and stays when they end.

    Args:
        get: gives it; see ``spark_session``.
        timeout: seconds a statement may take; then Spark is told to stop its jobs.
        runtime: clock, locks and threads.
        logger: for what is survived.
    """

    row_limit: int | None = None
    spark_ui = ""

    def __init__(self, get: Callable[[], Any], timeout: float, runtime: Runtime, logger: logging.Logger) -> None:
        self._get = get
        self._timeout = timeout
        self._runtime = runtime
        self._logger = logger
        self._numbers = itertools.count()
        self._spark: Any = None

    def connect(self) -> Any:
        """The session.

        Raises:
            FailedToConnectError: as ``spark_session``.
        """
        if self._spark is None:  # Two threads at once get the same one: Spark sees to that.
            self._spark = self._get()
        return self._spark

    def disconnect(self) -> None:
        """Nothing to be done: it ends with the process."""

    def statement(self, sql: str, node: str = "", kind: Kind = SQL) -> SessionStatement:
        """A statement to run here, on behalf of ``node``."""
        return SessionStatement(sql, node, kind, next(self._numbers), self._runtime)

    def run(self, statement: SessionStatement) -> Output:
        """Run it, to its end: what Spark does not stop is waited for.

        Raises:
            FailedToConnectError: there is no session.
            StatementFailed: it failed.
            StatementCancelled, DeadlineExceeded: Spark has stopped it.
        """
        spark = self.connect()
        jobs: Jobs = TaggedJobs(spark) if hasattr(spark, "interruptTag") else GroupedJobs(spark)
        statement.submitted_at = statement.running_at = self._runtime.monotonic()
        try:
            with self._watched(statement, jobs):
                return _table(spark, statement.code) if statement.kind is SQL else _python(spark, statement.code)
        except Exception as error:
            if statement.stopped is not None:
                raise statement.stopped from error
            raise StatementFailed(_said(error, statement.kind)) from error
        finally:
            statement.noticed_at = self._runtime.monotonic()

    @contextmanager
    def _watched(self, statement: SessionStatement, jobs: Jobs) -> Iterator[None]:
        jobs.start(statement.tag, statement.node)
        self._runtime.spawn("fabricspark-watch", partial(self._watch, statement, jobs))
        try:
            yield
        finally:
            statement.end()
            jobs.end(statement.tag)

    def _watch(self, statement: SessionStatement, jobs: Jobs) -> None:
        """Until it is over; from the moment that it is to stop, Spark is told so, again and again."""
        deadline = Deadline.after(self._runtime, self._timeout)
        try:
            with statement.moved:
                while not (statement.over or statement.stopped or deadline.expired):
                    statement.moved.wait(deadline.remaining)
        except Halted:
            statement.cancel()
        if not (statement.over or statement.stopped):
            after = f"after {self._timeout:.0f} s; raise statement_timeout in the profile if it needs longer"
            statement.stop(DeadlineExceeded(f"statement {statement.id} of this process was stopped {after}"))
        with cleaning(self._runtime, CANCEL_BUDGET), suppress(Halted):
            while not statement.over:
                try:
                    jobs.stop(statement.tag)
                except Exception as error:  # noqa: BLE001  # whatever Spark raises: the next order may be heard
                    self._logger.debug("stopping statement %s: %s", statement.id, error)
                with statement.moved:
                    if not statement.over:
                        statement.moved.wait(AGAIN)


def _table(spark: Any, sql: str) -> Output:
    frame = spark.sql(sql)
    fields = frame.schema.fields
    columns = tuple(Column(f.name, f.dataType.simpleString(), f.dataType.jsonValue()) for f in fields)
    if not columns:
        return Output("ok", columns)
    kinds = [f.dataType.typeName() for f in fields]
    zone = None
    if "timestamp" in kinds:
        zone = _zone(str(spark.conf.get(TIME_ZONE)))
        if zone is None:
            frame = _in_words(frame, kinds)
    decoders = [_decoder(kind, zone) for kind in kinds]
    rows = (
        tuple(None if cell is None else decode(cell) for decode, cell in zip(decoders, row, strict=True))
        for row in frame.collect()
    )
    return Output("ok", columns, tuple(rows))


def _in_words(frame: Any, kinds: list[str]) -> Any:
    """The frame with its timestamps as text, which Spark writes in the session's time zone."""
    # Names may occur twice, numbers do not.
    names = [str(number) for number in range(len(kinds))]
    texts = [
        f"cast(`{name}` as string) as `{name}`" if kind == "timestamp" else f"`{name}`"
        for name, kind in zip(names, kinds, strict=True)
    ]
    return frame.toDF(*names).selectExpr(*texts)


def _python(spark: Any, code: str) -> Output:
    exec(compile(code, "<python model>", "exec"), {"__name__": "__dbt_python_model__", "spark": spark})
    return Output("ok")


def _said(error: Exception, kind: Kind) -> str:
    text = str(error).partition("\n\nJVM stacktrace:")[0]
    if not kind.traceback:
        return text
    # The first two frames are ours.
    frames = traceback.format_tb(error.__traceback__)[2:]
    return f"{type(error).__name__}: {text}\nTraceback (most recent call last):\n{''.join(frames)}".rstrip()


def _decoder(kind: str, zone: dt.tzinfo | None) -> Callable[[Any], Any]:
    match kind:
        case "timestamp":
            # PySpark gives it in this process's time zone, and Livy in the session's.
            return decoder("timestamp") if zone is None else lambda value: value.astimezone(zone).replace(tzinfo=None)
        case "binary":
            return bytes
        case "struct":
            return lambda value: _plain(value.asDict(recursive=True))
        case "array" | "map":
            return _plain
        case _:
            return lambda value: value


def _plain(value: Any) -> Any:
    """A nested value as JSON has it, which is how Livy sends one."""

    def inner(each: Any) -> Any:
        return each.asDict(recursive=True) if hasattr(each, "asDict") else each

    if isinstance(value, Mapping):
        return {str(key): _plain(inner(each)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner(each)) for each in value]
    return json.loads(json.dumps(value, default=str))


def _zone(name: str) -> dt.tzinfo | None:
    """The time zone that Spark calls so; ``None`` if Python does not know it, as where there is no tzdata."""
    offset = _OFFSET.match(name)
    if not offset or not name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
    sign, hours, minutes, seconds = offset.groups()
    away = dt.timedelta(hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0))
    return dt.timezone(-away if sign == "-" else away)
