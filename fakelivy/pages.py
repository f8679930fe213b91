"""Fabric's lists that come in pages (contract 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakelivy.call import Call
from fakelivy.errors import Problem, Refused


def page(call: Call, items: Sequence[Any], name: str) -> dict[str, Any]:
    """The page that ``continuationToken`` of the query asks for, under ``name``, pointing at the one after it.

    Raises:
        Refused: BAD_TOKEN.
    """
    token = call.query.get("continuationToken", "0")
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise Refused(Problem.BAD_TOKEN, text=token)
    start, end = int(token), int(token) + call.services.knobs.page_size
    document: dict[str, Any] = {name: list(items[start:end])}
    if end < len(items):
        document["continuationToken"] = str(end)
        document["continuationUri"] = f"{call.origin}{call.path}?continuationToken={end}"
    return document
