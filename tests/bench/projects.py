"""The dbt projects of the benchmarks: a generated one of many models, and the web shop of the examples."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from examples.webshop import generate
from fakelivy.engine.port import Table
from fakelivy.engine.scripted import Rule

WIDTH = 10
"""Models of a layer, which depend on nothing of each other."""

QUICK, SLOW = 0.5, 5.0
"""Bounds of how many seconds a model's statement takes, log-uniform in between."""

METADATA = 0.3
"""Seconds a statement takes that lists something."""

WEBSHOP = Path(generate.__file__).parent


class Wide:
    """A project of so many tables in layers: each reads two of the layer below.

    Args:
        models: how many.
        seed: of their durations.
    """

    def __init__(self, models: int, seed: int = 1) -> None:
        self.models = models
        chance = random.Random(seed)
        self.seconds = [math.exp(chance.uniform(math.log(QUICK), math.log(SLOW))) for _ in range(models)]

    def write(self, folder: Path) -> None:
        """The project's files."""
        facts = {"name": "wide", "profile": "fakelivy", "models": {"+materialized": "table"}}
        (folder / "dbt_project.yml").write_text(yaml.safe_dump(facts))
        (folder / "models").mkdir()
        for number in range(self.models):
            below = self.parents(number)
            source = " union all ".join(f"select n from {{{{ ref('m{each:03}') }}}}" for each in below)
            sql = f"select n + 1 as n from ({source}) limit 100" if source else "select id as n from range(100)"
            (folder / "models" / f"m{number:03}.sql").write_text(sql)

    def parents(self, number: int) -> list[int]:
        """The models that one reads."""
        layer, place = divmod(number, WIDTH)
        return [(layer - 1) * WIDTH + (place + step) % WIDTH for step in (0, 1)] if layer else []

    def rules(self) -> list[Rule]:
        """What a server without SQL answers, and how long it takes."""
        no_rows: Sequence[tuple[Any, ...]] = ()
        relations = Table(
            _schema(namespace="string", tableName="string", isTemporary="boolean", information="string"), no_rows
        )
        return [
            Rule("show databases", Table(_schema(namespace="string"), [("dbo",)]), METADATA),
            Rule("show table extended", relations, METADATA),
            *(
                Rule(re.compile(rf"create or replace table \S*\bm{number:03}\b"), duration=seconds)
                for number, seconds in enumerate(self.seconds)
            ),
        ]

    def least(self, threads: int, *, alone: bool) -> float:
        """Seconds that the statements take at the least.

        Args:
            threads: dbt's.
            alone: whether they run one after the other, in one session, or beside each other.
        """
        total = sum(self.seconds)
        if alone:
            return total
        ends: list[float] = []
        for number, seconds in enumerate(self.seconds):
            ends.append(seconds + max((ends[each] for each in self.parents(number)), default=0.0))
        return max(total / threads, *ends)


def webshop(folder: Path, scale: float) -> None:
    """The example with its raw data; ``scale`` 1 is about 20,000 rows."""
    skip = shutil.ignore_patterns("target", "logs", "raw", "__pycache__")
    shutil.copytree(WEBSHOP, folder, ignore=skip, dirs_exist_ok=True)
    now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None, microsecond=0)
    generate.write(generate.generate(1, seed=7, scale=scale, as_of=now), folder / "seeds" / "raw")


def _schema(**columns: str) -> dict[str, Any]:
    fields = [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in columns.items()]
    return {"type": "struct", "fields": fields}
