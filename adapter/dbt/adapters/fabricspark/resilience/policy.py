"""The retry table: what to do after each class of failed attempt, for each class of request, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from dbt.adapters.fabricspark.resilience.outcome import Outcome


class Operation(Enum):
    """Classes of requests; the value says which, for the docs."""

    LOOK = "look at a session or statement while waiting for it"
    PROBE = "look once, where any answer will do"
    LIST = "list sessions or statements, to find what a lost reply was about"
    CREATE = "ask for a session"
    SUBMIT_READ = "send a statement that is safe to repeat"
    SUBMIT_WRITE = "send any other statement"
    CANCEL = "cancel a statement"
    DELETE = "delete a session"
    PUT = "start a refresh, or put a schedule or a shortcut"


class Decision(Enum):
    """What follows; the value says it, for the docs."""

    AGAIN = "again, after a back-off"
    LATER = "again, when the server says"
    REFRESH = "again, with a new token"
    FIND_OR_SEND = "look for it on the server; send it again once it is certain not to be there"
    FIND = "look for it on the server; never send it again"
    DONE = "nothing: the goal is reached"
    FAIL = "raise the error"


@dataclass(frozen=True)
class Rule:
    """One cell of the table.

    Attributes:
        decision: what follows.
        reason: why; a sentence for the docs.
        tries: attempts that may end like this in one operation, the first included; ``None`` is no limit but the
            operation's deadline.
        patience: seconds from the first such attempt after which it is final.
    """

    decision: Decision
    reason: str
    tries: int | None = None
    patience: float | None = None


FEW = 6
"""Attempts at something that costs others nothing but should not go on for long."""

SENDS = 3
"""How often one statement or session may be asked for, when each reply is lost and each is known not to exist."""

TRUST = 10.0
"""Seconds in which tokens may be refused one after the other: a new one may need a moment to count everywhere (F22)."""

SETTLING = 30.0
"""Seconds in which something just made may not be visible everywhere yet (F7, F8: seen live for several seconds)."""

STUMBLING = 60.0
"""Seconds in which a server that stumbles is asked again to delete a session: what is left behind costs for hours."""

_UNSEEN = Rule(Decision.AGAIN, "nothing happened on the server", tries=FEW)
_COLD = Rule(Decision.AGAIN, "the gateway replied before the server saw the request (F16)", tries=FEW)
_TOKEN = Rule(Decision.REFRESH, "tokens expire while statements run; the request was not carried out", patience=TRUST)
_THROTTLED = Rule(Decision.LATER, "the server says when; until then all threads stay away")
_REFUSED = Rule(Decision.FAIL, "the server means it")
_ONCE = Rule(Decision.FAIL, "one look, and no answer is an answer too")
_LOOK_AGAIN = Rule(Decision.AGAIN, "looking changes nothing, and unreachable is not dead")
_DELETE_AGAIN = Rule(Decision.AGAIN, "deleting twice does no harm", patience=STUMBLING)
_TWICE = Rule(Decision.AGAIN, "twice does no harm: the server drops the second, or it says the same", tries=3)
_GONE = Rule(Decision.FAIL, "a session does not come back; the caller replaces it")


def _submit(late: Rule) -> Mapping[Outcome, Rule]:
    find = Rule(Decision.FIND_OR_SEND, "it may have been accepted", tries=SENDS)
    return {
        Outcome.NOT_SENT: _UNSEEN,
        Outcome.LOST: find,
        Outcome.LATE: late,
        Outcome.GARBLED: find,
        Outcome.THROTTLED: _THROTTLED,
        Outcome.CAPACITY: Rule(Decision.LATER, "capacity comes back; the statement was not accepted", patience=300),
        Outcome.SERVER_ERROR: find,
        Outcome.COLD: _COLD,
        Outcome.UNAUTHENTICATED: _TOKEN,
        Outcome.NOT_FOUND: Rule(
            Decision.AGAIN, "a session just made may not be visible everywhere (F8)", patience=SETTLING
        ),
        Outcome.NOT_READY: Rule(Decision.AGAIN, "it was not accepted, and the session is coming", patience=120),
        Outcome.SESSION_GONE: _GONE,
        Outcome.REFUSED: _REFUSED,
    }


POLICY: Mapping[Operation, Mapping[Outcome, Rule]] = {
    Operation.LOOK: {
        Outcome.NOT_SENT: _LOOK_AGAIN,
        Outcome.LOST: _LOOK_AGAIN,
        Outcome.LATE: _LOOK_AGAIN,
        Outcome.GARBLED: _LOOK_AGAIN,
        Outcome.THROTTLED: _THROTTLED,
        Outcome.CAPACITY: Rule(Decision.LATER, "what runs goes on running"),
        Outcome.SERVER_ERROR: _LOOK_AGAIN,
        Outcome.COLD: _LOOK_AGAIN,
        Outcome.UNAUTHENTICATED: Rule(
            Decision.REFRESH, "what runs goes on; a new token may need a moment to count (F22)", patience=120
        ),
        Outcome.NOT_FOUND: Rule(
            Decision.AGAIN, "what was just made may not be visible everywhere (F8)", patience=SETTLING
        ),
        Outcome.NOT_READY: _LOOK_AGAIN,
        Outcome.SESSION_GONE: _GONE,
        Outcome.REFUSED: _REFUSED,
    },
    Operation.PROBE: dict.fromkeys(Outcome, _ONCE) | {Outcome.UNAUTHENTICATED: _TOKEN},
    Operation.LIST: {
        Outcome.NOT_SENT: _UNSEEN,
        Outcome.LOST: Rule(Decision.AGAIN, "looking changes nothing", tries=3),
        Outcome.LATE: Rule(Decision.AGAIN, "looking changes nothing", tries=2),
        Outcome.GARBLED: Rule(Decision.AGAIN, "looking changes nothing", tries=3),
        Outcome.THROTTLED: _THROTTLED,
        Outcome.CAPACITY: Rule(Decision.LATER, "looking needs no capacity", tries=FEW),
        Outcome.SERVER_ERROR: Rule(Decision.AGAIN, "looking changes nothing; some lists never answer (F41)", tries=3),
        Outcome.COLD: _COLD,
        Outcome.UNAUTHENTICATED: _TOKEN,
        Outcome.NOT_FOUND: Rule(Decision.AGAIN, "the session may not be visible everywhere (F8)", patience=SETTLING),
        Outcome.NOT_READY: Rule(Decision.AGAIN, "the session is coming", patience=SETTLING),
        Outcome.SESSION_GONE: _GONE,
        Outcome.REFUSED: _REFUSED,
    },
    Operation.CREATE: {
        Outcome.NOT_SENT: Rule(Decision.AGAIN, "nothing happened on the server; `connect_retries` says how often"),
        Outcome.LOST: Rule(Decision.FIND_OR_SEND, "it may have been made, under a name of its own", tries=SENDS),
        Outcome.LATE: Rule(
            Decision.FIND_OR_SEND, "as above; one that appears later is deleted at the end", tries=SENDS
        ),
        Outcome.GARBLED: Rule(Decision.FIND_OR_SEND, "it was probably made, under a name of its own", tries=SENDS),
        Outcome.THROTTLED: _THROTTLED,
        Outcome.CAPACITY: Rule(Decision.LATER, "capacity comes back, until `session_start_timeout`"),
        Outcome.SERVER_ERROR: Rule(Decision.FIND_OR_SEND, "it may have been made all the same", tries=SENDS),
        Outcome.COLD: _COLD,
        Outcome.UNAUTHENTICATED: _TOKEN,
        Outcome.NOT_FOUND: Rule(Decision.AGAIN, "a lakehouse just made has no Livy yet (F7)", patience=SETTLING),
        Outcome.NOT_READY: Rule(Decision.AGAIN, "the server is starting", patience=SETTLING),
        Outcome.SESSION_GONE: Rule(Decision.AGAIN, "there is none yet: it is the lakehouse (F7)", patience=SETTLING),
        Outcome.REFUSED: _REFUSED,
    },
    Operation.SUBMIT_READ: _submit(Rule(Decision.FIND_OR_SEND, "twice does no harm", tries=SENDS)),
    Operation.SUBMIT_WRITE: _submit(Rule(Decision.FIND, "it may still be on its way, so absent now is not never")),
    Operation.CANCEL: {
        Outcome.NOT_SENT: _UNSEEN,
        Outcome.LOST: Rule(Decision.AGAIN, "cancelling twice does no harm", tries=FEW),
        Outcome.LATE: Rule(Decision.AGAIN, "cancelling twice does no harm", tries=FEW),
        Outcome.GARBLED: Rule(Decision.DONE, "it was accepted, whatever the body says"),
        Outcome.THROTTLED: Rule(Decision.AGAIN, "it must not go on running; asking is cheap", tries=FEW),
        Outcome.CAPACITY: Rule(Decision.AGAIN, "cancelling makes room", tries=FEW),
        Outcome.SERVER_ERROR: Rule(Decision.AGAIN, "cancelling twice does no harm", tries=FEW),
        Outcome.COLD: _COLD,
        Outcome.UNAUTHENTICATED: _TOKEN,
        Outcome.NOT_FOUND: Rule(Decision.DONE, "there is nothing to cancel"),
        Outcome.NOT_READY: Rule(Decision.AGAIN, "the session is coming", tries=FEW),
        Outcome.SESSION_GONE: Rule(Decision.DONE, "it went with its session"),
        Outcome.REFUSED: _REFUSED,
    },
    Operation.DELETE: {
        Outcome.NOT_SENT: Rule(Decision.AGAIN, "nothing happened on the server", patience=STUMBLING),
        Outcome.LOST: _DELETE_AGAIN,
        Outcome.LATE: _DELETE_AGAIN,
        Outcome.GARBLED: Rule(Decision.DONE, "it was accepted, whatever the body says"),
        Outcome.THROTTLED: _THROTTLED,
        Outcome.CAPACITY: Rule(Decision.AGAIN, "deleting makes room", patience=STUMBLING),
        Outcome.SERVER_ERROR: _DELETE_AGAIN,
        Outcome.COLD: Rule(
            Decision.AGAIN, "the gateway replied before the server saw the request (F16)", patience=STUMBLING
        ),
        Outcome.UNAUTHENTICATED: _TOKEN,
        Outcome.NOT_FOUND: Rule(Decision.DONE, "it is gone, unless a look says otherwise (F36)"),
        Outcome.NOT_READY: Rule(Decision.AGAIN, "the session is coming", patience=STUMBLING),
        Outcome.SESSION_GONE: Rule(Decision.DONE, "it is gone"),
        Outcome.REFUSED: _REFUSED,
    },
    Operation.PUT: {
        Outcome.NOT_SENT: _UNSEEN,
        Outcome.LOST: _TWICE,
        Outcome.LATE: _TWICE,
        Outcome.GARBLED: _TWICE,
        Outcome.THROTTLED: _THROTTLED,
        Outcome.CAPACITY: Rule(Decision.LATER, "capacity comes back; nothing was started", patience=300),
        Outcome.SERVER_ERROR: _TWICE,
        Outcome.COLD: _COLD,
        Outcome.UNAUTHENTICATED: _TOKEN,
        Outcome.NOT_FOUND: Rule(Decision.FAIL, "there is no such item"),
        Outcome.NOT_READY: Rule(Decision.AGAIN, "it is coming", patience=SETTLING),
        Outcome.SESSION_GONE: Rule(Decision.FAIL, "there is no such item"),
        Outcome.REFUSED: _REFUSED,
    },
}
"""(class of request, class of failed attempt) -> rule, without a gap; a test walks the product."""


def table() -> str:
    """The table as Markdown."""
    rows = ["| request | attempt | what follows | limit | why |", "|---|---|---|---|---|"]
    for operation, cells in POLICY.items():
        for outcome, rule in cells.items():
            rows.append(
                f"| {operation.name.lower()} | {outcome.name.lower()} | {rule.decision.value} | {_limit(rule)} "
                f"| {rule.reason} |"
            )
    return "\n".join(rows)


def _limit(rule: Rule) -> str:
    if rule.tries is not None:
        return f"{rule.tries} attempts"
    return "" if rule.patience is None else f"{rule.patience:.0f} s"
