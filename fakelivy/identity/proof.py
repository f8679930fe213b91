"""How a service principal proves who it is: a secret, an assertion signed with its certificate, a federated token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import jwt
from cryptography.x509 import load_pem_x509_certificate

from fakelivy.identity.options import IdentityOptions

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The only type of assertion Entra takes (RFC 7523)."""


def refused(form: Mapping[str, str], options: IdentityOptions) -> tuple[int, str] | None:
    """Why the proof in a token request is none, as Entra's error code and words; ``None`` if it is good."""
    app = options.client_id
    if "client_assertion" not in form:
        given, expected = form.get("client_secret", "").encode(), options.client_secret.encode()
        good = hmac.compare_digest(given, expected)
        return None if good else (7000215, f"Invalid client secret provided for app '{app}'.")
    assertion = form["client_assertion"]
    if form.get("client_assertion_type") != ASSERTION:
        return 50027, "JWT token is invalid or malformed."
    if options.federated_token and hmac.compare_digest(assertion.encode(), options.federated_token.encode()):
        return None
    if not options.client_certificate:
        return 700213, "No matching federated identity record found for presented assertion."
    return (
        None if _signed(assertion, options) else (700027, f"The certificate is not registered on application '{app}'.")
    )


def _signed(assertion: str, options: IdentityOptions) -> bool:
    certificate = load_pem_x509_certificate(options.client_certificate.encode())
    try:
        # The assertion is dated by the client's real clock, which is not the server's. Its audience is this endpoint.
        claims = jwt.decode(
            assertion,
            certificate.public_key(),  # type: ignore[arg-type]  # RSA, as the algorithms say
            algorithms=["RS256", "PS256"],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
        )
    except jwt.PyJWTError:
        return False
    audience = str(claims.get("aud", "")).lower()
    mine = options.client_id.lower()
    return (
        str(claims.get("iss")).lower() == mine
        and str(claims.get("sub")).lower() == mine
        and audience.endswith(f"/{options.tenant_id.lower()}/oauth2/v2.0/token")
    )
