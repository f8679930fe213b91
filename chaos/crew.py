"""Runs many orders on all processors. The results do not depend on how many there are, nor on the order of the work."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from chaos import records
from chaos.client import ClientError, Factory, factory
from chaos.judge import HarnessError, judge
from chaos.records import Order
from chaos.results import Result, Verdict
from chaos.runner import run
from chaos.scenario import Scenario


@dataclass(frozen=True)
class Done:
    """A finished order; ``record`` is where its record was written, for those that did not pass."""

    result: Result
    record: Path | None = None


def orders(scenarios: Sequence[tuple[str, Scenario]], client: str, seeds: Sequence[int] | None) -> list[Order]:
    """One order for each scenario and seed; without ``seeds`` those of each scenario's budget."""
    return [
        Order(name, scenario, seed, client)
        for name, scenario in scenarios
        for seed in seeds or range(scenario.budget.first, scenario.budget.first + scenario.budget.seeds)
    ]


def carry_out(work: Sequence[Order], *, jobs: int | None = None, keep: Path | None = None) -> Iterator[Done]:
    """The results, in the order of ``work``; records of those that do not pass go to the folder ``keep``.

    Raises:
        HarnessError: something of ours is broken.
        ClientError: there is no such client.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(work))
    if jobs <= 1:
        for order in work:
            yield _one(order, keep)
        return
    # Fork would copy threads' locks; a fresh interpreter starts clean.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent) as pool:
        try:
            chunk = max(1, min(20, len(work) // (jobs * 4)))
            for done in pool.map(_tried, work, [keep] * len(work), chunksize=chunk):
                if isinstance(done, Exception):
                    raise done
                yield done
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on with what is in its queue, for hours."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "this runs in workers only"

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


@lru_cache(maxsize=8)
def _factory(path: str) -> Factory:
    made = factory(path)
    # What a client imports is there for good, and much: the collector need not go through it again and again.
    gc.collect()
    gc.freeze()
    return made


def _tried(order: Order, keep: Path | None) -> Done | Exception:
    """An error as a value: one that is raised takes the results of its whole chunk with it."""
    try:
        return _one(order, keep)
    except (ClientError, HarnessError) as error:
        return error


def _one(order: Order, keep: Path | None) -> Done:
    made = _factory(order.client)
    try:
        happened = run(order.name, order.scenario, order.seed, made)
        result = judge(happened, order.client)
    except Exception as error:  # noqa: BLE001  # of any kind: it must say which run it was
        why = str(error) if isinstance(error, HarnessError) else traceback.format_exc()
        raise HarnessError(f"{order.name} with seed {order.seed}: {why}") from None
    if result.verdict is Verdict.PASS or keep is None:
        return Done(result)
    keep.mkdir(parents=True, exist_ok=True)
    path = keep / f"{order.name.replace('/', '-').removesuffix('.yml')}-{order.seed}.jsonl"
    records.write(happened, order.client, path)
    return Done(result, path)
