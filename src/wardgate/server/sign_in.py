"""Sign-in, joined: which providers the authorisation server believes, and the stand-ins that this process serves."""

import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from wardgate.audit.model import Event
from wardgate.identities import Authentication, Identities, IdentityProvider
from wardgate.identities.provider import REALM_ENVIRONMENTS
from wardgate.keystores.client_secrets import PROVIDERS, client_key, own_secret, stated_secret
from wardgate.keystores.rsa import CalendarKeys
from wardgate.oauth.providers import Provider, ProviderAuthentication
from wardgate.oauth.users import ProviderKind
from wardgate.outbound.errors import OutsideFailed
from wardgate.outbound.inside import InsideOrOut
from wardgate.server.clock import Clock
from wardgate.standins import StandIns, StandInSettings
from wardgate.standins.dependencies import ALGORITHMS, ClientKeys
from wardgate.standins.surfaces import Surface, surface_of
from wardgate.stores import Stores
from wardgate.stores.ports import SingleUse, Values

KEY_PERIOD: Final = timedelta(days=30)
KEY_OVERLAP: Final = timedelta(hours=2)
"""A stand-in's key stays published for the life of its last ID token, and an hour."""
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def providers_of(identities: Identities, origins: tuple[str, ...], values: Values) -> tuple[Provider, ...]:
    """Return the providers of every base path. Blocking: secrets are read, and keys made, in the store.

    The first of a kind and base path is where people are sent. A stand-in is further believed under each of our addresses
    and, as a mock realm, in each of the eight, because test tools choose among them (spec README rule 31).
    """
    return tuple(one for stated in identities.providers for one in _providers(stated, origins, values))


class TrustedProviders:
    """The providers of every base path, as read last."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._read: tuple[Identities, tuple[str, ...]] | None = None
        self.records: tuple[Provider, ...] = ()

    def reload(self, identities: Identities, origins: tuple[str, ...]) -> None:
        """Read again if people, providers or our addresses have changed. Blocking, as `providers_of`.

        NOTE: a changed secret is seen because its provider's document is written with it, which makes new `identities`.
        """
        if self._read is None or self._read[0] is not identities or self._read[1] != origins:
            self.records = providers_of(identities, origins, self._values)
            self._read = (identities, origins)


def _providers(stated: IdentityProvider, origins: tuple[str, ...], values: Values) -> Iterator[Provider]:
    assertion = stated.authentication is Authentication.PRIVATE_KEY_JWT
    secret = None if assertion else (own_secret if stated.stand_in else stated_secret)(values, PROVIDERS, stated.name)
    key = client_key(values, stated.name) if assertion else None

    common = Provider(
        stated.name, stated.kind, stated.issuer or "", stated.client_id, stated.base_path, client_secret=secret, signing_key=key,
        authentication=ProviderAuthentication(stated.authentication), assertion_audience=stated.assertion_audience,
        mock=stated.realm is not None, logout_networks=stated.logout_networks,
    )
    if not stated.stand_in:
        yield replace(
            common, authorization_endpoint=stated.authorization_endpoint, token_endpoint=stated.token_endpoint,
            userinfo_endpoint=stated.userinfo_endpoint, jwks_uri=stated.jwks_uri,
        )
        return
    for surface, origin in _places(stated, origins):
        at = surface.endpoints(origin)
        first = (surface.environment, origin) == (stated.realm, origins[0])
        yield replace(
            common, name=stated.name if first else f"{stated.name} at {at.issuer}", issuer=at.issuer,
            authorization_endpoint=at.authorization, token_endpoint=at.token, userinfo_endpoint=at.userinfo, jwks_uri=at.jwks,
            stand_in=True,
        )


def _places(stated: IdentityProvider, origins: tuple[str, ...]) -> list[tuple[Surface, str]]:
    others = [one for one in REALM_ENVIRONMENTS if one != stated.realm] if stated.realm is not None else []
    surfaces = [surface_of(stated.kind, environment) for environment in (stated.realm, *others)]
    return [(surface, origin) for surface in surfaces for origin in origins]


def stand_ins(
    stores: Stores, identities: Callable[[], Identities], origins: Callable[[], tuple[str, ...]], client_keys: ClientKeys, asking: InsideOrOut,
    claim: Callable[[SingleUse], Awaitable[bool]], record: Callable[[Event], Awaitable[None]], clock: Clock,
    settings: StandInSettings, smartcard_origin: str | None,
) -> StandIns:
    """Return what the stand-ins need."""
    keys = {kind: CalendarKeys(stores.values, f"stand-in-key/{kind}", ALGORITHMS[kind], KEY_PERIOD, KEY_OVERLAP) for kind in ProviderKind}

    async def deliver(url: str, form: Mapping[str, str]) -> int:
        try:
            return (await asking.ask("POST", url, _FORM, urlencode(form).encode("ascii"))).status
        except OutsideFailed as failed:
            raise OSError(str(failed)) from None

    return StandIns(
        settings, identities, origins, stores.kept, stores.outbox, stores.values, keys, client_keys, claim, record, deliver, clock.now,
        secret=lambda: secrets.token_urlsafe(32), identifier=lambda: str(uuid.uuid4()),
        failed_tries=stores.failed_tries, passkeys=stores.passkeys, certificates=stores.certificates, smartcard_origin=smartcard_origin,
        clock_shift=clock.shift,
    )


def own_application(origins: Callable[[], tuple[str, ...]], public: Callable[[], Any]) -> Callable[[str], Any]:
    """Return how to find the application of this process that answers an address: ours, for our own addresses."""

    def find(url: str) -> Any:
        parts = urlsplit(url)
        return public() if f"{parts.scheme}://{parts.netloc}".lower() in {origin.lower() for origin in origins()} else None

    return find
