"""Sign-in providers as the authorisation server knows them: whom it believes, and where they are (user-restricted 11, 12).

An endpoint that is not stated comes from the provider's discovery document, which must name the very issuer it was asked
for (OpenID Connect Discovery section 4.3): a document of another issuer is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from wardgate.jose import SigningJWK
from wardgate.jose.strict_json import decode_object
from wardgate.oauth.users import ProviderKind

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
ID_TOKEN_ALGORITHMS: Final = frozenset({"RS256", "RS512"})
SCOPES: Final = {ProviderKind.CIS2: "openid nationalrbacaccess", ProviderKind.NHS_LOGIN: "openid profile"}
"""What we ask a provider for (user-restricted 4.2)."""
DEFAULT_ACR_VALUES: Final = "AAL3_ANY"
MAX_AGE_SECONDS: Final = 300
_MAX_URL_CHARS: Final = 2_000


class ProviderAuthentication(StrEnum):
    """How we prove ourselves at a provider's token endpoint (user-restricted 4.3)."""

    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105 - the name of a method
    PRIVATE_KEY_JWT = "private_key_jwt"


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider that one base path of the authorisation server trusts."""

    name: str
    kind: ProviderKind
    issuer: str
    """To the letter, port included: compared with `iss`."""
    client_id: str
    base_path: str = "/oauth2"
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    jwks_uri: str | None = None
    """An endpoint that is None comes from the discovery document."""
    authentication: ProviderAuthentication = ProviderAuthentication.CLIENT_SECRET_POST
    client_secret: str | None = field(default=None, repr=False)
    signing_key: SigningJWK | None = field(default=None, repr=False)
    """The key of `private_key_jwt`."""
    assertion_audience: str | None = None
    """With `private_key_jwt`: `aud` of the assertion; None: the token endpoint."""
    mock: bool = False
    """Whether records call it a mock (user-restricted 6)."""
    leeway_seconds: int = 0
    """How long after `exp` its ID tokens still count: 0 (spec README rule 35)."""
    logout_networks: tuple[str, ...] = ()
    """Networks (CIDR) its logout tokens come from; empty: any."""
    stand_in: bool = False
    """Whether it is one of our stand-ins, which takes the faults that are asked for."""

    @property
    def record_name(self) -> str:
        """What records call it: `nhs-cis2`, or `apim-mock-nhs-cis2` for a mock (user-restricted 6)."""
        return f"apim-mock-{self.kind}" if self.mock else str(self.kind)

    @property
    def discovery_url(self) -> str:
        """Where its discovery document is (OpenID Connect Discovery section 4.1)."""
        return self.issuer.rstrip("/") + DISCOVERY_PATH


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is."""

    authorization: str
    token: str
    jwks: str
    userinfo: str | None = None


class UnsoundDiscovery(Exception):
    """The document cannot be used; `expected` and `received` are safe to record."""

    def __init__(self, expected: str, received: str) -> None:
        super().__init__(f"expected {expected}; received {received}")
        self.expected = expected
        self.received = received


def stated_endpoints(provider: Provider) -> Endpoints | None:
    """Return the endpoints when the manifest states those that are needed; None: ask for the discovery document."""
    given = (provider.authorization_endpoint, provider.token_endpoint, provider.jwks_uri)
    if any(url is None for url in given) or (provider.userinfo_endpoint is None and provider.kind is ProviderKind.CIS2):
        return None
    return Endpoints(str(given[0]), str(given[1]), str(given[2]), provider.userinfo_endpoint)


def read_discovery(data: bytes, provider: Provider) -> Endpoints:
    """Return the endpoints of a discovery document, what the manifest states first. Raises `UnsoundDiscovery`."""
    try:
        document = decode_object(data)
    except ValueError:
        raise UnsoundDiscovery("a JSON object", f"{len(data)} other bytes") from None
    if document.get("issuer") != provider.issuer:
        raise UnsoundDiscovery(f"the issuer {provider.issuer}", "another issuer, or none")
    return Endpoints(
        provider.authorization_endpoint or _url(document, "authorization_endpoint"),
        provider.token_endpoint or _url(document, "token_endpoint"),
        provider.jwks_uri or _url(document, "jwks_uri"),
        provider.userinfo_endpoint or (_url(document, "userinfo_endpoint") if "userinfo_endpoint" in document else None),
    )


def _url(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    sound = type(value) is str and len(value) <= _MAX_URL_CHARS and value.startswith(("https://", "http://")) and value.isascii() and value.isprintable()
    if not sound or "#" in str(value) or " " in str(value):
        raise UnsoundDiscovery(f"{name}, an URL", "nothing" if value is None else "another value")
    return str(value)


def by_kind(providers: Iterable[Provider], base_path: str, kind: ProviderKind) -> Provider | None:
    """Return the provider of this kind that the base path trusts."""
    return next((found for found in providers if found.base_path == base_path and found.kind is kind), None)


def by_issuer(providers: Iterable[Provider], base_path: str, issuer: object) -> Provider | None:
    """Return the provider with exactly this issuer (user-restricted 3.4)."""
    return next((found for found in providers if found.base_path == base_path and found.issuer == issuer), None)
