"""What the demo says at its end: every figure after both days, and where the time went."""

from __future__ import annotations

from collections.abc import Sequence

from examples.figures import Check
from examples.webshop.truth import Figure

COUNTS = (".rows", ".open", ".closed")


def say(text: str = "") -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def summary(day_one: Sequence[Check], day_two: Sequence[Check]) -> bool:
    """Print every figure after both days. Returns whether all of them are right."""
    after = {check.name: check for check in day_two}
    pairs = {check.name: (check, after[check.name]) for check in day_one}
    say(f"\n  {'Rows':<36}{'after day 1':>24}{'after day 2':>24}")
    say(f"  {'':<36}" + f"{'expected':>14}{'actual':>10}" * 2)
    for name, pair in pairs.items():
        if name.endswith(COUNTS):
            cells = "".join(f"{short(check.expected):>14}{short(check.actual):>10}" for check in pair)
            say(f"  {name:<36}{cells}  {verdict(pair)}")
    say(f"\n  {'Exact sums, checksums and sets':<36}{'after day 1':>38}{'after day 2':>38}")
    for name, pair in pairs.items():
        if not name.endswith(COUNTS):
            say(f"  {name:<36}" + "".join(f"{short(c.actual):>38}" for c in pair) + f"  {verdict(pair)}")
            for day, check in enumerate(pair, start=1):
                if not check.right:
                    say(f"    day {day}: {difference(check)}")
    checks = [*day_one, *day_two]
    right = sum(check.right for check in checks)
    say(f"\n{'OK' if right == len(checks) else 'WRONG'}: {right} of {len(checks)} figures are right.")
    return right == len(checks)


def timings(steps: Sequence[tuple[str, float]]) -> None:
    """Print how many seconds each step took."""
    say()
    for title, seconds in (*steps, ("in all", sum(seconds for _, seconds in steps))):
        say(f"  {seconds:6.1f} s  {title}")


def short(figure: Figure | None) -> str:
    """A figure in a table's cell."""
    if isinstance(figure, frozenset):
        return f"{len(figure)} values"
    return "-" if figure is None else str(figure)


def verdict(checks: Sequence[Check]) -> str:
    """OK only if all of them are right."""
    return "OK" if all(check.right for check in checks) else "WRONG"


def difference(check: Check) -> str:
    """What is wrong with a figure."""
    if isinstance(check.expected, frozenset) and isinstance(check.actual, frozenset):
        missing, extra = sorted(check.expected - check.actual), sorted(check.actual - check.expected)
        return f"missing {missing[:5]}, unexpected {extra[:5]}"
    return f"expected {short(check.expected)}, got {short(check.actual)}"
