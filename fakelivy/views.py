"""Sessions and statements as the JSON objects of each dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from fakelivy.model import Lakehouse, Session, Statement

_TEXTS = ("proxyUser", "ttl", "idleTimeout", "driverMemory", "executorMemory", "queue")
_NUMBERS = ("driverCores", "executorCores", "numExecutors", "heartbeatTimeoutInSecond")
_LISTS = ("archives", "files", "jars", "pyFiles")

_RESULTS = {"dead": "Failed", "error": "Failed", "killed": "Cancelled", "success": "Succeeded"}
_SINCE = {
    "starting": "startingAt",
    "idle": "idleAt",
    "busy": "busyAt",
    "recovering": "recoveringAt",
    "shutting_down": "shuttingDownAt",
    "dead": "deadAt",
    "killed": "killedAt",
    "error": "errorAt",
}


def livy_session(session: Session) -> dict[str, Any]:
    """Every key is always there: unset texts are null, unset numbers 0 (Livy source, contract 1.3)."""
    request = session.request
    return {
        "id": int(session.id),
        "name": session.name,
        "appId": None,
        "owner": None,
        "state": session.state,
        "kind": session.kind,
        "appInfo": {"driverLogUrl": None, "sparkUiUrl": None, "executorLogUrls": None},
        "log": list(session.log[-10:]),
        "conf": request.get("conf", {}),
        **{field: request.get(field) for field in _TEXTS},
        **{field: request.get(field, 0) for field in _NUMBERS},
        **{field: request.get(field, []) for field in _LISTS},
    }


def livy_statement(statement: Statement) -> dict[str, Any]:
    return {
        "id": statement.id,
        "code": statement.code,
        "state": statement.state,
        "output": statement.output,
        "progress": statement.progress,
        "started": statement.started,
        "completed": statement.completed,
    }


def fabric_session(session: Session, *, livyinfo: Literal["absent", "null", "present"]) -> dict[str, Any]:
    """Fabric's SessionResponse; the state stands at the top level and in ``livyInfo`` (Fabric swagger)."""
    view: dict[str, Any] = {
        "id": session.id,
        "name": session.name,
        "appId": None,
        "appInfo": None,
        "artifactId": session.scope,
        "state": session.state,
        "jobType": "SparkSession",
        "log": None,
        "tags": session.request.get("tags", {}),
        "errorInfo": _fabric_errors(session),
        "result": _RESULTS.get(session.state, "Uncertain"),
        "cancellationReason": None,
        "fabricSessionStateInfo": None,
        "livyInfo": {
            **{name: _iso(session, state) for state, name in _SINCE.items()},
            "currentState": session.state,
        },
    }
    if session.state == "starting" and livyinfo == "absent":
        del view["livyInfo"]
    elif session.state == "starting" and livyinfo == "null":
        view["livyInfo"] = None
    return view


def fabric_activity(session: Session, lakehouse: Lakehouse) -> dict[str, Any]:
    """An item of Fabric's list of sessions (Fabric swagger, LivySparkActivity)."""
    ended = next((_iso(session, state) for state in ("killed", "dead", "error") if state == session.state), None)
    return {
        "id": session.id,
        "name": session.name,
        "appId": None,
        "workspaceId": lakehouse.workspace_id,
        "artifactId": lakehouse.id,
        "result": _RESULTS.get(session.state, "Uncertain"),
        "submittedAt": _iso(session, "starting"),
        "startedAt": _iso(session, "idle"),
        "endedAt": ended,
        "tags": session.request.get("tags", {}),
        "livyState": session.state,
        "isJobTimedOut": False,
    }


def fabric_statement(statement: Statement) -> dict[str, Any]:
    """Fabric shows neither progress nor times (Fabric swagger)."""
    return {
        "id": statement.id,
        "code": statement.code,
        "state": statement.state,
        "sourceId": None,
        "output": statement.output,
    }


def window(output: Mapping[str, Any] | None, start: int, size: int | None) -> Mapping[str, Any] | None:
    """The output with each of its data cut to ``size`` bytes from ``start``.

    Recorded from Fabric for text (contract 2.1). That a JSON result that does not fit becomes a piece of its text is
    assumed: the ODBC driver pages results this way.
    """
    if output is None or "data" not in output:
        return output
    return {**output, "data": {mime: _piece(value, start, size) for mime, value in output["data"].items()}}


def _piece(value: Any, start: int, size: int | None) -> Any:
    raw = (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
    end = len(raw) if size is None else start + size
    return value if start == 0 and end >= len(raw) else raw[start:end].decode("utf-8", "ignore")


def fabric_lakehouse(lakehouse: Lakehouse) -> dict[str, Any]:
    """A lakehouse item; ``defaultSchema`` is there exactly when it is schema-enabled (Fabric REST specification)."""
    base = f"https://onelake.dfs.fabric.microsoft.com/{lakehouse.workspace_id}/{lakehouse.id}"
    properties: dict[str, Any] = {
        "oneLakeTablesPath": f"{base}/Tables",
        "oneLakeFilesPath": f"{base}/Files",
        "sqlEndpointProperties": {"connectionString": None, "id": None, "provisioningStatus": "Success"},
    }
    if lakehouse.schemas:
        properties["defaultSchema"] = "dbo"
    return {
        "id": lakehouse.id,
        "type": "Lakehouse",
        "displayName": lakehouse.name,
        "description": "",
        "workspaceId": lakehouse.workspace_id,
        "properties": properties,
    }


def _iso(session: Session, state: str) -> str | None:
    at = session.entered.get(state)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else None


def _fabric_errors(session: Session) -> list[dict[str, str]]:
    # The shape is the swagger's; this code was never recorded.
    if session.state not in ("dead", "error"):
        return []
    message = "\n".join(line for line in session.log if line.strip() not in ("stdout:", "stderr:"))
    return [{"message": message, "errorCode": "LIVY_JOB_STATE_DEAD", "source": "System"}]
