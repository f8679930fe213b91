"""Materialized lake views: made once, refreshed after that, replaced when their definition changes; and shortcuts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.client import connect

from fakelivy import FakeLivy
from fakelivy.journal import Request
from fakelivy.profiles import lakehouse_named
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

SOURCE = "{{ config(materialized='table') }} select 1 as id, 10 as amount union all select 2, -5"
VIEW = """{{ config(materialized='materialized_lake_view', partitioned_by=['id'], mlv_comment="it's ours",
  tblproperties={'owner': 'us'}, mlv_constraints=[
    {'name': 'positive', 'expression': 'amount > 0', 'on_mismatch': 'DROP'}]%s) }}
select id, amount%s from {{ ref('orders') }}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home", "other")) as server:
        client = connect(server.url)
        client.execute("create schema other.dbo")  # the fake's engine knows of a lakehouse once something is in it
        client.close()
        yield server


def run(project: Project) -> list[str]:
    """The statements about the view that one run sends."""
    begin = project.server.journal.size
    done = project.dbt("run")
    assert done.success, done
    return [code for code in project.executed(begin) if "lake view" in code]


def test_a_view_is_made_then_refreshed_then_replaced(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="views")
    project.write({"models/orders.sql": SOURCE, "models/paid.sql": VIEW % ("", "")})
    (made,) = run(project)
    assert made.startswith("create or replace materialized lake view home.views.paid ( constraint positive check")
    assert project.rows("select id, amount from {{ ref('paid') }}") == [(1, 10)]

    project.write({"models/orders.sql": SOURCE + " union all select 3, 7"})
    assert run(project) == ["refresh materialized lake view home.views.paid"]
    assert project.rows("select id from {{ ref('paid') }} order by id") == [(1,), (3,)]

    project.write({"models/paid.sql": VIEW % ("", ", 'new' as more")})
    (made,) = run(project)
    assert made.startswith("create or replace materialized lake view home.views.paid ")
    assert project.rows("select distinct more from {{ ref('paid') }}") == [("new",)]


def test_hooks_run_around_it_whether_it_is_made_or_refreshed(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="around")
    hook = '{"sql": "select \'%s {{ this.identifier }} %s\' as hook", "transaction": %s}'
    hooks = "".join(
        f", {when}_hook=[{hook % (when, 'inside', 'true')}, {hook % (when, 'outside', 'false')}]"
        for when in ("pre", "post")
    )
    project.write({"models/orders.sql": SOURCE, "models/paid.sql": VIEW % (hooks, "")})
    for does in ("create or replace", "refresh"):
        begin = server.journal.size
        done = project.dbt("run")
        assert done.success, done
        executed = [code for code in project.executed(begin) if "lake view" in code or code.endswith("as hook")]
        assert [code.split("'")[1] if "hook" in code else does in code for code in executed] == [
            "pre paid outside",
            "pre paid inside",
            True,
            "post paid inside",
            "post paid outside",
        ]


def test_a_changed_definition_can_be_built_beside_the_old_one(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="beside")
    options = ", mlv_allow_schema_evolution=true"
    project.write({"models/orders.sql": SOURCE, "models/paid.sql": VIEW % (options, "")})
    run(project)
    project.write({"models/paid.sql": VIEW % (options, ", 'new' as more")})
    statements = run(project)
    assert [code.split(" (")[0] for code in statements] == [
        "drop materialized lake view if exists home.beside.paid__dbt_new",
        "create or replace materialized lake view home.beside.paid__dbt_new",
        "drop materialized lake view if exists home.beside.paid",
        "alter materialized lake view home.beside.paid__dbt_new rename to home.beside.paid",
    ]
    assert project.rows("select distinct more from {{ ref('paid') }}") == [("new",)]


@pytest.mark.parametrize("kind", ["table", "incremental"])
def test_a_model_can_become_a_lake_view_and_a_table_again(kind: str, server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema=f"kinds_{kind}")
    table = f"{{{{ config(materialized='{kind}') }}}} select 1 as id"
    project.write({"models/orders.sql": SOURCE, "models/paid.sql": table})
    assert project.dbt("run").success
    project.write({"models/paid.sql": VIEW % ("", "")})
    assert project.dbt("run").success
    project.write({"models/paid.sql": table})
    done = project.dbt("run")
    assert done.success, done
    assert project.rows("select * from {{ ref('paid') }}") == [(1,)]


def test_a_refresh_by_job_is_waited_for(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="job")
    project.write({"models/orders.sql": SOURCE, "models/paid.sql": VIEW % (", mlv_on_demand=true", "")})
    run(project)
    begin = server.journal.size
    done = project.dbt("run", "--select", "paid")
    assert done.success, done
    assert done.nodes["paid"][1].startswith("REFRESHED BY JOB ")
    requests = project.requests(begin)
    assert requests.count("start_job") == 1
    assert requests.count("get_job") >= 1
    assert "cancel_job" not in requests


def test_jobs_and_schedules_are_those_of_the_lakehouse_the_view_is_in(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="elsewhere")
    places = {"job": "database='other'", "times": "database='other', workspace_name='fakelivy'"}
    how = {
        "job": "mlv_on_demand=true",
        "times": "mlv_schedule={'configuration': {'type': 'Cron', 'interval': 60,"
        " 'startDateTime': '2026-01-01T00:00:00', 'endDateTime': '2027-01-01T00:00:00'}}",
    }
    project.write({"models/orders.sql": SOURCE})
    project.write({f"models/{name}.sql": VIEW % (f", {how[name]}, {places[name]}", "") for name in how})
    run(project)
    begin = server.journal.size
    run(project)
    asked = [entry.event for entry in server.journal.entries()[begin:] if isinstance(entry.event, Request)]
    other = lakehouse_named("other").id
    there = {each.operation for each in asked if f"/items/{other}/jobs/" in each.path and each.method != "GET"}
    assert there == {"start_job", "change_schedule"}


def test_a_lakehouse_that_is_not_to_be_found_is_named(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="unseen")
    project.write(
        {"models/orders.sql": SOURCE, "models/paid.sql": VIEW % (", mlv_on_demand=true, database='other'", "")}
    )
    run(project)
    with server.fault("list_lakehouses:body:set_field(value,[])"):
        failed = project.dbt("run", "--select", "paid")
    assert "no 'other'" in failed.nodes["paid"][1]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ('get_job:body:set_field(status,"Failed")', "ended as Failed"),
        ('get_job:body:set_field(status,"Cancelled")', "ended as Cancelled"),
        ("start_job:before:status(403)", "403"),
        ('get_job:body:set_field(status,"InProgress")', "and is called off"),
    ],
)
def test_a_refresh_that_did_not_happen_is_never_a_success(
    fault: str, says: str, server: FakeLivy, tmp_path: Path
) -> None:
    project = Project(tmp_path, server, schema=tmp_path.name.lower())
    options = f", mlv_on_demand=true, mlv_timeout={3 if 'called off' in says else 600}"
    project.write({"models/orders.sql": SOURCE, "models/paid.sql": VIEW % (options, "")})
    run(project)
    begin = server.journal.size
    with server.fault(fault):
        failed = project.dbt("run", "--select", "paid")
    assert not failed.success
    assert says in failed.nodes["paid"][1]
    assert ("cancel_job" in project.requests(begin)) == ("called off" in says)


def test_a_schedule_is_made_once_and_changed_after_that(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="schedule")
    times = (
        "{'type': 'Cron', 'interval': %s, 'startDateTime': '2026-01-01T00:00:00', 'endDateTime': '2027-01-01T00:00:00'}"
    )
    for interval in (60, 30):
        options = ", mlv_schedule={'enabled': true, 'configuration': " + times % interval + "}"
        project.write({"models/orders.sql": SOURCE, "models/paid.sql": VIEW % (options, "")})
        begin = server.journal.size
        done = project.dbt("run")
        assert done.success, done
        requests = project.requests(begin)
        assert [each for each in requests if "schedule" in each] == [
            "list_schedules",
            "create_schedule" if interval == 60 else "change_schedule",
        ]
        assert "refresh materialized lake view home.schedule.paid" not in project.executed(begin)


def test_a_lake_view_needs_fabric(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, "livy", schema="vanilla")
    project.write({"models/orders.sql": SOURCE, "models/paid.sql": VIEW % ("", "")})
    failed = project.dbt("run")
    assert "Apache Livy has none" in failed.nodes["paid"][1]


SHORTCUT = {
    "path": "Tables/dbo",
    "shortcut_name": "orders",
    "source_workspace_id": "01234567-89ab-cdef-0123-456789abcdef",
    "source_item_id": "11234567-89ab-cdef-0123-456789abcdef",
    "source_path": "Tables/sales/orders",
}


def test_shortcuts_are_made_by_an_operation_and_only_if_something_is_different(
    server: FakeLivy, tmp_path: Path
) -> None:
    project = Project(tmp_path, server, schema="shortcuts")
    for path, posts in [("Tables/sales/orders", 1), ("Tables/sales/orders", 0), ("Tables/sales/more", 1)]:
        begin = server.journal.size
        arguments = json.dumps({"shortcuts": [{**SHORTCUT, "source_path": path}]})
        done = project.dbt("run-operation", "create_shortcuts", "--args", arguments)
        assert done.success, done
        assert project.requests(begin).count("create_shortcut") == posts


def test_shortcuts_of_the_profile_are_there_before_anything_runs(server: FakeLivy, tmp_path: Path) -> None:
    text = json.dumps({"shortcuts": [{**SHORTCUT, "shortcut_name": "early", "target": "onelake"}]})
    project = Project(tmp_path, server, schema="early", create_shortcuts=True, shortcuts_json_str=text)
    project.write({"models/orders.sql": SOURCE})
    begin = server.journal.size
    with server.fault("create_shortcut:after_commit:reset@first(1)"):
        done = project.dbt("run")
    assert done.success, done
    requests = project.requests(begin)
    assert requests.index("create_shortcut") < requests.index("submit_statement")
