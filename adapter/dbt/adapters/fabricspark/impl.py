"""dbt's metadata and SQL surface: dbt-spark's, where Fabric does not differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dbt.adapters.base.impl import PythonJobHelper, catch_as_completed, log_code_execution
from dbt.adapters.base.meta import available
from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.capability import Capability, CapabilityDict, CapabilitySupport, Support
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.contracts.relation import RelationConfig
from dbt.adapters.fabricspark import catalog, partitions, seeds, shortcuts
from dbt.adapters.fabricspark.catalog import Documented, Place
from dbt.adapters.fabricspark.column import FabricSparkColumn
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, logger
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.fabric import FabricApi
from dbt.adapters.fabricspark.literals import text
from dbt.adapters.fabricspark.metadata import (
    ONE_BY_ONE,
    RELATION_NOT_FOUND,
    SCHEMA_NOT_FOUND,
    Details,
    bare_name,
    error_class,
    expect_columns,
)
from dbt.adapters.fabricspark.naming import in_workspace
from dbt.adapters.fabricspark.patterns import like
from dbt.adapters.fabricspark.refresh import refresh
from dbt.adapters.fabricspark.relation import FabricSparkRelation
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.target import Target
from dbt.adapters.spark.column import SparkColumn
from dbt.adapters.spark.impl import (
    DESCRIBE_TABLE_EXTENDED_MACRO_NAME,
    GET_COLUMNS_IN_RELATION_RAW_MACRO_NAME,
    LIST_RELATIONS_MACRO_NAME,
    LIST_RELATIONS_SHOW_TABLES_MACRO_NAME,
    LIST_SCHEMAS_MACRO_NAME,
    SparkAdapter,
)
from dbt_common.contracts.metadata import CatalogTable
from dbt_common.exceptions import DbtRuntimeError
from dbt_common.utils.executor import executor

if TYPE_CHECKING:
    import agate
    from dbt.adapters.base.impl import FreshnessResponse
    from dbt.adapters.contracts.macros import MacroResolverProtocol

INFORMATION = "information"
DESCRIBE_DETAIL_MACRO_NAME = "fabricspark_describe_detail"
NOW_MACRO_NAME = "fabricspark_now"

PYTHON_SUBMISSION = "livy"

NESTED = ("struct", "array", "map")


class FabricSparkAdapter(SparkAdapter):
    """dbt-spark's adapter over Livy."""

    Relation = FabricSparkRelation
    Column = FabricSparkColumn
    ConnectionManager = FabricSparkConnectionManager  # type: ignore[assignment]  # dbt-spark's manager speaks Thrift

    _capabilities = CapabilityDict({Capability.TableLastModifiedMetadata: CapabilitySupport(Support.Full)})

    def __init__(self, config: Any, mp_context: Any) -> None:
        super().__init__(config, mp_context)
        self._naming = self.ConnectionManager.sessions.naming(config.credentials)
        self.Relation = FabricSparkRelation.named_by(self._naming)

    def _rows(self, macro: str, **arguments: object) -> agate.Table:
        return cast("agate.Table", self.execute_macro(macro, kwargs=arguments))

    # Unknown is not empty: whatever goes wrong below is an error, because dbt builds anew what it takes for missing.

    def list_schemas(self, database: str) -> list[str]:
        """The schemas of the lakehouse, by their bare names.

        Raises:
            DbtRuntimeError: they could not be listed, or the list makes no sense.
        """
        rows = self._rows(LIST_SCHEMAS_MACRO_NAME, database=database)
        if not len(rows):
            raise DbtRuntimeError("the server lists no schema at all, not even the default one")
        lakehouse = (database or "").replace("`", "")
        return [name for name in (bare_name(row[0], lakehouse) for row in rows) if name is not None]

    def check_schema_exists(self, database: str, schema: str) -> bool:
        """Whether a schema exists; Spark does not tell names by their case.

        Raises:
            DbtRuntimeError: as ``list_schemas``.
        """
        return schema.lower() in {name.lower() for name in self.list_schemas(database)}

    def list_relations_without_caching(self, schema_relation: BaseRelation) -> list[BaseRelation]:
        """What is in a schema; nothing only if the server itself says that there is no such schema.

        Raises:
            DbtRuntimeError: it could not be listed, or the list makes no sense.
        """
        try:
            return self._listed_at_once(schema_relation)
        except DbtRuntimeError as error:
            if error_class(error) in SCHEMA_NOT_FOUND:
                return []
            if error_class(error) != ONE_BY_ONE:
                raise
            return self._listed_one_by_one(schema_relation)

    def _listed_at_once(self, schema: BaseRelation) -> list[BaseRelation]:
        rows = self._rows(LIST_RELATIONS_MACRO_NAME, schema_relation=schema)
        expect_columns("show table extended", rows.column_names, ("namespace", "tableName", "isTemporary", INFORMATION))
        return [
            self._relation(schema, row["tableName"], row[INFORMATION])
            for row in rows
            # Temporary views belong to the session, not to the schema.
            if not row["isTemporary"]
        ]

    def _listed_one_by_one(self, schema: BaseRelation) -> list[BaseRelation]:
        rows = self._rows(LIST_RELATIONS_SHOW_TABLES_MACRO_NAME, schema_relation=schema)
        expect_columns("show tables", rows.column_names, ("namespace", "tableName", "isTemporary"))
        found = []
        for name in (row["tableName"] for row in rows if not row["isTemporary"]):
            table = self.Relation.create(database=schema.database, schema=schema.schema, identifier=name).quote(
                schema=True, identifier=True
            )
            try:
                lines = self._rows(DESCRIBE_TABLE_EXTENDED_MACRO_NAME, table_name=str(table))
            except DbtRuntimeError as error:
                if error_class(error) in RELATION_NOT_FOUND:  # dropped a moment ago
                    continue
                raise
            said = "".join(f"{line[0]}: {line[1]}\n" for line in lines if not str(line[0]).startswith("#"))
            found.append(self._relation(schema, name, said))
        return found

    def _relation(self, schema: BaseRelation, name: str, information: str | None) -> BaseRelation:
        details = Details.read(f"{schema.schema}.{name}", information)
        return self.Relation.create(
            database=schema.database,
            schema=schema.schema,
            identifier=name,
            type=details.type,
            information=information,
            is_delta=details.provider == "delta",
            is_iceberg=details.provider == "iceberg",
            is_hudi=details.provider == "hudi",
        )

    def get_relation(self, database: object, schema: str, identifier: str) -> BaseRelation | None:
        """A relation by its name, from the cache; dbt-spark leaves out the database."""
        # dbt's `check` snapshots pass what a node without a database says of it: Jinja's undefined value.
        known = database if isinstance(database, str) else None
        return cast("BaseRelation | None", super(SparkAdapter, self).get_relation(known, schema, identifier))

    def get_columns_in_relation(self, relation: BaseRelation) -> list[SparkColumn]:
        """The columns of a relation; none only if the server itself says that there is no such relation.

        Raises:
            DbtRuntimeError: they could not be told, or the answer makes no sense.
        """
        rows = self._describe(relation)
        return [] if rows is None else self._columns(relation, rows)

    def _describe(self, relation: BaseRelation) -> agate.Table | None:
        try:
            rows = self._rows(GET_COLUMNS_IN_RELATION_RAW_MACRO_NAME, relation=relation)
        except DbtRuntimeError as error:
            if error_class(error) in RELATION_NOT_FOUND:
                return None
            raise
        expect_columns("describe", rows.column_names, ("col_name", "data_type"))
        return rows

    def _columns(self, relation: BaseRelation, rows: agate.Table) -> list[SparkColumn]:
        columns = self.parse_describe_extended(relation, rows)
        if not columns:
            raise DbtRuntimeError(f"the server describes {relation} without a single column")
        return [column for column in columns if column.name not in self.HUDI_METADATA_COLUMNS]

    def parse_describe_extended(self, relation: BaseRelation, raw_rows: Any) -> list[SparkColumn]:
        """The columns of an answer to ``describe``, with their comments."""
        columns = super().parse_describe_extended(relation, raw_rows)
        return [FabricSparkColumn.of(column, row["comment"]) for column, row in zip(columns, raw_rows, strict=False)]

    def _get_columns_for_catalog(self, relation: BaseRelation, ask: bool = False) -> Iterable[dict[str, Any]]:
        """A relation's rows of the catalog, from what the listing of its schema said of it: no statement of its own.

        The listing has neither the comments of columns nor what is in a nested type: for these the relation is asked.
        """
        columns: Sequence[SparkColumn] = self.parse_columns_from_information(relation)
        if ask or not columns or any(column.dtype in NESTED for column in columns):
            columns = self.get_columns_in_relation(relation)
        comment = Details.read(str(relation), getattr(relation, INFORMATION)).comment
        for column in columns:
            row = FabricSparkColumn.of(column, getattr(column, "comment", None)).catalog_row()
            yield {**row, "table_comment": comment}

    def get_catalog(
        self, relation_configs: Iterable[RelationConfig], used_schemas: frozenset[tuple[str, str]]
    ) -> tuple[agate.Table, list[Exception]]:
        """The catalog: a statement for each schema, and one for each relation whose columns dbt gives comments."""
        configs = list(relation_configs)
        wanted = catalog.documented(configs, partial(self.Relation.create_from, self.config))
        with executor(self.config) as threads:
            futures = [
                threads.submit_connected(  # type: ignore[no-untyped-call]  # dbt leaves it untyped
                    self, schema, self._catalog_of, info.database, schema, wanted
                )
                for info, schemas in self._get_catalog_schemas(configs).items()
                for schema in schemas
            ]
            return catch_as_completed(futures)

    def _catalog_of(self, database: str | None, schema: str, wanted: Mapping[Place, Documented]) -> agate.Table:
        import agate
        from dbt_common.clients.agate_helper import DEFAULT_TYPE_TESTER

        found = [(relation, wanted.get(catalog.place(relation))) for relation in self.list_relations(database, schema)]
        rows = [
            {**row, "table_database": known.database}
            for each, known in found
            if known is not None
            for row in self._get_columns_for_catalog(each, known.comments)
        ]
        return agate.Table.from_object(rows, column_types=DEFAULT_TYPE_TESTER)

    def get_catalog_for_single_relation(self, relation: BaseRelation) -> CatalogTable | None:
        """What the catalog holds of one relation; ``None`` if the server says that there is no such relation.

        Raises:
            DbtRuntimeError: it could not be told, or the answer makes no sense.
        """
        rows = self._describe(relation)
        if rows is None:
            return None
        columns = cast("list[FabricSparkColumn]", self._columns(relation, rows))
        return catalog.table(relation, [column.catalog_row() for column in columns], catalog.comment(rows))

    def calculate_freshness_from_metadata_batch(
        self, sources: list[BaseRelation], macro_resolver: MacroResolverProtocol | None = None
    ) -> tuple[list[AdapterResponse | None], dict[BaseRelation, FreshnessResponse]]:
        """How old sources are by their Delta log, for those that give no ``loaded_at_field``.

        Both times are the server's: no clock of ours is in it. Delta counts every commit, ``optimize`` included.

        Raises:
            DbtRuntimeError: a source is no Delta table, or the answer makes no sense.
        """
        answers = {source: self._last_modified(source) for source in sources}
        now = self._rows(NOW_MACRO_NAME)[0][0]
        return [], {source: self._create_freshness_response(then, now) for source, then in answers.items()}

    def _last_modified(self, source: BaseRelation) -> Any:
        rows = self._rows(DESCRIBE_DETAIL_MACRO_NAME, relation=source)
        if not len(rows) or rows[0].get("lastModified") is None:
            raise DbtRuntimeError(
                f"when {source} was last modified is not known: it is no Delta table. Give the source a loaded_at_field"
            )
        return rows[0]["lastModified"]

    @available
    def valid_incremental_strategies(self) -> list[str]:
        """The strategies there are macros for."""
        return ["append", "merge", "delete+insert", "insert_overwrite", "microbatch"]

    @available.parse_list
    def relations_like(
        self, database: str, schema_pattern: str, table_pattern: str, exclude: str = ""
    ) -> list[BaseRelation]:
        """The relations whose schema and name are as SQL's patterns say, and their name not as ``exclude``; by name.

        Raises:
            DbtRuntimeError: the schemas, or what is in them, could not be listed.
        """
        in_schema, wanted, excluded = like(schema_pattern), like(table_pattern), like(exclude)
        found = [
            relation
            for schema in sorted(filter(in_schema, self.list_schemas(database)))
            for relation in self.list_relations(database, schema)
            if wanted(str(relation.identifier)) and not excluded(str(relation.identifier))
        ]
        return sorted(found, key=lambda relation: (str(relation.schema), str(relation.identifier)))

    @available
    @classmethod
    def database_in_workspace(cls, database: str | None, workspace: str | None) -> str | None:
        """See ``naming.in_workspace``."""
        return in_workspace(database, workspace)

    @available
    def of_lakehouse(self, database: str | None) -> str:
        """``in …`` for a lakehouse that is not the session's own; dbt may have written it in quotes."""
        plain = (database or "").replace("`", "")
        other = [] if not plain or self._naming.is_home(plain) else list(self._naming.database_parts(plain))
        return f" in {'.'.join(other)}" if other else ""

    @available
    @classmethod
    def string_literal(cls, value: str) -> str:
        """A string as Spark SQL writes it, whatever is in it."""
        return text(value or "")

    @available
    @classmethod
    def seed_values_sql(cls, table: agate.Table, types: Sequence[str], start: int, size: int) -> str:
        """See ``seeds.values_sql``."""
        return seeds.values_sql(table, types, start, size)

    @available
    @classmethod
    def partition_values_sql(cls, source: object, names: Sequence[str]) -> str:
        """See ``partitions.values_sql``."""
        return partitions.values_sql(str(source), names)

    @available
    @classmethod
    def partition_condition(
        cls, names: Sequence[str], columns: Sequence[SparkColumn], rows: Iterable[Sequence[str | None]]
    ) -> str:
        """See ``partitions.condition``."""
        return partitions.condition(names, {column.name.lower(): column.data_type for column in columns}, rows)

    @available.parse(lambda *_, **__: "")
    @classmethod
    def partition_spec(cls, names: Sequence[str], row: Sequence[str | None]) -> str:
        """See ``partitions.spec``."""
        return partitions.spec(names, row)

    @available.parse_none
    def lake_views_problem(self, relation: BaseRelation) -> str | None:
        """Why there can be no materialized lake view of that name; ``None`` if there can."""
        if self._target.fabric is None and self._credentials.method == "livy":
            return "a materialized lake view is Fabric's: Apache Livy has none"
        if not self._naming.schemas and self._naming.is_home(relation.database):
            return "a materialized lake view needs a lakehouse with schemas"
        return None

    @available.parse_none
    def refresh_by_job(self, relation: BaseRelation, seconds: float | None = None) -> str:
        """Have Fabric refresh the lakehouse's materialized lake views, and wait; the job's id. See ``refresh``."""
        try:
            timeout = float(seconds or self._credentials.statement_timeout)
        except (TypeError, ValueError):
            raise DbtRuntimeError(f"mlv_timeout is {seconds!r}; it must be a number of seconds") from None
        with self.connections.exception_handler("refresh of materialized lake views"):
            fabric = self._fabric_of(relation, Deadline.after(self._target.runtime, timeout))
            return refresh(fabric, timeout, self._target.runtime, logger)

    @available.parse_none
    def schedule_refresh(self, relation: BaseRelation, schedule: Any) -> None:
        """Have Fabric refresh the lakehouse's materialized lake views at those times from now on.

        Args:
            relation: a view of the lakehouse.
            schedule: ``enabled`` and ``configuration``, as Fabric's schedules have them.

        Raises:
            DbtRuntimeError: it is no schedule, or Fabric does not take it.
        """
        configuration = schedule.get("configuration") if isinstance(schedule, Mapping) else None
        if not isinstance(configuration, Mapping):
            raise DbtRuntimeError("mlv_schedule needs a configuration, as Fabric's schedules have it")
        deadline = Deadline.after(self._target.runtime, self._credentials.http_timeout)
        with self.connections.exception_handler("schedule of materialized lake views"):
            self._fabric_of(relation, deadline).put_schedule(
                bool(schedule.get("enabled", True)), configuration, deadline
            )

    @available.parse_none
    def create_shortcuts(self, wanted: list[Mapping[str, Any]]) -> list[str]:
        """Make OneLake shortcuts in the target's lakehouse; those that were made or changed. See ``shortcuts``."""
        fabric = self._target.fabric
        if fabric is None:
            raise DbtRuntimeError("shortcuts are Fabric's: Apache Livy has none")
        deadline = Deadline.after(self._target.runtime, self._credentials.statement_timeout)
        with self.connections.exception_handler("shortcuts"):
            return shortcuts.ensure(fabric, shortcuts.read(wanted), deadline)

    def _fabric_of(self, relation: BaseRelation, deadline: Deadline) -> FabricApi:
        """Fabric's API for the lakehouse of a relation."""
        fabric = self._target.fabric
        if fabric is None:
            raise DbtRuntimeError("refresh jobs and schedules need method 'livy', which signs in to Fabric")
        if relation.database is None or self._naming.is_home(relation.database):
            return fabric
        workspace, _, lakehouse = relation.database.replace("`", "").rpartition(".")
        return fabric.elsewhere(workspace, lakehouse, deadline)

    @property
    def _target(self) -> Target:
        return cast(FabricSparkConnectionManager, self.connections).target()

    @property
    def _credentials(self) -> FabricSparkCredentials:
        return cast(FabricSparkCredentials, self.config.credentials)

    @log_code_execution  # type: ignore[untyped-decorator]  # dbt leaves it untyped
    def submit_python_job(self, parsed_model: dict[str, Any], compiled_code: str) -> AdapterResponse:
        """Run a Python model in the session that SQL runs in.

        Raises:
            DbtRuntimeError: it failed, or asks for a cluster that there is not.
        """
        method = parsed_model["config"].get("submission_method") or PYTHON_SUBMISSION
        if method != PYTHON_SUBMISSION:
            raise DbtRuntimeError(
                f"submission_method '{method}' is not there: Python models run in the Livy session. Leave it out"
            )
        return cast(FabricSparkConnectionManager, self.connections).run_python(compiled_code)

    @property
    def python_submission_helpers(self) -> dict[str, type[PythonJobHelper]]:
        """None: dbt-spark's submit to Databricks; ``submit_python_job`` needs no help."""
        return {}
