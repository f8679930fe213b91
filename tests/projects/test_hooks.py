"""Hooks of every materialization run, also those that are to run outside of a transaction."""

from __future__ import annotations

import pytest
import yaml

from tests.projects.project import HEAD, Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

KINDS = {
    "models/a_table.sql": "{{ config(materialized='table') }} select 1 as id",
    "models/a_view.sql": "{{ config(materialized='view') }} select 1 as id",
    "models/an_incremental.sql": "{{ config(materialized='incremental') }} select 1 as id",
    "seeds/a_seed.csv": "id\n1\n",
    "snapshots/a_snapshot.yml": "snapshots: [{name: a_snapshot, relation: ref('a_table'), "
    "config: {strategy: check, check_cols: all, unique_key: id}}]",
}


@pytest.mark.timeout(300)
def test_hooks_outside_of_a_transaction_run_around_the_others(project: Project) -> None:

    def hooks(when: str) -> list[dict[str, object]]:
        said = "select '" + when + " {{ this.identifier }} %s' as hook"
        return [{"sql": said % "inside"}, {"sql": said % "outside", "transaction": False}]

    config = {"+pre-hook": hooks("before"), "+post-hook": hooks("after")}
    kinds = {kind: {"small": config} for kind in ("models", "seeds", "snapshots")}
    project.write({"dbt_project.yml": yaml.safe_dump({**yaml.safe_load(HEAD), **kinds}), **KINDS})
    for _ in range(2):  # the second finds the relations there
        begin = len(project.server.journal.entries())
        done = project.dbt("build")
        assert done.success, done
        executed = project.executed(begin)
        assert not [code for code in executed if code.startswith("commit")]
        for name in ("a_table", "a_view", "an_incremental", "a_seed", "a_snapshot"):
            said = [code.split("'")[1] for code in executed if code.endswith("as hook") and f" {name} " in code]
            assert said == [
                f"before {name} outside",
                f"before {name} inside",
                f"after {name} inside",
                f"after {name} outside",
            ]
