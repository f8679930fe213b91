"""What Spark says of schemas and relations, read strictly: an answer that is not understood is an error, never "no"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbt.adapters.contracts.relation import RelationType
from dbt.adapters.fabricspark.livy.errors import StatementFailed
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError

SCHEMA_NOT_FOUND = frozenset({"SCHEMA_NOT_FOUND", "NO_SUCH_CATALOG_EXCEPTION"})
RELATION_NOT_FOUND = frozenset({"TABLE_OR_VIEW_NOT_FOUND"}) | SCHEMA_NOT_FOUND
"""Spark's error classes (error-classes.json of Spark 3.5).

Not Delta's: ``DELTA_TABLE_NOT_FOUND`` says that the files of a table are missing which the catalog knows.
"""

ONE_BY_ONE = "NOT_SUPPORTED_COMMAND_FOR_V2_TABLE"
"""Some catalogs do not describe all tables at once (SPARK-33393)."""

_CLASS = re.compile(r"\[([A-Z][A-Z0-9_]*)(?:\.[A-Z0-9_.]+)?\]")
_DETAIL = re.compile(r"^(Type|Provider): (.*)$", re.MULTILINE)
_AFTER_COMMENT = (
    "View Text",
    "View Original Text",
    "View Schema Mode",
    "View Catalog and Namespace",
    "View Query Output Columns",
    "Table Properties",
    "Statistics",
    "Location",
    "Serde Library",
    "InputFormat",
    "OutputFormat",
    "Storage Properties",
    "Partition Provider",
    "Partition Columns",
    "Schema",
)
"""What Spark writes behind a comment (``CatalogTable.toLinkedHashMap``); the comment may have lines of its own."""

_COMMENT = re.compile(rf"^Comment: (.*?)\n(?:{'|'.join(_AFTER_COMMENT)}): ", re.MULTILINE | re.DOTALL)

_TYPES = {
    "MANAGED": RelationType.Table,
    "EXTERNAL": RelationType.Table,
    "VIEW": RelationType.View,
    "MATERIALIZED_VIEW": RelationType.MaterializedView,
    "MATERIALIZED_LAKE_VIEW": RelationType.MaterializedView,
}


def error_class(error: BaseException) -> str | None:
    """Spark's class of a failed statement, such as ``TABLE_OR_VIEW_NOT_FOUND``.

    ``None`` unless a statement ran and failed: what a proxy, a gateway or a broken reply says is no evidence that
    something does not exist.
    """
    cause = error.__cause__ if isinstance(error, DbtDatabaseError) else error
    found = _CLASS.search(str(cause)) if isinstance(cause, StatementFailed) else None
    return found[1] if found else None


@dataclass(frozen=True)
class Details:
    """What ``show table extended`` tells of one relation, as far as dbt uses it."""

    type: RelationType
    provider: str | None
    comment: str | None

    @classmethod
    def read(cls, name: str, information: str | None) -> Details:
        """From the text of the ``information`` column.

        A line of a comment may look like any other line, but Spark writes the comment after the type and provider: the
        first of each counts. The comment ends where the next of Spark's own lines begins.

        Raises:
            DbtRuntimeError: there is no type in it.
        """
        said: dict[str, str] = {}
        for match in _DETAIL.finditer(information or ""):
            said.setdefault(match[1], match[2].strip())
        if not said.get("Type"):
            raise DbtRuntimeError(f"the server does not say whether {name} is a table or a view")
        comment = _COMMENT.search(f"{information}\nSchema: ")
        # A kind that nobody has heard of is neither: dbt must not take it for something it may replace.
        kind = _TYPES.get(said["Type"].upper(), RelationType.External)
        return cls(kind, said.get("Provider", "").lower() or None, comment[1] if comment else None)


def bare_name(namespace: object, database: str | None = None) -> str | None:
    """The schema of what ``show databases`` lists: alone, or behind its lakehouse and workspace (contract section 6).

    Args:
        namespace: one row.
        database: the lakehouse that was asked for.

    Returns:
        ``None`` for a schema of another lakehouse.

    Raises:
        DbtRuntimeError: it is not a name.
    """
    parts = str(namespace).replace("`", "").split(".") if isinstance(namespace, str) else [""]
    if not all(parts):
        raise DbtRuntimeError(f"the server lists a schema that has no name: {namespace!r}")
    if database and len(parts) > 1 and parts[-2].lower() != database.rpartition(".")[2].lower():
        return None
    return parts[-1]


def expect_columns(statement: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Check that a metadata statement was answered in its own columns.

    Raises:
        DbtRuntimeError: it was not, so its rows mean nothing.
    """
    if len(found) < len(wanted) or any(name not in found for name in wanted[1:]):
        raise DbtRuntimeError(f"{statement} was answered in the columns {list(found)}, not {list(wanted)}")
