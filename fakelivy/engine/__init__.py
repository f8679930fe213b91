"""SQL engines behind one small port; importing this imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fakelivy.clock import Clock
from fakelivy.engine.port import Engine


def _scripted(warehouse: Path | None, clock: Clock, **options: Any) -> Engine:
    del warehouse  # it keeps nothing
    from fakelivy.engine.scripted import ScriptedEngine

    return ScriptedEngine(clock, **options)


def _sail(warehouse: Path | None, clock: Clock, **options: Any) -> Engine:
    from fakelivy.engine.sail.engine import SailEngine

    if warehouse is None:
        raise ValueError("the sail engine needs a warehouse folder")
    return SailEngine(warehouse, clock, **options)


def _spark(warehouse: Path | None, clock: Clock, *, url: str = "", **options: Any) -> Engine:
    del warehouse  # the tables are where Spark has them
    from fakelivy.engine.spark.engine import SparkEngine

    return SparkEngine(url, clock, **options)


ENGINES: Mapping[str, Callable[..., Engine]] = {"scripted": _scripted, "sail": _sail, "spark": _spark}
"""Engines by the name a user chooses them with."""


def create_engine(name: str, *, warehouse: Path | None, clock: Clock, **options: Any) -> Engine:
    """The engine called ``name``.

    Args:
        warehouse: folder of its tables, made if it is not there; only ``sail`` has one.
        clock: the server's clock.
        options: what the engine itself takes, e.g. ``rules`` of ``scripted``, ``url`` of ``spark``.

    Raises:
        ValueError: no such engine, or an option of it is wrong.
        WarehouseError: the folder cannot be used.
    """
    if name not in ENGINES:
        raise ValueError(f"no engine {name!r}; there are {', '.join(sorted(ENGINES))}")
    return ENGINES[name](warehouse, clock, **options)
