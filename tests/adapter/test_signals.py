"""Ctrl-C and SIGTERM stop a run, and nobody else's handling of them is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest
from dbt.adapters.fabricspark.signals import SIGNALS, StopHandler, Terminated


@pytest.fixture(autouse=True)
def _default() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Stop(StopHandler):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.stops = 0
        super().__init__(self.count)

    def count(self) -> None:
        self.stops += 1


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_and_then_interrupts(number: signal.Signals) -> None:
    handler = Stop()
    handler.install()
    handler.install()
    with pytest.raises(KeyboardInterrupt) as caught:
        os.kill(os.getpid(), number)
    assert handler.stops == 1
    assert isinstance(caught.value, Terminated) == (number == signal.SIGTERM)
    handler.uninstall()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("number", SIGNALS)
def test_a_handler_that_was_there_is_called_and_put_back(number: signal.Signals) -> None:
    called: list[int] = []

    def theirs(number: int, frame: FrameType | None) -> None:
        called.append(number)
        raise SystemExit

    signal.signal(number, theirs)
    handler = Stop()
    handler.install()
    with pytest.raises(SystemExit):
        os.kill(os.getpid(), number)
    assert (called, handler.stops) == ([number], 1)
    handler.uninstall()
    assert signal.getsignal(number) is theirs


@pytest.mark.parametrize("number", SIGNALS)
def test_a_handler_set_afterwards_stays(number: signal.Signals) -> None:
    handler = Stop()
    handler.install()
    called: list[int] = []
    signal.signal(number, lambda number, _frame: called.append(number))
    handler.uninstall()
    os.kill(os.getpid(), number)
    assert (called, handler.stops) == ([number], 0)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_process_that_ignores_a_signal_goes_on_ignoring_it(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    handler = Stop()
    handler.install()
    os.kill(os.getpid(), number)
    assert handler.stops == 0
    handler.uninstall()


def test_another_thread_changes_nothing() -> None:
    thread = threading.Thread(target=Stop().install)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("number", SIGNALS)
def test_what_must_be_finished_is_finished_before_the_interruption(number: signal.Signals) -> None:
    handler = Stop()
    handler.install()
    done: list[int] = []

    def finish() -> None:
        with handler.holding_back():
            os.kill(os.getpid(), number)
            done.append(handler.stops)

    with pytest.raises(KeyboardInterrupt):
        finish()
    assert done == [1]
    with handler.holding_back():
        pass
    handler.uninstall()
