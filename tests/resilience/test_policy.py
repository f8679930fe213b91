"""The retry table has no gap, keeps its promises, and the retrying layer does what it says, cell by cell."""

from __future__ import annotations

import itertools
import logging

import pytest
from dbt.adapters.fabricspark.resilience.budget import RETRIES, Pace
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import AttemptError, Outcome
from dbt.adapters.fabricspark.resilience.policy import POLICY, Decision, Operation
from dbt.adapters.fabricspark.resilience.retry import Retrier

from tests.adapter.conftest import VirtualRuntime

CELLS = list(itertools.product(Operation, Outcome))
FINAL = {Decision.FIND, Decision.FIND_OR_SEND, Decision.FAIL}
AMBIGUOUS = {Outcome.LOST, Outcome.LATE, Outcome.GARBLED, Outcome.SERVER_ERROR}


class Rejections:
    """A source of tokens that counts the refused ones."""

    def __init__(self) -> None:
        self.generations: list[int] = []

    def rejected(self, generation: int) -> None:
        self.generations.append(generation)


class Request:
    """An attempt that ends in ``outcome`` until it has been made ``failures`` times."""

    def __init__(self, outcome: Outcome, failures: float = float("inf"), retry_after: float | None = None) -> None:
        self.outcome = outcome
        self.failures = failures
        self.retry_after = retry_after
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self.made <= self.failures:
            error = AttemptError("no")
            error.outcome, error.generation, error.retry_after = self.outcome, self.made, self.retry_after
            raise error
        return "answer"


@pytest.fixture
def tokens() -> Rejections:
    return Rejections()


@pytest.fixture
def retrier(runtime: VirtualRuntime, tokens: Rejections) -> Retrier:
    return Retrier(runtime, Pace(runtime), tokens, logging.getLogger("tests"), connect_retries=3)


@pytest.fixture
def runtime() -> VirtualRuntime:
    return VirtualRuntime()


@pytest.mark.parametrize(("operation", "outcome"), CELLS)
def test_every_cell_is_carried_out_as_it_says(
    operation: Operation, outcome: Outcome, retrier: Retrier, runtime: VirtualRuntime, tokens: Rejections
) -> None:
    rule = POLICY[operation][outcome]
    assert rule.reason
    request = Request(outcome, failures=1)
    deadline = Deadline.after(runtime, 3600)
    if rule.decision in FINAL:
        with pytest.raises(AttemptError):
            retrier.call(operation, request, deadline)
        assert request.made == 1
    elif rule.decision is Decision.DONE:
        assert retrier.call(operation, request, deadline) is None
        assert request.made == 1
    else:
        assert retrier.call(operation, request, deadline) == "answer"
        assert request.made == 2
        assert tokens.generations == ([1] if rule.decision is Decision.REFRESH else [])


@pytest.mark.parametrize(("operation", "outcome"), CELLS)
def test_nothing_goes_on_for_ever_or_spins(
    operation: Operation, outcome: Outcome, retrier: Retrier, runtime: VirtualRuntime
) -> None:
    request = Request(outcome)
    if POLICY[operation][outcome].decision is Decision.DONE:
        return
    with pytest.raises(AttemptError) as caught:
        retrier.call(operation, request, Deadline.after(runtime, 3600))
    assert runtime.elapsed <= 3600
    # Back-off: an hour of one failure costs few requests.
    assert request.made < 800
    assert caught.value.attempts == request.made


@pytest.mark.parametrize(("operation", "outcome"), CELLS)
def test_what_may_have_been_carried_out_is_never_blindly_repeated(operation: Operation, outcome: Outcome) -> None:
    decision = POLICY[operation][outcome].decision
    if operation in (Operation.CREATE, Operation.SUBMIT_READ, Operation.SUBMIT_WRITE) and outcome in AMBIGUOUS:
        assert decision in (Decision.FIND, Decision.FIND_OR_SEND)
    if operation is Operation.SUBMIT_WRITE and outcome is Outcome.LATE:
        assert decision is Decision.FIND


def test_one_threads_throttle_holds_for_all(runtime: VirtualRuntime) -> None:
    pace = Pace(runtime)
    pace.stay_away(30)
    pace.stay_away(5)  # the longer one counts
    pace.wait(Deadline.after(runtime, 100))
    assert runtime.elapsed == pytest.approx(30)
    pace.stay_away(1e6)
    pace.wait(Deadline.after(runtime, 10))
    assert runtime.elapsed == pytest.approx(40)


def test_what_a_throttle_says_to_one_request_all_others_wait_for(runtime: VirtualRuntime, retrier: Retrier) -> None:
    with pytest.raises(AttemptError):
        retrier.call(Operation.LOOK, Request(Outcome.THROTTLED, retry_after=55), Deadline.after(runtime, 10))
    retrier.call(Operation.LIST, Request(Outcome.THROTTLED, failures=0), Deadline.after(runtime, 600))
    assert runtime.elapsed >= 55


def test_after_a_throttle_requests_keep_their_distance_more_so_after_each_and_close_up_again(
    runtime: VirtualRuntime,
) -> None:
    pace = Pace(runtime)

    def distance() -> float:
        pace.wait(Deadline.after(runtime, 600))
        begin = runtime.elapsed
        pace.wait(Deadline.after(runtime, 600))
        return runtime.elapsed - begin

    found = []
    for _ in range(8):
        pace.stay_away(1)
        pace.stay_away(1)  # of requests that were under way, and says nothing new
        found.append(distance())
    assert found == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5], abs=0.01)
    for _ in range(40):
        pace.succeeded()
    assert distance() == 0


def test_what_cannot_wait_is_counted_all_the_same(runtime: VirtualRuntime) -> None:
    pace = Pace(runtime, per_minute=60)
    for _ in range(15):
        pace.wait(Deadline.after(runtime, 600), urgent=True)
    assert runtime.elapsed == 0
    pace.wait(Deadline.after(runtime, 600))
    assert runtime.elapsed == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("outcome", [Outcome.SERVER_ERROR, Outcome.THROTTLED, Outcome.CAPACITY, Outcome.REFUSED])
def test_whatever_refusal_tells_one_thread_to_stay_away_all_do(runtime: VirtualRuntime, outcome: Outcome) -> None:
    pace = Pace(runtime)
    retrier = Retrier(runtime, pace, None, logging.getLogger("tests"))
    refused = AttemptError("down for maintenance")
    refused.outcome, refused.retry_after = outcome, 20.0

    def probe() -> str:
        raise refused

    with pytest.raises(AttemptError):
        retrier.call(Operation.PROBE, probe, Deadline.after(runtime, 100))
    pace.wait(Deadline.after(runtime, 100))
    assert runtime.elapsed == pytest.approx(20)


def test_requests_keep_to_the_rate_over_all_threads(runtime: VirtualRuntime) -> None:
    pace = Pace(runtime, per_minute=150)
    moments = []
    for _ in range(1000):
        pace.wait(Deadline.after(runtime, 3600))
        moments.append(runtime.elapsed)
    assert max(sum(start <= moment < start + 60 for moment in moments) for start in moments) <= 200
    assert runtime.elapsed == pytest.approx((1000 - 37.5) / 150 * 60, rel=0.05)


def test_a_spent_budget_ends_retrying_but_not_looking(runtime: VirtualRuntime, retrier: Retrier) -> None:
    while retrier.pace.may_retry():
        pass
    request = Request(Outcome.LOST)
    with pytest.raises(AttemptError):
        retrier.call(Operation.CANCEL, request, Deadline.after(runtime, 3600))
    assert request.made == 1
    look = Request(Outcome.LOST, failures=20)
    assert retrier.call(Operation.LOOK, look, Deadline.after(runtime, 3600)) == "answer"
    assert min(runtime.sleeps) >= 29
    for _ in range(int(RETRIES) * 10):
        retrier.pace.succeeded()
    assert sum(retrier.pace.may_retry() for _ in range(1000)) == RETRIES


def test_nothing_is_sent_when_the_time_is_up(runtime: VirtualRuntime, retrier: Retrier) -> None:
    request = Request(Outcome.LOST)
    deadline = Deadline.after(runtime, 10)
    runtime.sleep(10)
    with pytest.raises(AttemptError, match="before the request could be sent"):
        retrier.call(Operation.SUBMIT_WRITE, request, deadline)
    assert request.made == 0


@pytest.mark.parametrize("outcome", [Outcome.SERVER_ERROR, Outcome.CAPACITY, Outcome.THROTTLED])
@pytest.mark.parametrize(("seconds", "waits"), [(20.0, True), (400.0, False)])
def test_nobody_comes_back_before_the_server_says_and_then_only_if_there_is_time(
    outcome: Outcome, seconds: float, waits: bool, runtime: VirtualRuntime, retrier: Retrier
) -> None:
    asking = AttemptError("no")
    asking.outcome, asking.retry_after = outcome, seconds
    answers: list[AttemptError | str] = [asking, "answer"]

    def attempt() -> str:
        answer = answers.pop(0)
        if isinstance(answer, AttemptError):
            raise answer
        return answer

    deadline = Deadline.after(runtime, 60)
    if waits:
        assert retrier.call(Operation.LOOK, attempt, deadline) == "answer"
        assert runtime.elapsed >= seconds
    else:
        with pytest.raises(AttemptError):
            retrier.call(Operation.LOOK, attempt, deadline)
        assert runtime.elapsed == pytest.approx(60)
