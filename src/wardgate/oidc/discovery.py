"""The discovery documents of the two providers (OpenID Connect Discovery 1.0 section 3; user-restricted 12.1 and 15.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import ACR_VALUES
from wardgate.oidc.scopes import CIS2_SCOPES, NHS_LOGIN_SCOPES
from wardgate.oidc.vectors import VECTORS

CIS2_CLAIMS: Final = (
    "iss", "aud", "azp", "exp", "iat", "auth_time", "nonce", "sid", "acr", "amr", "at_hash", "c_hash", "s_hash",
    "id_assurance_level", "authentication_assurance_level", "selected_roleid",
    *dict.fromkeys(claim for claims in CIS2_SCOPES.values() for claim in claims),
)
NHS_LOGIN_CLAIMS: Final = (
    "iss", "aud", "exp", "iat", "auth_time", "jti", "nonce", "vot", "vtm", "id_status", "surname",
    *dict.fromkeys(claim for claims, _ in NHS_LOGIN_SCOPES.values() for claim in claims),
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is: whole URLs."""

    issuer: str
    authorization: str
    token: str
    userinfo: str
    jwks: str
    end_session: str | None = None
    iss_in_response: bool = False
    """RFC 9207: whether the authorization response names the issuer."""


def discovery(kind: ProviderKind, at: Endpoints) -> Mapping[str, Any]:
    """Return the document a provider of this kind serves at `/.well-known/openid-configuration`."""
    document: dict[str, Any] = {
        "issuer": at.issuer, "authorization_endpoint": at.authorization, "token_endpoint": at.token,
        "userinfo_endpoint": at.userinfo, "jwks_uri": at.jwks,
    }
    if at.end_session is not None:
        document["end_session_endpoint"] = at.end_session
    document |= {
        "response_types_supported": ["code"], "response_modes_supported": ["query"], "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"], "request_parameter_supported": False, "request_uri_parameter_supported": False,
        "claims_parameter_supported": False, "authorization_response_iss_parameter_supported": at.iss_in_response,
    }
    return {**document, **_OWN[kind]}


_OWN: Final[Mapping[ProviderKind, Mapping[str, Any]]] = {
    ProviderKind.CIS2: {
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS512", "RS256"],
        "acr_values_supported": list(ACR_VALUES),
        "scopes_supported": list(CIS2_SCOPES),
        "claims_supported": list(CIS2_CLAIMS),
        "prompt_values_supported": ["none", "login"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    },
    ProviderKind.NHS_LOGIN: {
        "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "id_token_signing_alg_values_supported": ["RS512"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS512"],
        "scopes_supported": sorted(NHS_LOGIN_SCOPES),
        "claims_supported": list(NHS_LOGIN_CLAIMS),
        "vectors_of_trust_supported": list(VECTORS),
    },
}
