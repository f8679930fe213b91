"""What a request asks for, whatever ids the server gave out: by this, threads that race meet the same decisions."""

from __future__ import annotations

import hashlib
import json

from fakelivy.call import Call

_ASSIGNED = frozenset({"session", "statement", "repl", "hc", "batch", "job", "schedule", "operation", "_"})
"""Path parameters whose values depend on who came first."""


def fingerprint(call: Call, operation: str) -> str:
    """The same for two requests exactly when they ask for the same thing.

    A statement is known by its code and a session by the request that made it: their numbers depend on the order in
    which threads arrive, what is asked does not. So polls of one statement are alike, and so are those of another
    statement with the same code.
    """
    named = {name: value.lower() for name, value in call.params.items() if name not in _ASSIGNED}
    parts = [call.dialect.value, operation, named, sorted(call.query.items()), _addressed(call)]
    digest = hashlib.blake2b(json.dumps(parts, sort_keys=True).encode("utf-8", "replace"), digest_size=8)
    digest.update(call.body)
    return digest.hexdigest()


def _addressed(call: Call) -> object:
    if "session" not in call.params:
        return None
    return call.store.likeness(call.params["session"], call.params.get("statement"), call.params.get("repl"))
