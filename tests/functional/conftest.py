"""A real dbt process, a small project and a fake server that runs its SQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakelivy import FakeLivy
from tests.functional import prepared

PROJECT = """
name: small
version: 1.0.0
profile: fakelivy
models: {small: {+file_format: delta}}
seeds: {small: {+file_format: delta}}
snapshots: {small: {+file_format: delta}}
flags: {send_anonymous_usage_stats: false, use_colors: false}
"""


@dataclass(frozen=True)
class Dbt:
    """A project folder and the command that runs dbt in it."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DBT_PROFILES_DIR": str(self.folder), "DO_NOT_TRACK": "1"}

    def command(self, *args: str) -> list[str]:
        return [str(Path(sys.executable).with_name("dbt")), *args]

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run to the end; standard error is in the output."""
        return prepared.run(args, self.folder, self.environment, timeout=200)

    def write(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def profile(self, content: Mapping[str, Any]) -> None:
        self.write({"profiles.yml": yaml.safe_dump(dict(content))})


@pytest.fixture(scope="session")
def fakelivy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    """One per worker; every test has a schema of its own in it."""
    with FakeLivy(engine="sail", warehouse=tmp_path_factory.mktemp("warehouse")) as server:
        yield server


@pytest.fixture
def make_dbt(
    fakelivy_server: FakeLivy, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[Mapping[str, str]], Dbt]:
    def make(files: Mapping[str, str]) -> Dbt:
        dbt = Dbt(tmp_path)
        profile = fakelivy_server.profile()
        for target in profile["fakelivy"]["outputs"].values():
            target["schema"] = tmp_path.name.lower()
        dbt.profile(profile)
        dbt.write({"dbt_project.yml": PROJECT, **files})
        return dbt

    return make
