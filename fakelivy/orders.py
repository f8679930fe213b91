"""What faults have the server do differently with one request, once it is carried out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Orders:
    """Told by effects that happen before a request is carried out; its handler obeys. Times are seconds.

    Attributes:
        start_after: how long a new session stays ``starting`` at least.
        reap_after: inactivity after which a new session is reaped, even while it works; ``None`` leaves it alone.
        alone: a new high-concurrency session gets a Livy session to itself.
        lose: a new statement is accepted and forgotten.
        max_rows: rows of a new statement's result, if that is less than what the session allows.
        runs_for: how long a new statement runs before the engine is handed it.
        token_lifetime: how long a new token is good.
        clock_skew: how far the clock that checks the request's token is ahead, besides ``IdentityOptions.clock_skew``.
    """

    start_after: float = 0.0
    reap_after: float | None = None
    alone: bool = False
    lose: bool = False
    max_rows: int | None = None
    runs_for: float = 0.0
    token_lifetime: int | None = None
    clock_skew: float = 0.0


NONE = Orders()
"""A request as it comes."""
