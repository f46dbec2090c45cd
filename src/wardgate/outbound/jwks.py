"""Clients' key sets: cached per URL, fetched once at a time, never guessed (application-restricted 6.2).

Fails closed: without a sound set nothing is returned. A set that was sound serves for 24 hours while its host is down;
a host that answers with something else takes the set back at once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wardgate.jose import InvalidJWKSet, JWKSet, KeyRules, parse_jwk_set
from wardgate.outbound import mock_jwks
from wardgate.outbound.errors import HostDown, JWKSUnavailable, NotAKeySet
from wardgate.outbound.fetch import Fetcher, FetchRules


@dataclass(frozen=True, slots=True)
class KeySetSettings:
    """How long answers hold."""

    fetch: FetchRules = field(default_factory=FetchRules)
    keys: KeyRules = field(default_factory=KeyRules)
    fresh_seconds: float = 3600.0
    failure_seconds: float = 5.0
    """How long a failure is remembered, so that a dead host is not asked by every request."""
    stale_seconds: float = 86_400.0
    refetch_seconds: float = 60.0
    """An unknown `kid` makes us ask again at most once in this time per URL (`strict`)."""
    max_entries: int = 20_000


@dataclass(slots=True)
class _Entry:
    """What is known of one URL. Times are seconds since 1970."""

    keys: JWKSet | None = None
    fetched: float = 0.0
    asked: float = 0.0
    failure: JWKSUnavailable | None = None


class KeySetSource:
    """The cache. `now` is a clock that tests may turn; `own_public_urls` are the hosts whose mock key sets we know.

    `fetch` gets a document in place of a fetcher of its own.
    """

    def __init__(
        self, settings: KeySetSettings, now: Callable[[], datetime], own_public_urls: Callable[[], Sequence[str]] = tuple,
        fetch: Callable[[str], Awaitable[bytes]] | None = None,
    ) -> None:
        self._settings = settings
        self._now = now
        self._own = own_public_urls
        self._fetcher = Fetcher(settings.fetch)
        self._fetch_document = fetch or self._fetcher.get
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._flights: dict[str, asyncio.Task[_Entry]] = {}
        self._inline: dict[str, tuple[Mapping[str, Any], JWKSet | NotAKeySet]] = {}

    async def aclose(self) -> None:
        """Stop what is being fetched and close the connections."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        await self._fetcher.aclose()

    async def get(self, url: str) -> JWKSet:
        """Return the URL's key set, from the cache for an hour. Raises `JWKSUnavailable`."""
        entry = self._entries.get(url)
        now = self._now().timestamp()
        if entry is not None:
            if entry.keys is not None and entry.failure is None and now - entry.fetched < self._settings.fresh_seconds:
                return entry.keys
            if entry.failure is not None and now - entry.asked < self._settings.failure_seconds:
                return self._usable(entry, now)
            if entry.failure is not None and entry.keys is not None and now - entry.fetched <= self._settings.stale_seconds:
                self._flight(url)  # the host was down: ask again, but let nobody wait for it
                return entry.keys
        return self._usable(await self._fetch_once(url), now)

    async def refetched(self, url: str) -> JWKSet:
        """Return the set after asking its host again, unless it was asked within the last minute. Raises as `get`."""
        entry = self._entries.get(url)
        now = self._now().timestamp()
        if entry is not None and now - entry.asked < self._settings.refetch_seconds:
            return await self.get(url)
        return self._usable(await self._fetch_once(url), now)

    def inline(self, application: str, document: Mapping[str, Any]) -> JWKSet:
        """Return the set written in the manifest, parsed once per document. Raises `JWKSUnavailable`."""
        known = self._inline.get(application)
        if known is None or known[0] is not document:
            if len(self._inline) >= self._settings.max_entries:
                self._inline.clear()
            try:
                known = (document, parse_jwk_set(document, self._settings.keys))
            except InvalidJWKSet as fault:
                known = (document, NotAKeySet(fault.expected, fault.received))
            self._inline[application] = known
        if isinstance(known[1], NotAKeySet):
            raise known[1]
        return known[1]

    def _usable(self, entry: _Entry, now: float) -> JWKSet:
        if entry.keys is not None and (entry.failure is None or now - entry.fetched <= self._settings.stale_seconds):
            return entry.keys
        failure = entry.failure or HostDown("an answer", "none")
        raise type(failure)(failure.expected, failure.received)

    async def _fetch_once(self, url: str) -> _Entry:
        """Join the fetch that is under way, or start one. Whoever waits may leave without stopping it."""
        return await asyncio.shield(self._flight(url))

    def _flight(self, url: str) -> asyncio.Task[_Entry]:
        flight = self._flights.get(url)
        if flight is None:
            flight = asyncio.create_task(self._fetch(url))
            self._flights[url] = flight
            flight.add_done_callback(lambda done: self._landed(url, done))
        return flight

    def _landed(self, url: str, done: asyncio.Task[_Entry]) -> None:
        self._flights.pop(url, None)
        if not done.cancelled():
            done.exception()  # whoever waits sees it; if nobody does, it is not an unhandled one

    async def _fetch(self, url: str) -> _Entry:
        """Ask, and keep what came; never raises what a waiter would have to handle."""
        before = self._entries.get(url)
        try:
            keys = self._parse(await self._document(url))
            now = self._now().timestamp()
            entry = _Entry(keys, now, now)
        except HostDown as failure:
            kept = before or _Entry()
            entry = _Entry(kept.keys, kept.fetched, self._now().timestamp(), failure)
        except JWKSUnavailable as failure:
            entry = _Entry(asked=self._now().timestamp(), failure=failure)
        self._entries[url] = entry
        self._entries.move_to_end(url)
        if len(self._entries) > self._settings.max_entries:
            self._entries.popitem(last=False)
        return entry

    async def _document(self, url: str) -> bytes:
        for own in self._own():
            if url.startswith(own + mock_jwks.PREFIX):
                try:
                    return mock_jwks.decode_path(url.removeprefix(own + mock_jwks.PREFIX))
                except ValueError:
                    raise NotAKeySet("base64url of a key set after /mock-jwks/", "another text") from None
        return await self._fetch_document(url)

    def _parse(self, data: bytes) -> JWKSet:
        try:
            return parse_jwk_set(data, self._settings.keys)
        except InvalidJWKSet as fault:
            raise NotAKeySet(fault.expected, fault.received) from None
