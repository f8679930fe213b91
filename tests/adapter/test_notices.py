"""What a user is told of waiting: one line for people, once in a while, and nothing of hiccups."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.notices import LONGEST_SILENCE, WORDS, Rhythm
from dbt.adapters.fabricspark.resilience.outcome import AttemptError, NotSent, Outcome
from dbt.adapters.fabricspark.resilience.policy import Operation
from dbt.adapters.fabricspark.resilience.retry import Retrier

from tests.adapter.conftest import VirtualRuntime


class Refused(AttemptError):
    def __init__(self, outcome: Outcome, retry_after: float | None = None) -> None:
        super().__init__("GET http://livy/sessions/0 answered 4xx: words")
        self.outcome, self.retry_after = outcome, retry_after


Lines = Callable[[int], list[str]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.DEBUG)
    return lambda level: [record.getMessage() for record in caplog.records if record.levelno == level]


@pytest.fixture
def retrier(runtime: VirtualRuntime, logger: logging.Logger) -> Retrier:
    return Retrier(runtime, Pace(runtime), None, logger, connect_retries=3)


def after(runtime: VirtualRuntime, error: AttemptError, seconds: float) -> Callable[[], str]:
    """An attempt that fails for so many seconds."""
    end = runtime.monotonic() + seconds

    def attempt() -> str:
        if runtime.monotonic() < end:
            raise error
        return "done"

    return attempt


def test_a_throttle_is_told_in_one_line_and_so_is_its_end(
    retrier: Retrier, runtime: VirtualRuntime, lines: Lines
) -> None:
    attempt = after(runtime, Refused(Outcome.THROTTLED, 12), 20)
    assert retrier.call(Operation.LOOK, attempt, Deadline.after(runtime, 600)) == "done"
    assert lines(logging.WARNING) == [
        "The server is busy and lets us wait (429). Trying again in 12 s (it asked for 12 s): try 2, for at most "
        "10 min. GET http://livy/sessions/0 answered 4xx: words"
    ]
    assert lines(logging.INFO) == ["The server answers again, after 26 s"]
    assert len(lines(logging.DEBUG)) == 2


def test_a_hiccup_is_not_told(retrier: Retrier, runtime: VirtualRuntime, lines: Lines) -> None:
    attempt = after(runtime, Refused(Outcome.SERVER_ERROR), 1)
    assert retrier.call(Operation.LOOK, attempt, Deadline.after(runtime, 600)) == "done"
    assert lines(logging.WARNING) == lines(logging.INFO) == []
    assert lines(logging.DEBUG)


def test_a_limit_in_tries_is_told_as_such(retrier: Retrier, runtime: VirtualRuntime, lines: Lines) -> None:
    def unreachable() -> str:
        runtime.sleep(10)
        raise NotSent("POST http://livy/sessions: no connection")

    with pytest.raises(NotSent):
        retrier.call(Operation.CREATE, unreachable, Deadline.after(runtime, 600))
    assert [line.partition("POST")[0] for line in lines(logging.WARNING)] == [
        "The server cannot be reached. Trying again in a moment: try 2 of at most 4. "
    ]


def test_an_hour_of_trouble_is_a_few_lines_over_all_threads(
    retrier: Retrier, runtime: VirtualRuntime, lines: Lines
) -> None:
    for _ in range(16):  # one after the other: what counts is that they share the notices
        attempt = after(runtime, Refused(Outcome.THROTTLED, 5), 225)
        retrier.call(Operation.LOOK, attempt, Deadline.after(runtime, 4000))
    assert 3600 <= runtime.elapsed < 4200
    assert len(lines(logging.WARNING)) <= 9
    assert len(lines(logging.INFO)) <= len(lines(logging.WARNING))
    assert len(lines(logging.DEBUG)) > 200


def test_trouble_after_a_long_peace_is_news_again(retrier: Retrier, runtime: VirtualRuntime, lines: Lines) -> None:
    for _ in range(3):
        attempt = after(runtime, Refused(Outcome.CAPACITY, 10), 5)
        retrier.call(Operation.LOOK, attempt, Deadline.after(runtime, 600))
        runtime.sleep(3 * LONGEST_SILENCE)
    assert len(lines(logging.WARNING)) == 3


def test_every_outcome_has_words() -> None:
    assert set(WORDS) == set(Outcome)


def test_what_goes_on_is_told_of_less_and_less() -> None:
    rhythm = Rhythm()
    assert [second for second in range(4000) if rhythm.is_due(second)] == [30, 60, 120, 240, 480, 960, 1560, 2160, 2760,
                                                                           3360, 3960]  # fmt: skip
