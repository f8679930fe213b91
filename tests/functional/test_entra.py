"""``dbt debug`` with a service principal, over https, against the fake Entra."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy, IdentityOptions, TokenMode
from fakelivy.journal import TokenIssued, TokenRefused
from tests.functional.conftest import PROJECT, Dbt

SECRET = "do-not-print-me"
IDENTITY = IdentityOptions(mode=TokenMode.VERIFY)


@pytest.fixture
def server() -> Iterator[FakeLivy]:
    with FakeLivy(engine="sail", tls=True, identity=IDENTITY) as server:
        yield server


def debug(server: FakeLivy, folder: Path, monkeypatch: pytest.MonkeyPatch, **change: str) -> tuple[int, str]:
    for name, value in server.client_environment().items():
        monkeypatch.setenv(name, value)
    profile = server.profile("fabric")
    profile["fakelivy"]["outputs"]["fabric"].update(change)
    dbt = Dbt(folder)
    dbt.write({"dbt_project.yml": PROJECT})
    dbt.profile(profile)
    result: subprocess.CompletedProcess[str] = dbt.run("debug")
    logs = "".join(path.read_text(encoding="utf-8") for path in (folder / "logs").glob("*.log*"))
    return result.returncode, result.stdout + logs


def test_a_service_principal_passes_all_checks(
    server: FakeLivy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output = debug(server, tmp_path, monkeypatch)
    assert code == 0, output
    assert "All checks passed!" in output
    assert IDENTITY.client_secret not in output
    assert server.journal.events(TokenIssued)[0].flow == "client_credentials"
    assert server.journal.events(TokenRefused) == []


def test_a_wrong_secret_is_named_and_not_shown(
    server: FakeLivy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output = debug(server, tmp_path, monkeypatch, client_secret=SECRET)
    assert code == 1, output
    assert "no access token: Authentication failed: AADSTS7000215: Invalid client secret provided" in output
    assert SECRET not in output
    assert server.journal.events(TokenIssued) == []
