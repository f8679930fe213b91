"""What is remembered of how long statements took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.timings import MOST, Timings
from filelock import FileLock

from tests.adapter.conftest import VirtualRuntime


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "timings.json"


def after(path: Path, *runs: dict[str, float]) -> Timings:
    for run in runs:
        timings = Timings(path, VirtualRuntime())
        for key, seconds in run.items():
            timings.took(key, seconds)
        timings.save()
    return Timings(path, VirtualRuntime())


def test_a_statement_is_expected_to_take_what_it_took_last_time(path: Path) -> None:
    timings = after(path, {"model.a#1": 10.0}, {"model.a#1": 12.5})
    assert timings.expected("model.a#1") == 12.5
    assert timings.expected("model.b#1") is None


def test_durations_that_do_not_agree_are_no_expectation_until_two_do(path: Path) -> None:
    assert after(path, {"a": 10.0}, {"a": 100.0}).expected("a") is None
    assert after(path, {"a": 90.0}).expected("a") == 90.0


def test_what_another_run_wrote_meanwhile_stays(path: Path) -> None:
    one, two = Timings(path, VirtualRuntime()), Timings(path, VirtualRuntime())
    one.took("a", 1.0)
    two.took("b", 2.0)
    one.save()
    two.save()
    both = Timings(path, VirtualRuntime())
    assert (both.expected("a"), both.expected("b")) == (1.0, 2.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": "1"}', '{"a": [true]}', '{"a": [-1]}', '{"a": []}', '{"a": 5}'])
def test_a_file_of_any_other_kind_counts_as_none(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    assert Timings(path, VirtualRuntime()).expected("a") is None
    assert after(path, {"a": 3.0}).expected("a") == 3.0


def test_a_place_that_cannot_be_written_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert after(tmp_path / "file" / "timings.json", {"a": 1.0}).expected("a") is None


def test_a_lock_that_is_held_for_ever_does_not_stop_a_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbt.adapters.fabricspark.timings.LOCK_PATIENCE", 0.0)
    path.parent.mkdir()
    with FileLock(f"{path}.lock"):
        assert after(path, {"a": 1.0}).expected("a") is None


def test_the_file_does_not_grow_for_ever(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({f"old{number}": [1.0] for number in range(MOST)}))
    timings = after(path, {"new": 2.0})
    assert timings.expected("new") == 2.0
    assert timings.expected("old0") is None
    assert timings.expected("old1") == 1.0


def test_no_file_no_memory() -> None:
    timings = Timings(None, VirtualRuntime())
    timings.took("a", 1.0)
    timings.save()
    assert timings.expected("a") is None
