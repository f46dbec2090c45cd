"""What the stand-ins are given: settings, and the parts of the world they may touch."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from starlette.concurrency import run_in_threadpool

from wardgate.audit.model import Event
from wardgate.identities import Identities
from wardgate.jose import JWKSet
from wardgate.keystores.rsa import CalendarKeys
from wardgate.oauth.users import ProviderKind
from wardgate.quotas.failed_tries import TryLimit
from wardgate.stores.ports import (
    Certificates,
    FailedTries,
    Kept,
    KeptEntry,
    Outbox,
    Parcel,
    Passkeys,
    SingleUse,
    Values,
)

ALGORITHMS: Final = {ProviderKind.CIS2: "RS256", ProviderKind.NHS_LOGIN: "RS512"}
"""What each signs with (user-restricted 15.2)."""
AHEAD_SECONDS: Final = 60

PERSON_TRIES: Final = TryLimit(free=3, first_wait_seconds=5, lock_after=10, lock_seconds=1800)
SOURCE_TRIES: Final = TryLimit(free=99, first_wait_seconds=3600, lock_after=100, lock_seconds=3600, forget_seconds=3600)


@dataclass(frozen=True, slots=True)
class StandInSettings:
    """How long things last, from user-restricted 11.4, 11.8 and 12.4."""

    sign_in_seconds: int = 900
    """How long a person may take over the pages of one sign-in."""
    session_idle_seconds: int = 30 * 60
    session_absolute_seconds: int = 12 * 3600
    id_token_seconds: int = 3600
    code_seconds: Mapping[ProviderKind, int] = field(default_factory=lambda: {ProviderKind.CIS2: 300, ProviderKind.NHS_LOGIN: 600})
    access_seconds: Mapping[ProviderKind, int] = field(default_factory=lambda: {ProviderKind.CIS2: 3599, ProviderKind.NHS_LOGIN: 300})
    refresh_seconds: Mapping[ProviderKind, int] = field(
        default_factory=lambda: {ProviderKind.CIS2: 12 * 3600, ProviderKind.NHS_LOGIN: 30 * 86_400})
    logout_timeout_seconds: float = 5.0
    logout_pauses_seconds: tuple[float, ...] = (1.0, 5.0)
    """Between the attempts to deliver a logout token: one more attempt than there are pauses."""
    body_timeout_seconds: float = 10.0
    password_timeout_seconds: float = 10.0
    """How long a password may wait for its turn to be hashed."""
    person_tries: TryLimit = PERSON_TRIES
    """At the password of one person, and at the code."""
    source_tries: TryLimit = SOURCE_TRIES
    """From one address, at whatever and whomever."""


class ClientKeys(Protocol):
    """Clients' key sets (`outbound.jwks.KeySetSource`). Fails closed."""

    async def get(self, url: str) -> JWKSet: ...
    async def refetched(self, url: str) -> JWKSet: ...
    def inline(self, application: str, document: Mapping[str, object]) -> JWKSet: ...


class Deliver(Protocol):
    """Posts a form to a client and returns the status of its answer; raises `OSError`, whose text may be recorded, or `TimeoutError`."""

    async def __call__(self, url: str, form: Mapping[str, str]) -> int: ...


def _real_time() -> timedelta:
    return timedelta(0)


@dataclass(frozen=True, slots=True)
class StandIns:
    """Everything the endpoints use."""

    settings: StandInSettings
    identities: Callable[[], Identities]
    origins: Callable[[], tuple[str, ...]]
    """Our public addresses, the first of them our name."""
    kept: Kept
    outbox: Outbox
    values: Values
    keys: Mapping[ProviderKind, CalendarKeys]
    client_keys: ClientKeys
    claim: Callable[[SingleUse], Awaitable[bool]]
    record: Callable[[Event], Awaitable[None]]
    deliver: Deliver
    now: Callable[[], datetime]
    secret: Callable[[], str]
    """At least 192 random bits in URL-safe text."""
    identifier: Callable[[], str]
    """A new random UUID."""
    failed_tries: FailedTries
    passkeys: Passkeys
    certificates: Certificates
    """What our certification authority issued: a smartcard is a certificate of a person."""
    smartcard_origin: str | None
    """Where the listener is that asks browsers for a certificate; None: there is none, and smartcards are not offered."""
    posted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something was put into the outbox."""
    clock_shift: Callable[[], timedelta] = _real_time
    """How far `now`, which goes by the virtual clock, is ahead of the real time."""

    async def keep(self, *entries: KeptEntry, while_kept: str | None = None) -> bool:
        """Keep every entry, or none when the one they depend on is gone."""
        return await run_in_threadpool(self.kept.put, entries, while_kept)

    async def kept_entry(self, entry_id: str) -> KeptEntry | None:
        """Return an entry that is not over."""
        return await run_in_threadpool(self.kept.get, entry_id, self.now())

    async def take(self, entry_id: str) -> KeptEntry | None:
        """Return and forget an entry: one caller gets it."""
        return await run_in_threadpool(self.kept.take, entry_id, self.now())

    async def end(self, head: str, then: Callable[[Sequence[KeptEntry]], Sequence[Parcel]] | None = None) -> tuple[KeptEntry, ...]:
        """End an entry and all that depends on it; what `then` makes of that goes into the outbox in the same step."""
        return tuple(await run_in_threadpool(self.kept.end, head, self.now(), then))

    def real_now(self) -> datetime:
        """Return the real time: that of records, deliveries, lock-outs and people's devices (decision 13)."""
        return self.now() - self.clock_shift()

    def is_ahead(self, moment: int) -> bool:
        """Whether something began by a virtual clock that was turned back since; two machines may differ by a minute."""
        return moment > self.now().timestamp() + AHEAD_SECONDS

    def until(self, seconds: int) -> datetime:
        """Return when something of this length ends."""
        return self.now() + timedelta(seconds=seconds)
