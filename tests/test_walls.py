"""The walls of the architecture: who may import whom, and that the lint rules which say so really fire."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADAPTER = "dbt.adapters.fabricspark"

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "adapter/dbt/adapters/fabricspark": ("fakelivy", "chaos", "tests"),
    "adapter/dbt/adapters/fabricspark/livy": ("dbt_common", "dbt", "agate"),
    "adapter/dbt/adapters/fabricspark/resilience": ("dbt_common", "dbt", "agate"),
    "fakelivy": ("dbt", "dbt_common", "chaos", "tests"),
    "chaos": ("dbt", "dbt_common", "tests"),
    "examples": ("dbt", "fakelivy", "chaos", "tests"),
}
"""Folder -> packages nothing in it may import."""

EXCEPT: dict[str, tuple[str, ...]] = {
    "adapter/dbt/adapters/fabricspark/livy": (f"{ADAPTER}.livy", f"{ADAPTER}.resilience"),
    "adapter/dbt/adapters/fabricspark/resilience": (f"{ADAPTER}.resilience",),
}
"""… but these parts of them."""


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def below(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_module_imports_across_a_wall(folder: str) -> None:
    modules = [path for path in (ROOT / folder).rglob("*.py") if "target" not in path.parts]
    assert modules, "the folder has moved: this wall guards nothing"
    crossed = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules
        for name in imports_of(path)
        if below(name, FORBIDDEN[folder]) and not below(name, EXCEPT.get(folder, ()))
    ]
    assert crossed == []


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("adapter/dbt/adapters/fabricspark/x.py", "import fakelivy"),
        ("adapter/dbt/adapters/fabricspark/x.py", "from time import sleep"),
        ("adapter/dbt/adapters/fabricspark/livy/x.py", "import random"),
        ("adapter/dbt/adapters/fabricspark/resilience/x.py", "from threading import Lock"),
        ("fakelivy/x.py", "import dbt.adapters.fabricspark"),
        ("fakelivy/routes/x.py", "from time import monotonic"),
        ("chaos/x.py", "import dbt.adapters.fabricspark"),
    ],
)
def test_the_lint_rule_of_each_wall_fires(where: str, line: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "--stdin-filename", where, "-"],
        input=f"{line}\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert "TID251" in result.stdout
    assert result.returncode == 1
