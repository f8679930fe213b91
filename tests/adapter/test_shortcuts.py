"""Shortcuts as a project writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dbt.adapters.fabricspark.shortcuts import Shortcut, read
from dbt_common.exceptions import DbtRuntimeError

WORKSPACE, ITEM = "01234567-89ab-cdef-0123-456789abcdef", "11234567-89ab-cdef-0123-456789abcdef"
GIVEN: dict[Any, Any] = {
    "path": "/Tables/dbo/",
    "shortcut_name": "orders",
    "source_workspace_id": WORKSPACE,
    "source_item_id": ITEM,
    "source_path": "Tables/sales/orders",
}
MEANT = Shortcut("Tables/dbo", "orders", {"workspaceId": WORKSPACE, "itemId": ITEM, "path": "Tables/sales/orders"})


@pytest.mark.parametrize(
    "given", [[GIVEN], json.dumps([GIVEN]), json.dumps({"shortcuts": [{**GIVEN, "target": "onelake"}]})]
)
def test_a_list_or_the_incumbents_json_is_taken(given: Any) -> None:
    assert read(given) == [MEANT]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([{**GIVEN, "source_path": ""}], "shortcut 'orders' needs source_path"),
        ([{**GIVEN, "colour": "red"}], "shortcut 'orders' has no field colour"),
        ([{**GIVEN, "target": "amazonS3"}], "must lead to onelake"),
        (["orders"], "a shortcut is a mapping of path, shortcut_name"),
        ({"path": "x"}, "must be a list"),
        ("{", "are not JSON"),
        ("[" * 100_000, "are not JSON"),
        ([{**GIVEN, 5: "red"}], "shortcut 'orders' has no field 5"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given: Any, says: str) -> None:
    with pytest.raises(DbtRuntimeError, match=says):
        read(given)
