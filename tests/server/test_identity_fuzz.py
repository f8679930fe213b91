"""Whatever is sent as a token, or to get one, the answer is a refusal and never a bug of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakelivy import FakeLivy, IdentityOptions, ManualClock, TokenMode
from fakelivy.identity.authority import BadToken
from fakelivy.journal import HandlerError, TokenIssued
from tests.server.test_fuzz import BODIES, JSON, SEGMENT
from tests.server.toy import Client, ToyEngine

PATHS = st.one_of(
    st.sampled_from(["/metadata/identity/oauth2/token", "/msi/token", "/_az/get-access-token"]),
    st.builds("/{}/oauth2/v2.0/token".format, SEGMENT),
    st.builds("/{}/oauth2/v2.0/token".format, st.just(IdentityOptions().tenant_id)),
)
FIELDS = st.sampled_from(["grant_type", "client_id", "client_secret", "scope", "resource", "object_id", "mi_res_id"])
FORMS = st.dictionaries(FIELDS, st.text(max_size=12) | st.just("client_credentials"), max_size=4)
NAMES = st.sampled_from(["Metadata", "X-IDENTITY-HEADER", "Content-Type"])
HEADERS = st.dictionaries(NAMES, st.sampled_from(["true", "x", "application/json", "é".encode()]))


@pytest.fixture(scope="module")
def entra() -> Iterator[FakeLivy]:
    clock = ManualClock()
    identity = IdentityOptions(mode=TokenMode.VERIFY)
    with FakeLivy(engine=ToyEngine(clock), clock=clock, identity=identity) as server:
        yield server


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(method=st.sampled_from(["GET", "POST"]), path=PATHS, query=FORMS, body=BODIES | FORMS, headers=HEADERS)
def test_a_wrong_request_for_a_token_is_refused(
    entra: FakeLivy,
    method: str,
    path: str,
    query: dict[str, str],
    body: bytes | dict[str, str],
    headers: dict[str, str],
) -> None:
    client = Client(entra.url)
    with client.http:
        reply = client.call(method, path, params=query, data=body, headers=headers)
    assert entra.journal.events(HandlerError) == []
    assert entra.journal.events(TokenIssued) == []
    assert 400 <= reply.status_code < 500 or (reply.status_code == 500 and path == "/msi/token")


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


PART = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30)
HEADER = st.dictionaries(
    st.sampled_from(["alg", "b64", "crit", "typ", "kid"]),
    JSON | st.sampled_from(["RS256", "none", "HS256"]),
    max_size=4,
).map(lambda value: json.dumps(value).encode())
FORGED = st.builds(lambda *parts: ".".join(map(_part, parts)), HEADER | PART, PART, st.binary(max_size=30))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(token=FORGED | st.text(max_size=30))
def test_a_forged_token_is_refused(entra: FakeLivy, token: str) -> None:
    with pytest.raises(BadToken):
        entra.authority.check(token)
