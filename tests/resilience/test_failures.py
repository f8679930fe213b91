"""Every failure people met, at every request it can hit, with one thread and with eight; the journal is the judge."""

from __future__ import annotations

import zlib

import pytest

from fakelivy.engine.scripted import Rule
from tests.resilience.world import DIALECTS, World, world

RULES = (Rule("slow", duration=100),)

TRANSIENT = [
    # F7, F8, F12: not there yet
    "create_session:before:status(404)@first(2)",
    "get_session:before:not_found_window(5)",
    "get_statement:before:not_found_window(5)",
    "create_session:before:slow_start(90)",
    # F5, F6, F29, F48: bodies that lack something or have more
    "get_session:body:garbage(null_field,field=livyInfo)@first(3)",
    "create_session:body:garbage(missing_field)",
    "*_statement:body:garbage(missing_field)@first(2)",
    # F13, F14, F46: broken connections and gateways, before and after the request was carried out
    *(
        f"{operation}:{phase}:{how}@first(1)"
        for operation in ("create_session", "get_session", "submit_statement", "get_statement", "delete_session")
        for phase in ("before", "after_commit")
        for how in ("reset", "close", "status(502,shape=html)", "status(503,shape=html)", "status(500)")
    ),
    # F15: a success that is not one
    *(
        f"{operation}:body:{how}@first(1)"
        for operation in ("create_session", "get_session", "submit_statement", "get_statement", "delete_session")
        for how in ("truncate(1)", "garbage(html_login)", "garbage(empty)")
    ),
    # F16, F17
    "create_session:before:status(415,shape=html)@first(2)",
    "submit_statement:before:status(415,shape=html)@first(2)",
    "create_session:before:status(408)@first(1)",
    # F18, F19, F20: throttling and capacity
    *(
        f"*:before:status(429,retry_after={form},retry_seconds={seconds})@every(4)"
        for form in ("seconds", "http-date", "body-until", "body-until-bare", "absent")
        for seconds in (20, -5)
    ),
    "*:before:throttle(60,burst=5)",
    "create_session:before:status(430)@first(3)",
    "submit_statement:before:status(430)@first(3)",
    # F25, F46: silence
    "get_statement:before:hang@first(2)",
    "get_session:before:hang@first(1)",
    "create_session:before:hang@first(1)",
    "create_session:after_commit:hang@first(1)",
    "submit_statement:after_commit:hang@first(1)",
    "delete_session:before:hang(20)@first(1)",
    # F27, F28, F30
    'get_statement:body:stick_state(available,output="null")@first(3)',
    # F36, F41
    "delete_session:before:status(500)@first(2)",
    # noise
    "*:before:delay(2)@rate(0.3)",
    "get_*:before:reset@rate(0.3)",
    "get_*:after_commit:status(503)@rate(0.3)",
]
"""Trouble that passes: everything succeeds in spite of it, every write runs once, nothing is left behind."""

NOTHING_TO_DAMAGE = [
    ("get_session:body:garbage(null_field,field=livyInfo)@first(3)", "livy"),
    ("create_session:body:garbage(missing_field)", "fabric"),
    ("delete_session:body:truncate(1)@first(1)", "fabric"),
]
"""What a dialect does not send cannot be damaged."""

FABRIC_ONLY = ["*:before:reject_token@every(5)", "*:before:reject_token(shape=empty)@nth(3)"]


def statements(thread: int) -> list[str]:
    return [f"select {thread}", f"insert into t{thread} values (1)", f"insert into slow{thread} values (1)"]


def judge(w: World, threads: int) -> None:
    for thread in range(threads):
        for sql in statements(thread):
            assert w.results[sql] == (), w.results[sql]
            assert w.executions(sql) == 1 if sql.startswith("insert") else w.executions(sql) >= 1
    assert w.oracle.live_sessions() == []
    # What was on its way when the first was refused; whoever came later knew.
    assert w.early < threads
    # Bounded: the slow statements queue behind each other, and all trouble together costs minutes, not hours.
    assert w.runtime.monotonic() < 100 * threads + 1500
    assert sum(w.oracle.requests().values()) < 400 * threads + 400


# Each fault with one thread in one dialect and with eight in the other.
CASES = [
    *(
        (fault, DIALECTS[(number + (threads == 8)) % 2], threads)
        for number, fault in enumerate(TRANSIENT)
        for threads in (1, 8)
    ),
    *((fault, "fabric", threads) for fault in FABRIC_ONLY for threads in (1, 8)),
]


@pytest.mark.parametrize(("fault", "dialect", "threads"), CASES)
def test_trouble_that_passes_costs_time_and_nothing_else(fault: str, dialect: str, threads: int) -> None:
    seed = zlib.crc32(fault.encode())
    with world(fault, seed=seed, dialect=dialect, rules=RULES) as w:
        w.run(*(statements(thread) for thread in range(threads)))
        judge(w, threads)
        assert sum(w.oracle.fired().values()) > 0 or (fault, dialect) in NOTHING_TO_DAMAGE
