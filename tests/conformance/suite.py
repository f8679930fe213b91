"""dbt's published adapter tests, as ``verdicts.py`` says; ``make test-dbt`` names this file and dbt's fixtures."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests.conformance.fixtures import (
    conformance_server,
    conformance_target,
    dbt_profile_target,
    logs_dir,
    profile_user,
    test_data_dir,
)
from tests.conformance.published import names_of_tests
from tests.conformance.verdicts import Verdict, verdicts

__all__ = [
    "conformance_server",
    "conformance_target",
    "dbt_profile_target",
    "logs_dir",
    "profile_user",
    "test_data_dir",
]

# The published tests warn as they like.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def _collected(verdict: Verdict, base: type) -> type:
    members: dict[str, Any] = {"__module__": __name__}
    for test, why in verdict.gaps.items():
        for name in [test] if test else names_of_tests(base):
            members[name] = pytest.mark.xfail(reason=why, strict=True)(_own(getattr(base, name)))
    return type("Test_" + verdict.name.replace(".", "_"), (base,), members)


def _own(test: Any) -> Any:
    """A function of its own for each class, so that a mark on it stays there."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> Any:
        return test(*args, **kwargs)

    return run


for _verdict in verdicts():
    if _verdict.run is not None:
        _made = _collected(_verdict, _verdict.run)
        globals()[_made.__name__] = _made
