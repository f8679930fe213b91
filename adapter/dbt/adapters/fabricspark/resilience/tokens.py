"""One access token per identity, replaced ahead of its end by one flight at a time, which stops nobody in vain."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.outcome import NotSent, TransportError
from dbt.adapters.fabricspark.resilience.runtime import Runtime

REFRESH_AHEAD = 300.0
"""Seconds before its end at which a token is replaced: as azure-identity, whose own cache gives the old one before."""

LEEWAY = 10.0
"""Seconds before its end from which a token is not sent any more: it would expire on its way."""

SHORTEST_LIFE = 60.0
"""Seconds a new token is taken to live though its end is past: this machine's clock is ahead, the token is not old."""

FETCH_TIMEOUT = 60.0
"""Seconds a thread without a token waits for one, and after which a fetch counts as lost."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
"""Seconds between two attempts to replace a token that still works; doubling."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Token:
    """A bearer token.

    Attributes:
        value: the secret; kept out of the repr.
        expires_at: seconds since the epoch by the issuer's clock, or ``None`` when it is not known to expire.
        generation: counts the tokens a source handed out; 0 until it did.
    """

    value: str = field(repr=False)
    expires_at: float | None = None
    generation: int = 0


class Freshness(Enum):
    """What a token is good for."""

    FRESH = "used as it is"
    STALE = "used, and replaced meanwhile"
    EXPIRED = "not used; whoever needs a token waits for the next"


Fetch = Callable[[bool], Token]
"""Gets a token from the identity provider; may block and may raise. True: the last was refused, so not a cached one."""


class _Flight:
    """One fetch on its way."""

    def __init__(self, number: int, deadline: Deadline, *, anew: bool) -> None:
        self.number = number
        self.deadline = deadline
        self.anew = anew
        self.landed = False
        self.error: Exception | None = None


class TokenSource:
    """Hands out a token that is good for some time yet.

    The wall clock is read once per token, to learn how long it lives; its age is measured on the monotonic clock, so
    a clock that is set changes nothing. Fetches run on threads of their own: a provider that hangs stops only those
    whose token has expired, and those not for ever.

    Args:
        fetch: see ``Fetch``.
        runtime: clock, locks, threads.
        logger: told of fetches that failed while the old token still worked.
    """

    def __init__(self, fetch: Fetch, runtime: Runtime, logger: logging.Logger = _LOG) -> None:
        self._fetch = fetch
        self._runtime = runtime
        self._logger = logger
        self._changed = RankedCondition(runtime, Rank.TOKEN)
        self._token: Token | None = None
        self._stale_from = self._expired_from = float("inf")
        self._refused = False
        self._flight: _Flight | None = None
        self._flights = self._landed = 0
        self._failures = 0
        self._quiet_until = self._trusted_until = float("-inf")

    def token(self, deadline: Deadline | None = None) -> Token:
        """A token to send now.

        Args:
            deadline: of the operation that needs it; it waits ``FETCH_TIMEOUT`` seconds at most anyway.

        Raises:
            NotSent: there is none: the provider failed, or did not answer in time.
            TransportError: whatever else of that kind the fetch raised.
        """
        limit = deadline.sooner(FETCH_TIMEOUT) if deadline else Deadline.after(self._runtime, FETCH_TIMEOUT)
        with self._changed:
            while (token := self._usable()) is None:
                self._await(self._in_the_air(), limit)
            return token

    def bearer(self) -> str:
        """The value for an ``Authorization: Bearer`` header; see ``token``."""
        return self.token().value

    def rejected(self, generation: int) -> None:
        """The server refused a token: the next one handed out is another, if the provider has one.

        Called by many threads for the same token it has effect once, and none for a token that was replaced already.
        """
        with self._changed:
            if self._token is None or self._token.generation != generation:
                return
            if self._runtime.monotonic() >= self._trusted_until:
                self._refused = True

    def _usable(self) -> Token | None:
        """The token at hand unless it has expired; a stale one is on its way to be replaced."""
        freshness = self._freshness()
        if freshness is Freshness.STALE and self._runtime.monotonic() >= self._quiet_until:
            self._in_the_air()
        return None if freshness is Freshness.EXPIRED else self._token

    def _await(self, flight: _Flight, limit: Deadline) -> None:
        while not flight.landed and not limit.expired and not flight.deadline.expired:
            self._changed.wait(min(limit.remaining, flight.deadline.remaining))
        if flight.error is not None:
            raise _again(flight.error) from flight.error
        if limit.expired and not flight.landed:
            raise NotSent(f"no access token: the identity provider did not answer within {limit.seconds:.0f} s")

    def _freshness(self) -> Freshness:
        now = self._runtime.monotonic()
        if self._token is None or self._refused or now >= self._expired_from:
            return Freshness.EXPIRED
        return Freshness.STALE if now >= self._stale_from else Freshness.FRESH

    def _in_the_air(self) -> _Flight:
        """The fetch on its way, or a new one if there is none or it is overdue."""
        if self._flight is None or self._flight.landed or self._flight.deadline.expired:
            self._flights += 1
            deadline = Deadline.after(self._runtime, FETCH_TIMEOUT)
            flight = self._flight = _Flight(self._flights, deadline, anew=self._refused)
            self._runtime.spawn("fabricspark-token", lambda: self._fly(flight))
        return self._flight

    def _fly(self, flight: _Flight) -> None:
        token, error = None, None
        try:
            token = self._fetch(flight.anew)
        except Exception as caught:  # noqa: BLE001  # a user's own credential may raise anything; it is told, not lost
            error = caught
        with self._changed:
            flight.landed, flight.error = True, error
            if token is not None and flight.number > self._landed:
                self._landed = flight.number
                self._take(token, flight)
            elif error is not None and self._flight is flight:
                self._note_failure(error)
            self._changed.notify_all()

    def _take(self, token: Token, flight: _Flight) -> None:
        now = self._runtime.monotonic()
        self._failures, self._quiet_until = 0, float("-inf")
        if self._token is not None and token.value == self._token.value:
            # The provider has no other yet. A refused one is handed out again, for the server to have the last word.
            self._quiet_until = now + FIRST_PAUSE
            if flight.anew:
                self._refused, self._trusted_until = False, now + FIRST_PAUSE
        else:
            self._refused, self._trusted_until = False, float("-inf")
        changed = self._token is None or token.value != self._token.value
        generation = (self._token.generation if self._token else 0) + changed
        self._token = replace(token, generation=generation)
        self._stale_from = self._expired_from = float("inf")
        if token.expires_at is not None:
            life = token.expires_at - self._runtime.now().timestamp()
            life = life if life > 0 else SHORTEST_LIFE
            self._expired_from = now + life - min(LEEWAY, life / 10)
            self._stale_from = now + life - min(REFRESH_AHEAD, life / 2)

    def _note_failure(self, error: Exception) -> None:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 30))
        self._failures += 1
        self._quiet_until = self._runtime.monotonic() + pause
        if self._freshness() is not Freshness.EXPIRED:
            self._logger.warning("%s; the token at hand still works, next attempt in %.0f s", _again(error), pause)


def _again(error: Exception) -> TransportError:
    """The error as each waiting thread raises it: an exception of its own, fit for a user."""
    if isinstance(error, TransportError):
        return type(error)(str(error))
    return NotSent(f"no access token: {type(error).__name__}: {error}")
