"""What the authorisation server is given: settings, and the parts of the world it may touch."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from wardgate.audit.model import Event
from wardgate.authserver.keys import SigningKeyRing
from wardgate.jose import JWKSet
from wardgate.oauth.providers import Endpoints, Provider
from wardgate.oauth.users import SignedIn
from wardgate.outbound.fetch import Fetched
from wardgate.outbound.providers import Probe, ProviderTokens
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.ports import (
    AuthorizationCode,
    CodeRedemption,
    Grant,
    GrantStart,
    LoginState,
    RefreshToken,
    Rotated,
    Rotation,
    SingleUse,
    TokenIssue,
)


@dataclass(frozen=True, slots=True)
class Build:
    """What `_ping` and `_status` say about this program (application-restricted 12)."""

    version: str = ""
    revision: str = ""
    release_id: str = ""
    commit_id: str = ""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One line of `_status`: `status` is pass, warn or fail."""

    name: str
    status: str
    timeout: bool = False
    response_code: int = 200
    outcome: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class AuthServerSettings:
    """Read once, frozen; defaults are safe for production."""

    base_paths: tuple[str, ...] = ("/oauth2", "/oauth2-mock")
    token_lifetime_ms: int = 600_000
    requests_per_minute: int | None = 300
    """Of each application at the token endpoint (application-restricted 9); None: no limit. Counted in each process."""
    more_token_urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By base path: further accepted `aud` values, beside `<issuer>/token` of every public URL."""
    resource_servers: frozenset[str] = frozenset()
    """Applications that may introspect every token."""
    monitoring_key: str | None = None
    """The key of `_status`; None: `_status` refuses everybody."""
    mtls_public_url: str | None = None
    """Scheme, host and port of the mutual-TLS listener, for metadata."""
    body_timeout_seconds: float = 10.0
    recent_assertions: int = 50_000
    """How many used ids each process remembers for the early look."""
    token_exchange: bool = True
    """Whether ID tokens are exchanged (user-restricted 2.3)."""
    sign_ins_per_minute: int | None = 3_000
    """Of each application at the authorization endpoint, which nobody needs a secret for; None: no limit. Counted in each process."""
    state_seconds: int = 600
    pushed_request_seconds: int = 60
    """How long a sign-in may take, and a pushed request waits (user-restricted 4.2; RFC 9126 section 2.2)."""
    cors_preflight: bool = True
    """Answer preflights as the platform does; in a `strict` environment they are never answered."""
    build: Build = field(default_factory=Build)


class KeySets(Protocol):
    """Clients' key sets (`outbound.jwks.KeySetSource`). Fails closed: `JWKSUnavailable` when there is no sound set."""

    async def get(self, url: str) -> JWKSet: ...
    async def refetched(self, url: str) -> JWKSet:
        """The set after asking its host again, unless that was done a moment ago."""

    def inline(self, application: str, document: Mapping[str, Any]) -> JWKSet: ...


class SignIns(Protocol):
    """The store of sign-ins (`stores.grants`), asked from the loop. What returned is durable; fails closed."""

    async def hold(self, state: LoginState) -> None: ...
    async def take(self, state_id: str, now: datetime) -> LoginState | None: ...
    async def start(self, start: GrantStart) -> bool: ...
    async def code(self, code_hash: str, now: datetime) -> AuthorizationCode | None: ...
    async def redeem(self, redemption: CodeRedemption) -> Grant | None: ...
    async def refresh_token(self, token_hash: str) -> tuple[RefreshToken, Grant] | None: ...
    async def rotate(self, rotation: Rotation) -> Rotated: ...
    async def get(self, grant_id: str) -> Grant | None: ...
    async def of_session(self, provider_session: str) -> Sequence[Grant]: ...
    async def end(self, grant_ids: Sequence[str], at: datetime, event: Event) -> None: ...


class Providers(Protocol):
    """Sign-in providers as their client asks them (`outbound.providers.ProviderSource`). Raises `OutsideFailed`."""

    async def endpoints(self, provider: Provider) -> Endpoints: ...
    async def keys(self, provider: Provider, kids: Iterable[str | None]) -> JWKSet: ...
    async def redeem(self, provider: Provider, code: str, redirect_uri: str) -> ProviderTokens: ...
    async def userinfo(self, provider: Provider, access_token: str) -> Fetched: ...
    async def probe(self, provider: Provider) -> Probe: ...


def _faultless(_user: SignedIn) -> str | None:
    return None


def _real_time() -> timedelta:
    return timedelta(0)


async def _no_checks() -> Sequence[HealthCheck]:
    return ()


@dataclass(frozen=True, slots=True)
class AuthServer:
    """Everything the endpoints use. The callables that store something return only when it is durable."""

    settings: AuthServerSettings
    clients: Callable[[], Snapshot]
    issue: Callable[[TokenIssue], Awaitable[bool]]
    """Claim the assertion and store the event that applies, in one step. True: the answer may leave."""
    claim: Callable[[SingleUse], Awaitable[bool]]
    record: Callable[[Event], Awaitable[None]]
    revoke: Callable[[str, datetime, Event], Awaitable[None]]
    """(jti, until, event): remember the revoked token and tell every data plane."""
    keys: SigningKeyRing
    key_sets: KeySets
    now: Callable[[], datetime]
    new_token_id: Callable[[], str]
    """At least 128 random bits in URL-safe text."""
    new_message_id: Callable[[], str]
    new_secret: Callable[[], str]
    """36 characters of URL-safe text, 216 random bits: states, codes, refresh tokens (user-restricted 4.2)."""
    sign_ins: SignIns
    trusted: Callable[[], Sequence[Provider]]
    """The sign-in providers of every base path."""
    providers: Providers
    health: Callable[[], Awaitable[Sequence[HealthCheck]]] = _no_checks
    persona_fault: Callable[[SignedIn], str | None] = _faultless
    """The fault of a made-up person of the manifest, who signed in at a stand-in."""
    clock_shift: Callable[[], timedelta] = _real_time
    """How far `now` is ahead of the real time: zero in a live environment."""
