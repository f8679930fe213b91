"""The real azure-identity library gets real tokens from the fake Entra, and its own errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import AzureCliCredential, ClientSecretCredential, CredentialUnavailableError
from azure.identity import ManagedIdentityCredential as ManagedIdentity

from fakelivy import FakeLivy, IdentityOptions, ManualClock, TokenMode
from fakelivy.journal import HandlerError, TokenIssued
from tests.server.toy import ToyEngine

SCOPE = "https://api.fabric.microsoft.com/.default"
IDENTITY = IdentityOptions(mode=TokenMode.VERIFY, lifetime=900)


@pytest.fixture(scope="module")
def entra() -> Iterator[FakeLivy]:
    clock = ManualClock()
    with FakeLivy(engine=ToyEngine(clock), clock=clock, tls=True, identity=IDENTITY) as server:
        yield server
        assert server.journal.events(HandlerError) == []


@pytest.fixture(autouse=True)
def _environment(entra: FakeLivy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET"):
        monkeypatch.delenv(name, raising=False)
    for name, value in entra.client_environment().items():
        monkeypatch.setenv(name, value)


def set_managed_identity(
    entra: FakeLivy, monkeypatch: pytest.MonkeyPatch, form: Literal["imds", "app_service"]
) -> None:
    for name, value in entra.managed_identity_environment(form).items():
        monkeypatch.setenv(name, value)


def service_principal(entra: FakeLivy, **change: Any) -> ClientSecretCredential:
    arguments = {
        "tenant_id": IDENTITY.tenant_id,
        "client_id": IDENTITY.client_id,
        "client_secret": IDENTITY.client_secret,
        "authority": entra.url,
        "disable_instance_discovery": True,
        **change,
    }
    return ClientSecretCredential(**arguments)


def opens_fabric(entra: FakeLivy, credential: TokenCredential) -> TokenIssued:
    """What the journal says of the credential's token, which the Fabric routes have taken."""
    token = credential.get_token(SCOPE)
    reply = requests.get(f"{entra.url}/v1/workspaces", headers={"Authorization": f"Bearer {token.token}"}, timeout=20)
    assert reply.status_code == 200, reply.text
    return entra.journal.events(TokenIssued)[-1]


def test_a_service_principal_gets_a_token(entra: FakeLivy) -> None:
    issued = opens_fabric(entra, service_principal(entra))
    assert (issued.flow, issued.subject) == ("client_credentials", IDENTITY.client_id)


def test_the_authority_may_come_from_the_environment(entra: FakeLivy) -> None:
    assert opens_fabric(entra, service_principal(entra, authority=None)).flow == "client_credentials"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS700016"),
        ({"tenant_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS90002"),
    ],
    ids=["secret", "client", "tenant"],
)
def test_a_wrong_service_principal_is_told_why(entra: FakeLivy, change: dict[str, str], code: str) -> None:
    with pytest.raises(ClientAuthenticationError, match=code) as caught:
        service_principal(entra, **change).get_token(SCOPE)
    assert IDENTITY.client_secret not in str(caught.value)


def test_a_scope_of_nobody_is_refused(entra: FakeLivy) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS500011"):
        service_principal(entra).get_token("https://nobody.example/.default")


@pytest.mark.parametrize("form", ["imds", "app_service"])
@pytest.mark.parametrize("client_id", [None, IDENTITY.client_id], ids=["system", "user"])
def test_a_managed_identity_gets_a_token(
    entra: FakeLivy,
    monkeypatch: pytest.MonkeyPatch,
    form: Literal["imds", "app_service"],
    client_id: str | None,
) -> None:
    set_managed_identity(entra, monkeypatch, form)
    issued = opens_fabric(entra, ManagedIdentity(client_id=client_id))
    assert (issued.flow, issued.subject) == (form, client_id or "system-assigned")


@pytest.mark.parametrize("form", ["imds", "app_service"])
def test_an_unknown_managed_identity_gets_none(
    entra: FakeLivy, monkeypatch: pytest.MonkeyPatch, form: Literal["imds", "app_service"]
) -> None:
    set_managed_identity(entra, monkeypatch, form)
    with pytest.raises(ClientAuthenticationError):
        ManagedIdentity(client_id="00000000-0000-4000-8000-000000000000").get_token(SCOPE)


def test_a_managed_identity_needs_its_headers(entra: FakeLivy) -> None:
    query = "?api-version=2018-02-01&resource=https://api.fabric.microsoft.com"
    assert requests.get(f"{entra.url}/metadata/identity/oauth2/token{query}", timeout=20).status_code == 400
    assert requests.get(f"{entra.url}/msi/token{query}", timeout=20).status_code == 403


def test_the_stand_in_for_az_gets_a_token(entra: FakeLivy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = entra.write_az(tmp_path / "a folder's bin")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    issued = opens_fabric(entra, AzureCliCredential(process_timeout=30))
    assert (issued.flow, issued.subject) == ("az", "user")
    with pytest.raises((ClientAuthenticationError, CredentialUnavailableError), match="AADSTS500011"):
        AzureCliCredential(process_timeout=30).get_token("https://nobody.example/.default")


def test_a_token_says_how_long_it_lives(entra: FakeLivy) -> None:
    data = {
        "grant_type": "client_credentials",
        "client_id": IDENTITY.client_id,
        "client_secret": IDENTITY.client_secret,
        "scope": SCOPE,
    }
    reply = requests.post(f"{entra.url}/{IDENTITY.tenant_id}/oauth2/v2.0/token", data=data, timeout=20).json()
    assert (reply["token_type"], reply["expires_in"]) == ("Bearer", 900)


def test_another_grant_is_refused_in_entras_shape(entra: FakeLivy) -> None:
    url = f"{entra.url}/{IDENTITY.tenant_id}/oauth2/v2.0/token"
    reply = requests.post(url, data={"grant_type": "password"}, timeout=20)
    assert reply.status_code == 400
    assert reply.json()["error"] == "unsupported_grant_type"
    assert reply.json()["error_codes"] == [70003]
