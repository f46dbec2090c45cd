"""Everything a decision needs to know, at one moment: immutable, indexed, made once per generation of the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wardgate.applications import Profile
from wardgate.catalogue import API, Environment
from wardgate.directory.index import DirectoryIndex
from wardgate.jose import JWKSet
from wardgate.quotas import RateLimits
from wardgate.sealing.keys import KeyDirectory
from wardgate.workflows.key_directory import PublishedKeys
from wardgate.workflows.post_office import PostOffice


@dataclass(frozen=True, slots=True)
class Client:
    """An application as the gateway sees it. `refused` is the reason code that stops every call of it, if any."""

    name: str
    organisation: str
    products: frozenset[str]
    apis: frozenset[str]
    scopes: tuple[str, ...]
    refused: str | None = None
    asid: str | None = None
    certificate_name: str | None = None
    limits: Mapping[str, RateLimits] = field(default_factory=dict)
    """Effective limits by API name."""
    profile: Profile = Profile.NHS
    jwks_url: str | None = None
    jwks: Mapping[str, Any] | None = None
    certificate_bound_tokens: bool = False
    callback_urls: tuple[str, ...] = ()
    provider_client_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallingSystem:
    """An accredited system as the gateway sees it."""

    asid: str
    organisation: str
    acts_for: frozenset[str]
    """ODS codes that a token of it may name: its clients, or its own organisation."""
    party_key: str
    certificate_names: frozenset[str]
    """The FQDNs registered for its party key: whose certificates its ASID may be used with."""
    interactions: frozenset[str]
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class APIKey:
    """A credential: its clear key (Envoy compares in clear), its application, and when it ends. `id` may be logged."""

    id: str
    key: str
    application: str
    revoked: bool = False
    expires: datetime | None = None
    secret: str | None = field(default=None, repr=False)
    """The `client_secret` that belongs to it; None: it has none, and none is right."""


@dataclass(frozen=True, slots=True)
class Revocations:
    """What has been taken back and is not yet over by itself."""

    tokens: frozenset[str] = frozenset()
    """`jti` of access tokens."""
    credentials: frozenset[str] = frozenset()
    """Ids of API keys whose access tokens are refused."""
    fingerprints: frozenset[str] = frozenset()
    """Client certificates, lower-case hex SHA-256."""
    grants: frozenset[str] = frozenset()
    """Ids of sign-ins that have ended, whose access tokens are refused."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenIssuer:
    """How this environment's access tokens are recognised: by keys, by one of the issuers, by the audience.

    It is itself and equal to no other, so that what was found out by it can be remembered (`access_token`).
    """

    issuers: tuple[str, ...]
    audience: str
    keys: JWKSet
    jwks: Mapping[str, Any]
    """The same keys as published (RFC 7517), for Envoy."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One generation of the world. Built by `security_patterns.build`, read by `decide` and by the compiler."""

    generation: int
    environment: Environment
    apis: tuple[API, ...]
    clients: Mapping[str, Client]
    api_keys: Mapping[str, APIKey]
    """By the clear key."""
    certificate_names: Mapping[str, str]
    """Certificate name to application name."""
    tokens: TokenIssuer
    revocations: Revocations = field(default_factory=Revocations)
    over_quota: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """(application, API) pairs whose long quota is used up, and when that ends; application `` stands for the API itself."""
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """A healthcare worker's identifier to the role profiles the directory knows of; empty when there is no directory."""
    systems: Mapping[str, CallingSystem] = field(default_factory=dict)
    """By ASID: every system that is or was live, the suspended among them."""
    organisations: frozenset[str] = frozenset()
    """Every ODS code that is known."""
    directory: DirectoryIndex | None = None
    """What is live in the directory, with endpoints and data-sharing rules; None: it is empty."""
    connect_to: Mapping[str, str] = field(default_factory=dict)
    """An endpoint's identifier to the `host:port` that the secure proxy connects to in place of its URL's host and 443."""
    post_office: PostOffice = field(default_factory=PostOffice)
    """Mailboxes and workflows: who may send which messages to whom."""
    message_keys: KeyDirectory = field(default_factory=PublishedKeys)
    """The keys that organisations sign messages with and have messages sealed to."""
    clock_shift: timedelta = timedelta(0)
    """How far the virtual clock is ahead of the real one, which Envoy goes by; zero in a live environment."""
