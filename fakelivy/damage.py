"""Damaging JSON replies: fields that are wrong, missing, null or unknown, and bodies that are no JSON at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from fakelivy.faults import Garbage

LOGIN_PAGE = """<!DOCTYPE html>
<html><head><title>Sign in to your account</title></head>
<body><form method="post" action="/login"><input name="loginfmt" type="email"></form></body></html>
"""
"""What a proxy or an expired sign-in puts in the place of an answer."""

_BODIES: Mapping[str, tuple[str, str]] = {
    "not_json": ("application/json;charset=utf-8", '{"id": 0, "state": '),
    "html_login": ("text/html;charset=utf-8", LOGIN_PAGE),
    "empty": ("application/json;charset=utf-8", ""),
}
"""Kinds that replace the body: type and content."""


def garble(reply: Response, what: Garbage) -> Response:
    """``reply`` with a body that is not what was agreed.

    Raises:
        KeyError: the reply has no such field, or no JSON object.
    """
    if what.kind in _BODIES:
        content_type, body = _BODIES[what.kind]
        return Response(body, reply.status_code, _headers(reply), content_type=content_type)
    try:
        document = json.loads(reply.get_data())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise KeyError("JSON object")
    _EDITS[what.kind](document, what.field)
    return Response(json.dumps(document), reply.status_code, _headers(reply))


def set_field(document: dict[str, Any], path: str, value: Any) -> None:
    """Put ``value`` at the dotted ``path``; the last part may be new.

    Raises:
        KeyError: a part before the last is not there.
    """
    holder, name = _holder(document, path)
    holder[name] = value


def _headers(reply: Response) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name != "Content-Length"}


def _holder(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *parts, name = path.split(".")
    holder: Any = document
    for part in parts:
        holder = holder.get(part) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        raise KeyError(path)
    return holder, name


def _existing(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    holder, name = _holder(document, path)
    if name not in holder:
        raise KeyError(path)
    return holder, name


def _wrong_type(document: dict[str, Any], path: str) -> None:
    holder, name = _existing(document, path)
    # A text becomes a list and everything else a text: neither is ever what was agreed.
    holder[name] = [holder[name]] if isinstance(holder[name], str) else str(holder[name])


def _missing_field(document: dict[str, Any], path: str) -> None:
    holder, name = _existing(document, path)
    del holder[name]


def _null_field(document: dict[str, Any], path: str) -> None:
    holder, name = _existing(document, path)
    holder[name] = None


def _unknown_fields(document: dict[str, Any], _: str) -> None:
    document["addedInAFutureVersion"] = {"nested": [1, None, "x"]}


def _unknown_state(document: dict[str, Any], path: str) -> None:
    holder, name = _existing(document, path)
    holder[name] = "hibernating"


_EDITS: Mapping[str, Callable[[dict[str, Any], str], None]] = {
    "wrong_type": _wrong_type,
    "missing_field": _missing_field,
    "null_field": _null_field,
    "null_output": lambda document, _: _null_field(document, "output"),
    "unknown_fields": _unknown_fields,
    "unknown_state": _unknown_state,
}
