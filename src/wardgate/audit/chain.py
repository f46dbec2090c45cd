"""The hash chain: each record's hash covers its number, its body and the hash before it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final, Protocol

_DOMAIN: Final = b"wardgate audit record v1\x00"
_LOOK_AHEAD_RECORDS: Final = 1000

GENESIS: Final = hashlib.sha256(b"wardgate audit genesis v1\x00").hexdigest()
"""The hash before record 1."""


class Record(Protocol):
    """What the chain needs of a stored record (`stores.ports.AuditRecord`)."""

    @property
    def seq(self) -> int: ...
    @property
    def body(self) -> str: ...
    @property
    def hash(self) -> str: ...


class Tampering(StrEnum):
    """What was done to the log, as far as the records that are left can tell."""

    EDITED = "edited"
    MISSING = "missing"
    REORDERED = "reordered"
    INSERTED = "inserted"


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: a record's number and hash. `START` is before the first record."""

    seq: int
    hash: str


START: Final = Link(0, GENESIS)


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """Whether records follow from a place. `end` is the last good place; `seq` and `kind` name the first bad one."""

    end: Link
    checked: int
    seq: int | None = None
    kind: Tampering | None = None
    detail: str = ""

    @property
    def intact(self) -> bool:
        """Whether every record was good."""
        return self.kind is None


def link(previous_hash: str, seq: int, body: str) -> str:
    """Return the hash of record `seq`: SHA-256 over a domain name, the hash before, the number and the body."""
    return hashlib.sha256(
        _DOMAIN + bytes.fromhex(previous_hash) + seq.to_bytes(8, "big") + body.encode()
    ).hexdigest()


def verify(records: Iterable[Record], start: Link = START) -> ChainVerdict:
    """Return whether `records`, in the order given, follow `start` without a change."""
    rest = iter(records)
    end, checked = start, 0
    for record in rest:
        if record.seq != end.seq + 1 or _hash_of(record, end) != record.hash:
            kind, detail = _diagnose(end, [record, *islice(rest, _LOOK_AHEAD_RECORDS)])
            return ChainVerdict(end, checked, end.seq + 1, kind, detail)
        end, checked = Link(record.seq, record.hash), checked + 1
    return ChainVerdict(end, checked)


def numbered(records: Iterable[tuple[int, str]], start: Link) -> Iterator[Link]:
    """Yield the place of each (number, body) in turn, from `start`: how an appender makes hashes."""
    place = start
    for seq, body in records:
        place = Link(seq, link(place.hash, seq, body))
        yield place


def _hash_of(record: Record, before: Link, seq: int | None = None) -> str:
    try:
        return link(before.hash, record.seq if seq is None else seq, record.body)
    except (ValueError, OverflowError, AttributeError):  # a damaged row: no text, a negative number, a hash that is no hex
        return ""


def _diagnose(end: Link, ahead: Sequence[Record]) -> tuple[Tampering, str]:
    """Name what happened at the record after `end`; `ahead` starts with the record that does not fit."""
    wanted = end.seq + 1
    first = ahead[0]
    true_place = next((i for i, r in enumerate(ahead) if _hash_of(r, end, wanted) == r.hash), None)
    if first.seq < wanted:
        return Tampering.INSERTED, f"a second record has the number {first.seq}"
    if first.seq > wanted and true_place is None:
        return Tampering.MISSING, f"records {wanted} to {first.seq - 1} are gone"
    if true_place is not None and (true_place > 0 or first.seq != wanted):
        return _moved(wanted, true_place, ahead)
    if len(ahead) > 1:
        follower = ahead[1]
        for removed in range(1, min(_LOOK_AHEAD_RECORDS, 64)):
            if _hash_of(follower, Link(0, first.hash), follower.seq + removed) == follower.hash:
                return Tampering.MISSING, f"{removed} record(s) from {wanted} on are gone and the others were renumbered"
    return Tampering.EDITED, f"the hash of record {wanted} does not follow from its body and the record before it"


def _moved(wanted: int, true_place: int, ahead: Sequence[Record]) -> tuple[Tampering, str]:
    """Tell records put in before the true record from records that changed places."""
    found = ahead[true_place]
    follower = ahead[true_place + 1] if true_place + 1 < len(ahead) else None
    shifted = follower is None or _hash_of(follower, Link(wanted, found.hash), wanted + 1) == follower.hash
    displaced = any(_belongs_later(ahead[0], other, wanted, ahead) for other in ahead[1 : true_place + 1])
    if shifted and not displaced:
        return Tampering.INSERTED, f"{true_place} record(s) were put in at {wanted}; the true one is now {found.seq}"
    return Tampering.REORDERED, f"the record that belongs at {wanted} is now {found.seq}"


def _belongs_later(record: Record, before: Record, wanted: int, ahead: Sequence[Record]) -> bool:
    """Return whether `record` is a true record of this chain that comes right after `before`."""
    return any(
        _hash_of(record, Link(0, before.hash), seq) == record.hash for seq in range(wanted, wanted + len(ahead) + 1)
    )
