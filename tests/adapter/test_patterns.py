"""Patterns of names, as SQL's ``ilike`` reads them."""

from __future__ import annotations

import pytest
from dbt.adapters.fabricspark.patterns import like


@pytest.mark.parametrize(
    ("pattern", "name", "is_like"),
    [
        ("orders", "orders", True),
        ("orders", "Orders", True),
        ("ORDERS%", "orders_2024", True),
        ("orders%", "my_orders", False),
        ("%orders", "my_orders", True),
        ("order_", "orders", True),
        ("order_", "order", False),
        ("a%c", "a\nc", True),
        (r"a\_c", "a_c", True),
        (r"a\_c", "abc", False),
        (r"100\%", "100%", True),
        ("a.c", "abc", False),
        ("a[b]", "a[b]", True),
        ("tail\\", "tail\\", True),
        ("%", "", True),
        ("", "", True),
        ("", "orders", False),
    ],
)
def test_a_pattern_takes_whole_names_and_no_case(pattern: str, name: str, is_like: bool) -> None:
    assert like(pattern)(name) is is_like
