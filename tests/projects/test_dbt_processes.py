"""The adapter under faults as people run it: real dbt processes on real sockets, and a bad line over TLS.

``make chaos`` runs all scenarios of both tiers.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chaos.processes.model import Scenario, shipped
from chaos.processes.outcome import outcome
from chaos.processes.target import Target
from chaos.results import Verdict
from chaos.toxics import HOW_TO_GET, find_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all workers: the run without faults is slow."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return shared / "chaos-cache"


# Signals have tests of their own, and processes that run at once too.
HERE = [each for each in shipped("smoke") if each.name in ("reply_to_an_append_is_lost", "tls_slices_and_latency")]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", HERE, ids=lambda scenario: scenario.name)
def test_every_invariant_holds(scenario: Scenario, cache: Path) -> None:
    toxiproxy = find_server(folder=ROOT)
    if scenario.proxied and toxiproxy is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(HOW_TO_GET)
    result = outcome(scenario, Target.ours(), 1, cache, toxiproxy)
    red = [f"{each.invariant}: {each.detail}" for each in result.findings if each.verdict is not Verdict.PASS]
    assert result.verdict is Verdict.PASS, "\n".join([*red, result.output])
