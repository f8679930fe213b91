"""What runs cost: statements, and requests beside the looks at them, counted by the server's journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from tests.projects.costs import COMMANDS, Cost
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")


MODELS = {
    "table": "{{ config(materialized='table') }} select 1 as id",
    "view": "{{ config(materialized='view') }} select 1 as id",
    "merge": "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }} select 1 as id",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home",)) as server:
        yield server


def spent(project: Project, *args: str) -> Cost:
    begin = project.server.journal.size
    done = project.dbt(*args)
    assert done.success, done
    requests = Counter(project.requests(begin))
    sent = requests.pop("submit_statement", 0)
    requests.pop("get_statement", None)
    return Cost(sent, requests.total())


@pytest.mark.parametrize("kind", MODELS)
def test_a_run_of_one_model_costs_no_more_than_this(kind: str, server: FakeLivy, tmp_path: Path) -> None:
    project = Project(
        tmp_path, server, schema=f"cost_{kind}", reuse_session=True, session_id_file=str(tmp_path / "sessions.txt")
    )
    project.write({"models/one.sql": MODELS[kind]})
    assert project.dbt("run").success
    cost = spent(project, "run")
    assert cost.statements <= COMMANDS[kind].bound.statements
    assert cost.others <= COMMANDS[kind].bound.others


def test_the_catalog_of_a_hundred_models_costs_what_one_costs(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(
        tmp_path, server, schema="hundred", reuse_session=True, session_id_file=str(tmp_path / "sessions.txt")
    )
    project.write({"models/one.sql": MODELS["view"]})
    assert project.dbt("run").success
    project.write({f"models/m{n}.sql": MODELS["view"] for n in range(99)})
    cost = spent(project, "docs", "generate", "--no-compile")
    assert cost.statements <= COMMANDS["catalog"].bound.statements
    assert cost.others <= COMMANDS["catalog"].bound.others
