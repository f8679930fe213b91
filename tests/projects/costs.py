"""What one command on a warm session may cost, and what the incumbent's costs; the docs and a test read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Of one command. How many looks at statements there are is a matter of time; here each statement has one.

    Attributes:
        statements: sent to the session.
        others: requests that are neither statements nor looks at them.
    """

    statements: int
    others: int

    @property
    def requests(self) -> int:
        """All of them, if every statement is over at the first look."""
        return 2 * self.statements + self.others


@dataclass(frozen=True)
class Command:
    """A command: in words, the bound of its cost, and the incumbent's statements and requests, if measured."""

    what: str
    bound: Cost
    incumbent: tuple[int, int] | None = None


COMMANDS: Mapping[str, Command] = {
    "table": Command("`dbt run` of one table", Cost(3, 3), (6, 22)),
    "view": Command("`dbt run` of one view", Cost(3, 3), (5, 19)),
    "merge": Command("`dbt run` of one incremental model that merges", Cost(3, 3), (10, 34)),
    "catalog": Command("`dbt docs generate --no-compile`, 100 models in one schema", Cost(1, 3)),
}


def table() -> str:
    """The bounds as Markdown."""
    rows = ["| command | statements | requests | the incumbent's |", "|---|---|---|---|"]
    for each in COMMANDS.values():
        theirs = "" if each.incumbent is None else "{} and {}".format(*each.incumbent)
        rows.append(f"| {each.what} | {each.bound.statements} | {each.bound.requests} | {theirs} |")
    return "\n".join(rows)
