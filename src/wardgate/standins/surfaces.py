"""Where the stand-ins are: the eight mock realms of each kind, and each provider's own paths (user-restricted 11.1, 12.1, 15.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wardgate.identities.provider import REALM_ENVIRONMENTS
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.discovery import Endpoints

REALMS: Final = "/realms/"
OWN: Final = "/standins/"
PREFIXES: Final = (REALMS, OWN)
ASSETS: Final = OWN + "assets/"
REALM_NAMES: Final = {ProviderKind.CIS2: "Cis2-mock-", ProviderKind.NHS_LOGIN: "NHS-Login-mock-"}


class Endpoint(StrEnum):
    """What a provider answers."""

    DISCOVERY = "discovery"
    AUTHORIZE = "authorize"
    TOKEN = "token"  # noqa: S105 - the name of an endpoint
    USERINFO = "userinfo"
    JWKS = "jwks"
    LOGOUT = "logout"
    TRUSTMARK = "trustmark"
    SIGN_IN = "sign-in"
    ROLE = "role"
    CONSENT = "consent"
    IDENTITY_CHECK = "identity-check"
    SMARTCARD = "smartcard"
    """At NHS CIS2, on the port that asks for a certificate and on no other."""


DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
STEPS: Final[Mapping[Endpoint, str]] = {
    Endpoint.SIGN_IN: "/login-actions/authenticate",
    Endpoint.ROLE: "/login-actions/role",
    Endpoint.CONSENT: "/login-actions/consent",
    Endpoint.IDENTITY_CHECK: "/login-actions/identity-check",
}
"""The pages of a sign-in, the same everywhere."""
_REALM_PATHS: Final[Mapping[Endpoint, str]] = {
    Endpoint.DISCOVERY: DISCOVERY_PATH, Endpoint.AUTHORIZE: "/protocol/openid-connect/auth",
    Endpoint.TOKEN: "/protocol/openid-connect/token", Endpoint.USERINFO: "/protocol/openid-connect/userinfo",
    Endpoint.JWKS: "/protocol/openid-connect/certs", Endpoint.LOGOUT: "/protocol/openid-connect/logout",
}
_OWN_PATHS: Final[Mapping[ProviderKind, Mapping[Endpoint, str]]] = {
    ProviderKind.CIS2: {
        Endpoint.DISCOVERY: DISCOVERY_PATH, Endpoint.AUTHORIZE: "/authorize", Endpoint.TOKEN: "/access_token",
        Endpoint.USERINFO: "/userinfo", Endpoint.JWKS: "/connect/jwk_uri", Endpoint.LOGOUT: "/connect/endSession",
    },
    ProviderKind.NHS_LOGIN: {
        Endpoint.DISCOVERY: DISCOVERY_PATH, Endpoint.AUTHORIZE: "/authorize", Endpoint.TOKEN: "/token",
        Endpoint.USERINFO: "/userinfo", Endpoint.JWKS: "/.well-known/jwks.json", Endpoint.TRUSTMARK: "/trustmark",
    },
}
"""NHS login has no logout (user-restricted 12.7); its trustmark's last segment is the host."""
_CARDS: Final[Mapping[ProviderKind, Mapping[Endpoint, str]]] = {
    ProviderKind.CIS2: {Endpoint.SMARTCARD: "/login-actions/smartcard"}, ProviderKind.NHS_LOGIN: {},
}
_OWN_BASES: Final = {
    ProviderKind.CIS2: "/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare",
    ProviderKind.NHS_LOGIN: "/standins/nhs-login",
}


@dataclass(frozen=True, slots=True)
class Surface:
    """One provider as clients see it. `base` is the path of its issuer."""

    kind: ProviderKind
    base: str
    environment: str | None
    """Of a mock realm; None: the provider's own paths."""
    paths: Mapping[Endpoint, str]

    @property
    def is_realm(self) -> bool:
        """Mock realms behave as the platform's: no state is needed, nobody is asked for consent or a level."""
        return self.environment is not None

    @property
    def realm_name(self) -> str:
        """The name of the realm, as the claim `realm` gives it."""
        return "/NHSIdentity/Healthcare" if self.environment is None else f"/{self.base.rpartition('/')[2]}"

    @property
    def label(self) -> str:
        """The provider's name for people."""
        return "NHS CIS2" if self.kind is ProviderKind.CIS2 else "NHS login"

    def issuer(self, origin: str) -> str:
        """Return the issuer under one of our addresses."""
        return origin + self.base

    def url(self, origin: str, endpoint: Endpoint) -> str:
        """Return the whole address of an endpoint. Raises `KeyError` for one that this provider has not."""
        return origin + self.base + self.paths[endpoint]

    def endpoints(self, origin: str) -> Endpoints:
        """Return every address that the discovery document names."""
        at = {endpoint: self.url(origin, endpoint) for endpoint in self.paths}
        return Endpoints(
            self.issuer(origin), at[Endpoint.AUTHORIZE], at[Endpoint.TOKEN], at[Endpoint.USERINFO], at[Endpoint.JWKS],
            at.get(Endpoint.LOGOUT), iss_in_response=self.names_issuer,
        )

    @property
    def names_issuer(self) -> bool:
        """RFC 9207: CIS2 adds `iss` and `client_id` to its response (user-restricted 4.3)."""
        return self.kind is ProviderKind.CIS2 and not self.is_realm


def _surfaces() -> Mapping[str, Surface]:
    realms = [
        Surface(kind, f"{REALMS}{name}{environment}", environment, {**_REALM_PATHS, **STEPS, **_CARDS[kind]})
        for kind, name in REALM_NAMES.items() for environment in REALM_ENVIRONMENTS
    ]
    own = [Surface(kind, base, None, {**_OWN_PATHS[kind], **STEPS, **_CARDS[kind]}) for kind, base in _OWN_BASES.items()]
    return {surface.base: surface for surface in (*realms, *own)}


SURFACES: Final[Mapping[str, Surface]] = _surfaces()
"""Every stand-in by the path of its issuer."""
_BY_PATH: Final[Mapping[str, tuple[Surface, Endpoint]]] = {
    surface.base + path: (surface, endpoint) for surface in SURFACES.values() for endpoint, path in surface.paths.items()
}


def find(path: str) -> tuple[Surface, Endpoint] | None:
    """Return what a path of ours means."""
    found = _BY_PATH.get(path)
    if found is None:  # the trustmark ends with the host it is for
        head, _, host = path.rpartition("/")
        above = _BY_PATH.get(head)
        return above if above is not None and above[1] is Endpoint.TRUSTMARK and 0 < len(host) <= 253 else None
    return found if found[1] is not Endpoint.TRUSTMARK else None


def surface_of(kind: ProviderKind, environment: str | None) -> Surface:
    """Return the surface of a kind: a mock realm, or the provider's own paths."""
    return SURFACES[_OWN_BASES[kind] if environment is None else f"{REALMS}{REALM_NAMES[kind]}{environment}"]
