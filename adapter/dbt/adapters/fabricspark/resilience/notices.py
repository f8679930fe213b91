"""What a user is told while something takes its time: seldom, in one line, and in words for people."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.outcome import AttemptError, Outcome
from dbt.adapters.fabricspark.resilience.policy import Rule
from dbt.adapters.fabricspark.resilience.runtime import Runtime

FIRST_WORD = 30.0
"""Seconds after which something that still runs is told of; then every time that time has doubled."""

LONGEST_SILENCE = 600.0
"""Seconds between two words at most."""

WORTH_A_WORD = 5.0
"""Seconds that a request must have cost, the next pause included; a hiccup is nobody's business."""

QUIET = 60.0
"""Seconds between two warnings of the same kind, over all threads; it doubles, up to ``LONGEST_SILENCE``."""

_LONGEST_QUOTE = 200
"""Characters of the last failure that go into a warning; the debug log has all of it."""

WORDS: Mapping[Outcome, str] = {
    Outcome.NOT_SENT: "The server cannot be reached",
    Outcome.LOST: "The connection to the server breaks",
    Outcome.LATE: "The server does not answer in time",
    Outcome.GARBLED: "The server's answers make no sense",
    Outcome.THROTTLED: "The server is busy and lets us wait (429)",
    Outcome.CAPACITY: "The capacity has no room for another Spark job",
    Outcome.SERVER_ERROR: "The server has trouble of its own",
    Outcome.COLD: "The server is still waking up",
    Outcome.UNAUTHENTICATED: "The server refuses our token",
    Outcome.NOT_FOUND: "The server does not know of it yet",
    Outcome.NOT_READY: "The session is still starting",
    Outcome.SESSION_GONE: "The lakehouse has no sessions yet",
    Outcome.REFUSED: "The server refuses",
}


class Rhythm:
    """When to tell of something that goes on: after 30 s, 1, 2, 4, 8 minutes, then every ten."""

    def __init__(self) -> None:
        self._next = FIRST_WORD

    def is_due(self, elapsed: float) -> bool:
        """Whether it is time again, ``elapsed`` seconds after the beginning."""
        if elapsed < self._next:
            return False
        self._next = elapsed + min(elapsed, LONGEST_SILENCE)
        return True


class Notices:
    """Warnings of requests that are tried again; shared by all threads of a target.

    Args:
        runtime: clock and lock.
        logger: where.
    """

    def __init__(self, runtime: Runtime, logger: logging.Logger) -> None:
        self._monotonic: Callable[[], float] = runtime.monotonic
        self._logger = logger
        self._lock = RankedCondition(runtime, Rank.NOTICES)
        self._quiet: dict[Outcome, float] = {}
        self._due: dict[Outcome, float] = {}

    def waits(self, error: AttemptError, rule: Rule, pause: float, deadline: Deadline) -> bool:
        """A request failed and is tried again after ``pause`` seconds; whether the user was told."""
        if deadline.remaining <= pause:
            # There will be no other try: whoever waits for it is told in an error.
            return False
        if error.elapsed + pause < WORTH_A_WORD or not self._is_due(error.outcome):
            return False
        asked = f" (it asked for {spelt(error.retry_after)})" if error.retry_after else ""
        quote = str(error) if len(str(error)) <= _LONGEST_QUOTE else f"{str(error)[:_LONGEST_QUOTE]} …"
        self._logger.warning(
            "%s. Trying again in %s%s: try %s. %s",
            WORDS[error.outcome],
            spelt(pause) if pause >= 1 else "a moment",
            asked,
            _limited(error, rule, deadline),
            quote,
        )
        return True

    def over(self, seconds: float) -> None:
        """The request of which the user was told has worked."""
        self._logger.info("The server answers again, after %s", spelt(seconds))

    def _is_due(self, outcome: Outcome) -> bool:
        with self._lock:
            now = self._monotonic()
            if now < self._due.get(outcome, now):
                return False
            # After a long time without trouble of this kind it is news again.
            lately = outcome in self._due and now < self._due[outcome] + LONGEST_SILENCE
            quiet = min(LONGEST_SILENCE, self._quiet[outcome] * 2) if lately else QUIET
            self._quiet[outcome], self._due[outcome] = quiet, now + quiet
            return True


def spelt(seconds: float) -> str:
    """A duration as people say it: ``45 s``, ``12 min``, ``2 h 05 min``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _limited(error: AttemptError, rule: Rule, deadline: Deadline) -> str:
    number = error.attempts + 1
    if rule.tries is not None:
        return f"{number} of at most {max(number, rule.tries)}"
    left = deadline.remaining if rule.patience is None else min(deadline.remaining, rule.patience)
    return f"{number}, for at most {spelt(left)}"
