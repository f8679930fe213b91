"""Starting a run imports nothing that it does not use."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("azure", "msal", "cryptography", "pyspark", "pyarrow", "werkzeug", "numpy", "pandas")

PROGRAM = """
import json, sys
import dbt.cli.main
before = set(sys.modules)
from dbt.adapters.fabricspark import Plugin
from dbt.adapters.fabricspark.connections import SessionManagers
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
for name, profile in json.loads(sys.argv[1]).items():
    SessionManagers(SystemRuntime()).target(Plugin.credentials.from_dict(profile))
    print(name, *sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""

FABRIC = {
    "schema": "dbo",
    "workspaceid": "11111111-2222-4333-8444-555555555555",
    "lakehouseid": "11111111-2222-4333-8444-666666666666",
    "lakehouse": "shop",
}
# The one that needs most is the last: all are tried in one process, because importing dbt is what takes the time.
PROFILES = {
    "local": {"schema": "dbo", "livy_mode": "local"},
    "token": {**FABRIC, "authentication": "token", "accessToken": "not.a.token"},
    "default": {**FABRIC, "authentication": "default"},
}


def test_azure_is_imported_only_by_those_who_ask_it_for_a_token() -> None:
    command = [sys.executable, "-c", PROGRAM, json.dumps(PROFILES)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    imported = {name: set(packages) for name, *packages in map(str.split, lines)}
    assert {name: [each for each in HEAVY if each in packages] for name, packages in imported.items()} == {
        "local": [],
        "token": [],
        "default": ["azure", "msal", "cryptography"],
    }
