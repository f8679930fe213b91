"""The part of all failures that ``tests/resilience/test_failures.py`` leaves out: eight threads where there is one."""

from __future__ import annotations

import pytest

from tests.resilience.catalogue import Case, cases
from tests.resilience.test_failures import meet


@pytest.mark.parametrize("case", list(cases(1)), ids=str)
def test_every_failure_with_the_other_number_of_threads(case: Case) -> None:
    meet(case)
