"""Guarding what can be guessed at a stand-in: failures are counted by person and by source, in the store (NIST SP 800-63B 5.2.2).

Whether somebody exists makes no difference: a name of nobody is counted, waits and is locked out as any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.concurrency import run_in_threadpool

from wardgate.audit.model import EventType, Outcome, Personal
from wardgate.oauth.users import ProviderKind
from wardgate.standins.methods.seam import Attempt, NotProved, Question
from wardgate.standins.record import note
from wardgate.stores.ports import TriesBegun, Try

_IPV6_NETWORK_BITS: Final = 64
"""Whoever has an IPv6 address has all of its network."""


class Guarded(StrEnum):
    """What can be guessed, each counted by itself: knowing the password gives no more tries at the code."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind of secret
    CODE = "code"


def person_keys(kind: ProviderKind, username: str) -> tuple[str, ...]:
    """Return the keys under which the failures of a person are counted."""
    return tuple(_person_key(kind, username, guarded) for guarded in Guarded)


def source_key(source: str) -> str:
    """Return the key under which the failures of an address are counted; of IPv6, of its network of 64 bits."""
    try:
        address = ip_address(source)
    except ValueError:
        return f"source/{source}"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return f"source/{address.ipv4_mapped}"
        address = IPv6Address(int(address) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS)
    return f"source/{address}"


def _person_key(kind: ProviderKind, username: str, guarded: Guarded) -> str:
    return f"person/{kind}/{username.casefold()}/{guarded}"


@dataclass(frozen=True, slots=True)
class Guard:
    """One try at one secret. It is counted as a failure from `begin` on, until `succeeded` or `given_up` says otherwise."""

    attempt: Attempt
    method: str
    guarded: Guarded
    username: str = field(repr=False)
    begun: TriesBegun | None = None

    @classmethod
    async def begin(cls, attempt: Attempt, method: str, guarded: Guarded, username: str, again: Question | None = None) -> "Guard":
        """Count the try. Raises `NotProved` when it came too early, which is recorded and does not count."""
        guard = cls(attempt, method, guarded, username)
        tries = guard._tries
        begun = await run_in_threadpool(attempt.deps.failed_tries.begin, tries, attempt.deps.real_now())
        if begun.allowed:
            return cls(attempt, method, guarded, username, begun)
        opens = max(tally.open_from for tally in begun.tallies if tally is not None)
        await guard._note(EventType.STAND_IN_REFUSED, "too-many-tries")
        raise NotProved(waiting((opens - attempt.deps.real_now()).total_seconds()), again, recorded=True)

    async def failed(self, error: str, problem: str, again: Question | None = None) -> NotProved:
        """Record the failure, and the lock-out if it is one; return what to raise."""
        tallies = self.begun.tallies if self.begun is not None else ()
        person = tallies[0] if tallies else None
        await self._note(EventType.STAND_IN_REFUSED, error, failures=person.failures if person is not None else None)
        for one, tally, whose in zip(self._tries, tallies, ("person", "source"), strict=True):
            if tally is not None and one.limit.locks(tally.failures):
                await self._note(EventType.STAND_IN_LOCKED, None, whose=whose, failures=tally.failures, seconds=one.limit.lock_seconds)
        return NotProved(problem, again, recorded=True)

    async def succeeded(self) -> None:
        """Forget the person's failures, and take this one back from the source's: one's own account must not buy more tries."""
        await self._settle([self._tries[0].key], self._tries[1:])

    async def given_up(self) -> None:
        """The try could not be judged: it does not count."""
        await self._settle([], self._tries)

    @property
    def _tries(self) -> tuple[Try, Try]:
        settings, kind = self.attempt.deps.settings, self.attempt.surface.kind
        return (Try(_person_key(kind, self.username, self.guarded), settings.person_tries),
                Try(source_key(self.attempt.source), settings.source_tries))

    async def _settle(self, forget: Sequence[str], give_back: Sequence[Try]) -> None:
        deps = self.attempt.deps
        await run_in_threadpool(deps.failed_tries.succeed, forget, give_back, deps.real_now())

    async def _note(self, kind: EventType, error: str | None, **details: str | int | None) -> None:
        attempt = self.attempt
        about: dict[str, str | int | Personal | None] = {
            "method": self.method, "secret": self.guarded.value, "source": Personal(attempt.source), **details}
        await note(attempt.deps, kind, Outcome.REFUSED, error, attempt.surface, attempt.client.client_id, self.username, None, **about)


def waiting(seconds: float) -> str:
    """Return what somebody is told who has to wait."""
    whole = max(1, int(-(-seconds // 1)))
    count, unit = (whole, "second") if whole < 60 else (-(-whole // 60), "minute")
    return f"There were too many failed tries. Try again in {count} {unit}{'' if count == 1 else 's'}."
