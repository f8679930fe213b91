"""Tokens: what the Fabric routes let in and what they say to the rest."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from fakelivy import FakeLivy, FakeLivyError, IdentityOptions, ManualClock, TokenMode
from fakelivy.identity.authority import AUDIENCES
from fakelivy.journal import Request, TokenIssued, TokenRefused
from tests.server.toy import Client, ToyEngine, eventually

Start = Callable[..., FakeLivy]


@pytest.fixture
def start(clock: ManualClock, tmp_path: Path) -> Iterator[Start]:
    servers: list[FakeLivy] = []

    def start(**options: object) -> FakeLivy:
        identity = replace(IdentityOptions(mode=TokenMode.VERIFY, lifetime=60), **options)  # type: ignore[arg-type]
        file = tmp_path / f"journal-{len(servers)}"
        server = FakeLivy(engine=ToyEngine(clock), clock=clock, seed=1, identity=identity, journal_file=file)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def asks(server: FakeLivy, token: str) -> tuple[int, str, str]:
    """Status, the error code of the header, and that of the body, of a request with ``token``."""
    reply = requests.get(f"{server.url}/v1/workspaces", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    return reply.status_code, reply.headers.get("x-ms-public-api-error-code", ""), reply.json().get("errorCode", "")


def token(server: FakeLivy, audience: str = AUDIENCES[0]) -> str:
    return server.authority.issue(flow="test", subject="me", audience=audience).value


OPEN = (200, "", "")
UNKNOWN = (401, "Unauthorized", "Unauthorized")
EXPIRED = (401, "TokenExpired", "TokenExpired")


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_token_for_either_audience_opens_fabric_until_it_expires(
    start: Start, clock: ManualClock, audience: str
) -> None:
    server = start()
    mine = token(server, audience)
    assert asks(server, mine) == OPEN
    clock.advance(59)
    assert asks(server, mine) == OPEN
    clock.advance(1)
    assert asks(server, mine) == EXPIRED
    assert asks(server, token(server)) == OPEN


def test_requests_with_an_expired_token_are_on_record_and_no_token_is(start: Start, clock: ManualClock) -> None:
    server = start()
    mine = token(server)
    clock.advance(60)
    asks(server, mine)
    (issued,) = server.journal.events(TokenIssued)
    assert issued.expires_on == int(clock.now().timestamp())
    (refused,) = server.journal.events(TokenRefused)
    assert refused.why == "expired"
    assert [each.status for each in server.journal.events(Request) if each.request_id == refused.request_id] == [401]
    lines = "".join(entry.line() for entry in server.journal.entries())
    assert mine.rpartition(".")[2] not in lines
    assert mine.split(".")[1] not in lines


def test_revocation_ends_the_tokens_there_are_and_not_the_next_ones(start: Start) -> None:
    server = start()
    old = token(server)
    server.authority.revoke()
    assert asks(server, old) == EXPIRED
    assert asks(server, token(server)) == OPEN
    assert [each.why for each in server.journal.events(TokenRefused)] == ["revoked"]


def test_a_clock_behind_refuses_new_tokens_for_a_while(start: Start, clock: ManualClock) -> None:
    server = start(clock_skew=-5)
    mine = token(server)
    assert asks(server, mine) == UNKNOWN
    clock.advance(5)
    assert asks(server, mine) == OPEN


def test_a_clock_ahead_ends_tokens_early(start: Start, clock: ManualClock) -> None:
    server = start(clock_skew=20)
    mine = token(server)
    clock.advance(40)
    assert asks(server, mine) == EXPIRED


def test_forged_tokens_and_those_for_another_audience_open_nothing(start: Start) -> None:
    server = start()
    good = jwt.decode(token(server), options={"verify_signature": False})
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = {
        "signature": jwt.encode(good, stranger, algorithm="RS256"),
        "audience": token(server, "https://storage.azure.com"),
        "not a token of this server": jwt.encode(good, "", algorithm="none"),
    }
    for each in forged.values():
        assert asks(server, each) == UNKNOWN
    assert [each.why for each in server.journal.events(TokenRefused)] == list(forged)
    assert asks(server, "fakelivy") == UNKNOWN  # the fixed token counts in the mode ``static`` only


@pytest.mark.parametrize(
    ("mode", "fixed", "own", "other"),
    [
        (TokenMode.STATIC, OPEN, OPEN, UNKNOWN),
        (TokenMode.ANY, OPEN, OPEN, OPEN),
        (TokenMode.VERIFY, UNKNOWN, OPEN, UNKNOWN),
    ],
)
def test_what_each_mode_takes(
    start: Start, mode: TokenMode, fixed: tuple[int, str, str], own: tuple[int, str, str], other: tuple[int, str, str]
) -> None:
    server = start(mode=mode)
    assert (asks(server, "fakelivy"), asks(server, token(server)), asks(server, "x.y.z")) == (fixed, own, other)
    assert asks(server, "") == UNKNOWN


def test_a_profile_opens_the_server_it_is_for(start: Start) -> None:
    server = start()
    target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    assert asks(server, target["accessToken"]) == OPEN


def test_the_published_key_proves_a_token(start: Start) -> None:
    server = start()
    tenant = server.authority.options.tenant_id
    document = requests.get(f"{server.url}/{tenant}/v2.0/.well-known/openid-configuration", timeout=20).json()
    keys = requests.get(document["jwks_uri"], timeout=20).json()["keys"]
    mine = token(server)
    kid = jwt.get_unverified_header(mine)["kid"]
    key = jwt.PyJWK(next(each for each in keys if each["kid"] == kid)).key
    claims = jwt.decode(mine, key, algorithms=["RS256"], audience=AUDIENCES[0], options={"verify_exp": False})
    assert claims["sub"] == "me"


def test_a_journal_with_tokens_is_the_same_for_the_same_seed(start: Start) -> None:
    lines = []
    for _ in range(2):
        server = start()
        asks(server, token(server))
        lines.append([entry.line() for entry in server.journal.entries()])
    assert lines[0] == lines[1]


@pytest.mark.parametrize(
    "wrong", [{"lifetime": 0}, {"tenant_id": ""}, {"client_secret": ""}], ids=["lifetime", "tenant", "secret"]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(FakeLivyError, match=next(iter(wrong))):
        IdentityOptions(**wrong)  # type: ignore[arg-type]


def test_secrets_are_in_no_repr() -> None:
    assert "secret" not in repr(IdentityOptions(client_secret="my secret", identity_header="my secret too"))


# ---- over TLS


def test_https_serves_both_dialects_with_a_certificate_its_clients_can_check(
    engine: ToyEngine, clock: ManualClock
) -> None:
    with FakeLivy(engine=engine, clock=clock, seed=1, tls=True) as server:
        assert server.url.startswith("https://")
        trusted = server.client_environment()["REQUESTS_CA_BUNDLE"]
        client = Client(server.url)
        client.http.verify = trusted
        assert client.state(client.submit(client.session(), "select 1")) == "available"
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{server.url}/version", timeout=20)
        pem = Path(trusted).read_text(encoding="ascii")
        assert "PRIVATE" not in pem
    assert not Path(trusted).parent.exists()
    eventually(lambda: engine.closed)


def test_a_client_that_never_finishes_its_handshake_stops_nobody(engine: ToyEngine, clock: ManualClock) -> None:
    with FakeLivy(engine=engine, clock=clock, seed=1, tls=True) as server:
        silent = socket.create_connection((server.host, server.port), timeout=20)
        trusted = server.client_environment()["REQUESTS_CA_BUNDLE"]
        assert requests.get(f"{server.url}/version", verify=trusted, timeout=5).ok
        silent.close()
