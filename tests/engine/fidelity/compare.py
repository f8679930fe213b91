"""Asks Sail the questions of a corpus: ``python -m tests.engine.fidelity.compare [--write]`` says where it differs."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fakelivy.clock import SystemClock
from fakelivy.engine.port import Engine, SessionSpec
from fakelivy.engine.sail.engine import SailEngine
from tests.engine.conftest import Sql
from tests.engine.fidelity.examples import FOLDER, Answer, Corpus, agrees, answered, load

FILES = sorted(FOLDER.glob("spark-*.jsonl"))


@dataclass(frozen=True)
class Comparison:
    """What Sail made of a corpus.

    Attributes:
        differences: Sail's answers to the examples where they are not Spark's.
        same: how many answers are Spark's.
        same_types: how many of those also have Spark's types.
    """

    corpus: Corpus
    differences: dict[str, Answer]
    same: int
    same_types: int

    def __str__(self) -> str:
        total = len(self.corpus.examples)
        return (
            f"Spark {self.corpus.spark}, ANSI {'on' if self.corpus.ansi else 'off'}: {self.same} of {total} examples "
            f"agree ({self.same / total:.1%}), {self.same_types} of them in type too ({self.same_types / total:.1%})"
        )


def compare(engine: Engine, corpus: Corpus) -> Comparison:
    """Run every example of ``corpus`` on a session of ``engine``."""
    conf = {"spark.sql.ansi.enabled": str(corpus.ansi).lower()}
    sql = Sql(engine.open(SessionSpec(f"corpus-{corpus.spark}", "lakehouse", conf)))
    differences: dict[str, Answer] = {}
    same_types = 0
    for example in corpus.examples:
        answer = answered(sql.outcome(example.sql), example.sql)
        if not agrees(example.sql, example.answer, answer):
            differences[example.sql] = answer
        elif example.answer.get("types") == answer.get("types"):
            same_types += 1
    sql.session.close()
    return Comparison(corpus, differences, len(corpus.examples) - len(differences), same_types)


def known(corpus: Corpus) -> Path:
    """The file of the differences we know of."""
    return FOLDER / f"differences-{corpus.spark}.json"


def main(arguments: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = SailEngine(Path(folder), SystemClock())
        for path in FILES:
            found = compare(engine, load(path))
            sys.stdout.write(f"{found}\n")
            if "--write" in arguments:
                text = json.dumps(found.differences, ensure_ascii=False, indent=1)
                known(found.corpus).write_text(f"{text}\n", encoding="utf-8")
        engine.close()


if __name__ == "__main__":
    main(sys.argv[1:])
