"""Tables of figures: printed line by line while they are measured, and kept as data, which the documentation shows."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[2] / "docs" / "measured"

Row = Mapping[str, Any]
"""Heading -> value; ``None`` where there is none."""


@dataclass(frozen=True)
class Results:
    """What a benchmark finds.

    Attributes:
        name: of the file it is kept in.
        columns: heading -> how a value is written, as a format string.
    """

    name: str
    columns: Mapping[str, str]

    def show(self, rows: Iterable[Row], *, keep: bool) -> list[Row]:
        """Print each row as soon as there is one; with ``keep``, write them down in the end."""
        found: list[Row] = []
        for line in self._lines(rows, found):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        if keep:
            KEPT.mkdir(exist_ok=True)
            content = {"machine": machine(), "rows": found}
            self._file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return found

    def kept(self) -> list[Row]:
        """The rows that were written down last."""
        rows: list[Row] = self._content()["rows"]
        return rows

    def table(self) -> str:
        """The same as Markdown, with the machine they were measured on."""
        return "\n".join([*self._lines(self.kept(), []), "", f"Measured on {self._content()['machine']}."])

    @property
    def _file(self) -> Path:
        return KEPT / f"{self.name}.json"

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        return content

    def _lines(self, rows: Iterable[Row], seen: list[Row]) -> Iterator[str]:
        yield _line(self.columns)
        yield _line(["---"] * len(self.columns))
        for row in rows:
            seen.append(row)
            cells = ((row[heading], form) for heading, form in self.columns.items())
            yield _line("" if value is None else form.format(value) for value, form in cells)


@dataclass(frozen=True)
class Figure:
    """Something measured; ``limit`` is what was promised, ``better`` the direction that is good."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    better: str = "less"

    @property
    def held(self) -> bool:
        """Whether it is within its limit."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.better == "less" else self.value >= self.limit

    def row(self) -> Row:
        """It as a line of a table with the headings of ``PROMISES``."""
        way = "at most" if self.better == "less" else "at least"
        promised = None if self.limit is None else f"{way} {self.limit:,g} {self.unit}".strip()
        return {"what": self.what, "measured": f"{self.value:,.4g} {self.unit}".strip(), "promised": promised}


PROMISES: Mapping[str, str] = {"what": "{}", "measured": "{}", "promised": "{}"}


def judged(results: Results, figures: Iterable[Figure], *, keep: bool, check: bool) -> int:
    """Show figures, say on standard error which are beyond their limits, and return a process's exit code.

    Args:
        results: with the columns of ``PROMISES``.
        figures: as they come.
        keep: whether to write them down.
        check: whether a limit that is not held is a failure.
    """
    seen: list[Figure] = []

    def rows() -> Iterator[Row]:
        for figure in figures:
            seen.append(figure)
            yield figure.row()

    results.show(rows(), keep=keep)
    beyond = [figure.what for figure in seen if not figure.held]
    if beyond:
        sys.stderr.write(f"beyond the limit: {'; '.join(beyond)}\n")
    return 1 if check and beyond else 0


def machine() -> str:
    """Where and when this is."""
    today = dt.datetime.now(dt.timezone.utc).date()
    where = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{where}, on {today}, with a load of {os.getloadavg()[0]:.1f} at the end"


def parser(text: str | None) -> argparse.ArgumentParser:
    """A command line with what all benchmarks have."""
    made = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="less of everything, for a test of the benchmark itself")
    made.add_argument("--keep", action="store_true", help="write the figures down for the documentation")
    return made


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
