"""dbt's metadata and SQL surface: dbt-spark's, where Fabric does not differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from dbt.adapters.base.impl import PythonJobHelper
from dbt.adapters.base.meta import available
from dbt.adapters.base.relation import BaseRelation, InformationSchema
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.contracts.relation import RelationConfig
from dbt.adapters.fabricspark import catalog, partitions, seeds
from dbt.adapters.fabricspark.column import FabricSparkColumn, described, table_comment
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager
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
from dbt.adapters.fabricspark.relation import FabricSparkRelation
from dbt.adapters.spark.column import SparkColumn
from dbt.adapters.spark.impl import (
    DESCRIBE_TABLE_EXTENDED_MACRO_NAME,
    GET_COLUMNS_IN_RELATION_RAW_MACRO_NAME,
    LIST_RELATIONS_MACRO_NAME,
    LIST_RELATIONS_SHOW_TABLES_MACRO_NAME,
    LIST_SCHEMAS_MACRO_NAME,
    SparkAdapter,
)
from dbt_common.clients.agate_helper import DEFAULT_TYPE_TESTER
from dbt_common.contracts.metadata import CatalogTable
from dbt_common.exceptions import DbtRuntimeError

if TYPE_CHECKING:
    import agate

INFORMATION = "information"

NESTED = ("struct", "array", "map")


class FabricSparkAdapter(SparkAdapter):
    """dbt-spark's adapter over Livy."""

    Relation = FabricSparkRelation
    Column = FabricSparkColumn
    ConnectionManager = FabricSparkConnectionManager  # type: ignore[assignment]  # dbt-spark's manager speaks Thrift

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
        return [bare_name(row[0]) for row in rows]

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
            table = f"`{schema.schema}`.`{name}`"
            try:
                lines = self._rows(DESCRIBE_TABLE_EXTENDED_MACRO_NAME, table_name=table)
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
        columns = described(self.parse_describe_extended(relation, rows), rows)
        if not columns:
            raise DbtRuntimeError(f"the server describes {relation} without a single column")
        return [column for column in columns if column.name not in self.HUDI_METADATA_COLUMNS]

    def get_catalog(
        self, relation_configs: Iterable[RelationConfig], used_schemas: frozenset[tuple[str, str]]
    ) -> tuple[agate.Table, list[Exception]]:
        """The catalog of everything dbt has built; what could not be read is among the errors."""
        # dbt hands over an iterator, and it is read more than once.
        return super().get_catalog(list(relation_configs), used_schemas)

    def _get_one_catalog(
        self,
        information_schema: InformationSchema,
        schemas: set[str],
        used_schemas: Iterable[RelationConfig],  # type: ignore[override]  # dbt-spark hands over what has been built
    ) -> agate.Table:
        import agate

        (schema,) = schemas
        commented = catalog.commented(used_schemas)
        rows: list[dict[str, Any]] = []
        for relation in self.list_relations(information_schema.database, schema):
            rows += self._catalog_rows(relation, (schema.lower(), str(relation.identifier).lower()) in commented)
        return agate.Table.from_object(rows, column_types=DEFAULT_TYPE_TESTER)

    def get_catalog_for_single_relation(self, relation: BaseRelation) -> CatalogTable | None:
        """What the catalog holds of one relation; ``None`` if the server says that there is no such relation.

        Raises:
            DbtRuntimeError: it could not be told, or the answer makes no sense.
        """
        rows = self._describe(relation)
        if rows is None:
            return None
        return catalog.table(catalog.rows(self._columns(relation, rows), table_comment(rows)))

    def _catalog_rows(self, relation: BaseRelation, ask: bool) -> list[dict[str, Any]]:
        """A relation's rows of the catalog, from what the listing said of it: no statement of its own.

        Only comments of columns are asked for, and nested types: the listing names them without what is in them.
        """
        columns = self.parse_columns_from_information(relation)
        if ask or not columns or any(column.dtype in NESTED for column in columns):
            columns = self.get_columns_in_relation(relation)
        return catalog.rows(columns, Details.read(str(relation), getattr(relation, INFORMATION)).comment)

    @available
    def valid_incremental_strategies(self) -> list[str]:
        """The strategies there are macros for."""
        return ["append", "merge", "delete+insert", "insert_overwrite", "microbatch"]

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

    def submit_python_job(self, parsed_model: dict[str, Any], compiled_code: str) -> AdapterResponse:
        """Refuse a Python model."""
        raise DbtRuntimeError("Python models are not supported yet; write this model in SQL")

    @property
    def python_submission_helpers(self) -> dict[str, type[PythonJobHelper]]:
        """None: dbt-spark's submit to Databricks."""
        return {}
