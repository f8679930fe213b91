"""The tables of ``docs/fidelity.md``, made from what was recorded."""

from __future__ import annotations

import json
from typing import Any

from tests.engine.fidelity import matrix
from tests.engine.fidelity.compare import FILES, known
from tests.engine.fidelity.examples import FOLDER, load
from tests.engine.fidelity.statements import stale


def shares() -> str:
    """How many of Spark's own examples have Spark's answer."""
    rows = ["| Spark | ANSI | examples | same answer | share |", "|---|---|---|---|---|"]
    for path in FILES:
        corpus = load(path)
        total = len(corpus.examples)
        same = total - len(_differences(path))
        rows.append(f"| {corpus.spark} | {'on' if corpus.ansi else 'off'} | {total} | {same} | {same / total:.1%} |")
    return "\n".join(rows)


def functions() -> str:
    """Every example whose answer is another one; an example of several lines of Spark by the first."""
    rows = ["| function | statement | Spark | embedded engine | lines |", "|---|---|---|---|---|"]
    found: dict[tuple[str, str], tuple[str, str, list[str]]] = {}
    for path in FILES:
        corpus, differences = load(path), _differences(path)
        for example in corpus.examples:
            if example.sql in differences:
                answers = (_answer(example.answer), _answer(differences[example.sql]))
                *_, lines = found.setdefault((example.function, example.sql), (*answers, []))
                lines.append(corpus.spark)
    for (function, sql), (spark, ours, lines) in found.items():
        rows.append(f"| `{_cell(function)}` | {_code(sql)} | {spark} | {ours} | {', '.join(lines)} |")
    return "\n".join(rows)


def the_259() -> str:
    """The statements of ``matrix.sql`` that are not done as Spark does them, and why."""
    found = json.loads(matrix.OURS.read_text(encoding="utf-8"))
    rows = [f"**{matrix.verdict(found)}.**", "", "| statement | why otherwise |", "|---|---|"]
    rows += [f"| {_code(text.partition('. ')[2])} | {_cell(matrix.reason(text))} |" for text in found]
    return "\n".join(rows)


def statements() -> str:
    """Every statement of the suite that real Spark takes otherwise."""
    parts = []
    for path in sorted(FOLDER.glob("statements-*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        count = sum(len(each) for each in found["differences"].values())
        parts += [
            f"**Spark {found['spark']}**: {found['compared']} of the suite's {found['statements']} statements were "
            f"compared (a case ends where one engine fails and the other does not), {count} differ.",
            f"{len(stale(found))} cases are newer than this record.",
            "",
            "| case | statement | Spark | embedded engine |",
            "|---|---|---|---|",
        ]
        for case, differences in found["differences"].items():
            for each in differences:
                row = (_cell(case), _code(each["sql"]), _value(each["spark"]), _value(each["embedded"]))
                parts.append(f"| {' | '.join(row)} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def _differences(path: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(known(load(path)).read_text(encoding="utf-8"))
    return found


def _answer(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return f"error: {_code(answer['error'])}"
    if "rows" not in answer:
        return f"any {_code(', '.join(answer['types']))}"
    return f"{_value(answer['rows'])} as {_code(', '.join(answer['types']))}"


def _value(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"columns"}:
        return f"columns {_code(', '.join(value['columns']))}"
    return _code(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _code(text: str, limit: int = 160) -> str:
    text = " ".join(text.split())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{_cell(text)}{pad}{fence}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
