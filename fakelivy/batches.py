"""Batches of one dialect: nothing is run, a rule on the file's name says how long one takes and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fakelivy.clock import Clock
from fakelivy.engine.port import Failure
from fakelivy.engine.scripted import Rule
from fakelivy.errors import Problem, Refused
from fakelivy.journal import BatchForgotten, BatchMoved, Journal
from fakelivy.knobs import Knobs
from fakelivy.machines import BATCH


@dataclass(frozen=True)
class Batch:
    """A batch.

    Attributes:
        scope: the GUID of its lakehouse; empty in Livy.
        state: a state of ``machines.BATCH``.
        rule: how long it runs and how it ends.
        starts_at, finished_at: monotonic seconds.
    """

    id: str
    scope: str
    request: Mapping[str, Any]
    state: str
    rule: Rule
    starts_at: float
    log: tuple[str, ...] = ("stdout: ", "\nstderr: ")
    finished_at: float | None = None

    @property
    def name(self) -> str | None:
        name: str | None = self.request.get("name")
        return name


class Batches:
    """The batches of a dialect. States advance when looked at; the lock is taken before the journal's."""

    def __init__(
        self, *, rules: Sequence[Rule], clock: Clock, journal: Journal, knobs: Knobs, new_id: Callable[[], str]
    ) -> None:
        self._rules = tuple(rules)
        self._clock = clock
        self._journal = journal
        self._knobs = knobs
        self._new_id = new_id
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}

    def create(self, request: Mapping[str, Any], *, scope: str) -> Batch:
        """A new batch; without a rule for its file it succeeds at once.

        Raises:
            Refused: BAD_REQUIREMENT without a file.
        """
        file = request.get("file")
        if not file:
            raise Refused(Problem.BAD_REQUIREMENT, text="File is required.")
        rule = next((rule for rule in self._rules if rule.fits(file)), Rule())
        with self._lock:
            now = self._clock.monotonic()
            batch = Batch(self._new_id(), scope, request, BATCH.initial, rule, now + self._knobs.batch_start_time)
            self._batches[batch.id] = batch
            self._journal.add(BatchMoved(batch.id, None, batch.state))
            return batch

    def batches(self, scope: str) -> list[Batch]:
        """All batches of ``scope``, oldest first."""
        with self._lock:
            self._advance()
            return [batch for batch in self._batches.values() if batch.scope == scope]

    def batch(self, scope: str, key: str) -> Batch:
        """One batch.

        Raises:
            Refused: NO_SESSION, which is what Livy calls it too.
        """
        with self._lock:
            self._advance()
            return self._find(scope, key)

    def delete(self, scope: str, key: str) -> None:
        """Kill a batch if it still runs, and forget it.

        Raises:
            Refused: NO_SESSION.
        """
        with self._lock:
            self._advance()
            batch = self._find(scope, key)
            if batch.state not in BATCH.terminal:
                self._move(batch, "killed", self._clock.monotonic())
            self._forget(batch, "deleted")

    def forget_all(self, why: str) -> None:
        """Forget every batch, whatever it does."""
        with self._lock:
            for batch in list(self._batches.values()):
                self._forget(batch, why)

    def _find(self, scope: str, key: str) -> Batch:
        found = self._batches.get(key)
        if found is None or found.scope != scope:
            raise Refused(Problem.NO_SESSION, id=key)
        return found

    def _advance(self) -> None:
        now = self._clock.monotonic()
        for batch in list(self._batches.values()):
            if batch.state == BATCH.initial and now >= batch.starts_at:
                batch = self._move(batch, "running", batch.starts_at)
            ends_at = batch.starts_at + batch.rule.duration
            if batch.state == "running" and now >= ends_at:
                batch = self._move(batch, "dead" if isinstance(batch.rule.answer, Failure) else "success", ends_at)
            if batch.finished_at is not None and now - batch.finished_at >= self._knobs.session_retention:
                self._forget(batch, "retention over")

    def _move(self, batch: Batch, state: str, at: float) -> Batch:
        BATCH.check(batch.state, state)
        answer = batch.rule.answer
        failed = state == "dead" and isinstance(answer, Failure)
        after = replace(
            batch,
            state=state,
            finished_at=at if state in BATCH.terminal else None,
            log=(*batch.log, *(answer.message.splitlines() if failed and isinstance(answer, Failure) else ())),
        )
        self._batches[batch.id] = after
        self._journal.add(BatchMoved(batch.id, batch.state, state))
        return after

    def _forget(self, batch: Batch, why: str) -> None:
        del self._batches[batch.id]
        self._journal.add(BatchForgotten(batch.id, why))
