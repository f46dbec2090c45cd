"""OAuth 2.0: what requests, assertions and tokens must say, one module per topic. Pure.

Owns: the ordered checks of a client assertion (RFC 7521, RFC 7523; application-restricted 6.3 to 6.5), form parsing,
scopes, the claims of our access tokens (RFC 9068), metadata (RFC 8414), introspection (RFC 7662), revocation's rule of
ownership (RFC 7009) and certificate binding (RFC 8705); of users: which provider is believed, the checks of ID tokens that
are exchanged (RFC 8693; user-restricted 3) or that we asked for (4.3), of authorization requests (4.1), PKCE (RFC 7636),
lifetimes, and logout tokens (7.2).
Leaves: signatures (`jose`), who the client is and what it was granted (`authserver`), the wire texts of a refusal
(`refusals`): a check that fails raises `OAuthRefused` with the code of its row there.
Read: errors, profiles, requests, client_assertion, explain, scopes, access_token, mtls_binding, introspection, metadata;
users, providers, provider_tokens, id_token, token_requests, subject_token, explain_exchange,
authorization_request, pkce, lifetimes, logout_token.
"""

from wardgate.oauth.client_assertion import VerifiedAssertion, check_structure, verify_signature_and_audience
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.explain import CheckResult, explain_assertion, explain_jwks
from wardgate.oauth.profiles import PROFILES, AssertionProfile

__all__ = [
    "PROFILES", "AssertionProfile", "CheckResult", "OAuthRefused", "VerifiedAssertion", "check_structure",
    "explain_assertion", "explain_jwks", "verify_signature_and_audience",
]
