"""Speaks Spark Connect to a child process: one RPC for a statement, no retries, nothing that outlives it."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fakelivy.engine.port import EngineUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

_IMPORT_LOCK = threading.Lock()


def warm_up() -> None:
    """Import pyspark's client (0.6 s to 2 s), so that the first session need not.

    Raises:
        EngineUnavailable: it is not installed.
    """
    with _IMPORT_LOCK, warnings.catch_warnings(), _a_main_file():
        warnings.simplefilter("ignore")  # pyspark warns of the pandas version; we hand it Arrow only
        try:
            import pyspark.sql.connect.client
            import pyspark.sql.connect.conf
            import pyspark.sql.connect.plan  # noqa: F401  # imported for its effect on later imports
        except ImportError as error:
            raise EngineUnavailable(f"the sail engine needs pyspark-client: {error}") from error


@contextlib.contextmanager
def _a_main_file() -> Iterator[None]:
    # Under `python -c` pyspark takes itself for a doctest run, looks for a Spark installation and exits the process.
    main = sys.modules["__main__"]
    nameless = main.__spec__ is None and not hasattr(main, "__file__")
    if nameless:
        main.__file__ = "<string>"
    try:
        yield
    finally:
        if nameless:
            del main.__file__


class SailError(Exception):
    """Sail refused or failed a statement; the text is Sail's."""


class Interrupted(Exception):
    """The statement was interrupted on request."""


class Lost(Exception):
    """The child process went away."""


@dataclass(frozen=True)
class Result:
    """What came back: the schema as Spark's JSON, the rows as Arrow.

    Attributes:
        schema: ``{"type": "struct", "fields": […]}``.
        batches: Arrow tables, at most ``max_rows`` rows in all.
        truncated: whether more rows were there.
    """

    schema: Mapping[str, Any]
    batches: list[pa.Table]
    truncated: bool

    def rows(self) -> list[tuple[Any, ...]]:
        """Python values, one tuple per row. By position, because column names may repeat.

        Raises:
            ValueError, OverflowError: a date or time is beyond Python's.
        """
        import pyarrow as pa

        rows: list[tuple[Any, ...]] = []
        for batch in self.batches:
            columns = []
            for column in batch.columns:
                zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
                columns.append((column.cast(pa.timestamp("us", "UTC")) if zoned else column).to_pylist())
            rows += zip(*columns, strict=True) if columns else [()] * batch.num_rows
        return rows


class Link:
    """A Spark Connect session on the child at ``port``, used by one thread at a time (``interrupt`` by any)."""

    def __init__(self, port: int, settings: Mapping[str, str]) -> None:
        warm_up()
        from pyspark.sql.connect.client import SparkConnectClient

        self._address = f"sc://127.0.0.1:{port}/;user_id=fakelivy"
        self._client = SparkConnectClient(self._address)
        # The defaults retry a dead server for ten minutes.
        self._client.set_retry_policies([])
        self._client.disable_reattachable_execute()
        self.configure(settings)

    @property
    def url(self) -> str:
        """What makes another client of the same session."""
        return f"{self._address};session_id={self._client._session_id}"

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set Spark settings of the session.

        Raises:
            SailError: a value is not one.
        """
        from pyspark.errors.exceptions.base import PySparkException
        from pyspark.sql.connect.conf import RuntimeConf

        conf = RuntimeConf(self._client)
        try:
            for key, value in settings.items():
                conf.set(key, value)
        except PySparkException as error:
            raise _classify(error) from error

    def run(self, sql: str, *, max_rows: int) -> Result:
        """Run one statement.

        Raises:
            SailError: it failed.
            Interrupted: ``interrupt`` ended it.
            Lost: the child died.
        """
        from pyspark.sql.connect.plan import SQL

        return self._collect(SQL(sql).to_proto(self._client), max_rows)

    def schema(self, sql: str) -> list[dict[str, Any]]:
        """The columns of a query, without running it.

        Raises:
            SailError: it does not resolve.
        """
        from pyspark.errors.exceptions.base import PySparkException
        from pyspark.sql.connect.plan import SQL

        try:
            fields: list[dict[str, Any]] = self._client.schema(SQL(sql).to_proto(self._client)).jsonValue()["fields"]
        except PySparkException as error:
            raise _classify(error) from error
        return fields

    def put(self, name: str, table: pa.Table) -> None:
        """Make ``table`` readable as the temporary view ``name``."""
        from pyspark.errors.exceptions.base import PySparkException
        from pyspark.sql.connect.plan import CreateView, LocalRelation

        view = CreateView(LocalRelation(table), name, is_global=False, replace=True)
        try:
            self._client.execute_command(view.command(self._client))
        except PySparkException as error:
            raise _classify(error) from error

    def _collect(self, plan: Any, max_rows: int) -> Result:
        from pyspark.errors.exceptions.base import PySparkException
        from pyspark.sql.types import StructType

        schema: Mapping[str, Any] | None = None
        batches: list[pa.Table] = []
        left, truncated = max_rows, False
        stream = self._client.to_table_as_iterator(plan, {})
        try:
            for piece in stream:
                if isinstance(piece, StructType):
                    schema = piece.jsonValue()
                    continue
                truncated = piece.num_rows > left
                batches.append(piece.slice(0, left) if truncated else piece)
                left -= batches[-1].num_rows
                if truncated:
                    break
        except PySparkException as error:
            raise _classify(error) from error
        finally:
            cast("Generator[Any, None, None]", stream).close()
        if schema is None:
            # An interrupted statement ends its stream with nothing in it.
            raise Interrupted
        return Result(schema, batches, truncated)

    def interrupt(self) -> None:
        """Ask the child to stop what runs. Plans that never yield do not hear it."""
        from pyspark.errors.exceptions.base import PySparkException

        try:
            self._client.interrupt_all()
        except PySparkException:
            return  # a child that cannot be asked is about to be killed

    def close(self) -> None:
        """Close the channel; the child is killed, not told."""
        self._client.close()


_GONE = ("UNAVAILABLE", "Socket closed", "Connection reset", "failed to connect")


def _classify(error: Exception) -> Exception:
    text = str(error)
    if type(error).__name__ == "SparkConnectGrpcException" and any(mark in text for mark in _GONE):
        return Lost(text)
    return SailError(text)
