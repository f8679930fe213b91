"""Every failure people met, F1 to F48: how it is made, which requests it can hit, and what must come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BASICS = ("create_session", "get_session", "submit_statement", "get_statement", "delete_session")
"""What every run asks."""

ALL = (*BASICS, "list_sessions", "list_statements", "cancel_statement")

REPLS = (
    "acquire_hc",
    "get_hc",
    "submit_repl_statement",
    "get_repl_statement",
    "delete_hc",
    "list_repl_statements",
    "cancel_repl_statement",
)
"""The same with high concurrency; ``delete_session`` ends the session of all REPLs."""

BROUGHT_ABOUT: Mapping[str, str] = {
    "list_sessions": "create_session:after_commit:reset@first(1)",
    "list_statements": "submit_statement:after_commit:reset@first(1)",
    "list_repl_statements": "submit_repl_statement:after_commit:reset@first(1)",
}
"""What makes a client ask that."""

CANCELS = ("cancel_statement", "cancel_repl_statement")
"""Asked if somebody cancels, which the test does then."""

RETRY_AFTER = ("seconds", "http-date", "body-until", "body-until-bare", "absent")

_RETRYABLE = '{"status":"error","ename":"Error","evalue":"column pending_timeout not found","traceback":[]}'


@dataclass(frozen=True)
class Failure:
    """One failure of the catalogue, or a kind of it.

    Attributes:
        number: its own.
        effects: phase, effect and when; one after another.
        operations: which requests it can hit.
        passes: whether everything succeeds in spite of it; else some may fail, but as they should.
        dialect: where alone it exists; ``""`` is everywhere.
        beside: a fault that is needed for it.
    """

    number: str
    effects: tuple[str, ...]
    operations: tuple[str, ...]
    passes: bool = True
    dialect: str = ""
    beside: tuple[str, ...] = ()


_START, _LOOKS, _SENDS = ("create_session",), ("get_session", "get_statement"), ("create_session", "submit_statement")

_WRITES = ("submit_statement", "submit_repl_statement")
_NOT_WRITES = tuple(operation for operation in (*ALL, *REPLS) if operation not in _WRITES)

FAILURES = (
    Failure("F1", ("before:slow_start(1000000)",), (*_START, "acquire_hc"), passes=False),
    Failure("F2", ("before:session_to(dead)@first(1)",), ("get_session",), passes=False),
    Failure(
        "F3",
        (
            "before:session_to(error)@first(1)",
            "before:session_to(killed)@first(1)",
            "before:session_to(shutting_down)@first(1)",
            "body:stick_state(success)@first(1)",
        ),
        ("get_session",),
        passes=False,
    ),
    Failure("F4", ("body:capacity_async",), ("get_session", "get_hc"), passes=False, dialect="fabric"),
    Failure(
        "F5",
        ("body:garbage(null_field,field=livyInfo)@first(3)", "body:garbage(missing_field,field=livyInfo)@first(3)"),
        ("get_session",),
        dialect="fabric",
    ),
    Failure("F6", ("body:garbage(missing_field)",), _START, dialect="livy"),
    Failure("F7", ("before:status(404)@first(2)",), _START),
    Failure("F8", ("before:not_found_window(5)",), _LOOKS),
    Failure("F8", ("before:status(404)@first(1)",), ("submit_statement",)),
    Failure(
        "F9",
        ("before:session_to(gone)@nth(2)",),
        ("submit_statement", "get_statement", "submit_repl_statement", "get_repl_statement"),
        passes=False,
    ),
    Failure("F9", ("before:session_to(gone)@nth(1)",), ("list_statements", "cancel_statement"), passes=False),
    Failure(
        "F10",
        ("before:session_to(dead)@nth(2)",),
        ("submit_statement", "get_statement", "submit_repl_statement", "get_repl_statement"),
        passes=False,
    ),
    Failure("F10", ("before:session_to(dead)@nth(1)",), ("list_statements", "cancel_statement"), passes=False),
    Failure(
        "F11", ('before:status(500,message="RPC channel is closed.",shape=string)@first(4)',), BASICS, passes=False
    ),
    Failure("F12", ("before:slow_start(60)",), (*_START, "acquire_hc")),
    Failure(
        "F13",
        (
            "after_commit:reset@first(1)",
            "after_commit:close@first(1)",
            "after_commit:hang@first(1)",
            "after_commit:status(502,shape=html)@first(1)",
            "after_commit:status(504,shape=html)@first(1)",
        ),
        (*_SENDS, "delete_session", "cancel_statement", "acquire_hc", "submit_repl_statement"),
    ),
    Failure(
        "F14", ("before:status(502,shape=html)@first(1)", "before:status(503,shape=html)@first(1)"), (*ALL, *REPLS)
    ),
    Failure("F14", ("before:status(504,shape=html)@first(1)",), _NOT_WRITES),
    # It may still be on its way: nobody can tell.
    Failure("F14", ("before:status(504,shape=html)@first(1)",), _WRITES, passes=False),
    Failure(
        "F15",
        ("body:truncate(1)@first(1)", "body:garbage(html_login)@first(1)", "body:garbage(empty)@first(1)"),
        (*ALL, *REPLS),
    ),
    Failure("F16", ("before:status(415,shape=html)@first(2)",), ALL),
    Failure("F17", ("before:status(408)@first(1)",), _START),
    Failure(
        "F18",
        tuple(f"before:status(429,retry_after={form},retry_seconds=20)@first(2)" for form in RETRY_AFTER),
        (*ALL, "acquire_hc", "get_repl_statement"),
    ),
    Failure("F18", ("before:status(429,retry_after=http-date,retry_seconds=-60)@first(2)",), ALL),
    Failure("F19", ("before:throttle(60,burst=5)",), ("*",)),
    Failure("F20", ("before:status(430)@first(3)",), (*_SENDS, "acquire_hc", "submit_repl_statement")),
    Failure("F20", ("before:capacity@first(1)",), _START, dialect="fabric"),
    Failure(
        "F21",
        (
            "before:reject_token@first(1)",
            "before:reject_token(shape=empty)@first(1)",
            "before:reject_token(shape=gateway)@first(1)",
        ),
        (*ALL, *REPLS),
        dialect="fabric",
    ),
    Failure("F22", ("before:reject_token~lasts(5)",), ("create_session", "acquire_hc"), dialect="fabric"),
    Failure("F22", ("before:reject_token@first(4)",), (*ALL, *REPLS), dialect="fabric"),
    Failure(
        "F24",
        ('body:stick_state(waiting,output="null")', 'body:stick_state(running,output="null")'),
        ("get_statement", "get_repl_statement"),
        passes=False,
    ),
    Failure("F25", ("before:hang@first(1)",), _NOT_WRITES),
    Failure("F25", ("before:hang@first(1)",), _WRITES, passes=False),
    Failure(
        "F26",
        ("after_commit:lose_statement(how=evicted)@nth(2)", "before:lose_statement@nth(2)"),
        ("submit_statement",),
        passes=False,
    ),
    Failure("F27", ("body:stick_state(Error,output=error)@first(1)",), ("get_statement",), passes=False),
    Failure(
        "F28",
        ('body:stick_state(cancelled,output="null")@first(1)', 'body:stick_state(error,output="null")@first(1)'),
        ("get_statement",),
        passes=False,
    ),
    Failure("F29", ("body:garbage(missing_field)@first(2)",), ("submit_statement", "get_statement")),
    Failure("F30", ('body:stick_state(available,output="null")@first(3)',), ("get_statement", "get_repl_statement")),
    Failure("F31", (f"body:set_field(output,{_RETRYABLE})@first(1)",), ("get_statement",), passes=False),
    Failure("F32", ('body:set_field(output.data,{"text/plain": "1"})',), ("get_statement",), passes=False),
    Failure("F33", ("before:cut_rows(10)",), ("submit_statement",)),
    Failure("F34", ("before:reap_after(60)",), _START, passes=False),
    Failure(
        "F35",
        ('before:status(500,message="java.lang.IllegalStateException: closed",shape=string)',),
        ("submit_statement",),
        passes=False,
    ),
    Failure(
        "F36",
        ("before:delay(20)", "before:status(404)@first(1)", "before:status(500)@first(2)"),
        ("delete_session", "delete_hc"),
    ),
    Failure("F37", ("body:set_field(replId,null)@first(2)",), ("get_hc",)),
    Failure("F37", ("before:status(500)@first(1)",), ("acquire_hc",)),
    Failure("F37", ("body:stick_state(Failed)@nth(1)",), ("get_hc",), passes=False),
    Failure(
        "F37",
        ('body:set_field(sessionId,"00000000-0000-0000-0000-000000000000")@first(1)',),
        ("get_hc",),
        passes=False,
    ),
    Failure("F38", ("before:alone",), ("acquire_hc",)),
    Failure(
        "F39",
        ("before:session_to(gone)@nth(2)", "before:session_to(killed)@nth(2)"),
        ("submit_repl_statement", "get_repl_statement"),
        passes=False,
    ),
    Failure(
        "F40",
        ("before:restart@nth(2)", "before:restart(recovery=true,down=30)@nth(2)"),
        ("get_session", "submit_statement", "get_statement"),
        passes=False,
        dialect="livy",
    ),
    Failure("F41", ("before:status(500)@first(2)",), ("list_sessions", "list_statements")),
    Failure(
        "F42", ("before:status(503)@first(2)", "after_commit:reset@first(2)"), ("get_lakehouse",), dialect="fabric"
    ),
    Failure("F42", ("before:status(503)@first(5)",), ("get_lakehouse",), passes=False, dialect="fabric"),
    Failure(
        "F44",
        (
            "body:set_header(Location)@first(1)",
            'body:set_header("Retry-After")@first(1)',
        ),
        ("start_job",),
        dialect="fabric",
        passes=False,
    ),
    Failure(
        "F44", ("body:set_field(status,Deduped)@first(1)", "before:not_found_window(5)"), ("get_job",), dialect="fabric"
    ),
    Failure("F44", ("body:set_field(status,Failed)",), ("get_job",), dialect="fabric", passes=False),
    Failure("F45", ("after_commit:reset@nth(1)",), ("submit_statement", "submit_repl_statement")),
    Failure(
        "F46", ("before:reset@first(1)", "before:close@first(1)", "body:dribble(8,pause=0.5)@first(2)"), (*ALL, *REPLS)
    ),
    Failure("F46", ("before:reset@every(2)",), ("get_statement",)),
    Failure(
        "F47",
        ("body:set_field(started,4102444800000)", "body:set_field(completed,0)"),
        ("get_statement",),
        dialect="livy",
    ),
    Failure("F48", ("body:garbage(unknown_fields)",), (*ALL, *REPLS)),
    Failure("F48", ("body:garbage(unknown_state)@first(3)",), _LOOKS),
)

ELSEWHERE: Mapping[str, str] = {
    "F23": "tokens are not fetched over this network: `tests/adapter/test_identity.py`, `tests/adapter/test_tokens.py`",
    "F43": "the adapter never asks Fabric for its list of tables: `test_the_list_of_tables_is_never_asked_for`",
}
"""Failures that are not here, and why."""


@dataclass(frozen=True)
class Case:
    """One failure at one request, with so many threads."""

    failure: Failure
    fault: str
    operation: str
    dialect: str
    threads: int

    def __str__(self) -> str:
        return f"{self.failure.number}-{self.fault}-{self.dialect}-{self.threads}"


def cases(part: int) -> Iterator[Case]:
    """A part of the product: each failure at each request, with one thread here and with eight in the other part.

    What exists in both dialects is in one of them here and in the other one there.

    Args:
        part: 0 has eight threads at every third request, which takes less time; 1 has all the rest.
    """
    turn = 0
    for failure in FAILURES:
        for effect in failure.effects:
            for operation in failure.operations:
                turn += 1
                only = failure.dialect or ("" if operation in ALL or operation == "*" else "fabric")
                threads = 8 if (turn % 3 == 0) == (part == 0) else 1
                dialect = only or ("livy", "fabric")[(turn + part) % 2]
                yield Case(failure, f"{operation}:{effect}", operation, dialect, threads)


def split() -> tuple[list[Case], list[Case]]:
    """What is run among the quick tests, with threads of both numbers, and what among those that take longer."""
    first = list(cases(0))
    return first[::4], [case for place, case in enumerate(first) if place % 4] + list(cases(1))
