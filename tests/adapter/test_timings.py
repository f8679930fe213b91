"""What is remembered of how long statements took."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.timings import MOST, Timings, timing_key

from tests.adapter.conftest import VirtualRuntime

LOG = logging.getLogger("tests.timings")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "timings.json"


def after(path: Path, *runs: dict[str, float]) -> Timings:
    for run in runs:
        timings = Timings(path, VirtualRuntime(), LOG)
        for key, seconds in run.items():
            timings.took(key, seconds)
        timings.save()
    return Timings(path, VirtualRuntime(), LOG)


def test_a_statement_is_expected_to_take_what_it_took_last_time(path: Path) -> None:
    timings = after(path, {"model.a#1": 10.0}, {"model.a#1": 12.5})
    assert timings.expected("model.a#1") == 12.5
    assert timings.expected("model.b#1") is None


def test_durations_that_do_not_agree_are_no_expectation_until_two_do(path: Path) -> None:
    assert after(path, {"a": 10.0}, {"a": 100.0}).expected("a") is None
    assert after(path, {"a": 90.0}).expected("a") == 90.0


def test_what_another_run_wrote_meanwhile_stays(path: Path) -> None:
    one, two = Timings(path, VirtualRuntime(), LOG), Timings(path, VirtualRuntime(), LOG)
    one.took("a", 1.0)
    two.took("b", 2.0)
    one.save()
    two.save()
    both = Timings(path, VirtualRuntime(), LOG)
    assert (both.expected("a"), both.expected("b")) == (1.0, 2.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": "1"}', '{"a": [true]}', '{"a": [-1]}', '{"a": []}', '{"a": 5}'])
def test_a_file_of_any_other_kind_counts_as_none(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    assert Timings(path, VirtualRuntime(), LOG).expected("a") is None
    assert after(path, {"a": 3.0}).expected("a") == 3.0


def test_a_place_that_cannot_be_written_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert after(tmp_path / "file" / "timings.json", {"a": 1.0}).expected("a") is None


def test_runs_that_write_at_once_never_leave_half_a_file(path: Path) -> None:
    path.parent.mkdir()

    def write(run: int) -> None:
        for _ in range(20):
            after(path, {f"{run}.{number}": 1.0 for number in range(100)})

    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(write, run) for run in range(4)]
        while not all(each.done() for each in written):
            if path.exists():
                assert len(json.loads(path.read_text(encoding="utf-8"))) >= 100
    assert [each.result() for each in written] == [None] * 4
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["{", '{"a": "1"}', "[" * 100_000])
def test_a_damaged_file_is_told_of_quietly(path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with caplog.at_level(logging.DEBUG):
        Timings(path, VirtualRuntime(), LOG)
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert str(path) in caplog.text


@pytest.mark.parametrize(
    "sql",
    [
        "create or replace table s.t using delta as\nselect 1 where day = '2026-01-02'",
        '/* {"app": "dbt"} */\n-- a note\n  CREATE or replace table s.t using delta as select 2',
    ],
)
def test_a_statement_is_known_again_by_how_it_begins(sql: str) -> None:
    key = timing_key("model.a", "create or replace table s.t using delta as select 1")
    assert timing_key("model.a", sql) == key
    assert timing_key("model.b", sql) != key
    assert timing_key("model.a", sql.replace("s.t", "s.u")) != key


def test_half_a_character_may_be_in_a_statement() -> None:
    assert timing_key("", "select '\ud83d'") != timing_key("", "select '\ud83e'")


def test_no_sql_is_in_the_file(path: Path) -> None:
    after(path, {timing_key("model.a", "set fs.key = sesame"): 1.0})
    assert "sesame" not in path.read_text(encoding="utf-8")


def test_the_file_does_not_grow_for_ever(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({f"old{number}": [1.0] for number in range(MOST)}))
    timings = after(path, {"new": 2.0})
    assert timings.expected("new") == 2.0
    assert timings.expected("old0") is None
    assert timings.expected("old1") == 1.0


def test_no_file_no_memory() -> None:
    timings = Timings(None, VirtualRuntime(), LOG)
    timings.took("a", 1.0)
    timings.save()
    assert timings.expected("a") is None
