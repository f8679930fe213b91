"""Names of two, three and four parts: what dbt builds lands where the profile and the model say, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.client import connect
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, SessionManagers
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime

from fakelivy import FakeLivy
from tests.functional.impatient import OneThread
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

LAKEHOUSES = {
    "seeds/numbers.csv": "id,v\n1,a\n2,b\n",
    "models/here.sql": "{{ config(materialized='table') }} select * from {{ ref('numbers') }}",
    "models/gold.sql": "{{ config(materialized='table', database='other', schema='sales') }} "
    "select * from {{ ref('here') }}",
    "models/far.sql": "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id', "
    "database='other', workspace_name='fakelivy', alias='Far') }} "
    "select * from {{ ref('gold') }} {% if is_incremental() %} where id = 2 {% endif %}",
    "models/seen.sql": "{{ config(materialized='view') }} select * from {{ ref('far') }} "
    "union all select * from {{ source('there', 'gold') }}",
    "models/sources.yml": "sources: [{name: there, database: other, schema: sales, tables: [{name: gold}]}]",
    "snapshots/history.sql": "{% snapshot history %}{{ config(database='other', schema='kept', unique_key='id', "
    "strategy='check', check_cols='all') }} select * from {{ ref('gold') }}{% endsnapshot %}",
    "macros/schema.sql": "{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}",
}


@pytest.fixture(autouse=True)
def ignorant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of any lakehouse yet."""
    monkeypatch.setattr(FabricSparkConnectionManager, "sessions", SessionManagers(SystemRuntime()))


@pytest.fixture
def impatient(ignorant: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FabricSparkConnectionManager, "sessions", SessionManagers(OneThread()))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home", "other")) as server:
        client = connect(server.url)
        client.execute("create schema other.dbo")  # the fake's engine knows of a lakehouse once something is in it
        client.close()
        yield server


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("plain"), lakehouses=("home",), schemas=False) as server:
        yield server


def test_every_kind_of_model_reads_and_writes_across_lakehouses(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server)
    project.write(LAKEHOUSES)
    built = project.dbt("build")
    assert built.success, built
    begin = server.journal.size
    built = project.dbt("build")
    assert built.success, built
    assert "get_lakehouse" not in project.requests(begin), "what it is does not change"
    again = project.executed(begin)
    assert [code for code in again if code.startswith("create or replace table home.dbo.here")]
    assert [code for code in again if code.startswith("create or replace table other.sales.gold")]
    assert [code for code in again if " merge into `fakelivy`.other.dbo.far as " in code]
    assert [code for code in again if code.startswith("merge into other.kept.history")]
    assert [code for code in again if code.startswith("show table extended in `fakelivy`.other.dbo ")]
    assert sorted(code for code in again if code.startswith("show databases")) == [
        "show databases",
        "show databases in `fakelivy`.other",
        "show databases in other",
    ]
    assert not [code for code in again if code.startswith(("create table", "create schema"))], "all was found"
    assert project.table("home", "dbo", "here")
    assert project.table("other", "sales", "gold")
    assert project.table("other", "dbo", "far")
    assert not project.table("home", "sales", "gold")
    assert project.rows("select count(*) as n from {{ ref('seen') }}") == [(4,)]
    assert project.rows("select count(*) as n from {{ ref('history') }}") == [(2,)]


def test_a_lakehouse_without_schemas_has_names_of_two_parts(plain: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, plain)
    project.write({"models/here.sql": "{{ config(materialized='table') }} select 1 as id"})
    begin = plain.journal.size
    built = project.dbt("run")
    assert built.success, built
    assert [code for code in project.executed(begin) if code.startswith("create or replace table home.here ")]
    assert not [code for code in project.executed(begin) if "home.home." in code]


def test_apache_livy_has_names_of_two_parts_and_is_asked_for_no_lakehouse(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, "livy", schema="vanilla")
    project.write({"models/here.sql": "{{ config(materialized='table') }} select 1 as id"})
    begin = server.journal.size
    built = project.dbt("run")
    assert built.success, built
    assert [code for code in project.executed(begin) if code.startswith("create or replace table vanilla.here ")]
    assert "get_lakehouse" not in project.requests(begin)


def test_the_profile_can_say_it_and_then_nobody_is_asked(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, lakehouse_schemas_enabled=True, workspace_name="fakelivy", schema="named")
    project.write({"models/here.sql": "{{ config(materialized='table') }} select 1 as id"})
    begin = server.journal.size
    built = project.dbt("run")
    assert built.success, built
    assert [c for c in project.executed(begin) if c.startswith("create or replace table `fakelivy`.home.named.here ")]
    assert "get_lakehouse" not in project.requests(begin)


def test_quoted_identifiers_are_quoted_everywhere(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, quote_identifiers=True, schema="quoted")
    project.write(
        {
            "models/order.sql": "{{ config(materialized='incremental') }} select 1 as id",
            "models/group.sql": "{{ config(materialized='view') }} select * from {{ ref('order') }}",
        }
    )
    assert project.dbt("build").success
    begin = server.journal.size
    built = project.dbt("build")
    assert built.success, built
    assert [code for code in project.executed(begin) if code.startswith("insert into `home`.`quoted`.`order` ")]


@pytest.mark.parametrize("fault", ["status(500)", "status(403)", "status(404)", "reset"])
@pytest.mark.usefixtures("impatient")
def test_naming_is_never_guessed_when_the_lakehouse_cannot_be_asked(
    server: FakeLivy, tmp_path: Path, fault: str
) -> None:
    project = Project(tmp_path, server, schema="guessed", threads=1)
    project.write({"models/here.sql": "{{ config(materialized='table') }} select 1 as id"})
    begin = server.journal.size
    with server.fault(f"get_lakehouse:before:{fault}"):
        failed = project.dbt("run")
    assert not failed.success
    assert "lakehouse_schemas_enabled" in failed.error
    assert project.executed(begin) == []
    assert project.requests(begin).count("delete_session") == project.requests(begin).count("create_session")


def test_one_broken_connection_does_not_change_the_naming(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="reset")
    project.write({"models/here.sql": "{{ config(materialized='table') }} select 1 as id"})
    with server.fault("get_lakehouse:before:reset@first(1)"):
        built = project.dbt("run")
    assert built.success, built
    assert project.table("home", "reset", "here")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lakehouse": "hom"}, "is called 'home', and the profile calls it 'hom'"),
        ({"schema": "dbo"}, "has no schemas, and the profile wants schema 'dbo'"),
    ],
)
def test_a_profile_that_means_another_lakehouse_is_refused(
    plain: FakeLivy, tmp_path: Path, change: dict[str, str], says: str
) -> None:
    project = Project(tmp_path, plain, **change)
    project.write({"models/here.sql": "{{ config(materialized='table') }} select 1 as id"})
    failed = project.dbt("run")
    assert not failed.success
    assert says in failed.error
