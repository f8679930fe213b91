"""Every way to prove who one is: the real azure-identity, as the profile sets it up, against the fake Entra."""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import HttpTransport
from dbt.adapters.fabricspark import azure
from dbt.adapters.fabricspark.authentication import AUTHENTICATIONS
from dbt.adapters.fabricspark.azure import SCOPE
from dbt.adapters.fabricspark.identity import expiry, token_source
from dbt.adapters.fabricspark.resilience.outcome import NotSent, TransportError
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
from dbt.adapters.fabricspark.resilience.tokens import IdentityRefused, TokenSource
from dbt_common.exceptions import DbtRuntimeError

from fakelivy import FakeLivy, IdentityOptions, ManualClock, TokenMode
from fakelivy.journal import HandlerError, TokenIssued
from tests.adapter.certificates import PASSWORD, Certificate, make_certificate
from tests.adapter.test_credentials import FABRIC, LOCAL, SECRET, load
from tests.server.toy import ToyEngine

LOG = logging.getLogger("tests.identity")
FEDERATED = "a-token-of-the-cluster"
WHERE = {name: value for name, value in FABRIC.items() if name not in ("authentication", "accessToken")}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def entra(certificate: Certificate) -> Iterator[FakeLivy]:
    clock = ManualClock()
    identity = IdentityOptions(
        mode=TokenMode.VERIFY, client_certificate=certificate.public, federated_token=FEDERATED, lifetime=900
    )
    with FakeLivy(engine=ToyEngine(clock), clock=clock, tls=True, identity=identity) as server:
        yield server
        assert server.journal.events(HandlerError) == []


@pytest.fixture(autouse=True)
def _environment(entra: FakeLivy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AZURE_", "IDENTITY_", "IMDS_", "MSI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", entra.client_environment()["REQUESTS_CA_BUNDLE"])


def source(**profile: Any) -> TokenSource:
    found = token_source(load({**WHERE, **profile}), SystemRuntime(), LOG)
    assert found is not None
    return found


def issued_for(entra: FakeLivy, tokens: TokenSource) -> tuple[str, str]:
    """Which flow issued the token, and to whom."""
    before = len(entra.journal.events(TokenIssued))
    value = tokens.token().value
    assert value.count(".") == 2
    (issued,) = entra.journal.events(TokenIssued)[before:]
    return issued.flow, issued.subject


def cloud(entra: FakeLivy) -> dict[str, Any]:
    return {"authority": entra.url, "disable_instance_discovery": True}


def principal(entra: FakeLivy) -> dict[str, Any]:
    options = entra.authority.options
    return {"tenant_id": options.tenant_id, "client_id": options.client_id, **cloud(entra)}


@pytest.mark.parametrize(
    "proof",
    [
        lambda options, _certificate: {"client_secret": options.client_secret},
        lambda _options, certificate: {"client_certificate_path": str(certificate.plain)},
        lambda _options, certificate: {
            "client_certificate_path": str(certificate.locked),
            "client_certificate_password": PASSWORD,
        },
    ],
    ids=["secret", "certificate", "locked certificate"],
)
def test_a_service_principal(
    entra: FakeLivy, certificate: Certificate, proof: Callable[[IdentityOptions, Certificate], dict[str, Any]]
) -> None:
    options = entra.authority.options
    tokens = source(authentication="SPN", **principal(entra), **proof(options, certificate))
    assert issued_for(entra, tokens) == ("client_credentials", options.client_id)


def test_a_certificate_that_is_not_the_registered_one_is_refused(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    identity = IdentityOptions(mode=TokenMode.VERIFY)
    with FakeLivy(engine=ToyEngine(clock), clock=clock, tls=True, identity=identity) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.trusted))
        tokens = source(authentication="SPN", **principal(server), client_certificate_path=str(certificate.plain))
        with pytest.raises(TransportError, match="AADSTS700213"):
            tokens.token()


@pytest.mark.parametrize("name", ["managed_identity", "MSI", "ManagedIdentity"])
@pytest.mark.parametrize("user_assigned", [False, True])
def test_a_managed_identity(entra: FakeLivy, monkeypatch: pytest.MonkeyPatch, name: str, user_assigned: bool) -> None:
    for variable, value in entra.managed_identity_environment("app_service").items():
        monkeypatch.setenv(variable, value)
    mine = entra.authority.options.client_id
    tokens = source(authentication=name, **({"client_id": mine} if user_assigned else {}))
    assert issued_for(entra, tokens) == ("app_service", mine if user_assigned else "system-assigned")


def test_a_workload_identity(entra: FakeLivy, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(FEDERATED, encoding="utf-8")
    tokens = source(authentication="workload_identity", token_file_path=str(file), **principal(entra))
    assert issued_for(entra, tokens) == ("client_credentials", entra.authority.options.client_id)


@pytest.mark.parametrize("name", ["environment", "default"])
def test_the_environment_says_who(entra: FakeLivy, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    options = entra.authority.options
    monkeypatch.setenv("AZURE_TENANT_ID", options.tenant_id)
    monkeypatch.setenv("AZURE_CLIENT_ID", options.client_id)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", options.client_secret)
    tokens = source(authentication=name, **cloud(entra))
    assert issued_for(entra, tokens) == ("client_credentials", options.client_id)


def test_the_azure_cli(entra: FakeLivy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{entra.write_az(tmp_path)}{os.pathsep}{os.environ['PATH']}")
    assert issued_for(entra, source(authentication="CLI", azure_cli_process_timeout=60)) == ("az", "user")


def test_a_class_by_its_path(entra: FakeLivy) -> None:
    kwargs = {**principal(entra), "client_secret": entra.authority.options.client_secret}
    tokens = source(
        authentication="token_credential",
        credential_class="azure.identity.ClientSecretCredential",
        credential_kwargs=kwargs,
    )
    assert issued_for(entra, tokens)[0] == "client_credentials"


class OwnCredential:
    """A user's own."""

    made = 0

    def __init__(self, prefix: str) -> None:
        type(self).made += 1
        self._prefix = prefix

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == (SCOPE,)
        return AccessToken(f"{self._prefix}-{self.made}", 2_000_000_000)


def test_a_refused_token_of_a_credential_is_replaced_by_a_credential_without_a_cache() -> None:
    tokens = source(
        authentication="token_credential",
        credential_class=f"{__name__}.OwnCredential",
        credential_kwargs={"prefix": "mine"},
    )
    first = tokens.token()
    tokens.rejected(first.generation)
    second = tokens.token()
    assert first.value != second.value
    assert second.generation == first.generation + 1


def test_a_fabric_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    class Credentials:
        @staticmethod
        def getToken(audience: str) -> str:
            assert audience == "pbi"
            return jwt_that_expires(2_000_000_000)

    module = ModuleType("notebookutils")
    module.credentials = Credentials  # type: ignore[attr-defined]  # as in a notebook
    monkeypatch.setitem(sys.modules, "notebookutils", module)
    assert source(authentication="fabric_notebook").token().expires_at == 2_000_000_000


def test_outside_of_a_notebook_the_notebooks_identity_is_refused() -> None:
    with pytest.raises(DbtRuntimeError, match="inside a Fabric notebook only"):
        source(authentication="fabric_notebook")


@pytest.mark.parametrize("name", ["token", "int_tests"])
def test_a_token_from_elsewhere(name: str) -> None:
    assert source(authentication=name, accessToken=f" {SECRET}\n").token().value == SECRET


def test_a_token_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises((DbtRuntimeError, TransportError), match="is not one") as caught:
        source(authentication="token", accessToken=f"{SECRET}\r\nX-Evil: 1")
    assert SECRET not in str(caught.value)


def test_a_server_without_authentication_needs_no_token() -> None:
    assert token_source(load(LOCAL), SystemRuntime(), LOG) is None


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"authentication": "CLY"}, "authentication 'CLY' is not one of CLI, SPN,.*Did you mean 'CLI'"),
        ({"authentication": "managed-identiy"}, "Did you mean 'managed_identity'"),
        ({"authentication": "SPN", "client_id": "c"}, "needs tenant_id, and client_secret or client_certificate_path"),
        (
            {
                "authentication": "SPN",
                "tenant_id": "t",
                "client_id": "c",
                "client_secret": SECRET,
                "client_certificate_path": "x",
            },
            "takes client_secret or client_certificate_path, not both",
        ),
        ({"authentication": "token_credential"}, "needs credential_class"),
        ({"authentication": "token_credential", "credential_class": "nodots"}, "is not a dotted path"),
        ({"authentication": "CLI", "credential_class": "a.b"}, "need authentication 'token_credential'"),
        ({"authentication": "token_credential", "credential_class": "no.such.Thing"}, "cannot be imported"),
        ({"authentication": "token_credential", "credential_class": "os.path.join"}, "is not a class with"),
        (
            {"authentication": "token_credential", "credential_class": "azure.identity.ClientSecretCredential"},
            "authentication 'token_credential': .*missing 3 required",
        ),
        (
            {"authentication": "SPN", "tenant_id": "t", "client_id": "c", "client_certificate_path": "/no/such/file"},
            "authentication 'SPN': .*No such file",
        ),
        ({"authentication": "workload_identity"}, "authentication 'workload_identity'"),
    ],
)
def test_an_identity_that_cannot_be_used_is_refused_before_anything_is_asked(
    profile: dict[str, Any], words: str
) -> None:
    with pytest.raises(DbtRuntimeError, match=words) as caught:
        source(**profile)
    assert SECRET not in str(caught.value)


def test_a_wrong_secret_is_named_and_not_shown(entra: FakeLivy) -> None:
    with pytest.raises(IdentityRefused, match=r"no access token: .*AADSTS7000215") as caught:
        source(authentication="SPN", **principal(entra), client_secret=SECRET).token()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_in_trouble_is_asked_again_later(
    entra: FakeLivy, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(HttpTransport, "sleep", lambda _, seconds: slept.append(seconds))
    fault = f"entra_token:before:status({status},error_code=temporarily_unavailable,shape=entra)"
    secret = entra.authority.options.client_secret
    with entra.fault(fault), pytest.raises(NotSent, match="no access token"):
        source(authentication="SPN", **principal(entra), client_secret=secret).token()
    assert slept, "azure-identity tries again by itself, and pauses"


def test_an_azure_cli_that_is_not_there_may_come(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSent, match="no access token: Azure CLI not found"):
        source(authentication="CLI").token()


def test_an_authority_in_the_environment_that_cannot_be_used_is_an_error_of_dbts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://login.example")
    with pytest.raises(DbtRuntimeError, match=r"authentication 'SPN'.*https"):
        source(authentication="SPN", tenant_id="t", client_id="c", client_secret=SECRET)


CLOUD = {"authority": "https://login.example", "disable_instance_discovery": True}
WITH_CLOUD = {**CLOUD, **azure.TIMEOUTS}
WHO = {"tenant_id": "t", "client_id": "c"}


@pytest.mark.parametrize(
    ("profile", "made"),
    [
        (
            {"authentication": "CLI", "tenant_id": "t", "azure_cli_process_timeout": 7},
            ("AzureCliCredential", (), {"tenant_id": "t", "process_timeout": 7}),
        ),
        (
            {"authentication": "SPN", **WHO, "client_secret": SECRET, **CLOUD},
            ("ClientSecretCredential", ("t", "c", SECRET), WITH_CLOUD),
        ),
        (
            {
                "authentication": "SPN",
                **WHO,
                "client_certificate_path": "/x",
                "client_certificate_password": "y",
                **CLOUD,
            },
            ("CertificateCredential", ("t", "c", "/x"), {"password": "y", **WITH_CLOUD}),
        ),
        (
            {"authentication": "managed_identity", "client_id": "c"},
            ("ManagedIdentityCredential", (), {"client_id": "c", **azure.TIMEOUTS}),
        ),
        (
            {"authentication": "workload_identity", **WHO, "token_file_path": "/x", **CLOUD},
            ("WorkloadIdentityCredential", (), {**WHO, "token_file_path": "/x", **WITH_CLOUD}),
        ),
        ({"authentication": "environment", **CLOUD}, ("EnvironmentCredential", (), WITH_CLOUD)),
        (
            {"authentication": "default", "client_id": "c", "azure_cli_process_timeout": 7, **CLOUD},
            (
                "DefaultAzureCredential",
                (),
                {
                    "process_timeout": 7,
                    "managed_identity_client_id": "c",
                    "workload_identity_client_id": "c",
                    **WITH_CLOUD,
                },
            ),
        ),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else None,
)
def test_each_authentication_makes_its_own_credential_of_all_that_the_profile_gives(
    profile: dict[str, Any], made: tuple[str, tuple[str, ...], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    for name in [name for name in vars(azure) if name.endswith("Credential") and name != "TokenCredential"]:
        monkeypatch.setattr(azure, name, lambda *args, name=name, **kwargs: seen.append((name, args, kwargs)))
    source(**profile)
    assert seen == [made]


def test_two_identities_are_never_taken_for_one() -> None:
    base = {**WHERE, "authentication": "SPN", "tenant_id": "t", "client_id": "c", "client_secret": SECRET}
    changes: list[dict[str, Any]] = [{}, {"client_id": "d"}, {"client_secret": "other"}, {"tenant_id": "u"}]
    changes += [{"authentication": "CLI"}, {"authority": "https://login.example"}]
    who = [load({**base, **change}).who for change in changes]
    assert len(set(who)) == len(who)
    assert load(base).who == load(dict(base)).who
    assert not any(SECRET in each for each in who)


ENDLESS = f"a.{base64.urlsafe_b64encode(json.dumps({'exp': 10**400}).encode()).decode()}.c"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.e30.c", "a.bnVsbA.c", ENDLESS])
def test_a_token_that_does_not_say_when_it_ends_is_not_asked_further(token: str) -> None:
    assert expiry(token) is None


def test_every_name_of_an_authentication_is_its_own() -> None:
    names = [name.lower() for each in AUTHENTICATIONS for name in (each.name, *each.aliases)]
    assert len(set(names)) == len(names)


def jwt_that_expires(moment: int) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"exp": moment}).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"
