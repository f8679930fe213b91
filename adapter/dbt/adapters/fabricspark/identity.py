"""Where a token comes from, by the profile's ``authentication``; azure-identity does the work."""

from __future__ import annotations

from collections.abc import Callable

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import AzureCliCredential, ClientSecretCredential
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.resilience.outcome import NotSent
from dbt.adapters.fabricspark.resilience.runtime import Runtime
from dbt.adapters.fabricspark.resilience.tokens import Token, TokenSource
from dbt_common.exceptions import DbtRuntimeError

SCOPE = "https://api.fabric.microsoft.com/.default"
"""Audience of Fabric's REST and Livy endpoints (Fabric docs)."""


def token_source(credentials: FabricSparkCredentials, runtime: Runtime) -> TokenSource | None:
    """The source of tokens for a profile; ``None`` for a server without authentication."""
    if credentials.livy_mode == "local":
        return None
    try:
        fetch = _FETCHERS[credentials.authentication.lower()](credentials)
    except ValueError as error:
        # azure-identity refuses what it is given, by the profile or by AZURE_… in the environment.
        raise DbtRuntimeError(f"authentication '{credentials.authentication}': {error}") from error
    return TokenSource(fetch, runtime)


def _static(credentials: FabricSparkCredentials) -> Callable[[], Token]:
    token = Token(str(credentials.accessToken))
    return lambda: token


def _cli(credentials: FabricSparkCredentials) -> Callable[[], Token]:
    return _from_azure(AzureCliCredential(process_timeout=credentials.azure_cli_process_timeout))


def _service_principal(credentials: FabricSparkCredentials) -> Callable[[], Token]:
    return _from_azure(
        ClientSecretCredential(
            tenant_id=str(credentials.tenant_id),
            client_id=str(credentials.client_id),
            client_secret=str(credentials.client_secret),
            authority=credentials.authority,
            disable_instance_discovery=credentials.disable_instance_discovery,
        )
    )


def _from_azure(credential: TokenCredential) -> Callable[[], Token]:
    def fetch() -> Token:
        try:
            token = credential.get_token(SCOPE)
        except AzureError as error:
            # Without a token no request leaves this machine.
            raise NotSent(f"no access token: {error.message}") from error
        return Token(token.token, float(token.expires_on))

    return fetch


_FETCHERS: dict[str, Callable[[FabricSparkCredentials], Callable[[], Token]]] = {
    "cli": _cli,
    "spn": _service_principal,
    "token": _static,
    "int_tests": _static,
}
