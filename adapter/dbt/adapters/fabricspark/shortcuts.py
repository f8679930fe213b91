"""OneLake shortcuts, as projects and profiles write them, made in the target's lakehouse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dbt.adapters.fabricspark.fabric import FabricApi
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt_common.exceptions import DbtRuntimeError

_FIELDS = ("path", "shortcut_name", "source_workspace_id", "source_item_id", "source_path")


@dataclass(frozen=True)
class Shortcut:
    """A folder of another item, to be seen in the lakehouse at ``path/name``."""

    path: str
    name: str
    source: Mapping[str, str]


def read(given: str | Iterable[Mapping[str, Any]]) -> list[Shortcut]:
    """The shortcuts of a list, or of JSON as the incumbent takes it: ``{"shortcuts": [...]}``.

    Raises:
        DbtRuntimeError: it is something else; the entry and what it lacks are named.
    """
    entries: Any = given
    if isinstance(given, str):
        try:
            entries = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise DbtRuntimeError(f"the shortcuts are not JSON: {error}") from None
        entries = entries.get("shortcuts") if isinstance(entries, dict) else entries
    if not isinstance(entries, list):
        raise DbtRuntimeError("the shortcuts must be a list")
    return [_shortcut(entry) for entry in entries]


def _shortcut(entry: Any) -> Shortcut:
    if not isinstance(entry, Mapping):
        raise DbtRuntimeError(f"a shortcut is a mapping of {', '.join(_FIELDS)}, not: {entry!r}")
    target = str(entry.get("target") or "onelake").lower()
    missing = [name for name in _FIELDS if not entry.get(name)]
    unknown = [str(name) for name in entry if name not in (*_FIELDS, "target")]
    if missing or unknown or target != "onelake":
        what = f"needs {', '.join(missing)}" if missing else f"has no field {', '.join(unknown)}"
        raise DbtRuntimeError(
            f"shortcut {entry.get('shortcut_name') or entry!r} {what if missing or unknown else 'must lead to onelake'}"
        )
    return Shortcut(
        str(entry["path"]).strip("/"),
        str(entry["shortcut_name"]),
        {
            "workspaceId": str(entry["source_workspace_id"]),
            "itemId": str(entry["source_item_id"]),
            "path": str(entry["source_path"]).strip("/"),
        },
    )


def ensure(fabric: FabricApi, wanted: Iterable[Shortcut], deadline: Deadline) -> list[str]:
    """Make those that are missing or lead elsewhere; what was made, by path and name.

    Raises:
        LivyError, TransportError: Fabric refused, or could not be reached.
    """
    made = []
    for shortcut in wanted:
        there = fabric.shortcut(shortcut.path, shortcut.name, deadline)
        # What the server shows has more in it than what it was sent (contract 3).
        source = there.get("oneLake") if there else None
        if isinstance(source, Mapping) and all(_same(source.get(k), v) for k, v in shortcut.source.items()):
            continue
        fabric.put_shortcut(shortcut.path, shortcut.name, {"oneLake": dict(shortcut.source)}, deadline)
        made.append(f"{shortcut.path}/{shortcut.name}")
    return made


def _same(there: Any, wanted: str) -> bool:
    return str(there).strip("/").lower() == wanted.lower()
