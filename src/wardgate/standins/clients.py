"""Who may ask a stand-in: the authorisation server itself, and the manifest's relying parties."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wardgate.identities import Authentication, IdentityProvider, RelyingParty
from wardgate.jose import JWKSet
from wardgate.keystores.client_secrets import PROVIDERS, RELYING_PARTIES, client_key, own_secret
from wardgate.keystores.rsa import public_key
from wardgate.oauth.users import ProviderKind
from wardgate.standins.dependencies import StandIns
from wardgate.standins.surfaces import Surface


@dataclass(frozen=True, slots=True)
class Client:
    """A client of one kind of stand-in. `secret` and `own_keys` are looked up when they are needed."""

    client_id: str
    label: str
    redirect_uris: tuple[str, ...]
    authentication: Authentication
    secret: Callable[[], str] = field(repr=False)
    own_keys: Callable[[], JWKSet] | None = None
    """Of the authorisation server, whose key is in our store."""
    jwks: Mapping[str, Any] | None = None
    jwks_url: str | None = None
    scopes: tuple[str, ...] = ()
    vtr: tuple[str, ...] = ()
    im1: bool = False
    refresh_tokens: bool = False
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    is_platform: bool = False
    """The authorisation server: sends no nonce, and signs assertions of an hour (user-restricted 4.2, 4.3)."""


def find_client(deps: StandIns, surface: Surface, client_id: str) -> Client | None:
    """Return the client of this name at this provider."""
    known = deps.identities()
    platform = next((one for one in known.providers if _is_platform(one, surface, client_id)), None)
    if platform is not None:
        return _platform(deps, platform)
    party = known.relying_parties.get(client_id)
    return _relying_party(deps, party) if party is not None and party.kind is surface.kind else None


def is_served(deps: StandIns, kind: ProviderKind) -> bool:
    """Whether the manifest has a stand-in of this kind at all: else its paths do not exist."""
    return any(provider.stand_in and provider.kind is kind for provider in deps.identities().providers)


def _is_platform(provider: IdentityProvider, surface: Surface, client_id: str) -> bool:
    fits = provider.stand_in and provider.kind is surface.kind and provider.realm == surface.environment
    return fits and provider.client_id == client_id


def _platform(deps: StandIns, provider: IdentityProvider) -> Client:
    bases = [origin + provider.base_path for origin in deps.origins()]

    def keys() -> JWKSet:
        key = public_key(client_key(deps.values, provider.name))
        return JWKSet({key.kid: key}, {})

    return Client(
        provider.client_id, "Wardgate", tuple(f"{base}/callback" for base in bases), provider.authentication,
        lambda: own_secret(deps.values, PROVIDERS, provider.name), own_keys=keys, refresh_tokens=False,
        backchannel_logout_uri=f"{bases[0]}/backchannel_logout" if provider.kind is ProviderKind.CIS2 else None, is_platform=True,
    )


def _relying_party(deps: StandIns, party: RelyingParty) -> Client:
    return Client(
        party.client_id, party.label, party.redirect_uris, party.authentication,
        lambda: own_secret(deps.values, RELYING_PARTIES, party.client_id), jwks=party.jwks, jwks_url=party.jwks_url,
        scopes=party.scopes, vtr=party.vtr, im1=party.im1, refresh_tokens=party.refresh_tokens,
        post_logout_redirect_uris=party.post_logout_redirect_uris, backchannel_logout_uri=party.backchannel_logout_uri,
    )
