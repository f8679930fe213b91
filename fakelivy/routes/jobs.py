"""Jobs of a lakehouse and their schedules, for materialized lake views (contract 3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from fakelivy.call import Call, Reply, Route
from fakelivy.errors import Problem, Refused
from fakelivy.jobs import JOB_TYPES, Job, Schedule
from fakelivy.machines import JOB
from fakelivy.pages import page
from fakelivy.routes.lakehouses import item

RETRY_AFTER = "60"


def start(call: Call) -> Reply:
    place = item(call)
    job = call.services.jobs.start(place.id, _type(call))
    location = f"{call.origin}/v1/workspaces/{place.workspace_id}/items/{place.id}/jobs/instances/{job.id}"
    return Reply(202, headers={"Location": location, "Retry-After": RETRY_AFTER})


def get(call: Call) -> Reply:
    job = call.services.jobs.job(item(call).id, call.params["job"].lower())
    now = call.services.clock.monotonic()
    headers = {} if job.state(now) in JOB.terminal else {"Retry-After": RETRY_AFTER}
    return Reply(200, _job(job, now, call.request_id), headers)


def cancel(call: Call) -> Reply:
    call.services.jobs.cancel(item(call).id, call.params["job"].lower())
    return Reply(202)


def list_schedules(call: Call) -> Reply:
    found = call.services.jobs.schedules(item(call).id, _type(call))
    return Reply(200, page(call, [_schedule(each) for each in found], "value"))


def create_schedule(call: Call) -> Reply:
    place, type_ = item(call), _type(call)
    schedule = call.services.jobs.add_schedule(place.id, type_, **_content(call.document()))
    base = f"{call.origin}/v1/workspaces/{place.workspace_id}/items/{place.id}/jobs/{type_}/schedules"
    return Reply(201, _schedule(schedule), {"Location": f"{base}/{schedule.id}"})


def get_schedule(call: Call) -> Reply:
    return Reply(200, _schedule(call.services.jobs.schedule(item(call).id, _type(call), _key(call))))


def change_schedule(call: Call) -> Reply:
    changed = call.services.jobs.change_schedule(item(call).id, _type(call), _key(call), **_content(call.document()))
    return Reply(200, _schedule(changed))


def delete_schedule(call: Call) -> Reply:
    call.services.jobs.delete_schedule(item(call).id, _type(call), _key(call))
    return Reply(200)


def _key(call: Call) -> str:
    return call.params["schedule"].lower()


def _type(call: Call) -> str:
    known = JOB_TYPES.get(call.params["type"].lower())
    if known is None:
        raise Refused(Problem.BAD_JOB_TYPE, text=call.params["type"])
    return known


def _content(document: Mapping[str, Any]) -> dict[str, Any]:
    enabled, configuration = document.get("enabled"), document.get("configuration")
    if not isinstance(enabled, bool) or not isinstance(configuration, dict):
        raise Refused(Problem.BAD_BODY, text="a schedule has 'enabled' and 'configuration'")
    for field in ("startDateTime", "endDateTime"):
        if not _is_time(configuration.get(field)):
            raise Refused(Problem.BAD_BODY, text=f"the configuration needs '{field}', a time")
    return {"enabled": enabled, "configuration": configuration}


def _is_time(value: object) -> bool:
    try:
        dt.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return False
    return isinstance(value, str)


def _job(job: Job, now: float, request_id: str) -> dict[str, Any]:
    state = job.state(now)
    failure: dict[str, Any] | None = None
    if state == "Failed":
        failure = {
            "errorCode": job.failure,
            "message": f"The job failed: {job.failure}",
            "requestId": request_id,
            "isRetriable": False,
        }
    ended = job.ended(now)
    return {
        "id": job.id,
        "itemId": job.item,
        "jobType": job.type,
        "invokeType": "Manual",
        "status": state,
        "rootActivityId": job.id,
        "startTimeUtc": _iso(job.created),
        "endTimeUtc": _iso(ended) if ended else None,
        "failureReason": failure,
    }


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "enabled": schedule.enabled,
        "createdDateTime": _iso(schedule.created),
        "configuration": schedule.configuration,
        "owner": None,
    }


def _iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_SUFFIXES = (
    ("start_job", "POST", "/<type>/instances", start),
    ("get_job", "GET", "/instances/<job>", get),
    ("cancel_job", "POST", "/instances/<job>/cancel", cancel),
    ("list_schedules", "GET", "/<type>/schedules", list_schedules),
    ("create_schedule", "POST", "/<type>/schedules", create_schedule),
    ("get_schedule", "GET", "/<type>/schedules/<schedule>", get_schedule),
    ("change_schedule", "PATCH", "/<type>/schedules/<schedule>", change_schedule),
    ("delete_schedule", "DELETE", "/<type>/schedules/<schedule>", delete_schedule),
)

ROUTES = tuple(
    Route(operation + suffix, method, f"/v1/workspaces/<workspace>/{kind}/<item>/jobs{path}", handler)
    for kind, suffix in (("items", ""), ("lakehouses", "_of_lakehouse"))
    for operation, method, path, handler in _SUFFIXES
)
