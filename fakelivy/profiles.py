"""dbt profiles that point at this server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from fakelivy.identity.options import IdentityOptions
from fakelivy.ids import item_guid
from fakelivy.knobs import Dialect
from fakelivy.model import Lakehouse

PROFILE = "fakelivy"
WORKSPACE = "fakelivy"


def lakehouse_named(name: str, *, schemas: bool = True) -> Lakehouse:
    """The lakehouse of this name in the server's one workspace."""
    return Lakehouse(
        workspace_id=item_guid(WORKSPACE),
        workspace=WORKSPACE,
        id=item_guid(WORKSPACE, name),
        name=name,
        schemas=schemas,
    )


def output(dialect: Dialect, url: str, lakehouse: Lakehouse, token: str, identity: IdentityOptions) -> dict[str, Any]:
    """One dbt target (an entry of ``outputs``)."""
    place: dict[Dialect, dict[str, Any]] = {
        Dialect.LIVY: {"livy_mode": "local", "livy_url": url},
        Dialect.FABRIC: {
            "livy_mode": "fabric",
            "endpoint": f"{url}/v1",
            "workspaceid": lakehouse.workspace_id,
            "lakehouseid": lakehouse.id,
            **_authentication(url, token, identity),
        },
    }
    return {
        "type": "fabricspark",
        "method": "livy",
        **place[dialect],
        "lakehouse": lakehouse.name,
        "schema": "dbo" if lakehouse.schemas else lakehouse.name,
        "threads": 4,
        "spark_config": {"name": "dbt"},
    }


def _authentication(url: str, token: str, identity: IdentityOptions) -> dict[str, Any]:
    # Entra's clients speak https only.
    if not url.startswith("https://"):
        return {"authentication": "token", "accessToken": token}
    return {
        "authentication": "SPN",
        "authority": url,
        "disable_instance_discovery": True,
        "tenant_id": identity.tenant_id,
        "client_id": identity.client_id,
        "client_secret": identity.client_secret,
    }


def profile(
    dialects: Iterable[Dialect],
    url: str,
    lakehouse: Lakehouse,
    token: str,
    identity: IdentityOptions | None = None,
) -> dict[str, Any]:
    """The content of a ``profiles.yml``; its default target is the first of ``dialects``."""
    identity = identity or IdentityOptions()
    outputs = {dialect.value: output(dialect, url, lakehouse, token, identity) for dialect in dialects}
    return {PROFILE: {"target": next(iter(outputs)), "outputs": outputs}}


def as_yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False)
