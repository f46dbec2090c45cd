"""The authorisation server's description of itself (RFC 8414): a public extra, no client may need it."""

from collections.abc import Mapping
from typing import Any, Final

from wardgate.oauth.pkce import METHOD
from wardgate.oauth.profiles import SIGN_IN_PROFILES, AssertionProfile
from wardgate.oauth.token_requests import GrantType

_ENDPOINTS: Final = (("introspection", "introspect"), ("revocation", "revoke"))


def metadata(issuer: str, profile: AssertionProfile, mtls_base: str | None) -> Mapping[str, Any]:
    """Return the document for `issuer`. `mtls_base` is the issuer's address on the mutual-TLS port, if there is one."""
    algorithms = sorted(profile.algorithms)
    certificates = profile.name == "strict"
    sign_in = SIGN_IN_PROFILES[profile.name]
    methods = ["private_key_jwt", "tls_client_auth"] if certificates else ["private_key_jwt"]
    document: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [str(grant) for grant in GrantType],
        "code_challenge_methods_supported": [METHOD],
        "authorization_response_iss_parameter_supported": sign_in.issuer_in_response,
        "token_endpoint_auth_methods_supported": [*methods, "client_secret_post"] if sign_in.secrets else methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
    }
    for name, path in _ENDPOINTS:
        document |= {
            f"{name}_endpoint": f"{issuer}/{path}",
            f"{name}_endpoint_auth_methods_supported": methods,
            f"{name}_endpoint_auth_signing_alg_values_supported": algorithms,
        }
    document["tls_client_certificate_bound_access_tokens"] = certificates
    if sign_in.pushed_requests:
        document |= {"pushed_authorization_request_endpoint": f"{issuer}/par", "require_pushed_authorization_requests": True}
    if certificates and mtls_base is not None:
        endpoints = (("token", "token"), *_ENDPOINTS, ("pushed_authorization_request", "par"))
        document["mtls_endpoint_aliases"] = {f"{name}_endpoint": f"{mtls_base}/{path}" for name, path in endpoints}
    return document
