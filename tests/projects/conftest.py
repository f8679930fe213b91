"""Small projects too, with the fixtures of the other tests of dbt processes."""

from __future__ import annotations

from tests.functional.conftest import fakelivy_server, make_dbt

__all__ = ["fakelivy_server", "make_dbt"]
