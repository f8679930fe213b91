"""Error replies that faults send: each status in the shapes that were seen, with every way to say "come back later"."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping
from email.utils import format_datetime

from werkzeug.wrappers import Response

from fakelivy.call import Call
from fakelivy.errors import FABRIC, JSON_TYPE, Problem, Refused, error_reply
from fakelivy.knobs import Dialect
from fakelivy.mishaps import Shape, Status, Throttle

UNAUTHORIZED = Status(
    code=401, error_code="Unauthorized", message="The caller is not authenticated to access this resource"
)
EXPIRED = Status(code=401, error_code="TokenExpired", message="Access token has expired, resubmit with a new one")

_TEXTS: Mapping[int, tuple[str, str]] = {
    401: ("Unauthorized", "The caller is not authenticated to access this resource"),
    403: ("InsufficientPrivileges", "The caller does not have sufficient permissions"),
    404: ("EntityNotFound", "The requested resource was not found"),
    408: ("RequestTimeout", "The request timed out"),
    429: ("RequestBlocked", "Request is blocked by the upstream service"),
    430: FABRIC[Problem.TOO_MANY_CREATING][1:],
    500: ("InternalServerError", "An error occurred while processing the operation"),
}
"""Error code and message where the fault gives none."""


def failed(what: Status, call: Call, now: dt.datetime) -> Response:
    """The error reply a fault describes."""
    code, text = _TEXTS.get(what.code, ("UnknownError", f"HTTP ERROR {what.code}"))
    code, text = what.error_code or code, what.message or text
    if what.retry_after.startswith("body-until"):
        text += f" until: {_until(now + dt.timedelta(seconds=what.retry_seconds))}"
        text += "" if what.retry_after == "body-until-bare" else " (UTC)"
    content_type, body = _SHAPES[what.shape](code, text, call)
    if what.body is not None:
        body = what.body
    response = Response(body, what.code, content_type=what.content_type or content_type)
    if call.dialect is Dialect.FABRIC:
        response.headers["RequestId"] = call.request_id
        if what.shape == "dialect":
            response.headers["x-ms-public-api-error-code"] = code
    if what.retry_after == "seconds":
        response.headers["Retry-After"] = str(math.ceil(what.retry_seconds))
    elif what.retry_after == "http-date":
        response.headers["Retry-After"] = format_datetime(now + dt.timedelta(seconds=what.retry_seconds), usegmt=True)
    response.headers.update(what.headers)
    return response


def throttled(what: Throttle, seconds: float, call: Call, now: dt.datetime) -> Response:
    """429 for somebody who may come back in ``seconds``."""
    return failed(Status(code=429, retry_after=what.retry_after, retry_seconds=seconds), call, now)


def no_capacity(call: Call, now: dt.datetime) -> Response:
    """430 as Fabric sends it."""
    return failed(Status(code=430), call, now)


def not_found(call: Call, problem: Problem, key: str) -> Response:
    """The dialect's own 404, for something that may exist."""
    error = error_reply(Refused(problem, id=key), call.dialect, call.request_id)
    response = Response(error.body, error.status, error.headers, content_type=error.content_type)
    if call.dialect is Dialect.FABRIC:
        response.headers["RequestId"] = call.request_id
    return response


def _until(moment: dt.datetime) -> str:
    """M/D/YYYY h:mm:ss AM, in no locale but this one."""
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S} {half}"


def _dialect(code: str, text: str, call: Call) -> tuple[str, str]:
    if call.dialect is Dialect.LIVY:
        return JSON_TYPE, json.dumps({"msg": text})
    return JSON_TYPE, json.dumps({"errorCode": code, "message": text, "requestId": call.request_id})


def _gateway(code: str, text: str, _: Call) -> tuple[str, str]:
    return JSON_TYPE, json.dumps({"error": {"code": code, "message": text}})


def _html(_: str, text: str, __: Call) -> tuple[str, str]:
    return "text/html", f"<html><head><title>Error</title></head><body><h1>{text}</h1></body></html>"


def _string(_: str, text: str, __: Call) -> tuple[str, str]:
    return JSON_TYPE, json.dumps(text)


def _empty(_: str, __: str, ___: Call) -> tuple[str, str]:
    return "application/octet-stream", ""


def _entra(code: str, text: str, call: Call) -> tuple[str, str]:
    ids = {"trace_id": call.request_id, "correlation_id": call.request_id}
    return JSON_TYPE, json.dumps({"error": code, "error_description": text, "error_codes": [], **ids})


_SHAPES: Mapping[Shape, Callable[[str, str, Call], tuple[str, str]]] = {
    "dialect": _dialect,
    "gateway": _gateway,
    "html": _html,
    "string": _string,
    "empty": _empty,
    "entra": _entra,
}
