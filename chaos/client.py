"""The client under test, from outside: what it must be able to do, what it is told, and how one is handed in."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from requests.adapters import HTTPAdapter

from chaos.simulation import SimulatedRuntime

OURS = "dbt.adapters.fabricspark.client:under_test"
"""Where this project's own adapter offers itself."""


class Client(Protocol):
    """One client object that several threads use. An error it raises says with an ``outcome`` of ``unknown``, or with
    ``Unknown`` in the name of its class, that the statement may or may not have run; any other says that it has not."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        """Run a statement to its end; its rows."""

    def cancel(self) -> None:
        """Cancel whatever runs, on the server too. Called from another thread."""

    def close(self) -> None:
        """Leave nothing behind."""


class Token(Protocol):
    """What a token source gives; the shape of azure-core's ``AccessToken``."""

    @property
    def token(self) -> str:
        """The bearer token."""

    @property
    def expires_on(self) -> int:
        """Seconds since the epoch."""


@dataclass(frozen=True)
class Options:
    """What a client is told besides where the server is.

    Attributes:
        dialect: ``livy`` or ``fabric``.
        threads: how many will use it.
        get_token: gives a new token each time, and takes a while, as azure-identity's credentials do; Fabric only.
        settings: seconds: ``statement_timeout``, ``session_start_timeout``, ``http_timeout``.
        high_concurrency: whether to use Fabric's high-concurrency sessions; a client that has none may ignore it, and
            is then told that nothing was proven.
    """

    dialect: str
    threads: int
    get_token: Callable[..., Token]
    settings: Mapping[str, float]
    high_concurrency: bool = False


Factory = Callable[[str, HTTPAdapter, SimulatedRuntime, Options], Client]
"""``(base_url, adapter, runtime, options)``: mount the requests adapter, take time, locks and chance of the runtime."""


class ClientError(ValueError):
    """There is no such factory; the message says why."""


def factory(path: str) -> Factory:
    """The factory of a dotted path, ``package.module:function``; modules of the current folder are found too.

    Raises:
        ClientError: there is none.
    """
    module, _, name = path.partition(":")
    if not name:
        module, _, name = path.rpartition(".")
    if not module:
        raise ClientError(f"a client is given as package.module:function, not {path!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # importing runs whatever code is there
        raise ClientError(f"no client {path}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ClientError(f"{path} is no function, but {found!r}")
    made: Factory = found
    return made
