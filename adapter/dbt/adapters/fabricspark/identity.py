"""Where a token comes from, by the profile's ``authentication``; azure-identity does the work."""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import logging
from collections.abc import Callable
from typing import Any, cast

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import (
    AzureCliCredential,
    CertificateCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from dbt.adapters.fabricspark.authentication import authentication
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.resilience.outcome import NotSent
from dbt.adapters.fabricspark.resilience.runtime import Runtime
from dbt.adapters.fabricspark.resilience.tokens import Fetch, Token, TokenSource
from dbt_common.exceptions import DbtRuntimeError

SCOPE = "https://api.fabric.microsoft.com/.default"
"""Audience of Fabric's REST and Livy endpoints (Fabric docs)."""

NOTEBOOK_AUDIENCE = "pbi"
"""Name of the same audience in a Fabric notebook (Fabric docs, notebookutils)."""

TIMEOUTS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 20}
"""Seconds; azure-core would wait five minutes for each."""


def token_source(credentials: FabricSparkCredentials, runtime: Runtime, logger: logging.Logger) -> TokenSource | None:
    """The source of tokens for a profile; ``None`` for a server without authentication.

    Raises:
        DbtRuntimeError: its identity cannot be used, before anything was asked of anyone.
    """
    if credentials.livy_mode == "local":
        return None
    name = authentication(credentials.authentication).name
    try:
        fetch = _FETCHES[name](credentials)
    except DbtRuntimeError:
        raise
    except Exception as error:
        # A class of the user's or a broken certificate may raise anything; azure-identity refuses what
        # it is given by the profile or by AZURE_… in the environment.
        raise DbtRuntimeError(f"authentication '{credentials.authentication}': {error}") from error
    return TokenSource(fetch, runtime, logger)


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
            raise NotSent(f"no access token: {error.message}") from error
        return Token(_clean(found.token), float(found.expires_on))


def _static(c: FabricSparkCredentials) -> Fetch:
    token = Token(_clean(str(c.accessToken)))
    return lambda _anew: token


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


def _fabric_notebook(c: FabricSparkCredentials) -> Fetch:
    try:
        # Only there in a Fabric notebook.
        utils: Any = importlib.import_module("notebookutils")
    except ImportError as error:
        raise DbtRuntimeError(
            f"authentication '{c.authentication}' works inside a Fabric notebook only: there is no notebookutils here"
        ) from error

    def fetch(_anew: bool) -> Token:
        value = _clean(str(utils.credentials.getToken(NOTEBOOK_AUDIENCE)))
        return Token(value, expiry(value))

    return fetch


_FETCHES: dict[str, Callable[[FabricSparkCredentials], Fetch]] = {
    "CLI": _cli,
    "SPN": _service_principal,
    "managed_identity": _managed_identity,
    "workload_identity": _workload_identity,
    "environment": _environment,
    "default": _default,
    "token_credential": _own_class,
    "fabric_notebook": _fabric_notebook,
    "token": _static,
}


def expiry(token: str) -> float | None:
    """When a token says it expires, seconds since the epoch; ``None`` if it is none of those that say so (RFC 7519)."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


def _cloud(c: FabricSparkCredentials) -> dict[str, Any]:
    known = {"authority": c.authority} if c.authority else {}
    return {**known, "disable_instance_discovery": c.disable_instance_discovery, **TIMEOUTS}


def _clean(token: str) -> str:
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NotSent("no access token: what was given is not one (it is empty, or has characters no token has)")
    return token
