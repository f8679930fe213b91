"""Which outcome a refusal is: by its status, and where that does not tell, by the server's words."""

from __future__ import annotations

import json

import pytest
from dbt.adapters.fabricspark.livy.errors import SessionGone
from dbt.adapters.fabricspark.livy.refusals import refusal
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import Outcome
from dbt.adapters.fabricspark.resilience.transport import Reply

from tests.adapter.conftest import VirtualRuntime

CASES = [
    (401, "no", Outcome.UNAUTHENTICATED),
    (403, "no", Outcome.REFUSED),
    (403, "TokenExpired", Outcome.UNAUTHENTICATED),
    (403, "the token has expired", Outcome.UNAUTHENTICATED),
    (404, "no such thing", Outcome.NOT_FOUND),
    (404, "Session '7' not found.", Outcome.SESSION_GONE),
    (400, "requirement failed: Session isn't active.", Outcome.SESSION_GONE),
    (400, "Session 7 is already stopped", Outcome.SESSION_GONE),
    (500, "Session is in state dead", Outcome.SESSION_GONE),
    (500, "Session is in state starting", Outcome.NOT_READY),
    (400, "Session is in state recovering", Outcome.NOT_READY),
    (400, "Rejected, too many sessions are being created!", Outcome.CAPACITY),
    (400, "no", Outcome.REFUSED),
    (408, "no", Outcome.LATE),
    (429, "no", Outcome.THROTTLED),
    (430, "no", Outcome.CAPACITY),
    (500, "no", Outcome.SERVER_ERROR),
    (501, "no", Outcome.REFUSED),
    (502, "no", Outcome.LOST),
    (503, "no", Outcome.SERVER_ERROR),
    (503, "TooManyRequestsForCapacity", Outcome.CAPACITY),
    (504, "no", Outcome.LATE),
    (302, "sign in", Outcome.REFUSED),
]


@pytest.mark.parametrize(("status", "words", "outcome"), CASES)
def test_a_refusal_is_known_by_its_status_and_words(status: int, words: str, outcome: Outcome) -> None:
    reply = Reply(status, {"Content-Type": "application/json"}, json.dumps({"msg": words}).encode())
    error = refusal(reply, "GET /x", Deadline.after(VirtualRuntime(), 10))
    assert (error.outcome, error.status) == (outcome, status)
    assert isinstance(error, SessionGone) == (outcome is Outcome.SESSION_GONE)
    assert words in str(error)


@pytest.mark.parametrize(("kind", "outcome"), [("text/html", Outcome.COLD), ("application/json", Outcome.REFUSED)])
def test_only_a_web_page_is_a_gateway_that_is_waking_up(kind: str, outcome: Outcome) -> None:
    error = refusal(Reply(415, {"Content-Type": kind}, b"{}"), "GET /x", Deadline.after(VirtualRuntime(), 10))
    assert error.outcome is outcome
