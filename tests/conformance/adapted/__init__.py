"""Published classes whose words are Postgres's, said again in Spark's; each says in one line what differs."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from tests.conformance.adapted import (
    basic,
    constraints,
    databases,
    hooks,
    incremental,
    lake_views,
    models,
    seeds,
    snapshots,
)

_MODULES: Sequence[ModuleType] = (
    basic,
    constraints,
    databases,
    hooks,
    incremental,
    lake_views,
    models,
    seeds,
    snapshots,
)

ADAPTED: Sequence[type] = tuple(
    value
    for module in _MODULES
    for value in vars(module).values()
    if isinstance(value, type) and value.__module__ == module.__name__ and value.__name__.startswith("Adapted")
)
