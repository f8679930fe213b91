"""Tests that want a newer dbt-core than the oldest one that the adapter runs with."""

from __future__ import annotations

import pytest
from dbt.version import __version__


def needs_dbt(minor: int, why: str) -> pytest.MarkDecorator:
    """Skips a test beside a dbt-core before 1.``minor``; ``why`` says what it lacks."""
    installed = int(__version__.split(".")[1])
    return pytest.mark.skipif(installed < minor, reason=f"needs dbt-core 1.{minor}: {why}")


ARGUMENTS = needs_dbt(10, "the project has tests with `arguments`")
