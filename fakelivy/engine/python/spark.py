"""The ``spark`` of a cell: pyspark over Spark Connect, with tables, SQL and settings asked of the server.

The engine behind the connection knows only what it was told; the server has the catalog. Queries are prepared there
and then run over the connection; commands are carried out there, and their rows come back as a DataFrame.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the pandas version
    from pyspark.errors import AnalysisException, ParseException
    from pyspark.errors.exceptions.base import PySparkException
    from pyspark.sql.connect.conf import RuntimeConf
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import CreateView, LogicalPlan
    from pyspark.sql.connect.readwriter import DataFrameReader, DataFrameWriter, DataFrameWriterV2
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.types import ArrayType, MapType, StructType

    from fakelivy.engine.python.real import befriend

_NUMBERS = itertools.count(1)


def connect(server: Any, *, url: str, version: str, embedded: bool = True) -> dict[str, Any]:
    """Connect to a session and make pyspark's classes ask ``server``. For the interpreter's own process only.

    Args:
        embedded: whether all it needs is asked; otherwise only what names mean, and the rest is Spark's.

    Returns:
        The names every cell finds.
    """
    for target, methods in (_CHANGED if embedded else _NAMED).items():
        for name, method in methods.items():
            setattr(target, name, method)
    # One warning for each function a cell makes is not what Spark prints.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    session = (EmbeddedSession if embedded else Session)(url, server, version)
    session.client.set_retry_policies([])  # a server that died is not waited for
    session.client.disable_reattachable_execute()
    if not embedded:
        befriend(session.client)
        session.conf.set("spark.sql.connect.serverStacktrace.enabled", "false")
    SparkSession._set_default_and_active_session(session)
    return {"spark": session, "sqlContext": session, "display": lambda frame: frame.show()}


class Session(SparkSession):
    """A session whose SQL, tables and catalog are the server's."""

    def __init__(self, url: str, server: Any, version: str) -> None:
        super().__init__(url)
        self.server = server
        self._version = version

    def sql(self, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:
        answer = _ask(self, "sql", text=sqlQuery)
        if "query" in answer:
            return super().sql(answer["query"], args, **kwargs)
        schema = StructType.fromJson(answer["schema"])
        rows = [tuple(_value(v, f.dataType) for v, f in zip(row, schema.fields, strict=True)) for row in answer["rows"]]
        return self.createDataFrame(rows, schema)

    def table(self, tableName: str) -> Any:
        return self.sql(f"select * from {tableName}")

    @property
    def version(self) -> str:
        return self._version

    @cached_property
    def catalog(self) -> Any:
        return Catalog(self)

    def stop(self) -> None:
        """Nothing: the session is Livy's."""


class EmbeddedSession(Session):
    """A session whose settings are the server's too."""

    @cached_property
    def conf(self) -> Conf:
        return Conf(self)


class Conf(RuntimeConf):
    """``spark.conf`` over SET."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.client)
        self._session = session

    def set(self, key: str, value: Any) -> None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        _ask(self._session, "set", key=key, value=text)

    def get(self, key: str, *default: Any) -> Any:
        value = _ask(self._session, "get", key=key)["value"]
        if value is not None:
            return value
        try:
            return super().get(key)  # the engine knows Spark's own settings
        except PySparkException:
            if default:
                return default[0]
        raise AnalysisException(
            f"[SQL_CONF_NOT_FOUND] The SQL config {key!r} cannot be found. Please verify that the config exists."
        ) from None

    def unset(self, key: str) -> None:
        self._session.sql(f"reset {key}")

    def isModifiable(self, key: str) -> bool:
        return key.startswith("spark.sql.")


class Catalog:
    """The common part of ``spark.catalog``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _rows(self, sql: str) -> list[Any]:
        rows: list[Any] = self._session.sql(sql).collect()
        return rows

    def currentCatalog(self) -> str:
        return str(self._rows("select current_catalog()")[0][0])

    def currentDatabase(self) -> str:
        return str(self._rows("select current_schema()")[0][0])

    def setCurrentDatabase(self, dbName: str) -> None:
        self._rows(f"use {dbName}")

    def listDatabases(self, pattern: str | None = None) -> list[Any]:
        return [SimpleNamespace(name=row[0]) for row in self._rows("show databases" + _like(pattern))]

    def databaseExists(self, dbName: str) -> bool:
        return _exists(lambda: self._rows(f"describe schema {dbName}"))

    def listTables(self, dbName: str | None = None, pattern: str | None = None) -> list[Any]:
        where = f" in {dbName}" if dbName else ""
        return [
            SimpleNamespace(name=name, namespace=[schema], database=schema, isTemporary=temporary)
            for schema, name, temporary in self._rows(f"show tables{where}{_like(pattern)}")
        ]

    def tableExists(self, tableName: str, dbName: str | None = None) -> bool:
        name = f"{dbName}.{tableName}" if dbName else tableName
        return _exists(lambda: self._rows(f"describe {name}"))

    def listColumns(self, tableName: str, dbName: str | None = None) -> list[Any]:
        frame = self._session.table(f"{dbName}.{tableName}" if dbName else tableName)
        return [
            SimpleNamespace(name=f.name, dataType=f.dataType.simpleString(), nullable=f.nullable) for f in frame.schema
        ]

    def dropTempView(self, viewName: str) -> bool:
        return bool(_ask(self._session, "drop view", name=viewName)["dropped"])

    def refreshTable(self, tableName: str) -> None:
        self._rows(f"refresh table {tableName}")

    def cacheTable(self, tableName: str) -> None:
        self._rows(f"cache table {tableName}")

    def uncacheTable(self, tableName: str) -> None:
        self._rows(f"uncache table {tableName}")

    def clearCache(self) -> None:
        self._rows("clear cache")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"spark.catalog.{name} is not supported in cells")


def _like(pattern: str | None) -> str:
    return f" like '{pattern}'" if pattern else ""


def _exists(look: Any) -> bool:
    try:
        look()
    except AnalysisException as error:
        if "_NOT_FOUND]" in str(error):
            return False
        raise
    return True


def _ask(session: Any, question: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = session.server.ask(question, **more)
    if "error" in answer:
        text = answer["error"]
        raise (ParseException if text.startswith("[PARSE_SYNTAX_ERROR]") else AnalysisException)(text)
    return answer


def _value(value: Any, kind: Any) -> Any:
    """The server's maps are lists of pairs."""
    if value is None:
        return None
    if isinstance(kind, MapType):
        return {_value(key, kind.keyType): _value(item, kind.valueType) for key, item in value}
    if isinstance(kind, ArrayType):
        return [_value(item, kind.elementType) for item in value]
    if isinstance(kind, StructType):
        return {field.name: _value(value[field.name], field.dataType) for field in kind.fields}
    return value


def _read_table(reader: DataFrameReader, tableName: str) -> Any:
    options = {key.lower(): value for key, value in reader._options.items()}
    moment = ""
    if "versionasof" in options:
        moment = f" version as of {int(options['versionasof'])}"
    elif "timestampasof" in options:
        moment = f" timestamp as of '{options['timestampasof']}'"
    return reader._client.sql(f"select * from {tableName}{moment}")


# -- views and writes: the rows become a view of the session, and the server does the rest


def _inner_view(session: SparkSession, plan: LogicalPlan) -> str:
    name = f"__fakelivy_frame_{next(_NUMBERS)}"
    view = CreateView(plan, name, is_global=False, replace=True)
    session.client.execute_command(view.command(session.client))
    return name


def _view(*, replace: bool) -> Any:
    def method(frame: DataFrame, name: str) -> None:
        _ask(frame._session, "view", name=name, inner=_inner_view(frame._session, frame._plan), replace=replace)

    return method


def _global_view(*_: Any) -> None:
    raise AnalysisException("[UNSUPPORTED_FEATURE] Global temporary views are not supported by the embedded engine.")


_FRAME = {
    "createTempView": _view(replace=False),
    "createOrReplaceTempView": _view(replace=True),
    "registerTempTable": _view(replace=True),
    "createGlobalTempView": _global_view,
    "createOrReplaceGlobalTempView": _global_view,
}


def _save(
    writer: DataFrameWriter | DataFrameWriterV2,
    name: str,
    how: str,
    *,
    provider: str | None = None,
    partition_by: Sequence[str] = (),
    options: Mapping[str, str | None] | None = None,
    properties: Mapping[str, str | None] | None = None,
) -> None:
    _ask(
        writer._spark,
        "save",
        name=name,
        view=_inner_view(writer._spark, writer._df),
        how=how,
        provider=provider or "delta",
        partition_by=list(partition_by),
        options=dict(options or {}),
        properties=dict(properties or {}),
    )


def _save_as_table(
    writer: DataFrameWriter,
    name: str,
    format: str | None = None,
    mode: str | None = None,
    partitionBy: Any = None,
    **options: Any,
) -> None:
    writer.mode(mode).options(**options)
    if format is not None:
        writer.format(format)
    if partitionBy is not None:
        writer.partitionBy(partitionBy)
    write = writer._write
    how = (write.mode or "errorifexists").lower().replace("default", "errorifexists")
    _save(
        writer,
        name,
        "errorifexists" if how == "error" else how,
        provider=write.source,
        partition_by=write.partitioning_cols or (),
        options=write.options,
    )


def _insert_into(writer: DataFrameWriter, tableName: str, overwrite: bool | None = None) -> None:
    replaces = (writer._write.mode or "").lower() == "overwrite" if overwrite is None else overwrite
    _save(writer, tableName, "insert overwrite" if replaces else "insert into")


_WRITER = {"saveAsTable": _save_as_table, "insertInto": _insert_into}


def _v2(how: str) -> Any:
    def method(writer: DataFrameWriterV2) -> None:
        write = writer._write
        _save(
            writer,
            str(write.table_name),
            how,
            provider=write.provider,
            partition_by=[str(column._expr) for column in write.partitioning_columns or ()],
            options=write.options,
            properties=write.table_properties,
        )

    return method


_WRITER_V2 = {
    "create": _v2("errorifexists"),
    "replace": _v2("replace"),
    "createOrReplace": _v2("createorreplace"),
    "append": _v2("append"),
    "overwritePartitions": _v2("insert overwrite partitions"),
}


def _by_name(original: Any, spark: Callable[[Any], Any]) -> Any:
    """``original``, a method whose first argument is a table's name, with the name as Spark must read it."""

    def method(self: Any, name: str, *arguments: Any, **options: Any) -> Any:
        return original(self, _ask(spark(self), "name", name=name)["name"], *arguments, **options)

    return method


_NAMED: Mapping[type, Mapping[str, Any]] = {
    DataFrame: {"writeTo": _by_name(DataFrame.writeTo, lambda frame: frame._session)},
    DataFrameReader: {"table": _read_table},
    DataFrameWriter: {
        name: _by_name(getattr(DataFrameWriter, name), lambda writer: writer._spark)
        for name in ("saveAsTable", "insertInto")
    },
}
"""What a real Spark needs of us: it has one catalog, whatever lakehouse a name is of."""

_CHANGED: Mapping[type, Mapping[str, Any]] = {
    DataFrame: _FRAME,
    DataFrameReader: {"table": _read_table},
    DataFrameWriter: _WRITER,
    DataFrameWriterV2: _WRITER_V2,
}
"""What the embedded engine needs: it knows only the tables it was told of."""
