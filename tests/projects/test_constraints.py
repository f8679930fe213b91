"""Contracts whose constraints Delta must keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dbt.adapters.fabricspark.client import connect

from fakelivy import FakeLivy
from fakelivy.journal import Execution
from tests.functional.conftest import Dbt

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
