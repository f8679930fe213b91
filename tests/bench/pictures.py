"""Draws the figures that were kept: ``python -m tests.bench.pictures``; the curve of noticing is computed anew."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench import growth, noticing_picture, runs
from tests.bench.results import KEPT, Row

DOCS = KEPT.parent

BAR = 0.8
"""Of the distance between two groups, what their bars take."""


def draw_runs(axes: Axes, rows: list[Row]) -> None:
    """Bars of wall time, a group for each number of threads; a mark where the least stands."""
    ways = list(dict.fromkeys(row["looks"] for row in rows))
    threads = list(dict.fromkeys(row["threads"] for row in rows))
    width = BAR / len(ways)
    for number, way in enumerate(ways):
        mine = [row for row in rows if row["looks"] == way]
        places = [threads.index(row["threads"]) + (number - (len(ways) - 1) / 2) * width for row in mine]
        axes.bar(places, [row["wall time"] for row in mine], width, label=way)
        least = [(place, row) for place, row in zip(places, mine, strict=True) if row["of the least"]]
        axes.plot([place for place, _ in least], [r["wall time"] / r["of the least"] for _, r in least], "k_", ms=14)
    axes.set(
        xticks=range(len(threads)),
        xticklabels=[f"{each} thread{'s' * (each > 1)}" for each in threads],
        ylabel="wall time, s",
        title=rows[0]["project"],
    )
    axes.grid(alpha=0.3, axis="y")


def whole_runs() -> Figure:
    """Each project beside the other."""
    projects = [list(group) for _, group in groupby(runs.RESULTS.kept(), itemgetter("project"))]
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    for axes, rows in zip(figure.subplots(1, len(projects), squeeze=False)[0], projects, strict=True):
        draw_runs(axes, rows)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    return figure


def growing() -> Figure:
    """Time over size on two logarithmic scales: what is linear is parallel to the dotted line."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for what, group in groupby(growth.RESULTS.kept(), itemgetter("of what")):
        rows = list(group)
        axes.plot([row["size"] for row in rows], [row["seconds"] for row in rows], marker=".", label=what)
    axes.plot((1e1, 1e6), (1e-3, 1e2), ":", color="grey", label="linear")
    axes.set(xscale="log", yscale="log", xlabel="how many", ylabel="seconds", title="How time grows")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write it, the same bytes for the same figures."""
    with mpl.rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Write all pictures of the documentation."""
    for name, figure in (("noticing", noticing_picture.noticing), ("runs", whole_runs), ("growth", growing)):
        save(figure(), DOCS / f"{name}.svg")


if __name__ == "__main__":
    main()
