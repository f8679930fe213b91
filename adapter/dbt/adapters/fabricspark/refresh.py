"""A refresh of the lakehouse's materialized lake views by Fabric's jobs: started, waited for, called off."""

from __future__ import annotations

import logging

from dbt.adapters.fabricspark.fabric import FabricApi, JobView
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import CANCEL_BUDGET, cleaning
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt.adapters.fabricspark.resilience.polling import poll_pause
from dbt.adapters.fabricspark.resilience.runtime import Runtime
from dbt_common.exceptions import DbtRuntimeError

LONGEST_PAUSE = 10.0
"""Seconds between two looks at most; Fabric recommends a minute, which a refresh of seconds would be waited for."""

CANCEL_TIMEOUT = 5.0
"""Seconds spent on calling a job off that nobody waits for any more."""

RESTARTS = 3
"""How often a refresh is started when Fabric had no room for it."""

NO_ROOM = frozenset({"MLV_SPARK_JOB_CAPACITY_THROTTLING", "TooManyRequestsForJobs", "RequestBlocked"})
"""Failures that pass, whatever ``isRetriable`` says of them (contract 3)."""

ENDED = frozenset({"Completed", "Failed", "Cancelled", "Deduped"})


def refresh(fabric: FabricApi, seconds: float, runtime: Runtime, logger: logging.Logger) -> str:
    """Refresh, from now on: a job that Fabric drops because another one runs is started again after that one.

    Args:
        fabric: the lakehouse.
        seconds: in which all of it has to be over.
        runtime: clock.
        logger: where trouble that passes is told.

    Returns:
        The id of the job that did it.

    Raises:
        DbtRuntimeError: it failed, was called off by somebody, or took too long; then it is called off here.
        LivyError, TransportError: Fabric refused, or could not be reached.
    """
    deadline = Deadline.after(runtime, seconds)
    starts = 0
    while not deadline.expired:
        job = fabric.start_job(deadline)
        view = _wait(fabric, job, deadline, runtime, logger)
        if view.status == "Completed":
            return job
        starts += view.status == "Failed"
        if view.status != "Deduped" and (view.code not in NO_ROOM or starts == RESTARTS):
            said = (f"refresh job {job} ended as {view.status}", view.code, view.message)
            raise DbtRuntimeError(": ".join(filter(None, said)))
        logger.debug("refresh job %s: %s %s; starting another", job, view.status, view.code)
        deadline.pause(poll_pause(deadline.elapsed, LONGEST_PAUSE))
    raise DbtRuntimeError(f"no refresh was over after {seconds:.0f} s; another one may be running. {_ADVICE}")


_ADVICE = "Raise mlv_timeout of the model if it needs longer."


def _wait(fabric: FabricApi, job: str, deadline: Deadline, runtime: Runtime, logger: logging.Logger) -> JobView:
    view = JobView("NotStarted")
    try:
        while not deadline.expired:
            view = fabric.job(job, deadline)
            if view.status in ENDED:
                return view
            deadline.pause(poll_pause(deadline.elapsed, LONGEST_PAUSE))
        raise DbtRuntimeError(
            f"refresh job {job} was still {view.status} after {deadline.seconds:.0f} s and is called off. {_ADVICE}"
        )
    except BaseException:
        # Whatever ended the waiting, Ctrl-C included: nobody waits for this job any more.
        try:
            with cleaning(runtime, CANCEL_BUDGET):
                fabric.cancel_job(job, Deadline.after(runtime, CANCEL_TIMEOUT))
        except (LivyError, TransportError) as error:
            logger.warning("refresh job %s could not be called off: %s", job, error)
        raise
