"""Scenario files: those that ship are sound, and whatever is misspelt is refused with what was meant."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from chaos.scenario import Scenario, ScenarioError, dump, shipped

SOUND: dict[str, Any] = {
    "title": "Something is proven here",
    "why": "Somebody once lost a night over it.",
    "faults": {"plan": "explicit", "faults": ["get_session:before:reset@first(1)"]},
}


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_is_written_back_the_same(name: str) -> None:
    scenario = shipped()[name]
    assert Scenario.of(yaml.safe_load(dump(scenario))) == scenario


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tittle": "x"}, "tittle does not exist; did you mean 'title'?"),
        ({"workload": {"thread": 3}}, "workload.thread does not exist; did you mean 'threads'?"),
        ({"workload": {"script": ["writ"]}}, "workload.script.0 is not 'writ'; expected 'write'"),
        ({"workload": {"settings": {"http_timout": 3}}}, "did you mean 'http_timeout'?"),
        ({"budget": {"strategies": ["randon"]}}, "no strategy 'randon'; did you mean 'random'?"),
        ({"faults": {"faults": []}}, "faults: say which plan: explicit, random or pairs"),
        ({"faults": {"plan": "explicit", "faults": ["get_session:before:rset"]}}, "did you mean 'reset'?"),
        ({"faults": {"plan": "randm"}}, "no plan 'randm'"),
        ({"covers": ["F49"]}, "covers.0"),
        ({"why": None}, "why"),
        ({"expect": {"slow": ["ok"]}}, "expect speaks of 'slow', which is not in the script"),
        ({"expect": {"bild": ["ok"]}}, "expect.bild is not 'bild'; expected 'write'"),
        ({"expect": {"write": []}}, "expect.write"),
        ({"says": ["TABLE_("]}, "says: 'TABLE_(' is no pattern: "),
        ({"except": {"recover": "x"}}, "except: no invariant 'recover'; did you mean 'recovers'?"),
    ],
)
def test_what_is_misspelt_is_refused_with_what_was_meant(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        Scenario.of({**SOUND, **change})
    assert message in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "title"])
def test_what_is_no_mapping_is_no_scenario(document: Any) -> None:
    with pytest.raises(ScenarioError, match="not a mapping"):
        Scenario.of(document)
