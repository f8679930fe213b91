"""One token per identity: fetched by one flight, replaced ahead of its end, never in the way of who needs none."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

import pytest
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import NotSent, TransportError
from dbt.adapters.fabricspark.resilience.tokens import (
    FETCH_TIMEOUT,
    FIRST_PAUSE,
    LEEWAY,
    LONGEST_PAUSE,
    REFRESH_AHEAD,
    SHORTEST_LIFE,
    Token,
    TokenSource,
)

from chaos.simulation import STRATEGIES, Scheduler, SimulatedRuntime

SECRET = "do-not-print-me"
LIFE = 3600.0
SEEDS = range(5)
LOG = logging.getLogger("tests.tokens")


class Provider:
    """Hands out numbered tokens, as slowly as it is told; ``broken`` is what it says instead."""

    def __init__(self, runtime: SimulatedRuntime) -> None:
        self.runtime = runtime
        self.asked = 0
        self.anew: list[bool] = []
        self.issued = 0
        self.takes = 0.5
        self.life = LIFE
        self.ahead = 0.0
        self.broken: Exception | None = None
        self.fixed = False

    def __call__(self, anew: bool) -> Token:
        self.asked += 1
        self.anew.append(anew)
        self.runtime.sleep(self.takes)
        if self.broken:
            raise self.broken
        self.issued += 1
        name = "fixed" if self.fixed else f"token-{self.issued}"
        return Token(name, self.runtime.now().timestamp() + self.ahead + self.life)


class World:
    """A token source in a simulation."""

    def __init__(self, seed: int = 1, strategy: str = "random") -> None:
        self.scheduler = Scheduler(seed, strategy)
        self.runtime = SimulatedRuntime(self.scheduler)
        self.provider = Provider(self.runtime)
        self.source = TokenSource(self.provider, self.runtime, LOG)

    def run(self, work: Callable[[], None]) -> None:
        self.scheduler.run(work)
        assert self.scheduler.errors == []

    def all_at_once(self, count: int, work: Callable[[], None]) -> None:
        for thread in [self.scheduler.spawn(f"thread {number}", work) for number in range(count)]:
            thread.join()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_sixteen_threads_without_a_token_make_one_request(seed: int, strategy: str) -> None:
    world, got = World(seed, strategy), list[tuple[str, int]]()

    def ask() -> None:
        token = world.source.token()
        got.append((token.value, token.generation))

    def work() -> None:
        world.all_at_once(16, ask)
        world.runtime.sleep(LIFE)
        world.all_at_once(16, ask)

    world.run(work)
    assert got == [("token-1", 1)] * 16 + [("token-2", 2)] * 16
    assert world.provider.asked == 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_token_that_still_works_is_used_while_its_successor_is_on_its_way(strategy: str) -> None:
    world, got = World(1, strategy), list[str]()

    def ask() -> None:
        begin = world.runtime.monotonic()
        got.append(world.source.token().value)
        assert world.runtime.monotonic() == begin, "a thread was made to wait"

    def work() -> None:
        world.source.token()
        world.runtime.sleep(LIFE - REFRESH_AHEAD + 1)
        world.provider.takes = 30
        world.all_at_once(8, ask)
        world.runtime.sleep(31)
        world.all_at_once(8, ask)

    world.run(work)
    assert got == ["token-1"] * 8 + ["token-2"] * 8
    assert world.provider.anew == [False, False]


def test_a_token_is_not_replaced_before_it_is_stale() -> None:
    world = World()

    def work() -> None:
        world.source.token()
        world.runtime.sleep(LIFE - REFRESH_AHEAD - 1)
        assert world.source.token().value == "token-1"
        world.runtime.sleep(10)

    world.run(work)
    assert world.provider.asked == 1


def test_a_token_about_to_expire_is_not_sent() -> None:
    world = World()

    def work() -> None:
        world.source.token()
        world.runtime.sleep(LIFE - LEEWAY)
        assert world.source.token().value == "token-2"

    world.run(work)


def test_a_token_without_an_end_is_kept() -> None:
    world = World()
    source = TokenSource(lambda _anew: Token("fixed"), world.runtime)

    def work() -> None:
        source.token()
        world.runtime.sleep(5 * 86400)
        assert source.token() == Token("fixed", None, 1)

    world.run(work)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_token_that_many_threads_report_as_refused_is_replaced_once(seed: int, strategy: str) -> None:
    world = World(seed, strategy)

    def refused() -> None:
        generation = world.source.token().generation
        world.source.rejected(generation)
        assert world.source.token().generation >= 2

    def work() -> None:
        first = world.source.token().generation
        world.all_at_once(8, lambda: world.source.rejected(first))
        world.all_at_once(8, lambda: world.source.rejected(first))
        assert world.source.token().generation == first + 1
        world.source.rejected(first)
        assert world.source.token().generation == first + 1

    world.run(work)
    assert world.provider.anew == [False, True]


def test_a_refusal_during_a_refresh_from_a_cache_asks_again_for_one_that_is_not() -> None:
    world = World()

    def work() -> None:
        first = world.source.token().generation
        world.provider.fixed = True
        world.runtime.sleep(LIFE - REFRESH_AHEAD + 1)
        world.source.token()
        world.source.rejected(first)
        world.source.token()

    world.run(work)
    assert world.provider.anew == [False, False]
    world = World()
    world.provider.fixed = True

    def fixed() -> None:
        first = world.source.token().generation
        world.runtime.sleep(LIFE - REFRESH_AHEAD + 1)
        world.source.token()
        world.source.rejected(first)
        assert world.source.token().generation == first, "the same token is the same generation"

    world.run(fixed)
    assert world.provider.anew == [False, False, True]


def test_a_provider_without_another_token_is_not_asked_on_every_refusal() -> None:
    world = World()
    world.provider.fixed = True

    def work() -> None:
        for _ in range(20):
            world.source.rejected(world.source.token().generation)
        assert world.provider.anew == [False, True]
        world.runtime.sleep(FIRST_PAUSE)
        world.source.rejected(world.source.token().generation)
        world.source.token()

    world.run(work)
    assert world.provider.anew == [False, True, True]


def test_a_provider_that_fails_while_the_token_works_is_asked_less_and_less(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.provider.life = 3 * LIFE

    def work() -> None:
        world.source.token()
        world.runtime.sleep(3 * LIFE - REFRESH_AHEAD + 1)
        world.provider.broken = NotSent("no access token: the provider is down")
        for _ in range(250):
            assert world.source.token().value == "token-1"
            world.runtime.sleep(1)
        # 5 + 10 + 20 + 40 + 60 + 60 + 60 seconds.
        assert world.provider.asked == 1 + 7
        world.provider.broken = None
        world.runtime.sleep(LONGEST_PAUSE)
        while world.source.token().value == "token-1":
            world.runtime.sleep(1)

    with caplog.at_level(logging.WARNING, LOG.name):
        world.run(work)
    assert world.provider.asked == 9
    assert caplog.messages[0] == (
        "no access token: the provider is down; the token at hand still works, next attempt in 5 s"
    )


def test_without_a_token_the_providers_error_is_everyones_and_the_next_asks_again() -> None:
    world, errors = World(), list[TransportError]()
    world.provider.broken = ValueError("no such thing")

    def ask() -> None:
        try:
            world.source.token()
        except TransportError as error:
            errors.append(error)

    def work() -> None:
        world.all_at_once(8, ask)
        world.provider.broken = None
        assert world.source.token().value == "token-1"

    world.run(work)
    assert {str(error) for error in errors} == {"no access token: ValueError: no such thing"}
    assert len({id(error) for error in errors}) == 8
    assert world.provider.asked == 2


def test_a_provider_that_hangs_is_waited_for_a_while_and_then_asked_anew() -> None:
    world = World()
    world.provider.takes = 1e6

    def work() -> None:
        with pytest.raises(NotSent, match="did not answer within 60 s"):
            world.source.token()
        assert world.runtime.monotonic() == FETCH_TIMEOUT
        with pytest.raises(NotSent, match="did not answer within 7 s"):
            world.source.token(Deadline.after(world.runtime, 7))
        world.provider.takes = 1
        world.runtime.sleep(FETCH_TIMEOUT)
        assert world.source.token().value == "token-1"

    world.run(work)
    assert world.provider.asked == 3


def test_an_answer_that_comes_too_late_does_not_replace_a_newer_token() -> None:
    world = World()
    world.provider.takes = FETCH_TIMEOUT + 10

    def work() -> None:
        with pytest.raises(NotSent):
            world.source.token()
        world.provider.takes = 1
        first = world.source.token()
        world.runtime.sleep(60)
        assert world.provider.issued == 2
        assert world.source.token() == first

    world.run(work)


class SetClock(SimulatedRuntime):
    """A machine whose wall clock is wrong, and may be set."""

    wrong_by = 0.0

    def now(self) -> dt.datetime:
        return super().now() + dt.timedelta(seconds=self.wrong_by)


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_wall_clock_that_jumps_changes_nothing(jump: float) -> None:
    world = World()
    machine = SetClock(world.scheduler)
    source = TokenSource(world.provider, machine, LOG)

    def work() -> None:
        source.token()
        machine.wrong_by = jump
        world.runtime.sleep(LIFE - REFRESH_AHEAD - 1)
        assert source.token().value == "token-1"
        world.runtime.sleep(REFRESH_AHEAD)
        machine.wrong_by = 0
        assert source.token().value == "token-2"

    world.run(work)


def test_a_machine_whose_clock_is_ahead_does_not_ask_on_every_request() -> None:
    world = World()
    machine = SetClock(world.scheduler)
    machine.wrong_by = 2 * LIFE
    source = TokenSource(world.provider, machine, LOG)

    def work() -> None:
        for _ in range(int(10 * SHORTEST_LIFE)):
            source.token()
            machine.sleep(1)

    world.run(work)
    assert 10 <= world.provider.asked <= 21


def test_a_token_is_in_no_repr() -> None:
    assert SECRET not in repr(Token(SECRET, 1.0))
