"""Which outcome a refusal is, by its status and the server's own words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from dbt.adapters.fabricspark.livy.errors import HttpError, SessionGone
from dbt.adapters.fabricspark.livy.wire import readable
from dbt.adapters.fabricspark.resilience.backoff import stay_away
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import Outcome
from dbt.adapters.fabricspark.resilience.transport import Reply

_LONGEST_QUOTE = 2000
"""Characters of a server's own words that go into an error message."""

_STATUSES: Mapping[int, Outcome] = {
    401: Outcome.UNAUTHENTICATED,
    404: Outcome.NOT_FOUND,
    408: Outcome.LATE,
    429: Outcome.THROTTLED,
    430: Outcome.CAPACITY,
    501: Outcome.REFUSED,
    502: Outcome.LOST,
    504: Outcome.LATE,
}

_WORDS: tuple[tuple[frozenset[int], re.Pattern[str], Outcome], ...] = tuple(
    (frozenset(statuses), re.compile(words, re.IGNORECASE), outcome)
    for statuses, words, outcome in (
        (
            {400, 404},
            r"session isn't active|session '?[\w-]+'? (not found|(is )?already stopped)",
            Outcome.SESSION_GONE,
        ),
        ({400, 500}, r"session is in state (dead|error|killed|shutting_down|success)", Outcome.SESSION_GONE),
        ({400, 500}, r"session is in state \w+", Outcome.NOT_READY),
        ({403}, r"token ?expired|token has expired", Outcome.UNAUTHENTICATED),
        ({400}, r"too many sessions are being created", Outcome.CAPACITY),
        ({503}, r"TooManyRequestsForCapacity", Outcome.CAPACITY),
    )
)
"""What only the words tell (contract 1.2, 1.5, 2.7); the first that fits."""


def refusal(reply: Reply, where: str, deadline: Deadline) -> HttpError:
    """The error for a reply that is not 2xx.

    Args:
        reply: the refusal.
        where: method and address.
        deadline: of the operation; knows the time.
    """
    words = server_words(reply)
    outcome = _outcome(reply, words)
    kind = SessionGone if outcome is Outcome.SESSION_GONE else HttpError
    return kind(
        f"{where} answered {reply.status}: {words}",
        reply.status,
        outcome,
        retry_after=stay_away(reply.headers, reply.text, deadline.runtime.now()),
        generation=reply.generation,
    )


def _outcome(reply: Reply, words: str) -> Outcome:
    for statuses, pattern, outcome in _WORDS:
        if reply.status in statuses and pattern.search(words):
            return outcome
    if reply.status == 415 and "html" in kind_of(reply):
        return Outcome.COLD
    if reply.status in _STATUSES:
        return _STATUSES[reply.status]
    return Outcome.SERVER_ERROR if reply.status >= 500 else Outcome.REFUSED


def server_words(reply: Reply) -> str:
    """What the server says of its refusal, from whichever of the odd shapes of body it chose (contract 1.1, 2.7)."""
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        return f"{kind_of(reply)}: {_squeezed(reply.text)}" if reply.body else "an empty body"
    if isinstance(body, Mapping):
        inner = body["error"] if isinstance(body.get("error"), Mapping) else body
        code = inner.get("errorCode") or inner.get("code") or ""
        words = inner.get("message") or inner.get("msg") or json.dumps(body)
        request = f" (request id {inner['requestId']})" if inner.get("requestId") else ""
        return f"{f'{code}: ' if code else ''}{_squeezed(str(words))}{request}"
    return _squeezed(str(body))


def kind_of(reply: Reply) -> str:
    """The content type, for people."""
    content_type = reply.headers.get("Content-Type", "").partition(";")[0].strip()
    return content_type or "a body without a content type"


def _squeezed(text: str) -> str:
    text = " ".join(re.sub(r"<[^>]{0,200}>", " ", readable(text)).split())
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + " …"
