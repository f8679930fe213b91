"""HTTP with a time-out on every request and no retry of its own."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from dbt.adapters.fabricspark.resilience.bounded import BoundedAdapter, BoundedBodies
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import Halted
from dbt.adapters.fabricspark.resilience.outcome import NotSent, ReplyLate, ReplyLost, TransportError
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection at most; a server that is there answers the handshake much faster."""

SHORTEST_TIMEOUT = 0.001
"""``requests`` refuses a time-out of zero; a spent deadline still has to end in a time-out, not in a crash."""

LONGEST_TIMEOUT = 86_400.0
"""Seconds, likewise: a socket refuses a time-out of more than 24 days. What is read ends in time without it."""


@dataclass(frozen=True)
class Reply:
    """A complete reply, whatever its status.

    Attributes:
        status: HTTP status code.
        headers: as received; look-ups ignore case.
        body: the raw bytes, complete.
        generation: of the token that was sent; ``None`` without one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    generation: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as JSON, with every number that has a point or exponent as ``Decimal``.

        Raises:
            ValueError: it is not JSON, or none that can be held.
        """
        try:
            return json.loads(self.body, parse_float=Decimal)
        except (RecursionError, InvalidOperation) as error:
            raise ValueError(f"nested too deeply, or with a number out of all bounds: {error}") from error


class BearerToken(Protocol):
    """A secret, and which one in the order of those handed out."""

    @property
    def value(self) -> str: ...

    @property
    def generation(self) -> int: ...


class TokenSource(Protocol):
    """Where the transport gets the token of each request."""

    def token(self, deadline: Deadline) -> BearerToken:
        """One that is good for some time yet; raises ``TransportError`` if there is none by the deadline."""


class _Auth(requests.auth.AuthBase):
    """Sets the bearer header itself, so that a ``.netrc`` can never replace it."""

    def __init__(self, token: BearerToken | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token.value}"
        return request


class _Session(requests.Session):
    """Of a redirect that is not followed ``requests`` reads the address all the same, and fails if that is odd."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  # it is the base class's
        """None: no redirect is followed."""
        return None


class _Request(threading.local):
    """The request that each thread is making, as its connection knows it: see ``bounded.Request``."""

    deadline: Deadline
    is_connecting = False

    def __init__(self, left: Callable[[], float]) -> None:
        self._left = left

    @property
    def remaining(self) -> float:
        return min(self.deadline.remaining, self._left())


class Transport:
    """One server, many threads.

    Args:
        base_url: what every path is appended to; no trailing slash needed.
        http_timeout: seconds one request may take, body included.
        tokens: gives the token for each request, or ``None`` for a server without authentication.
        user_agent: sent with every request.
        adapter: a ``requests`` transport adapter to use instead of the network, for tests.
        left: seconds the calling thread may still take for anything; 0 is ``Halted``. Other threads may change it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        http_timeout: float,
        tokens: TokenSource | None = None,
        user_agent: str,
        adapter: HTTPAdapter | None = None,
        left: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._http_timeout = http_timeout
        self._tokens = tokens
        self._left = left
        self._session = _Session()
        self._session.headers.update({"User-Agent": user_agent, "Accept": "application/json"})
        self._current = _Request(left)
        # Proxies of the environment are for the network only; to look for them takes a good part of a request.
        self._session.trust_env = adapter is None
        wire = (
            BoundedAdapter(self._current)
            if adapter is None
            else BoundedBodies(adapter, lambda: self._current.remaining)
        )
        self._session.mount("http://", wire)
        self._session.mount("https://", wire)

    def request(self, method: str, path: str, deadline: Deadline, body: object | None = None) -> Reply:
        """Send one request and read the whole reply.

        Args:
            method: HTTP method.
            path: appended to the base URL.
            deadline: of the operation this request belongs to; the request ends by it, or by ``http_timeout``.
            body: sent as JSON when not ``None``.

        Raises:
            NotSent: the server was not reached.
            ReplyLost: it may have been reached, and the connection broke before the reply was complete.
            ReplyLate: likewise, and the reply did not come in time.
            Halted: the run is being stopped.
        """
        if self._left() <= 0:
            raise Halted
        url = self.base_url + path
        where = f"{method} {_without_query(url)}"
        token = self._tokens.token(deadline) if self._tokens else None
        mine = self._current.deadline = deadline.sooner(min(self._http_timeout, self._left()))
        self._current.is_connecting = False
        read = min(max(SHORTEST_TIMEOUT, mine.remaining), LONGEST_TIMEOUT)
        data = None if body is None else json.dumps(body, default=written).encode()
        try:
            with self._session.request(
                method,
                url,
                data=data,
                headers=None if body is None else {"Content-Type": "application/json"},
                auth=_Auth(token),
                timeout=(min(CONNECT_TIMEOUT, read), read),
                # A redirect turns POST into GET, and a login page into a reply.
                allow_redirects=False,
            ) as response:
                generation = token.generation if token else None
                return Reply(response.status_code, response.headers, response.content, generation)
        except (requests.RequestException, HTTPError) as error:
            if self._left() <= 0:
                raise Halted from error
            raise _classified(error, where, mine, is_sent=not self._current.is_connecting) from error
        except (OSError, ValueError) as error:
            if self._left() <= 0:
                raise Halted from error
            raise _unforeseen(error, where, is_sent=not self._current.is_connecting) from error

    def close(self) -> None:
        """Drop pooled connections."""
        self._session.close()


def _classified(
    error: requests.RequestException | HTTPError, where: str, deadline: Deadline, *, is_sent: bool
) -> TransportError:
    causes = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(each, kinds) for each in causes)

    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    tls = next((each for each in causes if isinstance(each, ssl.SSLError)), None)
    to = " to the proxy" if caused_by(ProxyError) else ""
    # A refused certificate comes before the request, also where nobody can tell what has been sent.
    if isinstance(tls, ssl.SSLCertVerificationError):
        return NotSent(f"{where}: the server's certificate is not trusted: {cause}")
    if caused_by(NameResolutionError):
        return NotSent(f"{where}: the host name {'of the proxy ' if to else ''}does not resolve")
    if caused_by(NewConnectionError):
        return NotSent(f"{where}: connection{to} refused or host unreachable")
    # After the two above: urllib3 derives them from it.
    if caused_by(requests.ConnectTimeout, ConnectTimeoutError):
        return NotSent(f"{where}: no connection{to} within {min(CONNECT_TIMEOUT, deadline.seconds):.0f} s")
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        return NotSent(f"{where}: {error}")
    if caused_by(requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationValueError):
        return NotSent(f"{where}: not a usable address")
    how = tls.reason.lower().replace("_", " ") if tls and tls.reason else ""
    if not is_sent and caused_by(TimeoutError):
        return NotSent(f"{where}: no connection{to} after {deadline.elapsed:.0f} s")
    if not is_sent:
        last = causes[-1].args[-1] if causes[-1].args else type(causes[-1]).__name__
        return NotSent(f"{where}: no connection{to} ({how or last})")
    # requests has another error for a body that stops, but the server was no less late.
    if caused_by(requests.Timeout, ReadTimeoutError):
        return ReplyLate(f"{where}: no reply within {deadline.seconds:.0f} s")
    how = ": ".join(filter(None, (type(error).__name__, how)))
    return ReplyLost(f"{where}: the connection broke before the reply was complete ({how})")


def _unforeseen(error: OSError | ValueError, where: str, *, is_sent: bool) -> TransportError:
    """An error for which ``requests`` has none of its own."""
    if isinstance(error, UnicodeEncodeError):
        # Its words may hold a part of a password.
        return NotSent(f"{where}: a proxy's user or password, or a header, has characters that HTTP does not take")
    # A socket's errors have a number; without one it is a file of certificates that is not there.
    if not is_sent or (isinstance(error, OSError) and error.errno is None):
        return NotSent(f"{where}: {error}")
    return ReplyLost(f"{where}: the reply makes no sense ({type(error).__name__}: {error})")


def written(value: object) -> str:
    """What JSON has no form for: YAML makes dates of texts that look like one.

    Raises:
        TypeError: it is no date either.
    """
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


def _causes(error: object) -> Iterator[BaseException]:
    """An error and what is inside of it: urllib3 has that in an argument or that argument's ``reason``."""
    while isinstance(error, BaseException):
        yield error
        inner = error.args[0] if error.args else None
        # In an error of TLS, `reason` is a word; in one of a proxy, the argument is too.
        chain = (getattr(inner, "reason", None), inner, getattr(error, "original_error", None), error.__cause__)
        error = next((each for each in chain if isinstance(each, BaseException)), None)


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
