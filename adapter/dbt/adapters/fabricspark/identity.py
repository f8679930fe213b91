"""Where a token comes from, by the profile's ``authentication``; azure-identity does the work."""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import logging
from collections.abc import Callable
from typing import Any

from dbt.adapters.fabricspark.authentication import authentication
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.resilience.outcome import NotSent
from dbt.adapters.fabricspark.resilience.runtime import Runtime
from dbt.adapters.fabricspark.resilience.tokens import Fetch, Token, TokenSource
from dbt_common.exceptions import DbtRuntimeError

NOTEBOOK_AUDIENCE = "pbi"
"""Name, in a Fabric notebook, of the audience of Fabric's REST and Livy endpoints (Fabric docs, notebookutils)."""


def token_source(credentials: FabricSparkCredentials, runtime: Runtime, logger: logging.Logger) -> TokenSource | None:
    """The source of tokens for a profile; ``None`` for a server without authentication.

    Raises:
        DbtRuntimeError: its identity cannot be used, before anything was asked of anyone.
    """
    if credentials.livy_mode == "local":
        return None
    name = authentication(credentials.authentication).name
    try:
        fetch = _fetch(name)(credentials)
    except DbtRuntimeError:
        raise
    except Exception as error:
        # A class of the user's or a broken certificate may raise anything; azure-identity refuses what
        # it is given by the profile or by AZURE_… in the environment.
        raise DbtRuntimeError(f"authentication '{credentials.authentication}': {error}") from error
    return TokenSource(fetch, runtime, logger)


def _static(c: FabricSparkCredentials) -> Fetch:
    token = Token(clean(str(c.accessToken)))
    return lambda _anew: token


def _fabric_notebook(c: FabricSparkCredentials) -> Fetch:
    try:
        # Only there in a Fabric notebook.
        utils: Any = importlib.import_module("notebookutils")
    except ImportError as error:
        raise DbtRuntimeError(
            f"authentication '{c.authentication}' works inside a Fabric notebook only: there is no notebookutils here"
        ) from error

    def fetch(_anew: bool) -> Token:
        value = clean(str(utils.credentials.getToken(NOTEBOOK_AUDIENCE)))
        return Token(value, expiry(value))

    return fetch


_FETCHES: dict[str, Callable[[FabricSparkCredentials], Fetch]] = {
    "fabric_notebook": _fabric_notebook,
    "token": _static,
}


def _fetch(name: str) -> Callable[[FabricSparkCredentials], Fetch]:
    """What makes the fetch of a kind of authentication. azure-identity takes a third of a second to import, so only
    who needs it does."""
    return _FETCHES.get(name) or importlib.import_module("dbt.adapters.fabricspark.azure").FETCHES[name]


def expiry(token: str) -> float | None:
    """When a token says it expires, seconds since the epoch; ``None`` if it is none of those that say so (RFC 7519)."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, binascii.Error):
        return None


def clean(token: str) -> str:
    """A token without the blanks around it.

    Raises:
        NotSent: it cannot be one.
    """
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NotSent("no access token: what was given is not one (it is empty, or has characters no token has)")
    return token
