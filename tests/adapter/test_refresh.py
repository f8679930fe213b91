"""A refresh by Fabric's jobs: waited for, started again when it was dropped, called off when nobody waits any more."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from dbt.adapters.fabricspark.fabric import FabricApi, JobView
from dbt.adapters.fabricspark.refresh import refresh
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt_common.exceptions import DbtRuntimeError

from tests.adapter.conftest import VirtualRuntime

WORKING, DONE, DROPPED = JobView("InProgress"), JobView("Completed"), JobView("Deduped")
NO_ROOM = JobView("Failed", "MLV_SPARK_JOB_CAPACITY_THROTTLING", "no capacity")


class Lakehouse(FabricApi):
    """Its jobs go through what is given, each its own list; the last look is repeated for ever."""

    def __init__(self, *jobs: list[Any]) -> None:
        self.jobs = [list(looks) for looks in jobs]
        self.started: list[str] = []
        self.called_off: list[str] = []

    def start_job(self, deadline: Deadline) -> str:
        self.started.append(f"job {len(self.started)}")
        return self.started[-1]

    def job(self, job: str, deadline: Deadline) -> JobView:
        looks = self.jobs[min(self.started.index(job), len(self.jobs) - 1)]
        seen = looks.pop(0) if len(looks) > 1 else looks[0]
        if isinstance(seen, BaseException):
            raise seen
        assert isinstance(seen, JobView)
        return seen

    def cancel_job(self, job: str, deadline: Deadline) -> None:
        self.called_off.append(job)


@pytest.mark.parametrize(
    ("jobs", "last"),
    [
        ([[WORKING, WORKING, DONE]], "job 0"),
        ([[WORKING, DROPPED], [DROPPED], [WORKING, DONE]], "job 2"),
        ([[WORKING, NO_ROOM], [DONE]], "job 1"),
    ],
)
def test_a_job_that_was_dropped_or_had_no_room_is_started_again(
    jobs: list[list[JobView]], last: str, runtime: VirtualRuntime, logger: logging.Logger
) -> None:
    lakehouse = Lakehouse(*jobs)
    assert refresh(lakehouse, 3600, runtime, logger) == last
    assert lakehouse.called_off == []


@pytest.mark.parametrize(
    ("jobs", "starts", "says"),
    [
        ([[WORKING, JobView("Failed", "MLV_NOT_FOUND", "which view?")]], 1, "Failed: MLV_NOT_FOUND: which view"),
        ([[WORKING, JobView("Cancelled")]], 1, "ended as Cancelled"),
        ([[NO_ROOM]], 3, "no capacity"),
    ],
)
def test_an_end_that_is_no_success_is_an_error(
    jobs: list[list[JobView]], starts: int, says: str, runtime: VirtualRuntime, logger: logging.Logger
) -> None:
    lakehouse = Lakehouse(*jobs)
    with pytest.raises(DbtRuntimeError, match=says):
        refresh(lakehouse, 3600, runtime, logger)
    assert len(lakehouse.started) == starts


def test_a_job_that_takes_too_long_is_called_off(runtime: VirtualRuntime, logger: logging.Logger) -> None:
    lakehouse = Lakehouse([WORKING])
    with pytest.raises(DbtRuntimeError, match="Raise mlv_timeout"):
        refresh(lakehouse, 900, runtime, logger)
    assert lakehouse.called_off == ["job 0"]
    assert 900 <= runtime.elapsed < 915


def test_refreshes_of_others_are_not_waited_for_beyond_the_time_out(
    runtime: VirtualRuntime, logger: logging.Logger
) -> None:
    with pytest.raises(DbtRuntimeError, match="another one may be running"):
        refresh(Lakehouse([DROPPED]), 900, runtime, logger)
    assert 900 <= runtime.elapsed < 915


def test_ctrl_c_calls_the_job_off(runtime: VirtualRuntime, logger: logging.Logger) -> None:
    lakehouse = Lakehouse([WORKING, KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        refresh(lakehouse, 900, runtime, logger)
    assert lakehouse.called_off == ["job 0"]
