"""A run as a file: what was asked for, the server's journal, the client's history; to read, compare and replay."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from chaos.runner import Run
from chaos.scenario import Scenario, ScenarioError

FORMAT = 1


class RecordError(ValueError):
    """A file that is no record of a run; the message says why."""


@dataclass(frozen=True)
class Order:
    """What to run: a scenario under a name, a seed, and the client's dotted path."""

    name: str
    scenario: Scenario
    seed: int
    client: str


def lines(run: Run, client: str) -> list[str]:
    """The record of a run, a JSON document to each line, without newlines."""
    head = {
        "chaos": FORMAT,
        "name": run.name,
        "seed": run.seed,
        "client": client,
        "dialect": run.dialect,
        "strategy": run.strategy,
        "faults": run.faults,
        "scenario": run.scenario.document(),
    }
    return [
        json.dumps(head),
        *(entry.line() for entry in run.journal),
        *(json.dumps({"call": dataclasses.asdict(call)}) for call in run.calls),
        *(json.dumps({"exchange": dataclasses.asdict(exchange)}) for exchange in run.exchanges),
    ]


def write(run: Run, client: str, path: Path) -> None:
    """Write the record. Raises OSError."""
    path.write_text("\n".join(lines(run, client)) + "\n", encoding="utf-8")


def read(path: Path) -> tuple[Order, list[str]]:
    """What a record asks for, and its lines.

    Raises:
        RecordError: it is no record of this version.
        OSError: it cannot be read.
    """
    text = path.read_text(encoding="utf-8").splitlines()
    try:
        head = json.loads(text[0])
        if head["chaos"] != FORMAT:
            raise RecordError(f"{path.name} is a record of version {head['chaos']}, not {FORMAT}")
        order = Order(head["name"], Scenario.of(head["scenario"]), head["seed"], head["client"])
    except (IndexError, KeyError, TypeError, json.JSONDecodeError, ScenarioError) as error:
        raise RecordError(f"{path.name} is no record of a run: {error!r}") from None
    return order, text
