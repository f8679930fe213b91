"""Whether what `dbt docs generate` and persist_docs promise is there: the catalog, and the comments in the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from examples.livy import Livy


def problems(url: str, target: Path) -> list[str]:
    """What is missing or wrong, empty if all is well; `target` is dbt's.

    Raises LivyError when the server cannot be asked.
    """
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    catalog = json.loads((target / "catalog.json").read_text(encoding="utf-8"))["nodes"]
    built = {
        name: node
        for name, node in manifest.items()
        if node["resource_type"] in ("model", "seed", "snapshot") and node["config"]["materialized"] != "ephemeral"
    }
    found = [f"{name} is not in the catalog" for name in built if not catalog.get(name, {}).get("columns")]
    with Livy(url) as livy:
        for node in built.values():
            if node["config"].get("persist_docs", {}).get("columns"):
                found += uncommented(livy, node)
    return found


def uncommented(livy: Livy, node: dict[str, Any]) -> Iterator[str]:
    """The descriptions of one persisted model that its table or view does not have, character by character."""
    rows = livy.rows(f"describe table extended {node['schema']}.{node['alias']}")
    table = next((row[1] for row in rows if row[0] == "Comment"), None)
    columns = {row[0]: row[2] for row in reversed(rows)}
    if node["description"] != table:
        yield f"{node['name']} has the comment {table!r}, not {node['description']!r}"
    for name, column in node["columns"].items():
        if column["description"] and column["description"] != columns.get(name):
            yield f"{node['name']}.{name} has the comment {columns.get(name)!r}, not {column['description']!r}"
