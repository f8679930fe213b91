"""The same seed and the same requests are the same run, to the byte; and what a request meets no race can change."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakelivy import FakeLivy, ManualClock
from fakelivy.journal import FaultDecision
from tests.server.toy import Client, fabric_base

HALF = (
    "submit_statement:before:status(503)@rate(0.5)",
    "get_statement:before:status(502)@rate(0.5)",
    "get_statement:body:garbage(empty)@nth(2,per=request)",
)
CODES = ("select 1", "select 2", "select 3")

Step = Callable[[], object]


def thread(livy: Client, session: str, code: str) -> Iterator[object]:
    """A client that submits until it is let and then looks four times; every step is what it saw."""
    while True:
        reply = livy.post(f"{session}/statements", {"code": code, "kind": "sql"})
        yield reply.status_code
        if reply.ok:
            break
    for _ in range(4):
        look = livy.get(f"{session}/statements/{reply.json()['id']}")
        yield look.status_code, len(look.content) > 0


def run(order: Iterator[int], seed: int = 3) -> list[list[object]]:
    """What each of the threads saw, its steps taken when ``order`` says its number."""
    with FakeLivy(engine="scripted", clock=ManualClock(), seed=seed, listen=False, faults=HALF) as server:
        livy = Client(server.url)
        server.mount(livy.http)
        session = livy.session()
        threads = [thread(livy, session, code) for code in CODES]
        seen: list[list[object]] = [[] for _ in threads]
        left = set(range(len(threads)))
        while left:
            turn = next(order)
            if turn in left:
                try:
                    seen[turn].append(next(threads[turn]))
                except StopIteration:
                    left.discard(turn)
        return seen


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(order=st.lists(st.integers(0, 2), max_size=40))
def test_a_request_meets_the_same_decision_however_the_threads_interleave(order: list[int]) -> None:
    one_after_the_other = run(iter([0] * 99 + [1] * 99 + [2] * 99))
    assert run(itertools.chain(order, itertools.cycle([2, 1, 0]))) == one_after_the_other
    statuses = [step for steps in one_after_the_other for step in steps]
    assert {201, (200, True), (200, False), (502, True)} <= set(statuses), "the faults struck some and not others"


def test_real_threads_cannot_change_a_decision_either() -> None:
    def decisions() -> set[tuple[str, str, int, bool]]:
        with FakeLivy(engine="scripted", clock=ManualClock(), seed=3, faults=HALF) as server:
            livy = Client(server.url)
            session = livy.session()
            start = threading.Barrier(len(CODES))

            def work(code: str) -> None:
                client = Client(server.url)
                start.wait(10)
                list(thread(client, session, code))
                client.http.close()

            workers = [threading.Thread(target=work, args=(code,)) for code in CODES]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(30)
            livy.http.close()
            return {(d.fault, d.request, d.repeat, d.fired) for d in server.journal.events(FaultDecision)}

    first = decisions()
    assert {fired for *_, fired in first} == {True, False}
    assert decisions() == first
    assert decisions() == first


def test_another_seed_is_another_run() -> None:
    assert run(itertools.cycle([0, 1, 2])) != run(itertools.cycle([0, 1, 2]), seed=4)


@pytest.mark.parametrize("listen", [True, False], ids=["socket", "in-process"])
def test_the_same_seed_and_requests_give_the_same_journal_to_the_byte(tmp_path: Path, listen: bool) -> None:
    def journal(name: str) -> bytes:
        clock = ManualClock()
        file = tmp_path / name
        with FakeLivy(
            engine="scripted", clock=clock, seed=7, listen=listen, journal_file=file, faults=[*HALF, *MORE]
        ) as server:
            livy, fabric = Client(server.url), Client(fabric_base(server), "fakelivy")
            for client in (livy, fabric):
                if not listen:
                    server.mount(client.http)
            for code in CODES:
                for client in (livy, fabric):
                    session = client.session()
                    for _ in thread(client, session, code):
                        clock.advance(0.5)
                    client.delete(session)
                acquired = fabric.post("/highConcurrencySessions", {"sessionTag": "t"}).json()["id"]
                assert fabric.state(f"/highConcurrencySessions/{acquired}") != "Failed"
                livy.post("/batches", {"file": "x.py"})
                livy.get("/metadata/identity/oauth2/token", headers={"Metadata": "true"}, params={"resource": R})
                with pytest.raises(requests.ConnectionError):
                    livy.get("/version")
                clock.advance(20)
            for client in (livy, fabric):
                client.http.close()
        return file.read_bytes()

    MORE = (
        "version:before:restart(recovery=true,down=2)",
        "list_sessions:before:throttle(30)",
        "*:before:delay(0)@rate(0.2)",
    )
    R = "https://api.fabric.microsoft.com"
    first = journal("first")
    assert len(first.splitlines()) > 100
    assert journal("second") == first
