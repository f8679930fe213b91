"""Who may have a token of this server, and what its tokens are like."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from fakelivy.ids import item_guid
from fakelivy.usage import FakeLivyError


class TokenMode(str, Enum):
    """Which bearer tokens the Fabric routes take.

    ``static``: the server's fixed token, or a valid one of its own token endpoints. ``any``: whatever is not empty.
    ``verify``: only a valid one of its own token endpoints.
    """

    STATIC = "static"
    ANY = "any"
    VERIFY = "verify"


@dataclass(frozen=True)
class IdentityOptions:
    """Settings of the fake Entra and of the check of its tokens. Times are seconds.

    Attributes:
        mode: which tokens the Fabric routes take.
        tenant_id: the tenant of every identity.
        client_id: the service principal, and the user-assigned managed identity.
        client_secret: the service principal's secret.
        client_certificate: PEM certificate with which the service principal may sign assertions instead; none if empty.
        federated_token: assertion of the workload identity that is the service principal; none if empty.
        identity_header: what App Service puts into ``IDENTITY_HEADER``.
        lifetime: of a token. Entra's live 60 to 75 minutes (contract 2.7).
        clock_skew: how far the clock that checks tokens is ahead of the one that dates them. Ahead, tokens expire
            early; behind (negative), a new token is not valid yet (F22).
    """

    mode: TokenMode = TokenMode.STATIC
    tenant_id: str = item_guid("entra", "tenant")
    client_id: str = item_guid("entra", "client")
    client_secret: str = field(default="fakelivy-client-secret", repr=False)
    client_certificate: str = field(default="", repr=False)
    federated_token: str = field(default="", repr=False)
    identity_header: str = field(default="fakelivy-identity-header", repr=False)
    lifetime: int = 3600
    clock_skew: float = 0.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            FakeLivyError: a lifetime below a second, or an empty name or secret.
        """
        if self.lifetime < 1:
            raise FakeLivyError(f"a token's lifetime is {self.lifetime}; it must be at least one second")
        for name in ("tenant_id", "client_id", "client_secret", "identity_header"):
            if not getattr(self, name):
                raise FakeLivyError(f"{name} must not be empty")
