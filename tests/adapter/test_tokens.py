"""One token per identity, fetched by one thread, replaced before it ends, shown to nobody."""

from __future__ import annotations

import threading

import pytest
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.identity import token_source
from dbt.adapters.fabricspark.resilience.tokens import REFRESH_AHEAD, Token, TokenSource
from dbt_common.exceptions import DbtRuntimeError

from tests.adapter.conftest import VirtualRuntime
from tests.adapter.test_credentials import FABRIC, LOCAL, SECRET


class Issuer:
    """Hands out numbered tokens that live an hour."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self._runtime = runtime
        self.issued = 0
        self.broken = False

    def __call__(self) -> Token:
        if self.broken:
            raise RuntimeError("the identity provider is down")
        self.issued += 1
        return Token(f"token-{self.issued}", self._runtime.now().timestamp() + 3600)


def test_many_threads_at_expiry_make_one_refresh(runtime: VirtualRuntime) -> None:
    issuer = Issuer(runtime)
    source = TokenSource(issuer, runtime)
    barrier = threading.Barrier(16)
    got: list[str] = []

    def ask() -> None:
        barrier.wait()
        got.append(source.bearer())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["token-1"] * 16
    assert issuer.issued == 1


def test_a_token_is_kept_until_shortly_before_its_end(runtime: VirtualRuntime) -> None:
    source = TokenSource(Issuer(runtime), runtime)
    assert source.bearer() == "token-1"
    runtime.elapsed = 3600 - REFRESH_AHEAD - 1
    assert source.bearer() == "token-1"
    runtime.elapsed += 2
    assert source.bearer() == "token-2"


def test_a_token_without_an_end_is_kept(runtime: VirtualRuntime) -> None:
    source = TokenSource(lambda: Token("fixed"), runtime)
    runtime.elapsed = 1e9
    assert source.bearer() == "fixed"


def test_a_fetch_that_fails_is_tried_again_by_the_next_request(runtime: VirtualRuntime) -> None:
    issuer = Issuer(runtime)
    source = TokenSource(issuer, runtime)
    issuer.broken = True
    with pytest.raises(RuntimeError, match="is down"):
        source.bearer()
    issuer.broken = False
    assert source.bearer() == "token-1"


def test_a_token_is_in_no_repr() -> None:
    assert SECRET not in repr(Token(SECRET, 1.0))


def test_the_profile_says_where_tokens_come_from(runtime: VirtualRuntime) -> None:
    fabric = token_source(FabricSparkCredentials.from_dict(FABRIC), runtime)
    assert fabric is not None
    assert fabric.bearer() == SECRET
    assert token_source(FabricSparkCredentials.from_dict(LOCAL), runtime) is None


def test_an_authority_that_cannot_be_used_is_an_error_of_dbts(
    runtime: VirtualRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://login.example")
    who = {"authentication": "SPN", "tenant_id": "t", "client_id": "c", "client_secret": SECRET}
    with pytest.raises(DbtRuntimeError, match=r"authentication 'SPN'.*https") as caught:
        token_source(FabricSparkCredentials.from_dict({**FABRIC, **who}), runtime)
    assert SECRET not in str(caught.value)
