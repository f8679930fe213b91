"""One access token per identity, refreshed by one thread at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dbt.adapters.fabricspark.resilience.runtime import Runtime

REFRESH_AHEAD = 300.0
"""Seconds before its expiry at which a token is replaced: no request may outlive the token it carries."""


@dataclass(frozen=True)
class Token:
    """A bearer token.

    Attributes:
        value: the secret; kept out of the repr.
        expires_at: seconds since the epoch, or ``None`` when it is not known to expire.
        generation: its place in the order of those handed out.
    """

    value: str = field(repr=False)
    expires_at: float | None = None
    generation: int = 0


class TokenSource:
    """Hands out a token that is good for some time yet.

    Args:
        fetch: gets a new token from the identity provider; may block and may raise.
        runtime: clock and locks.
    """

    def __init__(self, fetch: Callable[[], Token], runtime: Runtime) -> None:
        self._fetch = fetch
        self._runtime = runtime
        self._lock = runtime.lock()
        self._token: Token | None = None
        self._generation = 0

    def token(self) -> Token:
        """The token for one request.

        Raises:
            Exception: whatever ``fetch`` raises; the next call tries again.
        """
        with self._lock:
            if self._token is None or self._is_ageing(self._token):
                self._generation += 1
                self._token = replace(self._fetch(), generation=self._generation)
            return self._token

    def bearer(self) -> str:
        """The value for an ``Authorization: Bearer`` header."""
        return self.token().value

    def rejected(self, generation: int) -> None:
        """The server refused that token: the next one handed out is another, unless it is already."""
        with self._lock:
            if self._token is not None and self._token.generation == generation:
                self._token = None

    def _is_ageing(self, token: Token) -> bool:
        if token.expires_at is None:
            return False
        return token.expires_at - self._runtime.now().timestamp() < REFRESH_AHEAD
