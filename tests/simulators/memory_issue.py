"""The authorisation server's stores in memory, behind the same callables: for tests of whole applications in one process."""

from dataclasses import dataclass, field
from datetime import datetime

from wardgate.audit.model import Event
from wardgate.stores.ports import SingleUse, TokenIssue


@dataclass
class MemoryIssue:
    """Claims and events as a store keeps them; `down` makes every call fail as an unreachable database does."""

    claimed: dict[tuple[str, str], datetime] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    revoked: dict[str, datetime] = field(default_factory=dict)
    down: bool = False

    async def issue(self, token: TokenIssue) -> bool:
        """Claim and record as one step."""
        first = await self.claim(token.use)
        self.events.append(token.if_first if first else token.if_replayed)
        return first

    async def claim(self, use: SingleUse) -> bool:
        """Insert or refuse."""
        self._check()
        if (use.namespace, use.id) in self.claimed:
            return False
        self.claimed[use.namespace, use.id] = use.until
        return True

    async def record(self, event: Event) -> None:
        """Append an event."""
        self._check()
        self.events.append(event)

    async def revoke(self, jti: str, until: datetime, event: Event) -> None:
        """Remember a revoked token."""
        self._check()
        self.revoked[jti] = until
        self.events.append(event)

    def _check(self) -> None:
        if self.down:
            raise ConnectionError("the store is down")
