"""The picture of lag against requests, for every strategy; ``pictures.py`` writes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from tests.bench.noticing import LONGEST, STRATEGIES, Cost, Pauses, cost, durations, expectations, ours


def fixed(seconds: float) -> Pauses:
    """One pause, always."""
    return lambda elapsed, made, expected: seconds


def growing(longest: float) -> Pauses:
    """0.3 s, growing by half, up to a cap."""
    return lambda elapsed, made, expected: min(longest, 0.3 * 1.5 ** min(made, 20))


def share(of_elapsed: float) -> Pauses:
    """A share of the time waited, 50 ms to 5 s."""
    return lambda elapsed, made, expected: min(LONGEST, max(0.05, elapsed * of_elapsed))


CURVES: dict[str, tuple[Callable[[float], Pauses], Sequence[float]]] = {
    "one pause, 1 to 10 s": (fixed, (1, 1.5, 2, 3, 5, 7, 10)),
    "0.3 s, growing by half up to 0.75 to 5 s": (growing, (0.75, 1, 1.5, 2, 3, 5)),
    "2 % to 50 % of the time waited": (share, (0.02, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)),
}


def _beside(name: str) -> tuple[int, int]:
    # Ours, nothing known, stands where a tenth of the time waited stands.
    return (8, -12) if name.startswith("ours") else (5, 5)


def noticing() -> Figure:
    """Each strategy a curve or a point."""
    mix = durations()
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, (strategy, figures) in CURVES.items():
        costs = [cost(strategy(each), mix) for each in figures]
        axes.plot([c.requests for c in costs], [100 * c.share for c in costs], marker=".", label=name)
    points: dict[str, tuple[str, Cost]] = {
        name: ("o", cost(pauses, mix)) for name, pauses in STRATEGIES.items() if pauses is not ours
    }
    points["ours, nothing known"] = ("*", cost(ours, mix))
    points["ours, took about as long last time"] = ("*", cost(ours, mix, expectations(mix)))
    for name, (marker, spent) in points.items():
        axes.plot(spent.requests, 100 * spent.share, marker, markersize=11 if marker == "*" else 6, color="black")
        axes.annotate(name, (spent.requests, 100 * spent.share), _beside(name), textcoords="offset points", fontsize=8)
    axes.set(
        xlabel="requests per statement",
        ylabel="lag as a share of the statement's duration, %",
        title="How late a finished statement is noticed, and what that costs",
        yscale="log",
        xlim=(0, 100),
    )
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    return figure
