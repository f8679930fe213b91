"""Fabric's REST API beside Livy, for one lakehouse: what it is, its refresh jobs and schedules, its shortcuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from dbt.adapters.fabricspark.livy.api import answer, send
from dbt.adapters.fabricspark.livy.errors import HttpError, ProtocolError
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import Outcome
from dbt.adapters.fabricspark.resilience.policy import Operation
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.transport import Reply, Transport
from dbt_common.exceptions import DbtRuntimeError

REFRESH = "RefreshMaterializedLakeViews"
"""The type of job that refreshes a lakehouse's materialized lake views (Fabric docs)."""


@dataclass(frozen=True)
class LakehouseView:
    """A lakehouse as Fabric describes it: its name, and whether it has schemas."""

    name: str
    schemas: bool


@dataclass(frozen=True)
class JobView:
    """A job instance: its status, in Fabric's word, and how it failed."""

    status: str
    code: str = ""
    message: str = ""


class FabricApi:
    """Fabric's REST API for one lakehouse; errors are those of ``LivyApi``.

    Args:
        transport: to the API's root, such as ``https://api.fabric.microsoft.com/v1``.
        retrier: shared with the target's Livy.
        workspace, lakehouse: GUIDs.
    """

    def __init__(self, transport: Transport, retrier: Retrier, workspace: str, lakehouse: str) -> None:
        self._transport = transport
        self._retrier = retrier
        self._workspace_id = workspace
        self._workspace = f"/workspaces/{workspace}"
        self._id = lakehouse
        self._item = f"{self._workspace}/items/{lakehouse}"

    def lakehouse(self, deadline: Deadline) -> LakehouseView:
        """What the lakehouse is. Only one with schemas has a ``defaultSchema`` (Fabric's REST specification)."""
        path = f"{self._workspace}/lakehouses/{self._id}"
        return self._retrier.call(Operation.LIST, lambda: _lakehouse(self._json("GET", path, deadline)), deadline)

    def elsewhere(self, workspace: str, lakehouse: str, deadline: Deadline) -> FabricApi:
        """The same API for another lakehouse.

        Args:
            workspace: its name; ``""`` is this one.
            lakehouse: its name.
            deadline: for looking up their GUIDs.

        Raises:
            DbtRuntimeError: there is none of that name, or none that can be seen.
        """
        place = self._named("/workspaces", workspace, deadline) if workspace else self._workspace_id
        found = self._named(f"/workspaces/{place}/lakehouses", lakehouse, deadline)
        return FabricApi(self._transport, self._retrier, place, found)

    def _named(self, path: str, name: str, deadline: Deadline) -> str:
        """The GUID of what has that name in a list of Fabric's, which comes in pages."""
        query = ""
        while True:
            listed = self._retrier.call(Operation.LIST, partial(self._json, "GET", path + query, deadline), deadline)
            values = listed.get("value") if isinstance(listed, Mapping) else None
            if not isinstance(values, list):
                raise ProtocolError(f"Fabric listed {path} in a form that makes no sense")
            for each in values:
                if not isinstance(each, Mapping) or not each.get("id"):
                    raise ProtocolError(f"Fabric listed {path} in a form that makes no sense")
                if str(each.get("displayName")).lower() == name.lower():
                    return str(each["id"])
            if not listed.get("continuationToken"):
                raise DbtRuntimeError(
                    f"Fabric has no '{name}' in its list {path}, or does not show it to this identity"
                )
            query = f"?continuationToken={quote(str(listed['continuationToken']))}"

    # --- jobs ---------------------------------------------------------------------------------------------------------

    def start_job(self, deadline: Deadline) -> str:
        """Start a refresh; its id. A second one while the first runs is dropped by the server (``Deduped``)."""
        path = f"{self._item}/jobs/{REFRESH}/instances"

        def attempt() -> str:
            location = self._send("POST", path, deadline).headers.get("Location") or ""
            if not location:
                raise ProtocolError("Fabric started a job and did not say where to look for it")
            return location.rstrip("/").rpartition("/")[2]

        return self._retrier.call(Operation.PUT, attempt, deadline)

    def job(self, job: str, deadline: Deadline) -> JobView:
        """Look at a job."""
        path = f"{self._item}/jobs/instances/{job}"
        return self._retrier.call(Operation.LOOK, lambda: _job(self._json("GET", path, deadline)), deadline)

    def cancel_job(self, job: str, deadline: Deadline) -> None:
        """Ask Fabric to call a job off."""
        path = f"{self._item}/jobs/instances/{job}/cancel"
        self._retrier.call(Operation.CANCEL, lambda: self._send("POST", path, deadline, {}), deadline)

    def put_schedule(self, enabled: bool, configuration: Mapping[str, Any], deadline: Deadline) -> None:
        """Make the lakehouse's one refresh schedule that, or change it to that."""
        base = f"{self._item}/jobs/{REFRESH}/schedules"
        body = {"enabled": enabled, "configuration": dict(configuration)}

        def attempt() -> None:
            found = self._json("GET", base, deadline)
            known = found.get("value") if isinstance(found, Mapping) else None
            if not isinstance(known, list) or not all(isinstance(each, Mapping) and each.get("id") for each in known):
                raise ProtocolError("Fabric listed the schedules of the lakehouse in a form that makes no sense")
            if known:
                self._send("PATCH", f"{base}/{known[0]['id']}", deadline, body)
            else:
                self._send("POST", base, deadline, body)

        self._retrier.call(Operation.PUT, attempt, deadline)

    # --- shortcuts ----------------------------------------------------------------------------------------------------

    def shortcut(self, path: str, name: str, deadline: Deadline) -> Mapping[str, Any] | None:
        """Where a shortcut leads; ``None`` only if the server itself says that there is none."""
        where = f"{self._item}/shortcuts/{quote(f'{path}/{name}')}"

        def attempt() -> Mapping[str, Any] | None:
            try:
                body = self._json("GET", where, deadline)
            except HttpError as error:
                if error.outcome is Outcome.NOT_FOUND and "html" not in str(error):
                    return None
                raise
            target = body.get("target") if isinstance(body, Mapping) else None
            if not isinstance(target, Mapping):
                raise ProtocolError(f"Fabric described the shortcut {path}/{name} without its target")
            return target

        return self._retrier.call(Operation.LIST, attempt, deadline)

    def put_shortcut(self, path: str, name: str, target: Mapping[str, Any], deadline: Deadline) -> None:
        """Make a shortcut, or have the one of that name lead elsewhere."""
        where = f"{self._item}/shortcuts?shortcutConflictPolicy=CreateOrOverwrite"
        body = {"path": path, "name": name, "target": dict(target)}
        self._retrier.call(Operation.PUT, lambda: self._send("POST", where, deadline, body), deadline)

    def _send(self, method: str, path: str, deadline: Deadline, body: object | None = None) -> Reply:
        return send(self._transport, method, path, deadline, body)

    def _json(self, method: str, path: str, deadline: Deadline) -> Any:
        return answer(self._transport, method, path, self._send(method, path, deadline))


def _lakehouse(body: Any) -> LakehouseView:
    properties = body.get("properties") if isinstance(body, Mapping) else None
    name = body.get("displayName") if isinstance(body, Mapping) else None
    if not isinstance(properties, Mapping) or not isinstance(name, str) or not name:
        raise ProtocolError("Fabric described the lakehouse without its name or its properties")
    return LakehouseView(name, bool(properties.get("defaultSchema")))


def _job(body: Any) -> JobView:
    status = body.get("status") if isinstance(body, Mapping) else None
    if not isinstance(status, str):
        raise ProtocolError("Fabric described a job without its status")
    said = body.get("failureReason")
    reason = said if isinstance(said, Mapping) else {"message": said}
    return JobView(status, str(reason.get("errorCode") or ""), str(reason.get("message") or ""))
