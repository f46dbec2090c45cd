"""What is remembered of a sign-in: the body of a grant and of a login state, as JSON that the store encrypts.

Only this server reads what it wrote: a body of another shape means a damaged store, and is an error.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from hashlib import sha256
from json import JSONEncoder
from typing import Any, Final

from wardgate.oauth.users import ProviderKind, SignedIn

_WHO: Final = tuple(entry.name for entry in fields(SignedIn))
_encode: Final = JSONEncoder(separators=(",", ":")).encode


def hashed(secret: str) -> str:
    """Return the name under which the store finds a secret of 216 random bits."""
    return sha256(secret.encode("utf-8")).hexdigest()


def session_name(issuer: str, session: str) -> str:
    """Return the name under which the sign-ins of a provider's session are found (user-restricted 7.2)."""
    return sha256(sha256(issuer.casefold().encode()).digest() + session.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class SignInRecord:
    """A grant's body: who signed in, how, for which scopes, and the provider's token where it is needed again."""

    who: SignedIn
    scopes: tuple[str, ...]
    auth_grant_type: str
    """`authorization_code` or `token_exchange` (user-restricted 6)."""
    roles: tuple[str, ...] | None = None
    """The role profiles of a worker, when the provider told them; one empty text: it told nonsense."""
    provider_token: str | None = field(default=None, repr=False)
    """The provider's access token, of a combined CIS2 sign-in: for userinfo."""
    fault: str | None = None
    """A fault that was asked for when the sign-in began (`authserver.faults`)."""

    def write(self) -> str:
        """Return the body. Written out: `asdict` copies deeply, which is felt in every token."""
        who = {name: getattr(self.who, name) for name in _WHO}
        return _encode({"who": who, "scopes": self.scopes, "auth_grant_type": self.auth_grant_type, "roles": self.roles,
                        "provider_token": self.provider_token, **({"fault": self.fault} if self.fault is not None else {})})

    @classmethod
    def read(cls, body: str) -> "SignInRecord":
        """Return what `write` made. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        found: dict[str, Any] = json.loads(body)
        who = SignedIn(**{**found["who"], "kind": ProviderKind(found["who"]["kind"]), "amr": tuple(found["who"]["amr"])})
        roles = found["roles"]
        return cls(who, tuple(found["scopes"]), found["auth_grant_type"], tuple(roles) if roles is not None else None, found["provider_token"],
                   found.get("fault"))

    def within(self, scopes: tuple[str, ...]) -> "SignInRecord":
        """Return the record with the scopes that the application still has."""
        held = frozenset(scopes)
        return self if held.issuperset(self.scopes) else replace(self, scopes=tuple(scope for scope in self.scopes if scope in held))


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """A login state's body: what was asked, by whom, in which browser, and which provider the browser was sent to."""

    application: str
    credential: str
    redirect_uri: str
    state: str
    base_path: str
    callback: str
    """The callback URL the provider was told; it must be told again with the code."""
    provider: str
    issuer: str
    challenge: str | None
    nonce: str | None
    browser: str
    """Hash of the cookie's value."""
    fault: str | None = None
    """A fault that was asked for, to be met later in the sign-in."""

    def write(self) -> str:
        """Return the body."""
        return _encode(asdict(self))

    @classmethod
    def read(cls, body: str) -> "LoginRecord":
        """Return what `write` made."""
        return cls(**json.loads(body))


@dataclass(frozen=True, slots=True)
class PushedRecord:
    """A pushed request's body (RFC 9126): whose it is, and its parameters."""

    application: str
    base_path: str
    parameters: Mapping[str, str]

    def write(self) -> str:
        """Return the body."""
        return _encode(asdict(self))

    @classmethod
    def read(cls, body: str) -> "PushedRecord":
        """Return what `write` made."""
        return cls(**json.loads(body))
