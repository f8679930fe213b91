"""What vanilla Livy checks before any route, and the headers it puts on every reply (contract 1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from werkzeug.datastructures import Headers

from fakelivy.errors import Problem, Refused
from fakelivy.knobs import Knobs

_VERSION = re.compile(r"application/vnd\.livy\.v([0-9]+\.[0-9]+)")
_SUPPORTED = "0.1"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "X-XSS-Protection": "1; mode=block",
    "Content-Security-Policy": "default-src 'self'",
}
"""On every vanilla reply. The names are from Livy's source; that these are its default values is assumed."""


def admit(method: str, headers: Headers, query: Mapping[str, str], knobs: Knobs) -> None:
    """Let a vanilla request in.

    Raises:
        Refused: NO_CSRF_HEADER when ``csrf_protection`` is on, BAD_VERSION for an ``Accept`` of another version of
            the interface, NO_IMPERSONATION for ``doAs`` while ``impersonation`` is off.
    """
    if knobs.csrf_protection and method not in _SAFE and "X-Requested-By" not in headers:
        raise Refused(Problem.NO_CSRF_HEADER)
    wanted = _VERSION.search(headers.get("Accept", ""))
    if wanted and wanted[1] != _SUPPORTED:
        raise Refused(Problem.BAD_VERSION)
    if "doAs" in query and not knobs.impersonation:
        raise Refused(Problem.NO_IMPERSONATION, user=query["doAs"])
