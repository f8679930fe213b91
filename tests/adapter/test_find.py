"""A statement is found by its mark alone, and is certainly absent only if nothing could have hidden it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import HttpError, SessionGone
from dbt.adapters.fabricspark.livy.find import LOOKS, Absent, find_statement, is_complete
from dbt.adapters.fabricspark.livy.wire import StatementView
from dbt.adapters.fabricspark.resilience.deadline import Deadline

from tests.adapter.conftest import VirtualRuntime

MARK = "/* ours */"
NEWEST = 4
"""The highest id that was known before ours was sent."""

Listed = list[StatementView] | Exception


def others(*ids: int) -> list[StatementView]:
    return [StatementView(each, "available", code="select 1 /* theirs */") for each in ids]


COMPLETE = others(3, 4, 5)
BROKEN = HttpError("no list", 500)
OURS = StatementView(6, "running", code=f"insert into t values (1) {MARK}")
UNTOLD = StatementView(6, "running", code=None)


def find(runtime: VirtualRuntime, lists: Sequence[Listed], *, once: bool = False, known: int = -1) -> Any:
    """What becomes of a search in which the server lists that, one after the other."""
    left = list(lists)

    class Api:
        def list_statements(self, session_id: str, deadline: Deadline) -> list[StatementView]:
            assert session_id == "0"
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    api, deadline = cast(LivyApi, Api()), Deadline.after(runtime, 3600)
    return find_statement(api, "0", MARK, NEWEST, deadline, once=once, known=lambda: known)


@pytest.fixture
def runtime() -> VirtualRuntime:
    return VirtualRuntime()


@pytest.mark.parametrize(
    "lists",
    [
        [COMPLETE] * 6,
        [others(NEWEST)] * 6,
        [BROKEN] * 4 + [COMPLETE] * 2,
        [others(3)] * 4 + [COMPLETE] * 2,
    ],
    ids=["always complete", "nothing new", "complete in the end", "not from the past in the end"],
)
def test_two_complete_lists_in_the_end_prove_it_absent(lists: Sequence[Listed], runtime: VirtualRuntime) -> None:
    assert find(runtime, lists) is Absent.CERTAINLY
    assert runtime.elapsed == sum(LOOKS)


@pytest.mark.parametrize(
    "lists",
    [
        [BROKEN] * 6,
        [BROKEN] * 5 + [COMPLETE],
        [COMPLETE] * 5 + [BROKEN],
        [COMPLETE] * 4 + [BROKEN, COMPLETE],
        [COMPLETE] * 4 + [others(3), COMPLETE],
        [[]] * 6,
        [others(0, 1, 2, 3)] * 6,
        [others(4, 6)] * 6,
        [others(5, 6)] * 6,
        [[*COMPLETE, UNTOLD]] * 6,
    ],
    ids=[
        "no list",
        "one list",
        "none in the end",
        "one between",
        "one from the past between",
        "empty",
        "from the past",
        "with a gap",
        "forgotten",
        "without its code",
    ],
)
def test_what_could_hide_it_proves_nothing(lists: Sequence[Listed], runtime: VirtualRuntime) -> None:
    assert find(runtime, lists) is Absent.PERHAPS


def test_a_list_that_lacks_what_other_threads_know_of_is_from_the_past(runtime: VirtualRuntime) -> None:
    assert find(runtime, [COMPLETE] * 6, known=6) is Absent.PERHAPS
    assert find(runtime, [COMPLETE] * 6, known=5) is Absent.CERTAINLY


def test_it_is_found_by_its_mark_alone_whatever_else_the_list_lacks(runtime: VirtualRuntime) -> None:
    assert find(runtime, [BROKEN, [StatementView(7, "running"), OURS]]) == OURS
    assert runtime.elapsed == sum(LOOKS[:2])


def test_one_complete_list_is_enough_where_twice_does_no_harm(runtime: VirtualRuntime) -> None:
    assert find(runtime, [BROKEN, others(3), COMPLETE], once=True) is Absent.CERTAINLY
    assert find(runtime, [BROKEN] * 6, once=True) is Absent.PERHAPS


def test_a_session_that_is_gone_has_no_list(runtime: VirtualRuntime) -> None:
    assert find(runtime, [COMPLETE, SessionGone("no session", 404)]) is Absent.SESSION_GONE


@pytest.mark.timeout(20)
def test_an_id_beyond_all_others_is_a_gap_and_not_a_wait_without_end() -> None:
    # Python 3.10 would count up to it.
    assert not is_complete([StatementView(0, "available", code=""), StatementView(10**30, "available", code="")], 0, 0)
