"""What a person at the terminal sees while scenarios run: a bar, a line for each run that is not green, a summary."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from textwrap import indent
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from chaos.results import Result, Verdict

_STYLE = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.UNKNOWN: "bold yellow"}
_MARK = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNKNOWN: "?"}
_DETAIL = 6000
"""Characters of a finding; the stacks of a deadlock's threads fit in."""


class Terminal:
    """Progress of a known or unknown (``None``) number of runs; where there is no terminal, lines only.

    Args:
        total: how many runs there will be.
        console: where to write.
        quiet: no line for a run that passed.
    """

    def __init__(self, total: int | None, console: Console | None = None, *, quiet: bool = False) -> None:
        self._console = console or Console()
        self._quiet = quiet
        self._counts: Counter[Verdict] = Counter()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Terminal:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        said = ", ".join(
            f"[{_STYLE[each]}]{self._counts[each]} {each.value}[/]" for each in Verdict if self._counts[each]
        )
        self._console.print(said or "nothing was run")

    def begins(self, scenario: str, seed: int) -> None:
        """Show what runs now."""
        self._progress.update(self._task, description=escape(f"{scenario}, seed {seed}"))

    def ended(self, result: Result, record: Path | None = None) -> None:
        """Show what came out, and for what is not green why, and the lines that replay it and make it smaller."""
        self._counts[result.verdict] += 1
        self._progress.advance(self._task)
        if result.verdict is Verdict.PASS and self._quiet:
            return
        style, mark = _STYLE[result.verdict], _MARK[result.verdict]
        line = escape(f"{result.scenario}, seed {result.seed}, {result.seconds:.1f} s")
        self._console.print(f"[{style}]{mark} {result.verdict.value}[/] {line}", highlight=False, soft_wrap=True)
        for finding in result.findings:
            if finding.verdict is not Verdict.PASS:
                detail = finding.detail[:_DETAIL] + ("…" if len(finding.detail) > _DETAIL else "")
                at = "" if finding.at is None else f" at {finding.at:.2f} s"
                text = escape(indent(f"{finding.invariant}{at}: {detail}", "    "))
                self._console.print(f"[{_STYLE[finding.verdict]}]{text}[/]", highlight=False, soft_wrap=True)
        if result.verdict is not Verdict.PASS:
            self._console.print(f"    replay: {escape(result.replay)}", highlight=False, soft_wrap=True)
        if record is not None:
            self._console.print(f"    smaller: chaos minimise {escape(str(record))}", highlight=False, soft_wrap=True)
