"""What Spark says of schemas and relations: what is not understood is an error, and never "no"."""

from __future__ import annotations

import pytest
from dbt.adapters.contracts.relation import RelationType
from dbt.adapters.fabricspark.livy.errors import StatementFailed
from dbt.adapters.fabricspark.metadata import (
    RELATION_NOT_FOUND,
    SCHEMA_NOT_FOUND,
    Details,
    bare_name,
    error_class,
    expect_columns,
)
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError


def failure(text: str) -> DbtDatabaseError:
    error = DbtDatabaseError(text)
    error.__cause__ = StatementFailed(text)
    return error


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("MANAGED", RelationType.Table),
        ("EXTERNAL", RelationType.Table),
        ("view", RelationType.View),
        ("MATERIALIZED_LAKE_VIEW", RelationType.MaterializedView),
        ("MATERIALIZED_VIEW", RelationType.MaterializedView),
        ("SOMETHING_NEW", RelationType.External),
    ],
)
def test_only_a_kind_that_is_known_may_be_replaced(said: str, kind: RelationType) -> None:
    details = Details.read("t", f"Database: dbo\nTable: t\nType: {said}\nProvider: Delta\n")
    assert (details.type, details.provider) == (kind, "delta")


@pytest.mark.parametrize("information", [None, "", "Provider: delta\n", "Type: \nProvider: delta\n", "A Type: VIEW"])
def test_a_relation_of_no_kind_is_an_error(information: str | None) -> None:
    with pytest.raises(DbtRuntimeError, match=r"whether dbo\.t is a table or a view"):
        Details.read("dbo.t", information)


def test_a_comment_cannot_say_what_a_relation_is() -> None:
    written = (
        "Type: MANAGED\nProvider: delta\nComment: first\nType: VIEW\nProvider: csv\nStatistics: 4 bytes\nSchema: x"
    )
    assert Details.read("t", written) == Details(RelationType.Table, "delta", "first\nType: VIEW\nProvider: csv")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[TABLE_OR_VIEW_NOT_FOUND] The table or view `a` cannot be found.", True),
        ("[SCHEMA_NOT_FOUND] The schema `a` cannot be found.", True),
        ("[DELTA_TABLE_NOT_FOUND] Delta table `a` doesn't exist.", False),
        ("[TABLE_OR_VIEW_NOT_FOUND_IN_THE_INDEX] x", False),
        ("Table or view not found: a", False),
    ],
)
def test_only_the_catalog_says_that_something_is_missing(text: str, found: bool) -> None:
    assert (error_class(failure(text)) in RELATION_NOT_FOUND) == found
    assert SCHEMA_NOT_FOUND < RELATION_NOT_FOUND


def test_what_did_not_come_from_a_statement_says_nothing() -> None:
    text = "[TABLE_OR_VIEW_NOT_FOUND] says a gateway"
    assert error_class(DbtDatabaseError(text)) is None
    assert error_class(DbtRuntimeError(text)) is None


@pytest.mark.parametrize("namespace", [None, 1, "", "`", "a.", ".a", "a..b"])
def test_a_schema_without_a_name_is_an_error(namespace: object) -> None:
    with pytest.raises(DbtRuntimeError, match="a schema that has no name"):
        bare_name(namespace)


@pytest.mark.parametrize(
    ("namespace", "database", "name"),
    [
        ("dbo", None, "dbo"),
        ("`home`.`dbo`", None, "dbo"),
        ("space.home.dbo", "home", "dbo"),
        ("space.home.dbo", "space.HOME", "dbo"),
        ("space.other.dbo", "home", None),
        ("dbo", "home", "dbo"),
    ],
)
def test_a_schema_is_known_by_its_bare_name(namespace: str, database: str | None, name: str | None) -> None:
    assert bare_name(namespace, database) == name


@pytest.mark.parametrize("found", [(), ("x",), ("x", "tableName"), ("namespace", "isTemporary", "tableNames")])
def test_an_answer_in_other_columns_means_nothing(found: tuple[str, ...]) -> None:
    with pytest.raises(DbtRuntimeError, match="show tables was answered in the columns"):
        expect_columns("show tables", found, ("namespace", "tableName", "isTemporary"))


def test_the_first_column_has_two_names() -> None:
    expect_columns("show tables", ("database", "tableName", "isTemporary"), ("namespace", "tableName", "isTemporary"))
