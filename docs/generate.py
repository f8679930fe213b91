"""Writes the tables of the documentation from the data they describe: ``python docs/generate.py [--check]``."""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path

from dbt.adapters.fabricspark.authentication import AUTHENTICATIONS
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.incumbent import INCUMBENT_FIELDS
from dbt.adapters.fabricspark.resilience import policy
from dbt.adapters.fabricspark.resilience.outcome import Outcome

from chaos import coverage, invariants, toxics
from chaos.processes import judge
from fakelivy import cookbook
from fakelivy.engine.sail import statements
from fakelivy.journal import EVENTS
from fakelivy.knobs import FABRIC, LIVY, DialectKnobs, Knobs
from fakelivy.machines import MACHINES
from tests.bench import kept, noticing
from tests.conformance import on_spark
from tests.conformance import verdicts as conformance
from tests.engine.fidelity import tables as fidelity
from tests.projects import costs
from tests.resilience import gallery

ROOT = Path(__file__).parent.parent


def profile_fields() -> str:
    """Every field of a target, its default and its meaning."""
    rows = ["| field | default | meaning |", "|---|---|---|"]
    for field in fields(FabricSparkCredentials):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        shown = "" if default is None else f"`{default}`"
        rows.append(f"| `{field.name}` | {shown} | {field.metadata['help']} |")
    return "\n".join(rows)


def authentications() -> str:
    """Every way to get a token, what it needs and what else it takes."""
    rows = ["| `authentication` | who | needs | takes | also spelt |", "|---|---|---|---|---|"]
    for each in AUTHENTICATIONS:
        needs = ", ".join(" or ".join(f"`{name}`" for name in names) for names in each.needs)
        takes = ", ".join(f"`{name}`" for name in each.takes)
        aliases = ", ".join(f"`{name}`" for name in each.aliases)
        rows.append(f"| `{each.name}` | {each.help} | {needs} | {takes} | {aliases} |")
    return "\n".join(rows)


def incumbent_fields() -> str:
    """Every field of the incumbent's profiles that this version only knows by name."""
    rows = ["| field | taken | otherwise refused: |", "|---|---|---|"]
    for name, field in INCUMBENT_FIELDS.items():
        shown = ["left out" if each is None else f"`{json.dumps(each)}`" for each in field.taken or ()]
        taken = "always" if field.taken is None else ", ".join(shown) or "never"
        rows.append(f"| `{name}` | {taken} | {field.instead} |")
    return "\n".join(rows)


def states() -> str:
    """A diagram of every state machine of the fake server, and where each move comes from."""
    parts = []
    for machine in MACHINES:
        parts += [f"## {machine.name.capitalize()}", "", "```mermaid", "stateDiagram-v2"]
        parts += [f"    [*] --> {machine.initial}"]
        parts += [f"    {move.before} --> {move.after}: {move.event}" for move in machine.transitions]
        parts += [f"    {state} --> [*]" for state in sorted(machine.terminal)]
        parts += ["```", "", "| from | to | when | source |", "|---|---|---|---|"]
        parts += [f"| `{t.before}` | `{t.after}` | {t.event} | {t.source} |" for t in machine.transitions]
        parts += [""]
    return "\n".join(parts)


def knobs() -> str:
    """Every knob that both dialects share, its default and why."""
    return _knob_table(Knobs, {"default": Knobs()})


def dialect_knobs() -> str:
    """Every knob that each dialect has for itself."""
    return _knob_table(DialectKnobs, {"Livy": LIVY, "Fabric": FABRIC})


def _knob_table(owner: type[Knobs] | type[DialectKnobs], defaults: Mapping[str, object]) -> str:
    meanings = _attributes(inspect.getdoc(owner) or "")
    rows = [f"| knob | {' | '.join(defaults)} | meaning |", "|---" * (len(defaults) + 2) + "|"]
    for field in fields(owner):
        if field.name != "dialects":
            values = " | ".join(f"`{getattr(each, field.name)}`" for each in defaults.values())
            rows.append(f"| `{field.name}` | {values} | {meanings[field.name]} |")
    return "\n".join(rows)


def _attributes(docstring: str) -> dict[str, str]:
    """The entries of a docstring's list of attributes."""
    listed = docstring.partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", listed, re.MULTILINE)
    return {name: " ".join(text.split()).replace("``", "`") for name, text in entries}


def journal_events() -> str:
    """Every kind of event in the fake server's journal, and its fields."""
    rows = ["| event | what | fields |", "|---|---|---|"]
    for name, kind in sorted(EVENTS.items()):
        text = " ".join((inspect.getdoc(kind) or "").split()).replace("``", "`")
        rows.append(f"| `{name}` | {text} | {', '.join(f'`{field.name}`' for field in fields(kind))} |")
    return "\n".join(rows)


def outcomes() -> str:
    """Every class of failed attempts."""
    rows = ["| attempt | what happened |", "|---|---|"]
    return "\n".join([*rows, *(f"| {outcome.name.lower()} | {outcome.value} |" for outcome in Outcome)])


def sql_statements() -> str:
    """What becomes of every statement the embedded engine recognises."""
    accepted = [words for words, handler in statements.ROWS if handler in statements.ACCEPTED]
    done = [words for words, handler in statements.ROWS if handler not in (*statements.ACCEPTED, *statements.NOT_HERE)]
    refused = [words for words, handler in statements.ROWS if handler in statements.NOT_HERE]
    groups = {
        "carried out": done,
        "accepted, with nothing to do": accepted,
        "refused by name, with `[UNSUPPORTED_FEATURE]` or Delta's own error": [*refused, *statements.REFUSED],
    }
    rows = ["| | statements that open with |", "|---|---|"]
    for what, patterns in groups.items():
        shown = ", ".join(f"`{words.upper()}`".replace("|", "\\|") for words in sorted(patterns))
        rows.append(f"| {what} | {shown} |")
    return "\n".join(rows)


def error_classes() -> str:
    """Every error class that the engine's code can say, read off that code."""
    found: set[str] = set()
    for path in (ROOT / "fakelivy" / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "spark_error":
                first = node.args[0]
                found |= {first.value} if isinstance(first, ast.Constant) and isinstance(first.value, str) else set()
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^\[([A-Z][A-Z_.]+[A-Z])\] ", node.value))
    own = {"ENGINE_LOST", "INTERPRETER_LOST", "MLV_CONSTRAINT_VIOLATION"}
    groups = {
        "Spark's": sorted(each for each in found - own if not each.startswith("DELTA_")),
        "Delta's": sorted(each for each in found if each.startswith("DELTA_")),
        "the engine's own": sorted(found & own),
    }
    rows = ["| | classes |", "|---|---|"]
    return "\n".join(
        [*rows, *(f"| {whose} | {', '.join(f'`{each}`' for each in names)} |" for whose, names in groups.items())]
    )


TABLES: dict[str, Callable[[], str]] = {
    "profile-fields": profile_fields,
    "authentications": authentications,
    "incumbent-fields": incumbent_fields,
    "conformance-counts": conformance.counts,
    "conformance": conformance.table,
    "conformance-spark": lambda: f"{on_spark.counts()}\n\n{on_spark.differences()}",
    "errors": gallery.page,
    "costs": costs.table,
    "noticing": noticing.table,
    "noticing-by-runtime": noticing.table_by_runtime,
    "states": states,
    "statements": sql_statements,
    "error-classes": error_classes,
    "knobs": knobs,
    "dialect-knobs": dialect_knobs,
    "journal-events": journal_events,
    "retry-outcomes": outcomes,
    "retry-policy": policy.table,
    "fidelity-shares": fidelity.shares,
    "fidelity-functions": fidelity.functions,
    "fidelity-statements": fidelity.statements,
    "fidelity-matrix": fidelity.the_259,
    "fault-choices": cookbook.choices_table,
    "fault-effects": cookbook.effects_table,
    "fault-recipes": cookbook.recipes_table,
    "process-invariants": judge.table,
    "chaos-invariants": invariants.table,
    "chaos-coverage": coverage.failures_table,
    "chaos-excused": coverage.excused_table,
    "toxics": toxics.table,
}

TABLES |= {f"bench-{each.name}": each.table for each in kept.RESULTS}

_MARKED = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(page: str) -> str:
    """The page with every marked table made anew.

    Raises:
        KeyError: it marks a table that does not exist.
    """
    return _MARKED.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}\n{match[3]}", page)


def main() -> int:
    """Write the pages, or with ``--check`` only say which are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a page is out of date")
    check = parser.parse_args().check
    stale = 0
    for path in sorted((ROOT / "docs").glob("*.md")):
        page = path.read_text(encoding="utf-8")
        made = render(page)
        if made != page:
            stale += 1
            sys.stdout.write(f"{path.relative_to(ROOT)} {'is out of date' if check else 'written'}\n")
            if not check:
                path.write_text(made, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
