"""Fabric's REST API beside Livy: what a lakehouse is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dbt.adapters.fabricspark.livy.api import answer, send
from dbt.adapters.fabricspark.livy.errors import ProtocolError
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.policy import Operation
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.transport import Transport


@dataclass(frozen=True)
class LakehouseView:
    """A lakehouse as Fabric describes it: its name, and whether it has schemas."""

    name: str
    schemas: bool


class FabricApi:
    """Fabric's REST API for one workspace; errors are those of ``LivyApi``.

    Args:
        transport: to the API's root, such as ``https://api.fabric.microsoft.com/v1``.
        retrier: shared with the target's Livy.
        workspace: its GUID.
    """

    def __init__(self, transport: Transport, retrier: Retrier, workspace: str) -> None:
        self._transport = transport
        self._retrier = retrier
        self._workspace = workspace

    def lakehouse(self, lakehouse_id: str, deadline: Deadline) -> LakehouseView:
        """The lakehouse with that GUID.

        Only one with schemas has a ``defaultSchema`` among its properties (Fabric's REST specification).
        """
        path = f"/workspaces/{self._workspace}/lakehouses/{lakehouse_id}"

        def attempt() -> LakehouseView:
            return _lakehouse(answer(self._transport, "GET", path, send(self._transport, "GET", path, deadline)))

        return self._retrier.call(Operation.LIST, attempt, deadline)


def _lakehouse(body: Any) -> LakehouseView:
    properties = body.get("properties") if isinstance(body, Mapping) else None
    name = body.get("displayName") if isinstance(body, Mapping) else None
    if not isinstance(properties, Mapping) or not isinstance(name, str) or not name:
        raise ProtocolError("Fabric described the lakehouse without its name or its properties")
    return LakehouseView(name, bool(properties.get("defaultSchema")))
