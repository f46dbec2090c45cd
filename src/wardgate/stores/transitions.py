"""What a transition of any hot store carries: its single use, its events, and what became of them."""

from dataclasses import dataclass
from datetime import datetime

from wardgate.audit.model import Event


@dataclass(frozen=True, slots=True)
class SingleUse:
    """Something that may be used once: (namespace, id), remembered until `until`."""

    namespace: str
    id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class TokenIssue:
    """A token about to leave: the assertion's single use and the two events, one of which is stored."""

    use: SingleUse
    if_first: Event
    if_replayed: Event


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A stored event: `seq` counts from 1 without gaps, `hash` chains it to the one before (`audit.chain`)."""

    seq: int
    body: str
    """Canonical JSON of the redacted event (RFC 8785), the bytes that are hashed."""
    hash: str
