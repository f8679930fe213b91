"""Where tokens come from: Entra's client credentials, managed identity in two forms, and the stand-in for ``az``.

Requests and replies as the real azure-identity library sends and reads them (contract 2.7, F23).
"""

from __future__ import annotations

import datetime as dt
import hmac
from typing import Any
from urllib.parse import parse_qsl

from fakelivy.call import Call, Reply, Route
from fakelivy.identity.authority import RESOURCES, Issued
from fakelivy.identity.proof import refused

AZ_PATH = "/_az/get-access-token"
APP_SERVICE_PATH = "/msi/token"


def openid_configuration(call: Call) -> Reply:
    base = f"{call.origin}/{call.params['tenant']}"
    document = {
        "issuer": call.services.authority.issuer,
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    return Reply(200, document)


def keys(call: Call) -> Reply:
    return Reply(200, call.services.authority.keys())


def entra_token(call: Call) -> Reply:
    form = _form(call)
    options = call.services.authority.options
    audience = _audience(form.get("scope", ""), suffix="/.default")
    if not _same(call.params["tenant"], options.tenant_id):
        return _entra_error(call, 400, "invalid_request", 90002, f"Tenant '{call.params['tenant']}' not found.")
    if form.get("grant_type") != "client_credentials":
        what = f"The app requested an unsupported grant type '{form.get('grant_type', '')}'."
        return _entra_error(call, 400, "unsupported_grant_type", 70003, what)
    if not _same(form.get("client_id", ""), options.client_id):
        what = f"Application with identifier '{form.get('client_id', '')}' was not found in the directory."
        return _entra_error(call, 400, "unauthorized_client", 700016, what)
    refusal = refused(form, options)
    if refusal:
        return _entra_error(call, 401, "invalid_client", *refusal)
    if audience is None:
        what = f"The resource of the scope '{form.get('scope', '')}' was not found in the tenant."
        return _entra_error(call, 400, "invalid_resource", 500011, what)
    token = _issue(call, "client_credentials", options.client_id, audience)
    times = {"expires_in": token.expires_in, "ext_expires_in": token.expires_in}
    return Reply(200, {"token_type": "Bearer", **times, "access_token": token.value})


def imds_token(call: Call) -> Reply:
    if call.header("Metadata").lower() != "true":
        return _imds_error(400, "invalid_request", "Required metadata header not specified")
    if not _knows_identity(call):
        return _imds_error(400, "invalid_request", "Identity not found")
    audience = _audience(call.query.get("resource", ""))
    if audience is None:
        return _imds_error(400, "invalid_resource", "The requested resource was not found in the tenant")
    return Reply(200, _managed_identity(_issue_managed(call, "imds", audience)))


def app_service_token(call: Call) -> Reply:
    expected = call.services.authority.options.identity_header.encode()
    if not hmac.compare_digest(call.header("X-IDENTITY-HEADER").encode(), expected):
        return Reply(403, {"statusCode": 403, "message": "The identity header is missing or wrong."})
    if not _knows_identity(call):
        return Reply(400, {"statusCode": 400, "message": "No User Assigned or Delegated Managed Identity found."})
    audience = _audience(call.query.get("resource", ""))
    if audience is None:
        return Reply(500, {"statusCode": 500, "message": "An unexpected error occurred while fetching the token."})
    return Reply(200, _managed_identity(_issue_managed(call, "app_service", audience)))


def az_token(call: Call) -> Reply:
    if call.header("Metadata").lower() != "true":
        return _imds_error(400, "invalid_request", "Only the stand-in for az asks here")
    audience = _audience(call.query.get("resource", ""))
    if audience is None:
        return _imds_error(400, "invalid_resource", "AADSTS500011: The resource was not found in the tenant.")
    token = _issue(call, "az", "user", audience)
    # Real az prints local time here, and the unambiguous field beside it.
    local = dt.datetime.fromtimestamp(token.expires_on, dt.timezone.utc).astimezone()
    return Reply(
        200,
        {
            "accessToken": token.value,
            "expiresOn": local.strftime("%Y-%m-%d %H:%M:%S.%f"),
            "expires_on": token.expires_on,
            "tenant": call.services.authority.options.tenant_id,
            "tokenType": "Bearer",
        },
    )


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _audience(resource: str, *, suffix: str = "") -> str | None:
    """The resource that is meant, or ``None``; Entra takes it with and without a last slash."""
    if suffix and not resource.endswith(suffix):
        return None
    resource = resource.removesuffix(suffix).rstrip("/")
    return resource if resource in RESOURCES else None


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _knows_identity(call: Call) -> bool:
    # None named: the system-assigned identity, which every machine here has.
    named = {name: value for name in ("client_id", "object_id") if (value := call.query.get(name))}
    unknown = set(call.query) & {"msi_res_id", "mi_res_id"}
    return not unknown and all(_same(value, call.services.authority.options.client_id) for value in named.values())


def _issue_managed(call: Call, flow: str, audience: str) -> Issued:
    subject = call.query.get("client_id") or call.query.get("object_id") or "system-assigned"
    return _issue(call, flow, subject, audience)


def _issue(call: Call, flow: str, subject: str, audience: str) -> Issued:
    lifetime = call.orders.token_lifetime
    return call.services.authority.issue(flow=flow, subject=subject, audience=audience, lifetime=lifetime)


def _managed_identity(token: Issued) -> dict[str, str]:
    return {
        "access_token": token.value,
        "expires_in": str(token.expires_in),
        "expires_on": str(token.expires_on),
        "resource": token.audience,
        "token_type": "Bearer",
    }


def _imds_error(status: int, error: str, description: str) -> Reply:
    return Reply(status, {"error": error, "error_description": description})


def _entra_error(call: Call, status: int, error: str, code: int, what: str) -> Reply:
    document: dict[str, Any] = {
        "error": error,
        "error_description": f"AADSTS{code}: {what} Trace ID: {call.request_id}",
        "error_codes": [code],
        "timestamp": call.services.clock.now().strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": call.request_id,
        "correlation_id": call.request_id,
        "error_uri": f"{call.origin}/error?code={code}",
    }
    return Reply(status, document)


ROUTES = (
    Route(
        "openid_configuration",
        "GET",
        "/<tenant>/v2.0/.well-known/openid-configuration",
        openid_configuration,
        public=True,
    ),
    Route("signing_keys", "GET", "/<tenant>/discovery/v2.0/keys", keys, public=True),
    Route("entra_token", "POST", "/<tenant>/oauth2/v2.0/token", entra_token, public=True),
    Route("imds_token", "GET", "/metadata/identity/oauth2/token", imds_token, public=True),
    Route("app_service_token", "GET", APP_SERVICE_PATH, app_service_token, public=True),
    Route("az_token", "GET", AZ_PATH, az_token, public=True),
)
