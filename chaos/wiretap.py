"""Listens on the wire between client and server: every request with its thread, times, token and answer."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from chaos.simulation import Scheduler, SimulatedClock

SECRET = "chaos-secret"
"""What every token begins with."""


def secret(number: int, seed: int) -> str:
    """The value of a token."""
    return f"{SECRET}-{number}-{seed}"


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, in virtual seconds.

    ``status`` is 0 when there was no answer. ``token`` is the number of the token it bore, 0 for none.
    ``retry_after`` is how many seconds it was told to stay away.
    """

    thread: str
    method: str
    path: str
    begin: float
    end: float
    status: int
    token: int = 0
    retry_after: float | None = None
    request_id: str = ""


@dataclass(frozen=True)
class BearerToken:
    """A token of ours, in the shape of azure-core's ``AccessToken``."""

    token: str
    expires_on: int

    def __repr__(self) -> str:
        return f"BearerToken(expires_on={self.expires_on})"


@dataclass(frozen=True)
class Issue:
    """A token was given out: its number from 1, to which client of the run, when, and when it expires."""

    number: int
    client: int
    at: float
    expires_at: float


class TokenSource:
    """Gives tokens, each good for ``lifetime``, and takes ``takes`` virtual seconds for it."""

    def __init__(self, scheduler: Scheduler, clock: SimulatedClock, lifetime: float, takes: float = 0.5) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._lifetime = lifetime
        self._takes = takes
        self.client = 1
        self.issued: list[Issue] = []
        self.numbers: dict[str, int] = {}

    def get_token(self, *scopes: str, **rest: Any) -> BearerToken:
        """A new token, as azure-identity's credentials give it; ``scopes`` and ``rest`` do not matter."""
        del scopes, rest
        self._scheduler.sleep(self._takes)
        number, now = len(self.issued) + 1, self._clock.monotonic()
        value = secret(number, self._scheduler.seed)
        self.numbers[value] = number
        self.issued.append(Issue(number, self.client, now, now + self._lifetime))
        return BearerToken(value, int(self._clock.now().timestamp() + self._lifetime))


class Tap(HTTPAdapter):
    """A transport that keeps a record of what goes through another one."""

    def __init__(self, inner: HTTPAdapter, scheduler: Scheduler, clock: SimulatedClock, tokens: TokenSource) -> None:
        super().__init__()
        self._inner = inner
        self._scheduler = scheduler
        self._clock = clock
        self._tokens = tokens
        self.exchanges: list[Exchange] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """As the other one answers. Raises requests.RequestException as it does."""
        begin, response = self._clock.monotonic(), None
        try:
            response = self._inner.send(request, stream, timeout, verify, cert, proxies)
            return response
        finally:
            self._keep(request, begin, response)

    def _keep(self, request: requests.PreparedRequest, begin: float, response: requests.Response | None) -> None:
        thread = self._scheduler.current
        bearer = str(request.headers.get("Authorization") or "").partition(" ")[2]
        headers: Mapping[str, str] = response.headers if response is not None else {}
        self.exchanges.append(
            Exchange(
                thread=thread.name if thread else "",
                method=request.method or "",
                path=(request.path_url or "").partition("?")[0],
                begin=begin,
                end=self._clock.monotonic(),
                status=response.status_code if response is not None else 0,
                token=self._tokens.numbers.get(bearer, 0),
                retry_after=self._told(response) if response is not None else None,
                request_id=headers.get("RequestId", ""),
            )
        )

    def _told(self, response: requests.Response) -> float | None:
        """How long an answer says to stay away: in its header, or in the sentence in the body of a throttle."""
        if (header := response.headers.get("Retry-After")) is not None:
            return _seconds(header, self._clock.now())
        if response.status_code not in (429, 430):
            return None
        body = response.raw.read()
        # Whoever reads it after us gets it whole.
        response.raw = HTTPResponse(
            BytesIO(body), headers=response.raw.headers, status=response.status_code, preload_content=False
        )
        found = _UNTIL.search(body)
        if found is None:
            return None
        until = dt.datetime.strptime(found[1].decode(), "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=dt.timezone.utc)
        return (until - self._clock.now()).total_seconds()


_UNTIL = re.compile(rb"until: (\d+/\d+/\d+ \d+:\d+:\d+ [AP]M)")


def _seconds(text: str, now: dt.datetime) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return None
