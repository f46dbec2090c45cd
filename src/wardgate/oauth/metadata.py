"""The authorisation server's description of itself (RFC 8414): a public extra, no client may need it."""

from collections.abc import Mapping
from typing import Any

from wardgate.oauth.profiles import AssertionProfile


def metadata(issuer: str, profile: AssertionProfile, mtls_base: str | None) -> Mapping[str, Any]:
    """Return the document for `issuer`. `mtls_base` is the issuer's address on the mutual-TLS port, if there is one."""
    algorithms = sorted(profile.algorithms)
    certificates = profile.name == "strict"
    methods = ["private_key_jwt", "tls_client_auth"] if certificates else ["private_key_jwt"]
    document: dict[str, Any] = {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint": f"{issuer}/introspect",
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint": f"{issuer}/revoke",
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "tls_client_certificate_bound_access_tokens": certificates,
    }
    if certificates and mtls_base is not None:
        document["mtls_endpoint_aliases"] = {
            f"{name}_endpoint": f"{mtls_base}/{path}"
            for name, path in (("token", "token"), ("introspection", "introspect"), ("revocation", "revoke"))
        }
    return document
