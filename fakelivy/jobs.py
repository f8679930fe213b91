"""Job instances and schedules of an item; a job takes its time by the clock and does nothing else (contract 3)."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fakelivy.clock import Clock
from fakelivy.errors import Problem, Refused
from fakelivy.ids import Ids
from fakelivy.journal import JobMoved, Journal
from fakelivy.knobs import Knobs
from fakelivy.machines import JOB

JOB_TYPES = {"refreshmaterializedlakeviews": "RefreshMaterializedLakeViews"}
"""The types of jobs there are, by lower-case name; Fabric's specification and its clients differ in the casing."""


@dataclass(frozen=True)
class Job:
    """A job instance. Times are monotonic seconds; ``ended`` is set when it was called off.

    Attributes:
        starts_at, ends_at: when it goes to work, and when it is done unless cancelled.
        failure: the error code of its end, or None.
    """

    id: str
    item: str
    type: str
    created: dt.datetime
    born_at: float
    starts_at: float
    ends_at: float
    failure: str | None
    cancelled_at: float | None = None

    def state(self, now: float) -> str:
        """A state of ``machines.JOB``."""
        if self.cancelled_at is not None:
            return "Cancelled"
        if now >= self.ends_at:
            return "Failed" if self.failure else "Completed"
        return "InProgress" if now >= self.starts_at else JOB.initial

    def ended(self, now: float) -> dt.datetime | None:
        """When it ended."""
        if self.state(now) not in JOB.terminal:
            return None
        end = self.ends_at if self.cancelled_at is None else self.cancelled_at
        return self.created + dt.timedelta(seconds=end - self.born_at)


@dataclass(frozen=True)
class Schedule:
    """When a job is to run. It is kept and shown, but starts nothing."""

    id: str
    item: str
    type: str
    created: dt.datetime
    enabled: bool
    configuration: Mapping[str, Any]


class Jobs:
    """The job instances and schedules of all items."""

    def __init__(self, ids: Ids, clock: Clock, journal: Journal, knobs: Knobs) -> None:
        self._ids = ids
        self._clock = clock
        self._journal = journal
        self._knobs = knobs
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._shown: dict[str, str] = {}
        self._schedules: dict[str, Schedule] = {}

    def start(self, item: str, type_: str) -> Job:
        """A new job instance."""
        now = self._clock.monotonic()
        started = now + self._knobs.job_queue_time
        job = Job(
            self._ids.session_guid(),
            item,
            type_,
            self._clock.now(),
            now,
            started,
            started + self._knobs.job_duration,
            self._knobs.job_failure,
        )
        with self._lock:
            self._jobs[job.id] = job
            self._look(job)
        return job

    def job(self, item: str, key: str) -> Job:
        """One job instance.

        Raises:
            Refused: NO_JOB.
        """
        with self._lock:
            found = self._find(item, key)
            self._look(found)
            return found

    def cancel(self, item: str, key: str) -> None:
        """Call a job off; one that has ended stays as it is.

        Raises:
            Refused: NO_JOB.
        """
        with self._lock:
            now = self._clock.monotonic()
            job = self._find(item, key)
            state = job.state(now)
            if state not in JOB.terminal:
                JOB.check(state, "Cancelled")
                job = self._jobs[job.id] = replace(job, cancelled_at=now)
            self._look(job)

    def schedules(self, item: str, type_: str) -> list[Schedule]:
        """The schedules of an item for one type of job, oldest first."""
        with self._lock:
            return [each for each in self._schedules.values() if (each.item, each.type) == (item, type_)]

    def add_schedule(self, item: str, type_: str, *, enabled: bool, configuration: Mapping[str, Any]) -> Schedule:
        """A new schedule."""
        schedule = Schedule(self._ids.session_guid(), item, type_, self._clock.now(), enabled, configuration)
        with self._lock:
            self._schedules[schedule.id] = schedule
        return schedule

    def schedule(self, item: str, type_: str, key: str) -> Schedule:
        """One schedule.

        Raises:
            Refused: NO_SCHEDULE.
        """
        for each in self.schedules(item, type_):
            if each.id == key:
                return each
        raise Refused(Problem.NO_SCHEDULE, id=key)

    def change_schedule(
        self, item: str, type_: str, key: str, *, enabled: bool, configuration: Mapping[str, Any]
    ) -> Schedule:
        """A schedule with other content.

        Raises:
            Refused: NO_SCHEDULE.
        """
        changed = replace(self.schedule(item, type_, key), enabled=enabled, configuration=configuration)
        with self._lock:
            self._schedules[changed.id] = changed
        return changed

    def delete_schedule(self, item: str, type_: str, key: str) -> None:
        """Remove a schedule.

        Raises:
            Refused: NO_SCHEDULE.
        """
        found = self.schedule(item, type_, key)
        with self._lock:
            self._schedules.pop(found.id, None)

    def forget_all(self) -> None:
        """Forget every job and schedule."""
        with self._lock:
            self._jobs.clear()
            self._shown.clear()
            self._schedules.clear()

    def _look(self, job: Job) -> None:
        # Like every state here, a job's changes when it is looked at; one that nobody saw is passed over.
        before, after = self._shown.get(job.id), job.state(self._clock.monotonic())
        if before != after:
            self._shown[job.id] = after
            self._journal.add(JobMoved(job.id, job.type, before, after))

    def _find(self, item: str, key: str) -> Job:
        found = self._jobs.get(key)
        if found is None or found.item != item:
            raise Refused(Problem.NO_JOB, id=key)
        return found
