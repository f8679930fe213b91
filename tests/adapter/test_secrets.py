"""No secret gets out: every way to sign in, at debug level, with trouble on the way, and every place is searched."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from dbt.adapters.fabricspark.authentication import AUTHENTICATIONS
from dbt.adapters.fabricspark.resilience import transport
from dbt.adapters.fabricspark.resilience.halt import HaltingRuntime
from dbt.adapters.fabricspark.target import make_target
from dbt.adapters.fabricspark.timings import Timings

from fakelivy import FakeLivy, IdentityOptions, Oracle, TokenMode
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import ScriptedEngine
from tests.adapter.certificates import PASSWORD, Certificate, make_certificate
from tests.adapter.test_credentials import load
from tests.bench.scaled import ScaledRuntime

LOG = logging.getLogger("tests.secrets")
SECRET = "a-canary-of-a-client-secret"
STATIC = "a-canary-of-a-static-token"
OWN = "a-canary-of-a-users-own-class"
FEDERATED = "a-canary-of-a-cluster"
TROUBLE = (
    "",
    "create_session:before:reject_token@first(1)",
    "create_session:before:status(500)@first(1)",
    "submit_statement:after_commit:reset@first(1)",
    "submit_statement:before:status(400)",
    "create_session:before:status(401)",
    "create_session:body:garbage(html_login)",
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(certificate: Certificate) -> Iterator[FakeLivy]:
    clock = SystemClock()
    identity = IdentityOptions(
        mode=TokenMode.VERIFY,
        client_secret=SECRET,
        client_certificate=certificate.public,
        federated_token=FEDERATED,
    )
    with FakeLivy(engine=ScriptedEngine(clock), clock=clock, tls=True, identity=identity) as server:
        yield server


SPEED = 30.0
"""Seconds of the adapter's in a real one: it asks for tokens again and again, and pauses in between."""


@dataclass
class Place:
    """Where a test signs in, and the tokens it was given there."""

    server: FakeLivy
    certificate: Certificate
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    issued: set[str] = field(default_factory=set)

    @property
    def principal(self) -> dict[str, Any]:
        options = self.server.authority.options
        cloud = {"authority": self.server.url, "disable_instance_discovery": True}
        return {"tenant_id": options.tenant_id, "client_id": options.client_id, **cloud}


class OwnCredential:
    """A user's own, with a secret of its own."""

    def __init__(self, key: str) -> None:
        self._key = key

    def get_token(self, *_scopes: str, **_: Any) -> AccessToken:
        return AccessToken(self._key, 4_000_000_000)


def by_secret(place: Place) -> dict[str, Any]:
    return {**place.principal, "client_secret": SECRET}


def by_certificate(place: Place) -> dict[str, Any]:
    files = {
        "client_certificate_path": str(place.certificate.locked),
        "client_certificate_password": PASSWORD,
    }
    return {**place.principal, **files}


def by_managed_identity(place: Place) -> dict[str, Any]:
    for name, value in place.server.managed_identity_environment("app_service").items():
        place.monkeypatch.setenv(name, value)
    return {}


def by_workload_identity(place: Place) -> dict[str, Any]:
    file = place.folder / "federated"
    file.write_text(FEDERATED, encoding="utf-8")
    return {**place.principal, "token_file_path": str(file)}


def by_environment(place: Place) -> dict[str, Any]:
    place.monkeypatch.setenv("AZURE_TENANT_ID", place.principal["tenant_id"])
    place.monkeypatch.setenv("AZURE_CLIENT_ID", place.principal["client_id"])
    place.monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    return {name: place.principal[name] for name in ("authority", "disable_instance_discovery")}


def by_az(place: Place) -> dict[str, Any]:
    place.monkeypatch.setenv("PATH", f"{place.server.write_az(place.folder)}{os.pathsep}{os.environ['PATH']}")
    return {"azure_cli_process_timeout": 60}


def by_own_class(place: Place) -> dict[str, Any]:
    return {"credential_class": f"{__name__}.OwnCredential", "credential_kwargs": {"key": OWN}}


def by_notebook(place: Place) -> dict[str, Any]:
    module = ModuleType("notebookutils")
    module.credentials = type("Credentials", (), {"getToken": staticmethod(lambda _audience: OWN)})  # type: ignore[attr-defined]  # as in a notebook
    place.monkeypatch.setitem(sys.modules, "notebookutils", module)
    return {}


WAYS: list[tuple[str, Callable[[Place], dict[str, Any]]]] = [
    ("SPN", by_secret),
    ("SPN", by_certificate),
    ("managed_identity", by_managed_identity),
    ("workload_identity", by_workload_identity),
    ("environment", by_environment),
    ("default", by_environment),
    ("CLI", by_az),
    ("token_credential", by_own_class),
    ("fabric_notebook", by_notebook),
    ("token", lambda _place: {"accessToken": STATIC}),
]


def test_every_way_to_sign_in_is_searched() -> None:
    assert {name for name, _ in WAYS} == {each.name for each in AUTHENTICATIONS}


@pytest.mark.parametrize(("name", "way"), WAYS, ids=lambda each: getattr(each, "__name__", each))
def test_no_secret_gets_out(
    name: str,
    way: Callable[[Place], dict[str, Any]],
    server: FakeLivy,
    certificate: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for variable in [each for each in os.environ if each.startswith(("AZURE_", "IDENTITY_", "IMDS_", "MSI_"))]:
        monkeypatch.delenv(variable)
    for variable, value in server.client_environment().items():
        monkeypatch.setenv(variable, value)
    place = Place(server, certificate, tmp_path, monkeypatch)
    told: list[str] = []
    profile = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    for known in ("type", "threads", "client_secret", "tenant_id", "client_id", "authority", "accessToken"):
        profile.pop(known, None)
    profile |= {"authentication": name, "connect_retries": 1, "session_start_timeout": 900, "statement_timeout": 900}
    profile |= way(place)
    profile |= {"session_id_file": str(tmp_path / "kept.txt")}

    runs = tmp_path / "timings.json"
    with caplog.at_level(logging.DEBUG):
        # What a token meets on its way to Livy is the same for all.
        for fault in TROUBLE if way in (by_secret, by_az) else TROUBLE[:2]:
            # One is kept; a new one each time meets what there is to meet.
            told += [one_run({**profile, "reuse_session": not fault}, runs, fault, place)]
    assert Oracle(server.journal).never_fired() == []
    assert place.issued, "no token was ever sent: nothing was searched"
    told += [caplog.text, *capfd.readouterr(), repr(server.journal.entries())]
    told += [path.read_text(encoding="utf-8") for path in (runs, tmp_path / "kept.txt") if path.exists()]
    said = "\n".join(told)
    assert "/sessions" in said, "the log was not searched"
    for secret in {SECRET, STATIC, OWN, FEDERATED, PASSWORD, *place.issued}:
        assert secret not in said


def one_run(profile: dict[str, Any], timings: Path, fault: str, place: Place) -> str:
    """A session and a statement, with a fault; everything about it that can be printed."""
    runtime = HaltingRuntime(ScaledRuntime(SPEED))
    credentials = load(profile)
    target = make_target(credentials, runtime, credentials.naming(), Timings(timings, runtime, LOG), LOG)
    told = [repr(credentials), str(credentials), repr(target), credentials.who, credentials.session_key]
    told += map(repr, credentials.connection_info())
    with contextlib.ExitStack() as stack:
        if fault:
            stack.enter_context(place.server.fault(fault))
        spy(stack.enter_context(place.monkeypatch.context()), place.issued, told)
        try:
            session = target.pool.borrow()
            session.run(session.statement("select 1", "model.a"))
        except Exception as error:  # noqa: BLE001  # its words are what is searched
            told += traceback.format_exception(error)
        target.pool.disconnect()
    return "\n".join(told)


def spy(patch: pytest.MonkeyPatch, issued: set[str], told: list[str]) -> None:
    """Note every token that is sent, and how it shows itself."""

    class Auth(transport._Auth):
        def __init__(self, token: Any) -> None:
            super().__init__(token)
            if token is not None:
                issued.add(token.value)
                told.extend((repr(token), str(token)))

    patch.setattr(transport, "_Auth", Auth)
