"""Every error a client can see, in one table for each dialect, in that dialect's shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from fakelivy.knobs import Dialect, Knobs


class Problem(Enum):
    """What is wrong with a request, whatever the dialect."""

    BAD_BODY = auto()
    BAD_NUMBER = auto()
    BAD_REQUIREMENT = auto()
    REJECTED = auto()
    TOO_MANY_CREATING = auto()
    NO_ROUTE = auto()
    BAD_METHOD = auto()
    NO_SESSION = auto()
    ALREADY_STOPPED = auto()
    NUMERIC_SESSION = auto()
    NOT_ACTIVE = auto()
    NOT_RUNNING = auto()
    NO_KIND = auto()
    NO_STATEMENT = auto()
    NO_REPL = auto()
    NO_HIGH_CONCURRENCY = auto()
    NO_WORKSPACE = auto()
    NO_LAKEHOUSE = auto()
    NAME_TAKEN = auto()
    NO_OPERATION = auto()
    NO_RESULT = auto()
    NO_SHORTCUT = auto()
    SHORTCUT_EXISTS = auto()
    NO_JOB = auto()
    NO_SCHEDULE = auto()
    BAD_JOB_TYPE = auto()
    BAD_TOKEN = auto()
    NO_TABLES_HERE = auto()
    NO_TOKEN = auto()
    TOKEN_EXPIRED = auto()
    WEB_PAGE = auto()
    NO_CSRF_HEADER = auto()
    BAD_VERSION = auto()
    NO_IMPERSONATION = auto()
    BUG = auto()


class Refused(Exception):
    """A request that gets an error; ``details`` fill the message's placeholders."""

    def __init__(self, problem: Problem, **details: object) -> None:
        super().__init__(problem.name, details)
        self.problem = problem
        self.details = details


@dataclass(frozen=True)
class ErrorReply:
    """An error as it goes on the wire."""

    status: int
    content_type: str
    body: str
    headers: Mapping[str, str]


JSON_TYPE = "application/json;charset=utf-8"


def _message(text: str) -> tuple[str, str]:
    return JSON_TYPE, json.dumps({"msg": text})


def _string(text: str) -> tuple[str, str]:
    return JSON_TYPE, json.dumps(text)


def _html(text: str) -> tuple[str, str]:
    return "text/html;charset=utf-8", f"<html><head><title>{text}</title></head><body><h2>{text}</h2></body></html>"


_WEB_PAGE = "This fake server executes code, so it refuses requests that a web page made (header Origin)"

Shape = Callable[[str], tuple[str, str]]

LIVY: Mapping[Problem, tuple[int, Shape, str]] = {
    Problem.BAD_BODY: (400, _string, "{text}"),
    Problem.BAD_NUMBER: (400, _message, 'For input string: "{text}"'),
    Problem.BAD_REQUIREMENT: (400, _message, "requirement failed: {text}"),
    Problem.REJECTED: (400, _message, "Rejected, Reason: {text}"),
    Problem.TOO_MANY_CREATING: (400, _message, "Rejected, too many sessions are being created!"),
    Problem.NO_ROUTE: (404, _html, "HTTP ERROR 404 Not Found"),
    Problem.BAD_METHOD: (405, _html, "HTTP ERROR 405 Method Not Allowed"),
    Problem.NO_SESSION: (404, _message, "Session '{id}' not found."),
    Problem.ALREADY_STOPPED: (404, _message, "Session {id} already stopped."),
    Problem.NOT_ACTIVE: (400, _message, "requirement failed: Session isn't active."),
    Problem.NOT_RUNNING: (500, _string, "java.lang.IllegalStateException: Session is in state {state}"),
    Problem.NO_KIND: (
        500,
        _string,
        "java.util.concurrent.ExecutionException: java.lang.IllegalArgumentException: {text}",
    ),
    Problem.NO_STATEMENT: (404, _string, "Statement not found"),
    Problem.NO_CSRF_HEADER: (400, _html, "Missing Required Header for CSRF protection."),
    # The status is from the source; this text is assumed.
    Problem.BAD_VERSION: (406, _string, "Supported versions: 0.1"),
    # Nobody logs in here, so the user is Java's null.
    Problem.NO_IMPERSONATION: (403, _message, "User 'null' not allowed to impersonate 'Some({user})'."),
    Problem.WEB_PAGE: (403, _message, _WEB_PAGE),
    Problem.BUG: (500, _string, "java.lang.RuntimeException: internal error, see the journal of this fake server"),
}
"""Livy source (JsonServlet, SessionServlet, InteractiveSession): status, shape of the body, text."""

FABRIC: Mapping[Problem, tuple[int, str, str]] = {
    Problem.BAD_BODY: (400, "InvalidInput", "The request has an invalid input: {text}"),
    Problem.BAD_NUMBER: (400, "InvalidParameter", "'{text}' is not a valid number."),
    Problem.BAD_REQUIREMENT: (400, "InvalidInput", "The request has an invalid input: {text}"),
    Problem.REJECTED: (400, "InvalidHttpRequestToLivy", "{text}"),
    Problem.TOO_MANY_CREATING: (
        430,
        "TooManyRequestsForCapacity",
        "[TooManyRequestsForCapacity] HTTP Response code 430: This Spark job can't be run because you have hit a "
        "Spark compute or API rate limit. To run this Spark job, cancel an active Spark job through the Monitoring "
        "hub, choose a larger capacity SKU, or try again later.",
    ),
    Problem.NO_ROUTE: (404, "EndpointNotFound", "The requested endpoint does not exist."),
    Problem.BAD_METHOD: (405, "MethodNotAllowed", "The requested endpoint does not support this method."),
    Problem.NO_SESSION: (404, "EntityNotFound", "Session '{id}' not found."),
    Problem.ALREADY_STOPPED: (404, "EntityNotFound", "Session '{id}' is already stopped."),
    Problem.NUMERIC_SESSION: (405, "MethodNotAllowed", "A session id is a GUID."),
    Problem.NOT_ACTIVE: (400, "InvalidHttpRequestToLivy", "requirement failed: Session isn't active."),
    Problem.NOT_RUNNING: (400, "InvalidHttpRequestToLivy", "Session is in state {state}"),
    Problem.NO_KIND: (400, "InvalidHttpRequestToLivy", "{text}"),
    Problem.NO_STATEMENT: (404, "EntityNotFound", "Statement not found"),
    Problem.NO_REPL: (404, "EntityNotFound", "REPL '{id}' not found."),
    Problem.NO_HIGH_CONCURRENCY: (404, "EntityNotFound", "High concurrency session '{id}' not found."),
    Problem.NO_WORKSPACE: (404, "ItemNotFound", "The requested workspace was not found: {id}"),
    Problem.NO_LAKEHOUSE: (404, "ItemNotFound", "The requested item was not found: {id}"),
    Problem.NAME_TAKEN: (409, "ItemDisplayNameAlreadyInUse", "Requested '{name}' is already in use"),
    Problem.NO_OPERATION: (404, "OperationNotFound", "The requested operation was not found: {id}"),
    Problem.NO_RESULT: (400, "OperationHasNoResult", "The operation has no result: {id}"),
    Problem.NO_SHORTCUT: (404, "ItemNotFound", "The requested shortcut was not found: {name}"),
    Problem.SHORTCUT_EXISTS: (409, "EntityConflict", "A shortcut of this name exists: {name}"),
    Problem.NO_JOB: (404, "ItemNotFound", "The requested job instance was not found: {id}"),
    Problem.NO_SCHEDULE: (404, "ItemNotFound", "The requested schedule was not found: {id}"),
    Problem.BAD_JOB_TYPE: (400, "InvalidJobType", "The job type is invalid: {text}"),
    Problem.BAD_TOKEN: (400, "InvalidParameter", "The continuation token is invalid: {text}"),
    Problem.NO_TABLES_HERE: (
        400,
        "UnsupportedOperationForSchemasEnabledLakehouse",
        "The operation is not supported for Lakehouse with schemas enabled.",
    ),
    Problem.NO_TOKEN: (401, "Unauthorized", "The caller is not authenticated to access this resource"),
    Problem.TOKEN_EXPIRED: (401, "TokenExpired", "Access token has expired, resubmit with a new access token"),
    Problem.WEB_PAGE: (403, "RequestDeniedByFake", _WEB_PAGE),
    Problem.BUG: (500, "InternalServerError", "Internal error, see the journal of this fake server"),
}
"""Status, errorCode, message. ItemNotFound, Unauthorized and InvalidInput are Fabric's own (REST specifications), the
text of TokenExpired is Power BI's (that of the Livy path was never recorded, nor what a revoked token gets),
EntityNotFound and InvalidHttpRequestToLivy were seen on Livy paths in other situations; what Fabric answers for an
unknown route, and for a session in the wrong state, was never recorded, so that is assumed."""


def error_reply(refused: Refused, dialect: Dialect, request_id: str, knobs: Knobs) -> ErrorReply:
    """The reply to a refused request, in the dialect's shape."""
    if dialect is Dialect.LIVY:
        status, shape, text = LIVY[refused.problem]
        content_type, body = shape(text.format(**refused.details))
        return ErrorReply(status, content_type, body, {})
    status, code, text = FABRIC[refused.problem]
    if refused.problem is Problem.NO_SESSION:
        code = knobs.no_session_code
    if status == 401 and knobs.unauthorized_body == "empty":
        return ErrorReply(status, "application/octet-stream", "", {"x-ms-public-api-error-code": code})
    document = {
        "errorCode": code,
        "message": text.format(**refused.details),
        "requestId": request_id,
    }
    return ErrorReply(
        status,
        JSON_TYPE,
        json.dumps(document),
        {"x-ms-public-api-error-code": code},
    )
