"""Every test class that dbt publishes for adapters, in the installed version of dbt-tests-adapter."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import dbt.tests.adapter

from tests.versions import needs_dbt

PACKAGE = dbt.tests.adapter.__name__

needs_their_dbt = needs_dbt(11, "dbt-tests-adapter imports it")
"""For tests of what is published: beside an older dbt-core not all of it can be imported."""


@cache
def published() -> Mapping[str, type]:
    """The classes with tests, by module and name; of a family only those nobody derives from.

    An adapter is meant to derive from each of them, or from a relative that says what it does differently.
    """
    root = Path(dbt.tests.adapter.__path__[0])
    found: dict[str, type] = {}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        module = importlib.import_module(".".join((PACKAGE, *parts)))
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == module.__name__ and names_of_tests(value):
                found[".".join((*parts, name))] = value
    classes = list(found.values())
    return {name: value for name, value in found.items() if not _has_heir(value, classes)}


def names_of_tests(candidate: type) -> list[str]:
    """The names of a class's tests, inherited ones too."""
    return [name for name in dir(candidate) if name.startswith("test") and callable(getattr(candidate, name))]


def _has_heir(candidate: type, classes: list[type]) -> bool:
    return any(other is not candidate and issubclass(other, candidate) for other in classes)
