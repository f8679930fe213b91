"""``method: session``: a whole project in the Spark session of this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.cli.main import dbtRunner
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

from fakelivy.engine.python.real import befriend
from tests.projects.project import HEAD

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

SCHEMA = "in_this_process"

EVERYWHERE = {
    "seeds/raw.csv": "id,amount,at\n1,10.50,2024-01-01 00:00:00\n2,,2024-01-02 00:00:00\n",
    "models/built.sql": "{{ config(materialized='table') }} select * from {{ ref('raw') }}",
    "models/seen.sql": "select *, amount * 2 as twice from {{ ref('built') }}",
    "models/tests.yml": "models: [{name: built, columns: [{name: id, data_tests: [unique, not_null]}]}]",
}

WITH_DELTA = {
    "models/merged.sql": "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }} "
    "select * from {{ ref('built') }}",
    "models/python.py": "def model(dbt, session):\n    return dbt.ref('built').filter('id > 1')\n",
    "snapshots/history.sql": "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols='all') }} "
    "select * from {{ ref('raw') }}{% endsnapshot %}",
}
"""What the embedded engine does only behind fakelivy, which keeps its catalog."""


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    given = request.config.getoption("--spark-url")
    if given:
        yield given
        return
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    yield f"sc://{host}:{port}"
    server.stop()


@pytest.fixture
def spark(url: str) -> Iterator[SparkSession]:
    """The session that this process has before dbt comes, as a notebook has one."""
    with pytest.MonkeyPatch.context() as patch:
        # PySpark takes a main module without a file, which a worker of xdist has, for its own doctests.
        patch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
        session = SparkSession.builder.remote(url).getOrCreate()
    befriend(session.client)  # a notebook's client is as old as its Spark; ours may be newer
    yield session
    session.sql(f"drop schema if exists {SCHEMA} cascade")
    session.stop()


def test_a_project_runs_twice_in_the_session_that_is_there(
    spark: SparkSession, url: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the embedded engine puts tables that nobody gave a place
    target = {"type": "fabricspark", "method": "session", "schema": SCHEMA, "threads": 4}
    # Only Spark Connect has to be told where the session is that is there.
    target["spark_config"] = {"conf": {"spark.remote": url}}
    profile = {"fakelivy": {"target": "here", "outputs": {"here": target}}}
    files = {**EVERYWHERE, **(WITH_DELTA if request.config.getoption("--spark-url") else {})}
    for name, content in {"dbt_project.yml": HEAD, "profiles.yml": yaml.safe_dump(profile), **files}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def dbt(*args: str) -> Any:
        where = ["--project-dir", str(tmp_path), "--profiles-dir", str(tmp_path)]
        done = dbtRunner().invoke([*args, *where, "--log-level-file", "none"])
        assert done.success, done
        return done.result

    built = [dbt("build"), dbt("build")]
    assert [len(each.results) for each in built] == [len(files) + 1] * 2
    shown = dbt("show", "--inline", "select id, twice from {{ ref('seen') }} order by id")
    rows = [tuple(row.values()) for row in shown.results[0].agate_table.rows]
    assert [(int(i), None if twice is None else float(twice)) for i, twice in rows] == [(1, 21.0), (2, None)]
    assert spark.sql("select 1").collect()[0][0] == 1, "the session stays"
