"""What came out of a run: findings, a verdict and a timeline; as objects, and as JSON, which is the truth."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FORMAT = 1


class Verdict(str, enum.Enum):
    """``unknown``: the run proved nothing, for its fault never struck or nothing succeeded; as red as ``fail``."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 2}
"""Of the command, for the worst verdict; 3 is an error of the harness itself."""


@dataclass(frozen=True)
class Finding:
    """What one invariant says of a run. ``at``: seconds from its start, where that can be told."""

    invariant: str
    verdict: Verdict
    detail: str = ""
    at: float | None = None


@dataclass(frozen=True)
class Operation:
    """A piece of work on the timeline, in seconds from the start of the run."""

    lane: str
    name: str
    start: float
    end: float
    outcome: Literal["ok", "failed", "unknown", "running"]
    detail: str = ""


@dataclass(frozen=True)
class Window:
    """When something was going wrong, in seconds from the start of the run."""

    label: str
    start: float
    end: float


@dataclass(frozen=True)
class Result:
    """One run of one scenario against one target."""

    scenario: str
    title: str
    why: str
    target: str
    seed: int
    seconds: float
    findings: Sequence[Finding]
    replay: str
    operations: Sequence[Operation] = ()
    windows: Sequence[Window] = ()
    output: str = ""
    """The end of what the client printed."""

    @property
    def verdict(self) -> Verdict:
        """Fail if any invariant is broken, pass if all hold, else unknown."""
        verdicts = {finding.verdict for finding in self.findings}
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.UNKNOWN

    def of(self, invariant: str) -> Finding | None:
        """What this invariant says, if it was asked."""
        return next((finding for finding in self.findings if finding.invariant == invariant), None)


def slim(result: Result) -> Result:
    """Without the timeline, of which there may be too many to keep."""
    return dataclasses.replace(result, operations=(), windows=(), output="")


def worst(results: Sequence[Result]) -> Verdict:
    """The verdict of the whole: no run at all is unknown."""
    verdicts = {result.verdict for result in results}
    return next((each for each in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS) if each in verdicts), Verdict.UNKNOWN)


def write(results: Sequence[Result], path: Path) -> None:
    """As one JSON document. Raises OSError."""
    content = {"format": FORMAT, "verdict": worst(results).value, "results": [_document(each) for each in results]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> list[Result]:
    """What ``write`` wrote.

    Raises:
        ValueError: it is not such a document.
        OSError: it cannot be read.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is not a report of this version")
    return [_result(each) for each in content["results"]]


def _document(result: Result) -> dict[str, Any]:
    return {**dataclasses.asdict(result), "verdict": result.verdict.value}


def _result(document: dict[str, Any]) -> Result:
    rest = {key: value for key, value in document.items() if key != "verdict"}
    return Result(
        **{
            **rest,
            "findings": [Finding(**{**each, "verdict": Verdict(each["verdict"])}) for each in document["findings"]],
            "operations": [Operation(**each) for each in document["operations"]],
            "windows": [Window(**each) for each in document["windows"]],
        }
    )
