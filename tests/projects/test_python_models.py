"""Python models: run in the session, written as a whole, and failed in Python's own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from fakelivy.journal import Execution
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

SQL_MODEL = "{{ config(materialized='table') }} select 1 as id, 'a' as v union all select 2, 'b'"
DOUBLED = """
import json


def model(dbt, session):
    dbt.config(materialized="table", partition_by=["kind"], packages=["pyspark"])
    rows = dbt.ref("numbers").collect()
    kind = dbt.config.get("kind")
    made = [(row["id"] * 2, json.dumps("it's"), kind) for row in rows]
    return session.createDataFrame(made, "id int, v string, kind string")
"""
GROWING = """
def model(dbt, session):
    dbt.config(materialized="incremental", incremental_strategy="merge", unique_key="id")
    first = 10 if dbt.is_incremental else 0
    return session.createDataFrame([(first + n, str(dbt.this)) for n in (1, 2)], "id int, seen string")
"""
FAILING = """
def helper(number):
    return number / 0


def model(dbt, session):
    dbt.config(materialized="table")
    return helper(1)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home",)) as server:
        yield server


@pytest.mark.parametrize("target", ["livy", "fabric"])
def test_python_and_sql_models_build_on_each_other(target: str, server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, target, schema=f"python_{target}")
    project.write(
        {
            "models/numbers.sql": SQL_MODEL,
            "models/doubled.py": DOUBLED,
            "models/doubled.yml": "models: [{name: doubled, config: {kind: even}}]",
            "models/after.sql": "select sum(id) as total, min(kind) as kind, min(v) as v from {{ ref('doubled') }}",
            "models/growing.py": GROWING,
        }
    )
    for _ in range(2):
        built = project.dbt("run")
        assert built.success, built
    assert project.rows("select * from {{ ref('after') }}") == [(6, "even", '"it\'s"')]
    assert [row[0] for row in project.rows("select id from {{ ref('growing') }} order by id")] == [1, 2, 11, 12]
    kinds = [entry.event.kind for entry in server.journal.entries() if isinstance(entry.event, Execution)]
    assert kinds.count("pyspark") >= 4
    assert not project.table("home", f"python_{target}", "growing__dbt_tmp")


def test_a_table_of_python_has_its_properties_and_what_it_cannot_have_is_said(
    server: FakeLivy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(tmp_path, server, schema="owned")
    config = "tblproperties={'owner.name': \"it's us\"}, location_root='/nowhere'"
    project.write(
        {"models/owned.py": f"def model(dbt, session):\n    dbt.config({config})\n    return session.range(3)\n"}
    )
    done = project.dbt("run")
    assert done.success, done
    assert "location_root of owned is left out" in capsys.readouterr().out
    properties = dict(project.rows("show tblproperties {{ ref('owned') }}"))
    assert properties["owner.name"] == "it's us"


def test_an_error_shows_the_python_traceback_and_leaves_the_old_table(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="failing")
    project.write({"models/total.sql": SQL_MODEL})
    assert project.dbt("run").success
    (tmp_path / "models/total.sql").unlink()
    project.write({"models/total.py": FAILING})
    failed = project.dbt("run")
    assert not failed.success
    message = failed.nodes["total"][1]
    assert "ZeroDivisionError: division by zero" in message
    assert "line 5, in helper" in message
    assert message.count("ZeroDivisionError") == 1
    assert project.rows("select count(*) as n from failing.total") == [(2,)]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('packages=["pyspark", "no-such-package==1.0"]', "the session has no no-such-package==1.0"),
        ('submission_method="job_cluster"', "submission_method 'job_cluster' is not there"),
    ],
)
def test_what_the_session_does_not_have_is_named(config: str, says: str, server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="lacking")
    project.write(
        {"models/lacking.py": f"def model(dbt, session):\n    dbt.config({config})\n    return session.range(3)\n"}
    )
    failed = project.dbt("run")
    assert not failed.success
    assert says in failed.nodes["lacking"][1]


def test_a_lost_reply_is_found_by_its_mark_and_the_model_runs_once(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="lost")
    project.write({"models/once.py": "def model(dbt, session):\n    return session.range(3)\n"})
    begin = server.journal.size
    with server.fault('submit_statement[contains="def model"]:after_commit:reset@first(1)'):
        built = project.dbt("run")
    assert built.success, built
    executed = [e.event for e in server.journal.entries()[begin:] if isinstance(e.event, Execution)]
    assert [event.kind for event in executed].count("pyspark") == 1
