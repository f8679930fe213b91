"""Locks are taken in the order that is written down, and what one guards is touched only by who holds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import pytest
from dbt.adapters import fabricspark
from dbt.adapters.fabricspark.resilience.locks import LockOrderError, Rank, RankedCondition

from tests.adapter.conftest import VirtualRuntime

ADAPTER = Path(fabricspark.__file__).parent
ARCHITECTURE = ADAPTER.parents[3] / "ARCHITECTURE.md"
MAKERS = {"RankedCondition", "lock"}
"""What makes a lock: the class, and the method of a runtime."""


@dataclass(frozen=True)
class Guarded:
    """What one class keeps under its lock.

    Attributes:
        file: where it is, below the adapter.
        name: of the class.
        lock: its attribute.
        kept: attributes that are read and written with the lock held only.
        written: likewise, but the thread that owns the object reads them without.
        inside: methods that are called with the lock held.
    """

    file: str
    name: str
    lock: str
    kept: str
    written: str = ""
    inside: str = ""


GUARDED = [
    Guarded("connections.py", "SessionManagers", "_lock", "_targets _leaving _namings _timings", inside="_naming"),
    Guarded("client.py", "Client", "_lock", "_running"),
    Guarded(
        "pool.py",
        "OneForEach",
        "_lock",
        "_free _all _failed _borrowing _asking _is_led _came_up _failures _failure",
        inside="_new _has_room _ask _wait_for_turn",
    ),
    Guarded(
        "livysession.py",
        "LivySessionManager",
        "_lock",
        "_session _coming _graves _conf _starts _failure _disconnects",
    ),
    Guarded("livy/statement.py", "Statement", "_lock", "_cancelled _told", written="session_id id view _line"),
    Guarded("livy/line.py", "Line", "_moved", "_ids", inside="_ahead"),
    Guarded(
        "resilience/tokens.py",
        "TokenSource",
        "_changed",
        "_token _stale_from _expired_from _refused _flight _flights _landed _failures _quiet_until _trusted_until",
        inside="_usable _await _freshness _in_the_air _take _note_failure",
    ),
    Guarded(
        "resilience/budget.py",
        "Pace",
        "_lock",
        "_tokens _filled_at _closed_until _gap _next _retries _queue",
        inside="_fill _earliest _spend",
    ),
    Guarded("resilience/halt.py", "HaltingRuntime", "_lock", "_conditions"),
    Guarded("resilience/notices.py", "Notices", "_lock", "_quiet _due"),
    Guarded("timings.py", "Timings", "_lock", "_now"),
]

ELSEWHERE = {"SessionStatement"}
"""Classes whose lock is public: ``method: session`` waits on the statement's from outside."""


def classes(file: Path) -> Iterator[ast.ClassDef]:
    yield from (node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef))


def of_self(node: ast.AST) -> str | None:
    """The name of an attribute of ``self``; ``None`` for anything else."""
    is_it = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return node.attr if is_it and isinstance(node, ast.Attribute) else None


def touched_unheld(rule: Guarded, method: ast.FunctionDef) -> list[str]:
    """What a method does without the lock that needs it, as ``line: attribute``."""
    kept, written, inside = set(rule.kept.split()), set(rule.written.split()), set(rule.inside.split())
    found: list[str] = []

    def look(node: ast.AST, held: bool) -> None:
        if isinstance(node, ast.With):
            held = held or any(of_self(item.context_expr) == rule.lock for item in node.items)
        elif isinstance(node, ast.Lambda | ast.FunctionDef) and node is not method:
            held = False  # it may run at any time
        elif not held and isinstance(node, ast.Attribute) and (name := of_self(node)) is not None:
            writes = isinstance(node.ctx, ast.Store | ast.Del)
            if name in kept | inside or (writes and name in written):
                found.append(f"{node.lineno}: {name}")
        for child in ast.iter_child_nodes(node):
            look(child, held)

    look(method, method.name == "__init__" or method.name in inside)
    return found


@pytest.mark.parametrize("rule", GUARDED, ids=lambda rule: rule.name)
def test_what_a_lock_guards_is_touched_with_it_held_only(rule: Guarded) -> None:
    [found] = [each for each in classes(ADAPTER / rule.file) if each.name == rule.name]
    methods = [node for node in found.body if isinstance(node, ast.FunctionDef)]
    assigned = {name for node in ast.walk(found) if (name := of_self(node)) is not None}
    assert assigned >= {rule.lock, *rule.kept.split(), *rule.written.split()}, "the table speaks of what is not there"
    assert [touch for method in methods for touch in touched_unheld(rule, method)] == []


def test_every_class_with_a_lock_says_what_it_guards() -> None:
    with_lock = {
        each.name
        for file in ADAPTER.rglob("*.py")
        for each in classes(file)
        for node in ast.walk(each)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", getattr(node.value.func, "attr", "")) in MAKERS
    }
    assert with_lock == {rule.name for rule in GUARDED} | ELSEWHERE


@pytest.fixture
def runtime() -> VirtualRuntime:
    return VirtualRuntime()


def allowed(runtime: VirtualRuntime, first: Rank, second: Rank) -> bool:
    """Whether a thread that holds a lock of the first rank may take another one of the second."""
    try:
        with RankedCondition(runtime, first), RankedCondition(runtime, second):
            return True
    except LockOrderError:
        return False


def test_a_lock_is_taken_only_after_those_that_come_before_it(runtime: VirtualRuntime) -> None:
    for first, second in product(Rank, Rank):
        assert allowed(runtime, first, second) == (first < second)


def test_the_outermost_of_three_counts_too(runtime: VirtualRuntime) -> None:
    for low, middle, high in combinations(Rank, 3):
        outer, inner, late = (RankedCondition(runtime, rank) for rank in (low, high, middle))
        with outer, inner, pytest.raises(LockOrderError, match=f"{low.name} then {high.name} then {middle.name}"), late:
            pass


def test_a_lock_that_was_refused_is_held_by_nobody(runtime: VirtualRuntime) -> None:
    first, second = RankedCondition(runtime, Rank.PACE), RankedCondition(runtime, Rank.LINE)
    with pytest.raises(LockOrderError), first, second:
        pass
    with second, first:
        pass


def test_a_thread_takes_its_own_lock_twice_and_still_holds_it_after_the_first_release(runtime: VirtualRuntime) -> None:
    lock = RankedCondition(runtime, Rank.PACE)
    with lock:
        with lock:
            pass
        with pytest.raises(LockOrderError), RankedCondition(runtime, Rank.LINE):
            pass


def test_a_thread_that_waits_holds_nothing_else(runtime: VirtualRuntime) -> None:
    outer, inner = RankedCondition(runtime, Rank.SESSION), RankedCondition(runtime, Rank.STATEMENT)
    with outer, inner, pytest.raises(LockOrderError, match="waiting for STATEMENT while holding another"):
        inner.wait(0)
    with inner:
        assert inner.wait(0) is False


def test_the_written_order_is_the_order_in_force() -> None:
    ranks = {
        each.name: Rank[node.attr]
        for file in ADAPTER.rglob("*.py")
        for each in classes(file)
        for node in ast.walk(each)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Rank"
    }
    text = " ".join(ARCHITECTURE.read_text(encoding="utf-8").split())
    chain = text.partition("dbt's connection lock → ")[2].partition(". ")[0].split(" → ")
    written = [[name.strip("`") for name in link.split(" or ")] for link in chain]
    steps = [{ranks[name] for name in link} for link in written]
    assert steps == [{rank} for rank in Rank]
