"""Starting a run imports nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("azure", "msal", "cryptography", "pyspark", "pyarrow", "werkzeug", "numpy", "pandas")

PROGRAM = """
import sys
import dbt.cli.main
before = set(sys.modules)
from dbt.adapters.fabricspark import Plugin
credentials = Plugin.credentials.from_dict({profile!r})
from dbt.adapters.fabricspark.connections import SessionManagers
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
SessionManagers(SystemRuntime()).target(credentials)
print(*sorted({{name.split(".")[0] for name in set(sys.modules) - before}}))
"""

FABRIC = {
    "schema": "dbo",
    "workspaceid": "11111111-2222-4333-8444-555555555555",
    "lakehouseid": "11111111-2222-4333-8444-666666666666",
    "lakehouse": "shop",
}
PROFILES = {
    "local": {"schema": "dbo", "livy_mode": "local"},
    "token": {**FABRIC, "authentication": "token", "accessToken": "not.a.token"},
    "default": {**FABRIC, "authentication": "default"},
}


@pytest.mark.parametrize(("name", "azure"), [("local", False), ("token", False), ("default", True)])
def test_azure_is_imported_only_by_those_who_ask_it_for_a_token(name: str, azure: bool) -> None:
    program = PROGRAM.format(profile=PROFILES[name])
    imported = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    found = [package for package in HEAVY if package in imported.split()]
    assert found == (["azure", "msal", "cryptography"] if azure else [])
