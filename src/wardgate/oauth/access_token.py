"""The claims of our access tokens (RFC 9068). Clients treat the token as opaque; gateways read it.

`client_id` and `sub` are the *name* of the application, never its API key: the key is a credential of the API-key
pattern, and a token travels to places that must not learn it. The private claim `cred` is the credential's id, by
which the tokens of a revoked key are refused; `org` is the ODS code and `asid` the system of the application; `bound`
repeats `cnf` as the hexadecimal fingerprint that Envoy compares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.jose import UnverifiedJWT, VerifiedJWT, base64url

TYPE: Final = "at+jwt"
ALGORITHM: Final = "ES256"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says. Times are whole seconds since 1970."""

    issuer: str
    audience: str
    application: str
    credential: str
    organisation: str
    scope: str
    """Space-delimited (RFC 8693 section 4.2)."""
    jti: str
    issued_at: int
    expires_at: int
    asid: str | None = None
    certificate_sha256: str | None = None
    """Base64url SHA-256 of the certificate the token is bound to (RFC 8705 section 3.1)."""

    def claims(self) -> dict[str, Any]:
        """Return the claims in RFC 9068's order, then ours."""
        claims: dict[str, Any] = {
            "iss": self.issuer, "exp": self.expires_at, "aud": self.audience, "sub": self.application,
            "client_id": self.application, "iat": self.issued_at, "jti": self.jti, "scope": self.scope,
            "cred": self.credential, "org": self.organisation,
        }
        if self.asid is not None:
            claims["asid"] = self.asid
        if self.certificate_sha256 is not None:
            claims["cnf"] = {"x5t#S256": self.certificate_sha256}
            claims["bound"] = base64url.decode(self.certificate_sha256.encode("ascii")).hex()  # as Envoy spells a fingerprint
        return claims


def looks_like_ours(token: UnverifiedJWT) -> bool:
    """Whether it is worth looking for a key: the header is that of our access tokens (RFC 9068 section 4)."""
    return token.header.get("typ") == TYPE and token.header.get("alg") == ALGORITHM and isinstance(token.header.get("kid"), str)


def read(token: VerifiedJWT, issuers: tuple[str, ...], audience: str) -> AccessToken | None:
    """Return the token's content when every claim is as we write it, for one of our issuers; else None.

    The signature was verified, so a claim of another shape means another kind of token by the same key.
    """
    claims: Mapping[str, Any] = token.claims
    texts = [claims.get(name) for name in ("iss", "aud", "sub", "cred", "org", "scope", "jti")]
    times = [claims.get(name) for name in ("iat", "exp")]
    if token.header.get("typ") != TYPE or not all(type(text) is str for text in texts) or not all(type(time) is int for time in times):
        return None
    issuer, aud, application, credential, organisation, scope, jti = (str(text) for text in texts)
    if issuer not in issuers or aud != audience or claims.get("client_id") != application:
        return None
    binding = claims.get("cnf")
    return AccessToken(
        issuer, aud, application, credential, organisation, scope, jti, int(claims["iat"]), int(claims["exp"]),
        claims.get("asid"), binding.get("x5t#S256") if isinstance(binding, dict) else None,
    )
