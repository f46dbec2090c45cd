"""Sign-in providers as their client asks them: where they are, their keys, tokens for a code, details of a user.

Discovery is kept for an hour (user-restricted 11.1), keys for 24 hours per issuer and asked again for an unknown `kid` at
most once a minute (3.4; 17). A provider's addresses come from the operator's manifest or from the provider's own discovery
document; they are asked under the same rules as everybody's (`fetch`), our own stand-ins within the process (`inside`).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from wardgate.jose import JWKSet, KeyRules, sign
from wardgate.jose.strict_json import decode_object
from wardgate.oauth.client_assertion import ASSERTION_TYPE
from wardgate.oauth.providers import (
    Endpoints,
    Provider,
    ProviderAuthentication,
    UnsoundDiscovery,
    read_discovery,
    stated_endpoints,
)
from wardgate.outbound.errors import HostDown, JWKSUnavailable, NotAKeySet, ProviderRefused
from wardgate.outbound.fetch import Fetched, FetchRules, check_answer
from wardgate.outbound.inside import InsideOrOut, OwnApplication, nobody
from wardgate.outbound.jwks import KeySetSettings, KeySetSource

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
ASSERTION_SECONDS: Final = 300
MAX_TOKEN_CHARS: Final = 16_384
_BUSY: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How long answers hold."""

    fetch: FetchRules = field(default_factory=lambda: FetchRules(timeout_seconds=10.0))
    keys: KeyRules = field(default_factory=KeyRules)
    discovery_seconds: float = 3600.0
    failure_seconds: float = 5.0
    keys_seconds: float = 86_400.0
    refetch_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class ProviderTokens:
    """What a code was redeemed for. Nothing in the ID token is true yet."""

    id_token: str | None = field(repr=False)
    access_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Probe:
    """How a provider is: asked for its key set."""

    name: str
    link: str
    response_code: int = 0
    timed_out: bool = False
    fault: str = ""
    """Why it is not well; empty when it is."""


@dataclass(slots=True)
class _Known:
    """What is known of a provider's endpoints. Times are seconds since 1970."""

    provider: Provider
    endpoints: Endpoints | None = None
    asked: float = 0.0
    failure: JWKSUnavailable | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ProviderSource:
    """The client. `new_id` gives the `jti` of our assertions, `now` their times; what is kept ages by `steady`, a clock that never goes back."""

    def __init__(
        self, settings: ProviderSettings, now: Callable[[], datetime], new_id: Callable[[], str], own: OwnApplication = nobody,
        steady: Callable[[], datetime] | None = None,
    ) -> None:
        self._settings, self._now, self._new_id = settings, now, new_id
        self._steady = steady or now
        self._asking = InsideOrOut(settings.fetch, own)
        self._known: dict[str, _Known] = {}
        self._keys = KeySetSource(KeySetSettings(
            fetch=settings.fetch, keys=settings.keys, fresh_seconds=settings.keys_seconds, stale_seconds=settings.keys_seconds,
            failure_seconds=settings.failure_seconds, refetch_seconds=settings.refetch_seconds,
        ), self._steady, fetch=self._document)

    async def aclose(self) -> None:
        """Stop what is being fetched and close the connections."""
        await self._keys.aclose()
        await self._asking.aclose()

    async def endpoints(self, provider: Provider) -> Endpoints:
        """Return where the provider is. Raises `JWKSUnavailable`; its discovery document may be an hour old, and older while it is down."""
        stated = stated_endpoints(provider)
        if stated is not None:
            return stated
        known = self._known.get(provider.name)
        if known is None or known.provider != provider:
            known = self._known[provider.name] = _Known(provider)
        async with known.lock:
            now = self._steady().timestamp()
            kept = self._settings.discovery_seconds if known.failure is None else self._settings.failure_seconds
            if now - known.asked >= kept or (known.endpoints is None and known.failure is None):
                await self._discover(known)
        if known.endpoints is None:
            failure = known.failure or HostDown("an answer", "none")
            raise type(failure)(failure.expected, failure.received)
        return known.endpoints

    async def keys(self, provider: Provider, kids: Iterable[str | None]) -> JWKSet:
        """Return the provider's keys, asked again when one of these names is unknown. Raises `JWKSUnavailable`."""
        url = (await self.endpoints(provider)).jwks
        keys = await self._keys.get(url)
        if any(kid is not None and kid not in keys.keys for kid in kids):
            keys = await self._keys.refetched(url)
        return keys

    async def redeem(self, provider: Provider, code: str, redirect_uri: str) -> ProviderTokens:
        """Return the tokens for a code (user-restricted 4.3 step 2). Raises `ProviderRefused` or `JWKSUnavailable`."""
        url = (await self.endpoints(provider)).token
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, **self._proof(provider, url)}
        answer = await self._asking.ask("POST", url, FORM, urlencode(form).encode("ascii"))
        if 400 <= answer.status < 500 and answer.status not in _BUSY:
            raise ProviderRefused("tokens for the code", f"status {answer.status} {_word(_members(answer).get('error'))}")
        check_answer(answer)
        found = _members(answer)
        return ProviderTokens(_token(found.get("id_token")), _token(found.get("access_token")))

    async def userinfo(self, provider: Provider, access_token: str) -> Fetched:
        """Return the provider's answer about the user, whatever its status. Raises `JWKSUnavailable`."""
        url = (await self.endpoints(provider)).userinfo
        if url is None:
            raise NotAKeySet("a userinfo endpoint", "none")
        return await self._asking.ask("GET", url, {"Authorization": f"Bearer {access_token}"})

    async def probe(self, provider: Provider) -> Probe:
        """Ask for the provider's key set now, whatever is remembered, and say how that went."""
        link = provider.jwks_uri or provider.discovery_url
        try:
            link = (await self.endpoints(provider)).jwks
            answer = await self._asking.ask("GET", link)
        except JWKSUnavailable as fault:
            return Probe(provider.name, link, timed_out=fault.received == "none in time", fault=f"expected {fault.expected}; received {fault.received}")
        fault_text = "" if answer.status == 200 else f"expected status 200; received status {answer.status}"
        return Probe(provider.name, link, answer.status, fault=fault_text)

    async def _document(self, url: str) -> bytes:
        return check_answer(await self._asking.ask("GET", url, {"Accept": "application/json"}))

    async def _discover(self, known: _Known) -> None:
        try:
            known.endpoints = read_discovery(await self._document(known.provider.discovery_url), known.provider)
            known.failure = None
        except UnsoundDiscovery as fault:
            known.endpoints, known.failure = None, NotAKeySet(fault.expected, fault.received)
        except NotAKeySet as fault:
            known.endpoints, known.failure = None, fault
        except HostDown as fault:
            known.failure = fault
        known.asked = self._steady().timestamp()

    def _proof(self, provider: Provider, token_url: str) -> Mapping[str, str]:
        if provider.authentication is ProviderAuthentication.CLIENT_SECRET_POST:
            return {"client_id": provider.client_id, "client_secret": provider.client_secret or ""}
        if provider.signing_key is None:
            raise NotAKeySet("a key to prove ourselves with", "none")
        now = int(self._now().timestamp())
        claims = {"iss": provider.client_id, "sub": provider.client_id, "aud": provider.assertion_audience or token_url,
                  "jti": self._new_id(), "iat": now, "exp": now + ASSERTION_SECONDS}
        return {"client_id": provider.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": sign(claims, provider.signing_key)}


def _members(answer: Fetched) -> Mapping[str, Any]:
    try:
        return decode_object(answer.body)
    except ValueError:
        if answer.status == 200:
            raise NotAKeySet("a JSON object with tokens", "another body") from None
        return {}


def _token(value: Any) -> str | None:
    return value if type(value) is str and 0 < len(value) <= MAX_TOKEN_CHARS and value.isascii() and value.isprintable() else None


def _word(value: Any) -> str:
    """Return an error code of somebody else as it may be recorded."""
    return value if type(value) is str and len(value) <= 60 and value.replace("_", "").isalnum() and value.isascii() else "without a code"
