"""The snippets of docs/testing.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_every_snippet_runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 5
    for number, snippet in enumerate(snippets):
        if snippet.startswith("# conftest.py"):
            pytester.makeconftest(snippet)
        else:
            pytester.makepyfile(**{f"test_snippet_{number}": snippet})
    result = pytester.runpytest_subprocess("-p", "fakelivy.pytest_plugin", timeout=240)
    result.assert_outcomes(passed=4)
