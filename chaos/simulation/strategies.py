"""Who runs next: each strategy explores another kind of interleaving, and a seed picks one of its kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol


class Runnable(Protocol):
    """A thread as a strategy sees it; ``number`` counts from 0 in the order of birth."""

    number: int


class Strategy(Protocol):
    """Chooses among the threads that could go on."""

    def choose(self, ready: Sequence[Runnable], current: Runnable | None) -> int:
        """The index in ``ready`` (never empty, in order of birth) of the thread to run; ``current`` ran last."""


class Uniform:
    """Anyone, with equal chances: most bugs that need one or two hand-overs."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def choose(self, ready: Sequence[Runnable], current: Runnable | None) -> int:
        del current
        return self._rng.randrange(len(ready))


class ManyHandovers:
    """Anyone but the one that just ran: what breaks when nobody gets two steps in a row."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def choose(self, ready: Sequence[Runnable], current: Runnable | None) -> int:
        others = [index for index, thread in enumerate(ready) if thread is not current]
        return self._rng.choice(others) if others else 0


class FewHandovers:
    """The thread of highest random priority, until it loses that at one of a few random steps (the PCT scheme of
    Burckhardt et al., ASPLOS 2010): bugs that need long undisturbed stretches and a switch at the wrong moment."""

    CHANGES = 3
    HORIZON = 300
    """Steps among which the changes are placed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._priorities: dict[int, float] = {}
        self._changes = {rng.randrange(1, self.HORIZON): -float(index) - 1 for index in range(self.CHANGES)}
        self._step = 0

    def choose(self, ready: Sequence[Runnable], current: Runnable | None) -> int:
        self._step += 1
        if current is not None and self._step in self._changes:
            self._priorities[current.number] = self._changes[self._step]
        for thread in ready:
            if thread.number not in self._priorities:
                self._priorities[thread.number] = self._rng.random()
        return max(range(len(ready)), key=lambda index: self._priorities[ready[index].number])


class OneStarved:
    """One of the first threads runs only when nobody else can; the rest is chance."""

    CANDIDATES = 8

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._victim = rng.randrange(self.CANDIDATES)

    def choose(self, ready: Sequence[Runnable], current: Runnable | None) -> int:
        del current
        others = [index for index, thread in enumerate(ready) if thread.number != self._victim]
        return self._rng.choice(others) if others else 0


STRATEGIES: Mapping[str, Callable[[random.Random], Strategy]] = {
    "random": Uniform,
    "many": ManyHandovers,
    "few": FewHandovers,
    "starved": OneStarved,
}
"""By the name a scenario uses."""
