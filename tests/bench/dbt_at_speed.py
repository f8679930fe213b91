"""dbt with this adapter, while time passes faster: ``python -m tests.bench.dbt_at_speed SPEED POLLING build …``.

``POLLING`` is ``ours``, or ``fixed`` for the baseline: a look every ``poll_statement_wait``, and a connection for each
request.
"""

from __future__ import annotations

import sys
from typing import Any

import requests
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, SessionManagers
from dbt.adapters.fabricspark.livy.line import Line
from dbt.adapters.fabricspark.resilience.polling import poll_pause
from dbt.adapters.fabricspark.signals import StopHandler
from dbt.cli.main import cli
from requests.adapters import HTTPAdapter

from tests.bench.scaled import ScaledRuntime


def the_longest(elapsed: float, longest: float, expected: float | None = None) -> float:
    """The longest pause there may be, every time."""
    del elapsed, expected
    return longest


def used_once(self: HTTPAdapter, request: requests.PreparedRequest, **_: Any) -> None:
    """Have the connection closed after this request."""
    del self
    request.headers["Connection"] = "close"


def nobody(self: Line, statement_id: int) -> int:
    """Look at statements that queue, too."""
    del self, statement_id
    return 0


def poll_at_fixed_intervals() -> None:
    """Make the adapter of this process the baseline."""
    users = [module for module in sys.modules.values() if getattr(module, "poll_pause", None) is poll_pause]
    for module in users:
        module.poll_pause = the_longest  # type: ignore[attr-defined]
    Line.ahead = nobody  # type: ignore[method-assign]
    HTTPAdapter.add_headers = used_once  # type: ignore[method-assign]


def main(speed: float, strategy: str, arguments: list[str]) -> None:
    """Run dbt."""
    if strategy == "fixed":
        poll_at_fixed_intervals()
    manager = FabricSparkConnectionManager
    manager.sessions = SessionManagers(ScaledRuntime(speed))
    manager.stopping = StopHandler(manager.sessions.halt_soon)
    cli(arguments)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], sys.argv[3:])
