"""Lets requests to the Fabric routes in, or not, by the token they bear."""

from __future__ import annotations

import hmac

from fakelivy.errors import Problem, Refused
from fakelivy.identity.authority import Authority, BadToken
from fakelivy.identity.options import TokenMode


class Gate:
    """The check of a request's ``Authorization``.

    Args:
        token: the fixed token of the mode ``static``.
        authority: checks all others.
    """

    def __init__(self, token: str, authority: Authority) -> None:
        self._token = token.encode()
        self._authority = authority

    def fixed(self, authorization: str | None) -> bool:
        """Whether a request shows nothing that has a date: no token, or one that always opens."""
        token = (authorization or "").partition(" ")[2].strip().encode()
        mode = self._authority.options.mode
        return not token or mode is TokenMode.ANY or (mode is TokenMode.STATIC and token == self._token)

    def check(self, authorization: str | None, *, skew: float = 0.0) -> None:
        """Let a request pass, its token's dates seen by a clock that is ``skew`` seconds ahead.

        Raises:
            Refused: NO_TOKEN or TOKEN_EXPIRED; its detail ``why`` is for the journal, not for the caller.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Refused(Problem.NO_TOKEN, why="missing")
        mode = self._authority.options.mode
        if mode is TokenMode.ANY:
            return
        if mode is TokenMode.STATIC and hmac.compare_digest(token.encode(), self._token):
            return
        try:
            self._authority.check(token, skew=skew)
        except BadToken as bad:
            problem = Problem.TOKEN_EXPIRED if bad.expired else Problem.NO_TOKEN
            raise Refused(problem, why=bad.why) from None
