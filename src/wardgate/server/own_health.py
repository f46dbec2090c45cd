"""What `_status` of the authorisation server says of the whole: its store, its revocation lists, its Envoys, message keys.

Fails loud: what cannot be asked in time is a failure. The answer's status stays 200 (application-restricted 12).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from wardgate.authserver.dependencies import HealthCheck
from wardgate.ca import CertificateAuthority
from wardgate.dataplane.xds import Discovery
from wardgate.server.message_key_health import key_health
from wardgate.stores import Stores
from wardgate.workflows.key_directory import PublishedKeys

ASK_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class OwnHealth:
    """Call it for one line per part."""

    stores: Stores
    authority: CertificateAuthority
    discovery: Discovery
    now: Callable[[], datetime]
    message_keys: Callable[[], PublishedKeys] = PublishedKeys
    lists_failing: Callable[[], Mapping[str, str]] = dict

    async def __call__(self) -> Sequence[HealthCheck]:
        """Return the state of every part, asked at the same time."""
        return await asyncio.gather(
            _asked("store", self._store), _asked("revocation-lists", self._revocation_lists), self._envoys(),
            _asked("message-keys", self._message_keys),
        )

    def _store(self) -> HealthCheck:
        return HealthCheck("store", "pass", outcome=f"generation {self.stores.generation.current()}")

    def _revocation_lists(self) -> HealthCheck:
        now = self.now()
        lists = self.authority.crl_health(now)
        over = [entry.authority for entry in lists if entry.next_update <= now]
        late = [entry.authority for entry in lists if entry.overdue]
        if over:
            return _not_well("revocation-lists", "fail", f"every client certificate of {', '.join(over)} is refused: the list has ended")
        if late:
            return _not_well("revocation-lists", "warn", f"the list of {', '.join(late)} should have been renewed")
        return HealthCheck("revocation-lists", "pass", outcome=f"{len(lists)} current")

    def _message_keys(self) -> HealthCheck:
        status, outcome = key_health(self.message_keys(), self.lists_failing(), self.now())
        return HealthCheck("message-keys", status, outcome=outcome) if status == "pass" else _not_well("message-keys", status, outcome)

    async def _envoys(self) -> HealthCheck:
        live = self.discovery.live()
        behind = sorted(name for name, node in live.items() if not self.discovery.confirmed(node))
        if not live:
            return _not_well("data-plane", "fail", "no Envoy asks for its rules")
        if behind:
            return _not_well("data-plane", "warn", f"{', '.join(behind)} has not confirmed the rules in force")
        return HealthCheck("data-plane", "pass", outcome=f"{len(live)} with the rules in force")


async def _asked(name: str, ask: Callable[[], HealthCheck]) -> HealthCheck:
    """Return what `ask` says on a thread, or that it said nothing in time."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await asyncio.to_thread(ask)
    except TimeoutError:
        return _not_well(name, "fail", f"no answer within {ASK_SECONDS:.0f} s", timeout=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not well
        return _not_well(name, "fail", type(error).__name__)


def _not_well(name: str, status: str, outcome: str, **more: Any) -> HealthCheck:
    return HealthCheck(name, status, outcome=outcome, response_code=503, **more)
