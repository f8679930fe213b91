"""The part of all failures that ``tests/resilience/test_failures.py`` leaves out."""

from __future__ import annotations

import pytest

from tests.resilience.catalogue import Case, split
from tests.resilience.test_failures import meet


@pytest.mark.parametrize("case", split()[1], ids=str)
def test_every_failure_at_every_request(case: Case) -> None:
    meet(case)
