"""Makes tokens and checks them: RS256, dated by the server's clock, with a key that never leaves memory."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from fakelivy.clock import Clock
from fakelivy.identity.options import IdentityOptions
from fakelivy.journal import Journal, TokenIssued

AUDIENCES = ("https://api.fabric.microsoft.com", "https://analysis.windows.net/powerbi/api")
"""Audiences that Fabric's REST and Livy endpoints accept (contract 2.7)."""

RESOURCES = (*AUDIENCES, "https://storage.azure.com")
"""What there are tokens for; one for storage is in order, but opens no Fabric route."""

KEY_ID = "fakelivy-1"
_GENERATION = "fakelivy_generation"
_REQUIRED = ("exp", "iat", "nbf", "iss", "aud", "sub")


class BadToken(Exception):
    """A token that opens nothing; ``why`` is fit for the journal, ``expired`` says that it once was good."""

    def __init__(self, why: str, *, expired: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.expired = expired


@dataclass(frozen=True)
class Issued:
    """A new token. ``expires_on`` is in seconds since the epoch, ``expires_in`` in seconds from now."""

    value: str = field(repr=False)
    expires_on: int
    expires_in: int
    audience: str


class Authority:
    """The tenant's signing key and its tokens.

    The key is made when it is first needed: a server whose tokens nobody checks does not wait for it.
    """

    def __init__(self, options: IdentityOptions, *, clock: Clock, journal: Journal) -> None:
        self.options = options
        self._clock = clock
        self._journal = journal
        self._lock = threading.Lock()
        self._key: rsa.RSAPrivateKey | None = None
        self._generation = 0
        self._issued = 0

    @property
    def issuer(self) -> str:
        """The claim ``iss``, in the form of Entra's first version, which Fabric's tokens have."""
        return f"https://sts.windows.net/{self.options.tenant_id}/"

    def issue(self, *, flow: str, subject: str, audience: str, lifetime: int | None = None) -> Issued:
        """A token for ``audience``, which the caller has checked; the journal gets everything but the token.

        It is good for ``lifetime`` seconds, or for those of the options.
        """
        now = int(self._clock.now().timestamp())
        lifetime = lifetime or self.options.lifetime
        expires_on = now + lifetime
        key = self._private_key()
        with self._lock:
            self._issued += 1
            number, generation = self._issued, self._generation
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": expires_on,
            "sub": subject,
            "oid": subject,
            "appid": subject,
            "tid": self.options.tenant_id,
            "uti": str(number),
            "ver": "1.0",
            _GENERATION: generation,
        }
        value = jwt.encode(claims, key, algorithm="RS256", headers={"kid": KEY_ID})
        self._journal.add(TokenIssued(number, flow, subject, audience, expires_on))
        return Issued(value, expires_on, lifetime, audience)

    def revoke(self) -> None:
        """End every token there is, before its time; later ones are good."""
        with self._lock:
            self._generation += 1

    def check(self, token: str, *, skew: float = 0.0) -> None:
        """See whether a token is one of ours and good ``skew`` seconds from now.

        Raises:
            BadToken: it is not.
        """
        claims = self._claims(token)
        now = self._clock.now().timestamp() + self.options.clock_skew + skew
        if now < max(claims["nbf"], claims["iat"]):
            raise BadToken("not valid yet")
        if now >= claims["exp"]:
            raise BadToken("expired", expired=True)
        with self._lock:
            revoked = claims[_GENERATION] < self._generation
        if revoked:
            raise BadToken("revoked", expired=True)

    def keys(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = json.loads(RSAAlgorithm.to_jwk(self._private_key().public_key()))
        return {"keys": [{**key, "use": "sig", "kid": KEY_ID, "alg": "RS256"}]}

    def _claims(self, token: str) -> dict[str, Any]:
        # The times are checked by the caller: the library knows no clock but the machine's.
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._private_key().public_key(),
                algorithms=["RS256"],
                audience=AUDIENCES,
                issuer=self.issuer,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": list(_REQUIRED)},
            )
        except jwt.InvalidSignatureError:
            raise BadToken("signature") from None
        except jwt.InvalidAudienceError:
            raise BadToken("audience") from None
        except jwt.InvalidTokenError:
            raise BadToken("not a token of this server") from None
        return claims

    def _private_key(self) -> rsa.RSAPrivateKey:
        with self._lock:
            if self._key is None:
                self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._key
