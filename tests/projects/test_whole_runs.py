"""What a whole build costs: a statement for each model, whatever the number of threads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import Rule, ScriptedEngine
from tests.bench.projects import Wide
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

MODELS = 20
LISTINGS = 2
"""Of the schemas, and of the relations in the one there is."""


@pytest.mark.parametrize("threads", [1, 16])
@pytest.mark.parametrize("high_concurrency", [False, True])
def test_a_build_costs_a_statement_for_each_model(threads: int, high_concurrency: bool, tmp_path: Path) -> None:
    wide, clock = Wide(MODELS), SystemClock()
    at_once = [Rule(rule.match, rule.answer) for rule in wide.rules()]
    with FakeLivy(engine=ScriptedEngine(clock, at_once), clock=clock) as server:
        project = Project(tmp_path, server, threads=threads, high_concurrency=high_concurrency)
        wide.write(tmp_path)
        done = project.dbt("build")
        assert done.success, done
        requests = Counter(project.requests())
        assert len(project.executed()) == MODELS + LISTINGS
        kind = "repl_statement" if high_concurrency else "statement"
        assert requests.pop(f"submit_{kind}") == MODELS + LISTINGS
        del requests[f"get_{kind}"]  # how many looks there are is a matter of time
        # Sessions and REPLs: asked for, looked at, returned. Not one request that grows with the models.
        assert requests.total() <= (6 + 6 * threads if high_concurrency else 6), requests
