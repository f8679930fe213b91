"""Contracts whose constraints Delta must keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.client import connect

from fakelivy import FakeLivy
from fakelivy.journal import Execution
from tests.engines import engine_options
from tests.functional.conftest import Dbt
from tests.projects.project import Project

MODEL = "{{ config(materialized='table') }} select cast({{ var('id', 1) }} as int) as id, 'x' as name"
CONTRACT = """
models:
  - name: kept
    config: {contract: {enforced: true}}
    columns:
      - {name: id, data_type: int, constraints: [{type: not_null}]}
      - {name: name, data_type: string}
"""


def test_rows_that_break_a_contract_leave_the_old_table_as_it_was(
    make_dbt: Callable[[Mapping[str, str]], Dbt], fakelivy_server: FakeLivy
) -> None:
    dbt = make_dbt({"models/kept.sql": MODEL, "models/kept.yml": CONTRACT})
    before = len(fakelivy_server.journal.entries())
    assert "PASS=1" in dbt.run("run").stdout
    events = [entry.event for entry in fakelivy_server.journal.entries()[before:]]
    sent = [event.code for event in events if isinstance(event, Execution) and "alter table" in event.code]
    assert len(sent) == 1, "Delta is told of the constraint, in the one way it can be"
    assert "check (id is not null)" in sent[0]
    failed = dbt.run("run", "--vars", "{id: 'null'}")
    assert failed.returncode == 1
    assert "Constraint not_null_id of kept is broken: id is not null" in failed.stdout, failed.stdout
    client = connect(fakelivy_server.url)
    assert client.execute(f"select id from {dbt.folder.name.lower()}.kept") == ((1,),)
    client.close()


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(**engine_options(request, tmp_path_factory), lakehouses=("home",)) as server:
        yield server


@pytest.mark.filterwarnings("ignore")  # dbt's own modules warn
@pytest.mark.timeout(300)
def test_rows_that_do_not_come_out_of_a_join_break_no_contract(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="joined")
    named = "{{ config(materialized='table') }} select * from values (1, 'x'), (2, null) as named(id, name)"
    project.write(
        {
            "models/some.sql": "{{ config(materialized='table') }} select 1 as id",
            "models/named.sql": named,
            "models/kept.sql": "{{ config(materialized='table') }} select cast(id as int) as id, name "
            "from {{ ref('some') }} join {{ ref('named') }} using (id)",
            "models/kept.yml": CONTRACT.replace(
                "data_type: string}", "data_type: string, constraints: [{type: not_null}]}"
            ),
        }
    )
    done = project.dbt("run")
    assert done.success, done
    # Spark 3.5 would move a condition below the join; the embedded engine does, but need not look at that row.
    (made,) = [code for code in project.executed() if "raise_error" in code and "joined.kept" in code]
    assert " where " not in made
