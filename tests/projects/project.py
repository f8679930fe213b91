"""A dbt project and its runs in this process, for tests that need no signals: a process of its own costs seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dbt.cli.main import dbtRunner

from fakelivy import FakeLivy
from fakelivy.journal import Execution, Request

HEAD = "{name: small, version: 1.0.0, profile: fakelivy, flags: {send_anonymous_usage_stats: false}}"


@dataclass(frozen=True)
class Outcome:
    """What one command came to: whether it succeeded, each node's status and message, and dbt's own result object."""

    success: bool
    nodes: Mapping[str, tuple[str, str]]
    result: Any
    error: str

    def __str__(self) -> str:
        return f"success={self.success} {dict(self.nodes)} {self.error}"


class Project:
    """A project folder on a server.

    Args:
        folder: where it is; made if need be.
        server: where its profile points.
        target: ``livy`` or ``fabric``.
        change: fields of the target that differ from the server's own profile.
    """

    def __init__(self, folder: Path, server: FakeLivy, target: str = "fabric", **change: Any) -> None:
        self.folder = folder
        self.server = server
        profile = server.profile(target)
        for output in profile["fakelivy"]["outputs"].values():
            output.update(change)
        self.write({"dbt_project.yml": HEAD, "profiles.yml": yaml.safe_dump(profile)})

    def write(self, files: Mapping[str, str]) -> None:
        """Add or replace files."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def dbt(self, *args: str) -> Outcome:
        """Run a command."""
        where = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        # dbt does not close its log file.
        done = dbtRunner().invoke([*args, *where, "--no-use-colors", "--log-level-file", "none"])
        nodes = {
            result.node.name: (str(result.status), str(result.message))
            for result in getattr(done.result, "results", None) or ()
            if hasattr(result, "node")
        }
        return Outcome(bool(done.success), nodes, done.result, str(done.exception or ""))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query yields, by ``dbt show``."""
        done = self.dbt("show", "--quiet", "--limit", "-1", "--inline", query)
        assert done.success, done
        return [tuple(row.values()) for row in done.result.results[0].agate_table.rows]

    def executed(self, begin: int = 0) -> list[str]:
        """The statements since ``begin``, without dbt's comment before and ours after them; blanks are single."""
        found = [entry.event.code for entry in self._events(begin, Execution)]
        return [" ".join(code.partition("*/")[2].rpartition("/*")[0].split()) for code in found]

    def requests(self, begin: int = 0) -> list[str]:
        """Every request since ``begin``, as the fake's name of the operation."""
        return [entry.event.operation for entry in self._events(begin, Request)]

    def _events(self, begin: int, kind: type) -> Iterator[Any]:
        return (entry for entry in self.server.journal.entries()[begin:] if isinstance(entry.event, kind))

    def table(self, lakehouse: str, schema: str, name: str) -> bool:
        """Whether the warehouse has the files of a table."""
        return (self.server.warehouse / lakehouse / "Tables" / schema / name).is_dir()
