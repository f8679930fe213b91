"""REPLs of high-concurrency sessions in virtual time: the adapter's promises, and that breaking one is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from dbt.adapters.fabricspark.client import ReplClient
from dbt.adapters.fabricspark.livy.high_concurrency import HighConcurrencyApi

from chaos.client import OURS, factory
from chaos.judge import judge
from chaos.results import Verdict
from chaos.runner import run
from chaos.scenario import Scenario, ScenarioError, shipped

SCENARIOS = {name: each for name, each in shipped().items() if each.workload.high_concurrency}

CROWD = Scenario.of(
    {
        "title": "Eight threads need two Livy sessions",
        "why": "Five REPLs fill one.",
        "workload": {"dialects": ["fabric"], "high_concurrency": True, "threads": 8, "takes": 20},
        "faults": {"plan": "explicit", "faults": []},
    }
)


def broken(scenario: Scenario, seed: int = 0) -> Mapping[str, str]:
    """What a run broke, and how."""
    result = judge(run("repls", scenario, seed, factory(OURS)), OURS)
    return {each.invariant: each.detail for each in result.findings if each.verdict is not Verdict.PASS}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_adapter_keeps_its_promises_with_repls(name: str) -> None:
    assert broken(SCENARIOS[name]) == {}


def test_there_are_as_many_livy_sessions_as_the_repls_fill() -> None:
    assert broken(CROWD) == {}


def test_a_livy_session_that_outlives_its_repls_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HighConcurrencyApi, "delete_livy_sessions", lambda *_: None)
    assert "none_left" in broken(SCENARIOS["nightly/repls-share-a-session"])


def test_repls_that_are_not_packed_together_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    create, asked = HighConcurrencyApi.create_session, iter(range(1000))

    def with_a_tag_of_its_own(self: HighConcurrencyApi, body: Mapping[str, Any], deadline: Any) -> Any:
        self._tag = f"tag-{next(asked)}"
        return create(self, body, deadline)

    monkeypatch.setattr(HighConcurrencyApi, "create_session", with_a_tag_of_its_own)
    assert "one_session" in broken(CROWD)


def test_a_statement_that_is_sent_to_a_second_repl_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    execute = ReplClient.execute

    def again(self: ReplClient, sql: str) -> Any:
        execute(self, sql)
        return execute(self, sql)

    monkeypatch.setattr(ReplClient, "execute", again)
    assert "writes_at_most_once" in broken(CROWD)


def test_only_fabric_has_them() -> None:
    with pytest.raises(ScenarioError, match="only Fabric has high-concurrency sessions"):
        Scenario.of({**CROWD.document(), "workload": {"high_concurrency": True}})
