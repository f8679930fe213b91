"""The documentation says what the code says."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.published import needs_their_dbt

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "examples" / "README.md"]
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)(#[^)]*)?\)")


@pytest.fixture(scope="module")
def render() -> Callable[[str], str]:
    """What ``make docs`` does with a page; ``make check`` runs it as the command that it is."""
    made: Callable[[str], str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["render"]
    return made


def of_published(page: Path) -> Any:
    """The page about dbt's own tests can be made only where they can be imported."""
    return pytest.param(page, marks=needs_their_dbt) if page.name == "conformance.md" else page


@pytest.mark.parametrize(
    "page", [of_published(page) for page in sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_generated_tables_are_up_to_date(page: Path, render: Callable[[str], str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert render(text) == text, "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [target for target, _ in LINK.findall(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_guarantee_in_the_readme_names_a_test_that_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\[`(test_\w+)`\]\(([^)]+\.py)\)", readme)
    assert len(rows) >= 10
    for name, path in rows:
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path} has no {name}"


def test_every_behaviour_in_the_table_of_resilience_names_code_and_tests_that_exist() -> None:
    page = (ROOT / "docs" / "resilience.md").read_text(encoding="utf-8")
    rows = [
        line.strip("| ").split(" | ")
        for line in page.partition("## What is tried again")[0].splitlines()
        if line.startswith("| ")
    ]
    named = {name for row in rows for cell in row[-2:] for name in re.findall(r"`([\w./]+)`", cell)}
    adapter = ROOT / "adapter" / "dbt" / "adapters" / "fabricspark"
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert len(named) > 60
    missing = [
        name
        for name in named
        if not (
            f"def {name}(" in tests
            if name.startswith("test_") and "." not in name
            else (ROOT / name).exists() or (adapter / name).exists()
        )
    ]
    assert missing == []
