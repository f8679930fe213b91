"""SIGTERM is handled as Ctrl-C, and nobody else's handling of it is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest
from dbt.adapters.fabricspark.signals import TermHandler, Terminated


@pytest.fixture(autouse=True)
def _default() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def term() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_is_an_interrupt_that_dbt_cleans_up_after() -> None:
    handler = TermHandler()
    assert handler.install()
    with pytest.raises(KeyboardInterrupt) as caught:
        term()
    assert isinstance(caught.value, Terminated)
    handler.uninstall()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_that_was_there_is_called_first_and_put_back() -> None:
    called: list[int] = []

    def theirs(number: int, frame: FrameType | None) -> None:
        called.append(number)

    signal.signal(signal.SIGTERM, theirs)
    handler = TermHandler()
    assert handler.install()
    assert handler.install(), "twice is once"
    with pytest.raises(Terminated):
        term()
    assert called == [signal.SIGTERM]
    handler.uninstall()
    term()
    assert called == [signal.SIGTERM] * 2


def test_a_handler_set_afterwards_stays() -> None:
    handler = TermHandler()
    handler.install()
    called: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: called.append(number))
    handler.uninstall()
    term()
    assert called == [signal.SIGTERM]


def test_a_process_that_ignores_sigterm_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert not TermHandler().install()
    term()


def test_another_thread_changes_nothing() -> None:
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(TermHandler().install()))
    thread.start()
    thread.join()
    assert results == [False]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
