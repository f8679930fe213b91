"""The journal's answers to what a judge asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakelivy import FakeLivy, ManualClock, Oracle
from fakelivy.journal import EVENTS, Entry, Event, Journal, SessionMoved, read
from fakelivy.oracle import JournalCut
from tests.server.toy import Client, ToyEngine


def test_executions_are_counted_per_piece_of_sql(server: FakeLivy, livy: Client) -> None:
    session = livy.session()
    for code in ("insert /* mark-1 */", "insert /* mark-2 */", "insert /* mark-1 */"):
        livy.submit(session, code)
    oracle = Oracle(server.journal)
    assert [e.statement for e in oracle.executions("mark-1")] == [0, 2]
    assert oracle.executions("mark-3") == []
    assert oracle.executions_by_code() == {"insert /* mark-1 */": 2, "insert /* mark-2 */": 1}


def test_sessions_left_behind_are_named(server: FakeLivy, livy: Client, fabric: Client) -> None:
    livy.session()
    livy.delete(livy.session())
    killed = fabric.session()
    fabric.delete(killed)
    kept = fabric.session()
    assert Oracle(server.journal).live_sessions() == ["0", kept.rpartition("/")[2]]


def test_the_peak_counts_statements_that_run_at_one_moment(server: FakeLivy, livy: Client, clock: ManualClock) -> None:
    first, second = livy.session(), livy.session()
    for session in (first, second):
        livy.submit(session, "take 5")
        livy.submit(session, "take 5")
    assert Oracle(server.journal).peak_running() == 2
    clock.advance(20)
    livy.get("/sessions")
    livy.submit(first, "take 5")
    assert Oracle(server.journal).peak_running() == 2
    third = livy.session()
    livy.submit(third, "never")
    livy.delete(third)
    livy.submit(second, "take 5")
    assert Oracle(server.journal).peak_running() == 2


def test_requests_are_counted_per_operation(server: FakeLivy, livy: Client) -> None:
    for path in ("/version", "/version", "/nowhere", "/sessions"):
        livy.get(path)
    assert Oracle(server.journal).requests() == {"version": 2, "no_route": 1, "list_sessions": 1}


def test_early_callers_are_known(server: FakeLivy, livy: Client) -> None:
    server.arm("t=version:before:throttle(1)")
    for _ in range(3):
        livy.get("/version")
    assert [(call.fault, call.operation) for call in Oracle(server.journal).early_callers()] == [("t", "version")]


def test_a_fault_that_never_fired_is_named_even_after_it_was_cleared(server: FakeLivy, livy: Client) -> None:
    server.arm("hit=version:before:delay(0)")
    server.arm("unmatched=list_sessions:before:reset")
    server.arm("missed=version:body:garbage(missing_field,field=x)")
    livy.get("/version")
    server.clear()
    oracle = Oracle(server.journal)
    assert oracle.fired() == {"hit": 1, "unmatched": 0, "missed": 0}
    assert oracle.never_fired() == ["unmatched", "missed"]


def test_a_journal_without_its_beginning_is_not_judged(clock: ManualClock) -> None:
    journal = Journal(clock, keep=2)
    for state in ("starting", "idle", "busy"):
        journal.add(SessionMoved("0", None, state, ""))
    with pytest.raises(JournalCut, match="begins at entry 1"):
        Oracle(journal)


# NaN is not even equal to itself.
FINITE = st.floats(allow_nan=False)
GIVEN = {"EarlyCall": {"early": FINITE}, "ServerRestarted": {"down": FINITE}}
KINDS = st.sampled_from(sorted(EVENTS)).flatmap(lambda name: st.builds(EVENTS[name], **GIVEN.get(name, {})))


@given(events=st.lists(KINDS, max_size=5))
def test_a_line_of_the_journal_is_read_as_what_it_was_written_from(events: list[Event]) -> None:
    journal = Journal(ManualClock())
    for event in events:
        journal.add(event)
    assert [Entry.parse(entry.line()) for entry in journal.entries()] == journal.entries()


def test_a_judge_may_ask_the_file_when_memory_has_not_all_of_it(engine: ToyEngine, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    for code in ("of a server before", "insert"):
        with FakeLivy(engine=engine, journal_file=file, journal_keep=3) as server:
            livy = Client(server.url)
            with livy.http:
                livy.submit(livy.session(), code)
            with pytest.raises(JournalCut, match="read its file"):
                Oracle(server.journal)
    oracle = Oracle(read(file))
    assert oracle.executions_by_code() == {"insert": 1}


def test_a_server_that_was_killed_may_have_left_half_a_line(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"

    def write(states: str) -> None:
        journal = Journal(ManualClock(), file=file)
        for state in states:
            journal.add(SessionMoved("0", None, state, ""))
        journal.close()

    def states() -> str:
        return "".join(entry.event.after for entry in read(file) if isinstance(entry.event, SessionMoved))

    write("ab")
    file.write_text(file.read_text() + '{"seq": 2, "at": "20')
    assert states() == "ab"
    write("cd")
    assert states() == "cd"


@pytest.mark.parametrize(
    "text", ["hello\n", '{"seq": 1}\n{"seq": 2}\n', "[]\n", '{"seq":0,"at":"x","event":"Request"}\n']
)
def test_what_is_no_journal_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    with pytest.raises(ValueError, match="no line of a journal"):
        read(file)


def test_a_line_that_is_broken_in_the_middle_is_no_matter_of_a_killed_server(tmp_path: Path) -> None:
    journal = Journal(ManualClock())
    for state in "abc":
        journal.add(SessionMoved("0", None, state, ""))
    first, second, third = (entry.line() + "\n" for entry in journal.entries())
    file = tmp_path / "file"
    file.write_text(first + second[:20] + "\n" + third)
    with pytest.raises(ValueError, match="no line of a journal"):
        read(file)
