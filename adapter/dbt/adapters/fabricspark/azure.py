"""Tokens from azure-identity, which does the work for every kind of authentication that Entra has a word in."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any, cast

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity import (
    AzureCliCredential,
    CertificateCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.identity import clean
from dbt.adapters.fabricspark.resilience.outcome import NotSent
from dbt.adapters.fabricspark.resilience.tokens import Fetch, IdentityRefused, Token
from dbt_common.exceptions import DbtRuntimeError

SCOPE = "https://api.fabric.microsoft.com/.default"
"""Audience of Fabric's REST and Livy endpoints (Fabric docs)."""

_ENTRA_CODE = re.compile(r"AADSTS(\d+)")
_ENTRA_IN_TROUBLE = frozenset({"90033", "90055"})
"""Entra's codes for troubles of its own (Entra docs, error code reference)."""

TIMEOUTS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 20}
"""Seconds; azure-core would wait five minutes for each."""


class _AzureFetch:
    """Asks a credential of azure-identity, or one like it.

    Args:
        make: makes one. A new one has an empty cache, and its caches are nobody else's.
    """

    def __init__(self, make: Callable[[], TokenCredential]) -> None:
        self._make = make
        self._credential = make()

    def __call__(self, anew: bool) -> Token:
        if anew:
            self._credential = self._make()
        try:
            found = self._credential.get_token(SCOPE)
        except AzureError as error:
            # Without a token no request leaves this machine.
            kind = IdentityRefused if _is_final(error) else NotSent
            raise kind(f"no access token: {error.message}") from error
        return Token(clean(found.token), float(found.expires_on))


def _cli(c: FabricSparkCredentials) -> Fetch:
    tenant = c.tenant_id or ""
    return _AzureFetch(lambda: AzureCliCredential(tenant_id=tenant, process_timeout=int(c.azure_cli_process_timeout)))


def _service_principal(c: FabricSparkCredentials) -> Fetch:
    tenant, client, secret, path = str(c.tenant_id), str(c.client_id), c.client_secret, c.client_certificate_path
    if secret:
        return _AzureFetch(lambda: ClientSecretCredential(tenant, client, secret, **_cloud(c)))
    # No password and an empty one are not the same to azure-identity.
    more: dict[str, Any] = {"password": c.client_certificate_password} if c.client_certificate_password else {}
    return _AzureFetch(lambda: CertificateCredential(tenant, client, path, **more, **_cloud(c)))


def _managed_identity(c: FabricSparkCredentials) -> Fetch:
    return _AzureFetch(lambda: ManagedIdentityCredential(client_id=c.client_id, **TIMEOUTS))


def _workload_identity(c: FabricSparkCredentials) -> Fetch:
    given = {name: getattr(c, name) for name in ("tenant_id", "client_id", "token_file_path") if getattr(c, name)}
    return _AzureFetch(lambda: WorkloadIdentityCredential(**given, **_cloud(c)))


def _environment(c: FabricSparkCredentials) -> Fetch:
    return _AzureFetch(lambda: EnvironmentCredential(**_cloud(c)))


def _default(c: FabricSparkCredentials) -> Fetch:
    seconds = int(c.azure_cli_process_timeout)
    named = (
        {"managed_identity_client_id": c.client_id, "workload_identity_client_id": c.client_id} if c.client_id else {}
    )
    return _AzureFetch(lambda: DefaultAzureCredential(process_timeout=seconds, **named, **_cloud(c)))


def _own_class(c: FabricSparkCredentials) -> Fetch:
    module_name, _, class_name = str(c.credential_class).rpartition(".")
    try:
        made = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise DbtRuntimeError(f"credential_class '{c.credential_class}' cannot be imported: {error}") from error
    if not (isinstance(made, type) and callable(getattr(made, "get_token", None))):
        raise DbtRuntimeError(f"credential_class '{c.credential_class}' is not a class with a method get_token")
    return _AzureFetch(lambda: cast(TokenCredential, made(**c.credential_kwargs)))


FETCHES: dict[str, Callable[[FabricSparkCredentials], Fetch]] = {
    "CLI": _cli,
    "SPN": _service_principal,
    "managed_identity": _managed_identity,
    "workload_identity": _workload_identity,
    "environment": _environment,
    "default": _default,
    "token_credential": _own_class,
}
"""How each kind of ``authentication`` comes by its tokens."""


def _is_final(error: AzureError) -> bool:
    """Whether Entra has looked at who asks, and said no: a wrong secret does not become right by waiting.

    The library keeps no status of these errors, only Entra's words, which begin with its code.
    """
    code = _ENTRA_CODE.search(error.message or "")
    return isinstance(error, ClientAuthenticationError) and code is not None and code[1] not in _ENTRA_IN_TROUBLE


def _cloud(c: FabricSparkCredentials) -> dict[str, Any]:
    known = {"authority": c.authority} if c.authority else {}
    return {**known, "disable_instance_discovery": c.disable_instance_discovery, **TIMEOUTS}
