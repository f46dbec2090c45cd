"""The claims of our access tokens (RFC 9068). Clients treat the token as opaque; gateways read it.

`client_id` and `sub` are the *name* of the application, never its API key: the key is a credential of the API-key
pattern, and a token travels to places that must not learn it. The private claim `cred` is the credential's id, by
which the tokens of a revoked key are refused; `org` is the ODS code and `asid` the system of the application; `bound`
repeats `cnf` as the hexadecimal fingerprint that Envoy compares.

In a user's token `sub` is the user instead (RFC 9068 section 2.2), and the private claims say what the gateway needs to
know of the sign-in: `sess` (the grant, by which tokens end when the user signs out), `idp` (the issuer of the ID token),
`level`, `role` (the chosen role profile), `roles` (the role profiles of the user, when the provider told them),
`patient` (level and NHS number in the form backends get) and `act` (RFC 8693 section 4.1: who acts for the patient).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.jose import UnverifiedJWT, VerifiedJWT, base64url

TYPE: Final = "at+jwt"
MAX_ROLES: Final = 100
ALGORITHM: Final = "ES256"


@dataclass(frozen=True, slots=True)
class TokenUser:
    """The user of a token. `user` is a worker's UID or a patient's NHS number: personal."""

    user: str
    grant: str
    """The id of the sign-in: random, may be logged."""
    issuer: str
    level: str
    separate: bool
    """Whether the token came from an exchange: then the user's roles are not known (user-restricted 8)."""
    role: str | None = None
    roles: tuple[str, ...] | None = None
    """None: not known."""
    patient: str | None = None
    """`P9:9912003071`, for a patient's token."""
    actor: str | None = None

    def claims(self) -> dict[str, Any]:
        """Return the claims that a user adds."""
        found: dict[str, Any] = {"sub": self.user, "sess": self.grant, "idp": self.issuer, "level": self.level, "separate": self.separate}
        if self.role is not None:
            found["role"] = self.role
        if self.roles is not None:
            found["roles"] = list(self.roles)
        if self.patient is not None:
            found["patient"] = self.patient
        if self.actor is not None:
            found["act"] = {"sub": self.actor}
        return found


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
    user: TokenUser | None = None
    """None: the application acts by itself."""
    not_before: int | None = None
    """Written while a virtual clock is ahead, so that the token counts by no clock that has not come so far."""

    def claims(self) -> dict[str, Any]:
        """Return the claims in RFC 9068's order, then ours."""
        claims: dict[str, Any] = {
            "iss": self.issuer, "exp": self.expires_at, "aud": self.audience, "sub": self.application,
            "client_id": self.application, "iat": self.issued_at, "jti": self.jti, "scope": self.scope,
            "cred": self.credential, "org": self.organisation,
        }
        if self.not_before is not None:
            claims["nbf"] = self.not_before
        if self.asid is not None:
            claims["asid"] = self.asid
        if self.certificate_sha256 is not None:
            claims["cnf"] = {"x5t#S256": self.certificate_sha256}
            claims["bound"] = base64url.decode(self.certificate_sha256.encode("ascii")).hex()  # as Envoy spells a fingerprint
        return claims if self.user is None else claims | self.user.claims()


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
    issuer, aud, subject, credential, organisation, scope, jti = (str(text) for text in texts)
    application = claims.get("client_id")
    user = _user(claims) if "sess" in claims else None
    if issuer not in issuers or aud != audience or type(application) is not str:
        return None
    if ("sess" in claims and user is None) or (user is None and subject != application):
        return None
    binding, not_before = claims.get("cnf"), claims.get("nbf")
    if not_before is not None and type(not_before) is not int:
        return None
    return AccessToken(
        issuer, aud, application, credential, organisation, scope, jti, int(claims["iat"]), int(claims["exp"]),
        claims.get("asid"), binding.get("x5t#S256") if isinstance(binding, dict) else None, user,
        not_before,
    )


def _user(claims: Mapping[str, Any]) -> TokenUser | None:
    texts = [claims.get(name) for name in ("sub", "sess", "idp", "level")]
    maybe = [claims.get(name) for name in ("role", "patient")]
    roles, acts = claims.get("roles"), claims.get("act")
    if not all(type(text) is str for text in texts) or not all(text is None or type(text) is str for text in maybe):
        return None
    if roles is not None and not (type(roles) is list and len(roles) <= MAX_ROLES and all(type(role) is str for role in roles)):
        return None
    user, grant, issuer, level = (str(text) for text in texts)
    return TokenUser(
        user, grant, issuer, level, claims.get("separate") is True, maybe[0], tuple(roles) if roles is not None else None, maybe[1],
        acts.get("sub") if isinstance(acts, dict) else None,
    )
