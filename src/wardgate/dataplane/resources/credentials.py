"""Credentials to application names: API keys, access tokens, certificate names. Each filter is one ECDS resource.

All three end in the same header, `x-wardgate-client`, which the maps of `standing` are keyed on.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from wardgate.dataplane.resources.envoy import (
    HTTP,
    JSON,
    PROXIED_ASID,
    PROXIED_BOUND,
    PROXIED_CLIENT,
    PROXIED_CREDENTIAL,
    PROXIED_ISSUER,
    PROXIED_JTI,
    PROXIED_LEVEL,
    PROXIED_PATIENT,
    PROXIED_PROVIDER,
    PROXIED_SCOPE,
    PROXIED_SESSION,
    PROXIED_USER,
    State,
    action,
    rbac_matcher,
    state_input,
    tree,
)
from wardgate.security_patterns.snapshot import APIKey, Snapshot, TokenIssuer

REVOKED: Final = "api-key-revoked"
EXPIRED: Final = "api-key-expired"
NAMES_PREFIX: Final = "names_"
NO_KEY: Final = "no-key-is-registered"
TOKEN_CACHE_SIZE: Final = 10_000
CLAIM_HEADERS: Final = {
    PROXIED_CLIENT: "client_id",
    PROXIED_JTI: "jti",
    PROXIED_CREDENTIAL: "cred",
    PROXIED_BOUND: "bound",
    PROXIED_ASID: "asid",
    PROXIED_SCOPE: "scope",
    PROXIED_ISSUER: "iss",
    PROXIED_SESSION: "sess",
    PROXIED_LEVEL: "level",
    PROXIED_USER: "sub",
    PROXIED_PROVIDER: "idp",
    PROXIED_PATIENT: "patient",
}
"""What the rules and the backends need of a token; the last five are of a user, but that `sub` is also an application's name. NOTE: its payload as dynamic metadata would hold it too, for 8 µs more of each call."""


def marked(key: APIKey, now: datetime) -> str:
    """Return what Envoy calls the key's owner: the application, or a marked name so that the reason can be named."""
    if key.revoked:
        return f"{REVOKED}:{key.application}"
    if key.expires is not None and key.expires <= now:
        return f"{EXPIRED}:{key.application}"
    return key.application


def api_keys(keys: Mapping[str, APIKey], now: datetime) -> JSON:
    """Return the API key filter. Envoy has no hashed form, so this resource carries keys in clear over a private socket.

    NOTE: the extension is marked work in progress by Envoy; everything that knows it is in this function.
    """
    credentials = [{"key": key.key, "client": marked(key, now)} for _, key in sorted(keys.items())]
    return {
        "@type": HTTP + "api_key_auth.v3.ApiKeyAuth",
        "key_sources": [{"header": "apikey"}],
        "credentials": credentials or [{"key": NO_KEY, "client": NO_KEY}],
        "forwarding": {"header": PROXIED_CLIENT, "hide_credentials": True},
    }


def tokens(issuer: TokenIssuer) -> JSON:
    """Return the access token filter: our own ES256 tokens, verified with keys that come with the resource."""
    provider: dict[str, Any] = {
        "audiences": [issuer.audience],
        "local_jwks": {"inline_string": json.dumps(issuer.jwks)},
        "forward": False,
        "require_expiration": True,  # NOTE: without this a token that has no exp is accepted
        "clock_skew_seconds": 1,  # NOTE: 0 means 60
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],  # NOTE: also shuts the query parameter
        "claim_to_headers": [{"header_name": header, "claim_name": claim} for header, claim in CLAIM_HEADERS.items()],
        "jwt_cache_config": {"jwt_cache_size": TOKEN_CACHE_SIZE},
    }
    return {
        "@type": HTTP + "jwt_authn.v3.JwtAuthentication",
        "providers": {"wardgate": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "wardgate"}}],
    }


def certificate_names(snapshot: Snapshot) -> JSON:
    """Return the map from certificate name to application: the one DNS name, or the CN that is all of the subject.

    NOTE: several DNS names arrive joined by commas, so such a certificate matches nothing; that is intended.
    """
    refused = action("certificate-not-registered", allow=False)
    by_name = {name: action(client, allow=True) for name, client in sorted(snapshot.certificate_names.items())}
    by_subject = {f"CN={name}": found for name, found in by_name.items()}
    return rbac_matcher(tree(state_input(State.CERTIFICATE_NAME), by_name | by_subject, refused), NAMES_PREFIX)


def certificate_client() -> JSON:
    """Return the filter that puts the application found by `certificate_names` where the other patterns put theirs."""
    found = f"%DYNAMIC_METADATA(envoy.filters.http.rbac:{NAMES_PREFIX}enforced_effective_policy_id)%"
    put = {"append": {"header": {"key": PROXIED_CLIENT, "value": found}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return {"@type": HTTP + "header_mutation.v3.HeaderMutation", "mutations": {"request_mutations": [{"remove": PROXIED_CLIENT}, put]}}


def fingerprints(snapshot: Snapshot) -> JSON:
    """Return the map of revoked certificates: it also holds on connections that were open before the revocation."""
    revoked = {value: action("certificate-revoked", allow=False) for value in sorted(snapshot.revocations.fingerprints)}
    return rbac_matcher(tree(state_input(State.FINGERPRINT), revoked, action("in-force", allow=True)))
