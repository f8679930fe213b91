"""A user hears of a long statement, not too often, and finds afterwards where its time went."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest
from dbt.adapters.fabricspark.livy.wire import StatementView
from dbt.adapters.fabricspark.progress import Progress, response
from dbt.adapters.fabricspark.resilience.notices import spelt

LOG = logging.getLogger("tests.progress")


@dataclass
class Seen:
    """A statement as it was looked at."""

    session_id: str | None = "7"
    id: int | None = 3
    sends: int = 1
    looks: int = 5
    view: StatementView | None = None
    submitted_at: float | None = 100.0
    running_at: float | None = None
    noticed_at: float | None = None


def words(caplog: pytest.LogCaptureFixture, until: int, view: StatementView) -> list[str]:
    now = 100.0
    progress = Progress(lambda: now, LOG)
    with caplog.at_level(logging.INFO, LOG.name):
        for now in range(100, 100 + until, 5):  # noqa: B007  # the clock reads it
            progress(Seen(view=view))
    return caplog.messages


def test_a_short_statement_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    assert words(caplog, 30, StatementView(3, "running")) == []


def test_a_long_one_is_told_of_less_and_less_often(caplog: pytest.LogCaptureFixture) -> None:
    said = words(caplog, 4000, StatementView(3, "running", progress=0.42))
    assert said[0] == "statement 3 of Livy session 7 has been running for 30 s, 42% done"
    assert [each.split(" for ")[1].split(",")[0] for each in said] == [
        "30 s", "60 s", "2 min", "4 min", "8 min", "16 min", "26 min", "36 min", "46 min", "56 min", "1 h 06 min",
    ]  # fmt: skip


def test_progress_that_the_server_does_not_know_is_not_made_up(caplog: pytest.LogCaptureFixture) -> None:
    assert words(caplog, 35, StatementView(3, "waiting")) == ["statement 3 of Livy session 7 has been waiting for 30 s"]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (3660, "1 h 01 min")])
def test_durations_are_spelt_as_people_say_them(seconds: float, text: str) -> None:
    assert spelt(seconds) == text


def test_the_time_of_a_statement_adds_up() -> None:
    view = StatementView(3, "available", started=5_000, completed=12_000)
    seen = response(Seen(view=view, running_at=102.0, noticed_at=109.5), "OK", "http://ui")
    found = seen.to_dict(omit_none=True)
    assert found == {
        "_message": "OK",
        "query_id": "7/3",
        "session_id": "7",
        "statement_id": 3,
        "queued_seconds": 2.0,
        "run_seconds": 7.0,
        "noticed_seconds": 0.5,
        "total_seconds": 9.5,
        "attempts": 1,
        "requests": 5,
        "spark_ui": "http://ui",
    }


def test_what_is_not_known_is_left_out() -> None:
    assert response(None, "OK").to_dict(omit_none=True) == {"_message": "OK"}
    short = response(Seen(view=StatementView(3, "available"), noticed_at=100.25), "OK").to_dict(omit_none=True)
    assert {"queued_seconds", "run_seconds", "noticed_seconds", "spark_ui"}.isdisjoint(short)
    assert short["total_seconds"] == 0.25


def test_a_server_whose_clock_is_wrong_gives_no_negative_times() -> None:
    view = StatementView(3, "available", started=5_000, completed=99_000)
    found = response(Seen(view=view, running_at=101.0, noticed_at=104.0), "OK")
    assert (found.queued_seconds, found.run_seconds, found.noticed_seconds) == (0.0, 4.0, 0.0)
