"""``dbt docs generate`` and ``dbt source freshness``: complete, right, and cheap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fakelivy import FakeLivy
from tests.projects.project import Project
from tests.versions import needs_dbt

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

DESCRIBED = """
models:
  - name: told
    description: it's a table \\ with a comment
    config: {persist_docs: {relation: true, columns: true}}
    columns: [{name: id, description: the "key"}, {name: deep, description: nested}]
  - {name: plain_0, description: not written anywhere}
sources:
  - name: raw
    database: other
    schema: landing
    tables:
      - {name: fresh, config: {freshness: {warn_after: {count: 1, period: hour}}}}
      - {name: dated, config: {loaded_at_field: at, freshness: {warn_after: {count: 1, period: day}}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home", "other")) as server:
        yield server


@pytest.fixture(scope="module")
def project(server: FakeLivy, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("project"), server)
    made.write(
        {
            "models/described.yml": DESCRIBED,
            "models/told.sql": "{{ config(materialized='table') }} "
            "select 1 as id, named_struct('a', 1, 'b', array('x')) as deep, cast(1 as decimal(10, 2)) as amount",
            "models/seen.sql": "{{ config(materialized='view') }} select id, amount from {{ ref('told') }}",
            **{f"models/plain_{n}.sql": "{{ config(materialized='table') }} select 1 as id" for n in range(8)},
            "macros/raw.sql": "{% macro raw() %}"
            "{% do run_query('create schema if not exists other.landing') %}"
            "{% do run_query('create or replace table other.landing.fresh using delta as select 1 as id') %}"
            "{% do run_query('create table home.dbo.foreign using delta as select array(1) as deep') %}"
            '{% do run_query("create or replace table other.landing.dated using delta as '
            "select timestamp '2020-01-01 00:00:00' as at\") %}{% endmacro %}",
        }
    )
    done = made.dbt("run-operation", "raw")
    assert done.success, done
    built = made.dbt("run")
    assert built.success, built
    return made


def catalog(project: Project) -> tuple[dict[str, Any], list[str]]:
    """The nodes and sources of the catalog, by name, and the statements it took."""
    begin = project.server.journal.size
    done = project.dbt("docs", "generate", "--no-compile")
    assert done.success, done
    written = json.loads((project.folder / "target" / "catalog.json").read_text())
    assert not written["errors"]
    found = {**written["nodes"], **written["sources"]}
    return {name.rpartition(".")[2]: node for name, node in found.items()}, project.executed(begin)


def test_the_catalog_is_complete_and_right(project: Project) -> None:
    found, _ = catalog(project)
    assert set(found) == {"told", "seen", "fresh", "dated", *(f"plain_{n}" for n in range(8))}
    told = found["told"]
    assert told["metadata"] == {
        "type": "table",
        "schema": "dbo",
        "name": "told",
        "database": "home",
        "comment": "it's a table \\ with a comment",
        "owner": told["metadata"]["owner"],
    }
    assert told["stats"]["rows"]["value"] == 1
    assert told["stats"]["bytes"]["value"] > 0
    assert [(each["name"], each["type"], each["comment"]) for each in told["columns"].values()] == [
        ("id", "int", 'the "key"'),
        ("deep", "struct<a:int,b:array<string>>", "nested"),
        ("amount", "decimal(10,2)", None),
    ]
    assert found["seen"]["metadata"]["type"] == "view"
    assert [each["type"] for each in found["seen"]["columns"].values()] == ["int", "decimal(10,2)"]
    assert found["fresh"]["metadata"]["database"] == "other"


def test_statements_grow_with_schemas_not_with_relations(project: Project) -> None:
    _, statements = catalog(project)
    asked = [code for code in statements if code.startswith(("show table", "describe"))]
    assert sorted(asked) == [
        "describe extended home.dbo.told",
        "show table extended in home.dbo like '*'",
        "show table extended in other.landing like '*'",
    ]
    assert len(statements) == len(asked)


def test_a_schema_that_cannot_be_listed_is_an_error_not_an_empty_catalog(project: Project) -> None:
    with project.server.fault('submit_statement[contains="show table extended"]:body:stick_state(error,output=error)'):
        done = project.dbt("docs", "generate", "--no-compile")
    assert not done.success


@needs_dbt(10, "the source's freshness is in its config")
def test_freshness_is_told_by_the_delta_log_or_by_a_field(project: Project) -> None:
    begin = project.server.journal.size
    done = project.dbt("source", "freshness")
    statuses = {result.node.name: result.status for result in done.result.results}
    assert statuses == {"fresh": "pass", "dated": "warn"}
    ages = {result.node.name: result.age for result in done.result.results}
    assert 0 <= ages["fresh"] < 3600
    assert ages["dated"] > 4 * 365 * 86400
    assert "describe detail other.landing.fresh" in project.executed(begin)


def test_a_source_without_a_delta_log_is_an_error_not_an_age(project: Project) -> None:
    project.write({"models/view.yml": "sources: [{name: ours, schema: dbo, tables: [{name: seen, config: {freshness: "
                   "{warn_after: {count: 1, period: hour}}}}]}]"})  # fmt: skip
    done = project.dbt("source", "freshness", "--select", "source:ours")
    assert not done.success
    assert "DESCRIBE DETAIL works on Delta tables" in done.result.results[0].message


def test_a_source_of_another_workspace_is_in_the_catalog_as_dbt_knows_it(project: Project) -> None:
    place = "name: far, database: other, schema: landing, meta: {workspace_name: fakelivy}"
    project.write({"models/far.yml": f"sources: [{{{place}, tables: [{{name: far_away, identifier: fresh}}]}}]"})
    found, statements = catalog(project)
    assert "show table extended in `fakelivy`.other.landing like '*'" in statements
    assert found["far_away"]["metadata"]["database"] == "other"
    assert list(found["far_away"]["columns"]) == ["id"]
