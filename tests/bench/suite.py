"""How long the default test suite takes: ``make test``, on all processors of this machine.

The baseline is its own processor time, shared evenly: less than that it cannot take without doing less.
``python -m tests.bench.suite``; not part of ``make bench``.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.results import PROMISES, Figure, Results, judged, parser

ROOT = Path(__file__).parents[2]
PROMISED = 360
"""Seconds on two processors."""

RESULTS = Results("suite", PROMISES)


def figures(arguments: Sequence[str]) -> Iterator[Figure]:
    """Of pytest with these arguments."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", f"--junitxml={report}"]
        began, before = time.perf_counter(), _processors()
        done = subprocess.run([*command, *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
        wall, processors = time.perf_counter() - began, _processors() - before
        if not report.exists():
            raise RuntimeError(f"pytest failed:\n{done.stdout}{done.stderr}")
        (suite,) = ElementTree.parse(report).getroot()  # pytest's own, of this moment
    count = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    yield Figure("tests", count["tests"], "")
    yield Figure("not passed, or skipped", count["failures"] + count["errors"] + count["skipped"], "", 0)
    yield Figure("processor time, of each processor (baseline)", processors / (os.cpu_count() or 1), "s")
    yield Figure("wall time", wall, "s", PROMISED)


def _processors() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main() -> int:
    """Measure, print, and with ``--check`` judge."""
    said = parser(__doc__)
    said.add_argument("--check", action="store_true", help="exit 1 if it takes longer than promised")
    options = said.parse_args()
    arguments = ["tests/unit"] if options.quick else ["--ignore", "tests/projects"]
    return judged(RESULTS, figures(arguments), keep=options.keep, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
