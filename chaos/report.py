"""Reports for people and for machines: one HTML page that needs nothing else, and JUnit's XML."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from chaos import picture
from chaos.results import Finding, Result, Verdict, worst

SHOWN = 40
"""How many runs that are not green the page shows in full; it says so when there are more."""


@dataclass(frozen=True)
class Cell:
    """What one invariant says of all runs of a scenario: the worst verdict, and how many runs came to it."""

    verdict: Verdict | None
    bad: int
    runs: int

    @property
    def mark(self) -> str:
        return {None: "·", Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNKNOWN: "?"}[self.verdict]


@dataclass(frozen=True)
class Row:
    """A scenario against a target."""

    scenario: str
    title: str
    target: str
    runs: int
    verdict: Verdict
    cells: Sequence[Cell]
    anchor: str | None
    """The first run that is shown in full."""


def invariants(results: Sequence[Result]) -> list[str]:
    """The names of all invariants, in the order in which they come up."""
    return list(dict.fromkeys(finding.invariant for result in results for finding in result.findings))


def matrix(results: Sequence[Result]) -> list[Row]:
    """Scenario by invariant; runs of one scenario against one target are one row."""
    names, shown = invariants(results), _shown(results)
    rows = []
    for target in targets(results):
        for scenario in dict.fromkeys(result.scenario for result in results):
            mine = [each for each in results if (each.target, each.scenario) == (target, scenario)]
            if mine:
                anchor = next((f"run-{shown.index(each)}" for each in mine if each in shown), None)
                cells = [_cell([each.of(name) for each in mine]) for name in names]
                rows.append(Row(scenario, mine[0].title, target, len(mine), worst(mine), cells, anchor))
    return rows


@dataclass(frozen=True)
class Matrix:
    """Scenarios of one kind: they are judged by the same invariants."""

    title: str
    invariants: Sequence[str]
    rows: Sequence[Row]


def matrices(results: Sequence[Result]) -> list[Matrix]:
    """One for each kind of scenario there is."""
    rows, found = matrix(results), []
    for title, real in (("Threads in virtual time", False), ("Real dbt processes", True)):
        mine = [row for row in rows if row.scenario.startswith("processes/") is real]
        asked = [place for place, _ in enumerate(invariants(results)) if any(row.cells[place].runs for row in mine)]
        if mine:
            names = [invariants(results)[place].replace("_", " ") for place in asked]
            kept = [dataclasses.replace(row, cells=[row.cells[place] for place in asked]) for row in mine]
            found.append(Matrix(title, names, kept))
    return found


def targets(results: Sequence[Result]) -> list[str]:
    """What was tested, in the order in which it comes up."""
    return list(dict.fromkeys(result.target for result in results))


@dataclass(frozen=True)
class Compared:
    """One scenario and the verdicts of each target, over the seeds that all of them ran."""

    scenario: str
    seeds: int
    verdicts: Sequence[Counter[Verdict]]


def compare(results: Sequence[Result]) -> list[Compared]:
    """The targets beside each other, over the same scenarios and seeds only."""
    names, found = targets(results), []
    for scenario in dict.fromkeys(result.scenario for result in results):
        seeds = [{each.seed for each in results if (each.scenario, each.target) == (scenario, name)} for name in names]
        # A target that did not run it at all says nothing about the others.
        ran = [each for each in seeds if each]
        common = set.intersection(*ran) if ran else set()
        verdicts = [
            Counter(
                each.verdict
                for each in results
                if each.scenario == scenario and each.target == name and each.seed in common
            )
            for name in names
        ]
        found.append(Compared(scenario, len(common), verdicts))
    return found


def html(results: Sequence[Result]) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = _shown(results)
    red = [result for result in results if result.verdict is not Verdict.PASS]
    names = targets(results)
    return environment.get_template("report.html").render(
        verdict=worst(results),
        runs=len(results),
        counts=Counter(result.verdict.value for result in results),
        matrices=matrices(results),
        targets=names,
        compared=compare(results) if len(names) > 1 else [],
        verdicts=list(Verdict),
        failures=[
            (result, Markup(picture.svg(result)), picture.first_violation(result), picture.first_broken(result))
            for result in shown
        ],
        hidden=len(red) - len(shown),
    )


def junit(results: Sequence[Result]) -> str:
    """A test case per run; unknown is an error, for it is as red as a failure."""
    suite = ET.Element("testsuite", name="chaos", tests=str(len(results)))
    for kind, verdict in (("failures", Verdict.FAIL), ("errors", Verdict.UNKNOWN)):
        suite.set(kind, str(sum(result.verdict is verdict for result in results)))
    suite.set("time", f"{sum(result.seconds for result in results):.3f}")
    for result in results:
        place = {"classname": f"{result.target}.{result.scenario}", "name": f"{result.title} (seed {result.seed})"}
        case = ET.SubElement(suite, "testcase", place, time=f"{result.seconds:.3f}")
        if result.verdict is not Verdict.PASS:
            red = [finding for finding in result.findings if finding.verdict is not Verdict.PASS]
            kind = "failure" if result.verdict is Verdict.FAIL else "error"
            names = ", ".join(finding.invariant for finding in red) or "nothing was judged"
            element = ET.SubElement(case, kind, message=_plain(names), type=result.verdict.value)
            said = [f"{finding.invariant}: {finding.detail}" for finding in red]
            element.text = _plain("\n".join([*said, f"replay: {result.replay}"]))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _plain(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(each if each in "\t\n\r" or each >= " " else "\N{REPLACEMENT CHARACTER}" for each in text)


def _shown(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.verdict is not Verdict.PASS][:SHOWN]


def _cell(findings: Sequence[Finding | None]) -> Cell:
    asked = [finding.verdict for finding in findings if finding]
    verdict = next((each for each in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS) if each in asked), None)
    bad = sum(each is not Verdict.PASS for each in asked)
    return Cell(verdict, bad, len(asked))
