"""The one place where a request is tried again, by the table in ``policy.py``."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from dbt.adapters.fabricspark.resilience.backoff import LONGEST_RETRY, retry_pause
from dbt.adapters.fabricspark.resilience.budget import Pace, Worth
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import Halted, left
from dbt.adapters.fabricspark.resilience.notices import Notices
from dbt.adapters.fabricspark.resilience.outcome import AttemptError, NotSent, Outcome
from dbt.adapters.fabricspark.resilience.policy import POLICY, Decision, Operation, Rule
from dbt.adapters.fabricspark.resilience.runtime import Runtime

T = TypeVar("T")

_URGENT = frozenset({Operation.CANCEL})
_AGAIN = frozenset({Decision.AGAIN, Decision.LATER, Decision.REFRESH})


class Tokens(Protocol):
    """What retrying needs of a source of tokens."""

    def rejected(self, generation: int) -> None:
        """The server refused a token of that generation: the next one handed out is newer."""


class Retrier:
    """Tries requests of one target.

    Args:
        runtime: clock and chance.
        pace: shared by all threads of the target.
        tokens: told of refused tokens; ``None`` for a server without authentication.
        logger: where every retry is told, and in plain words those that the user should know of.
        connect_retries: how often asking for a session is tried again when the server cannot be reached.
        connect_timeout: longest pause between two such tries, in seconds.
    """

    def __init__(
        self,
        runtime: Runtime,
        pace: Pace,
        tokens: Tokens | None,
        logger: logging.Logger,
        connect_retries: int = 3,
        connect_timeout: float = 10.0,
    ) -> None:
        self.runtime = runtime
        self.pace = pace
        self._tokens = tokens
        self._logger = logger
        self._notices = Notices(runtime, logger)
        self._connect_retries = connect_retries
        self._connect_timeout = connect_timeout

    def call(
        self,
        operation: Operation,
        attempt: Callable[[], T],
        deadline: Deadline,
        *,
        gone: T | None = None,
        worth: Worth | None = None,
        patient: bool = True,
    ) -> T:
        """The answer to a request, tried as often as the table says.

        Args:
            operation: the class of the request.
            attempt: sends it once; raises ``AttemptError`` if no usable answer came.
            deadline: of the whole operation.
            gone: the answer where the table says that nothing is left to do.
            worth: see ``Pace.wait``.
            patient: whether to wait until the deadline for a throttle that outlasts it; there is hope while somebody
                may look again after it.

        Raises:
            AttemptError: the last attempt's, with the number of attempts; also when the table wants the caller to look
                for what was lost. Its type says which: ``decision`` below repeats the table's word.
        """
        run = _Run(operation, deadline)
        error: AttemptError | None = None
        while not deadline.expired or error is None:
            if not patient and self._is_shut_out(deadline):
                break
            urgent = operation in _URGENT or self._is_last_chance(operation, deadline)
            with self._cut_short(operation):
                self.pace.wait(deadline, urgent=urgent, worth=worth)
            if deadline.expired:
                break
            try:
                answer = attempt()
            except AttemptError as caught:
                error = run.ended(caught)
                self._heed(error, run)
            else:
                self.pace.succeeded()
                if run.told:
                    self._notices.over(run.elapsed)
                return answer
            rule = self._rule(operation, error)
            if rule.decision is Decision.DONE:
                return gone  # type: ignore[return-value]  # callers of such operations want no answer
            if rule.decision not in _AGAIN or run.is_final(rule, error):
                raise error
            if not patient and self._is_shut_out(deadline):
                raise error
            with self._cut_short(operation):
                self._prepare(rule, error, run, deadline)
        raise error or NotSent("the time was up before the request could be sent")

    def _is_last_chance(self, operation: Operation, deadline: Deadline) -> bool:
        """Cleaning up waits like everything else, but a throttle that outlasts its time does not prevent it."""
        return operation is Operation.DELETE and self._is_shut_out(deadline)

    def _is_shut_out(self, deadline: Deadline) -> bool:
        """Whether a throttle outlasts the deadline, or what a halt leaves of it."""
        return self.pace.is_closed_for(min(deadline.remaining, left(self.runtime)))

    @contextmanager
    def _cut_short(self, operation: Operation) -> Iterator[None]:
        """Inside, this thread waits. What deletes a session is sent at once when a halt ends that and leaves time."""
        try:
            yield
        except Halted:
            if operation is not Operation.DELETE or left(self.runtime) <= 0:
                raise

    def _heed(self, error: AttemptError, run: _Run) -> None:
        """All threads keep away as long as one was told to, even if its own request is not tried again."""
        told = error.retry_after or 0.0
        if error.outcome is Outcome.THROTTLED:
            told = max(told, retry_pause(run.count(error.outcome) - 1, self.runtime.random(), LONGEST_RETRY))
        if told:
            self.pace.stay_away(told)

    def _rule(self, operation: Operation, error: AttemptError) -> Rule:
        rule = POLICY[operation][error.outcome]
        if operation is Operation.CREATE and error.outcome is Outcome.NOT_SENT:
            return Rule(rule.decision, rule.reason, tries=self._connect_retries + 1)
        return rule

    def _prepare(self, rule: Rule, error: AttemptError, run: _Run, deadline: Deadline) -> None:
        """Do what has to be done before the next attempt: wait, or throw away a token."""
        count = run.count(error.outcome)
        longest = self._connect_timeout if error.outcome is Outcome.NOT_SENT else LONGEST_RETRY
        pause = retry_pause(count - 1, self.runtime.random(), longest)
        if rule.decision is Decision.AGAIN and not self.pace.may_retry():
            # The budget is spent. What may go on to the deadline gets slower: giving up would lose what runs.
            if rule.tries is not None:
                raise error
            pause = longest
        if rule.decision is Decision.REFRESH:
            if self._tokens is None or error.generation is None:
                raise error
            self._tokens.rejected(error.generation)
            pause = 0.0 if count == 1 else pause
        # So that those who are told the same moment do not come back as a herd.
        if rule.decision is Decision.LATER:
            pause += error.retry_after or 0.0
        self._logger.debug("%s; next attempt in %.1f s", error, pause)
        run.told = self._notices.waits(error, rule, pause, deadline) or run.told
        deadline.pause(pause)


class _Run:
    """What happened so far in one operation."""

    def __init__(self, operation: Operation, deadline: Deadline) -> None:
        self.operation = operation
        self._deadline = deadline
        self._begin = deadline.elapsed
        self._counts: Counter[Outcome] = Counter()
        self._first: dict[Outcome, float] = {}
        # Whether the user was told that it takes longer.
        self.told = False

    def ended(self, error: AttemptError) -> AttemptError:
        self._counts[error.outcome] += 1
        self._first.setdefault(error.outcome, self._deadline.elapsed)
        error.attempts = self._counts.total()
        error.elapsed = self.elapsed
        return error

    @property
    def elapsed(self) -> float:
        return self._deadline.elapsed - self._begin

    def count(self, outcome: Outcome) -> int:
        return self._counts[outcome]

    def is_final(self, rule: Rule, error: AttemptError) -> bool:
        if rule.tries is not None and self._counts[error.outcome] >= rule.tries:
            return True
        since = self._deadline.elapsed - self._first[error.outcome]
        return rule.patience is not None and since >= rule.patience
