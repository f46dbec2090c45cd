"""Verifying the stored audit log: records by the thousand, then the head, then every checkpoint."""

from collections.abc import Iterator, Sequence
from typing import Final

from wardgate.audit.chain import Link
from wardgate.audit.checkpoint import Verify
from wardgate.audit.verify import LogVerdict, verify_log
from wardgate.stores.ports import AuditLog, AuditRecord, Checkpoint

_AT_ONCE: Final = 2_000
_CATCH_UP_ROUNDS: Final = 50
_BEFORE_ALL: Final = -(2**62)
"""A record that was put in before number 1 is read as well."""


def verify_audit(log: AuditLog, verify_signature: Verify, exported: Sequence[Checkpoint] = ()) -> LogVerdict:
    """Return whether the log is what was recorded. `exported` are checkpoints that were kept elsewhere.

    Works on a log that grows; on one that grows faster than it can be read, the newest records are left for the next
    time. Raises `StoreUnavailable`.
    """
    stored = log.checkpoints()
    known = {checkpoint.signature for checkpoint in stored}
    checkpoints = [*stored, *(checkpoint for checkpoint in exported if checkpoint.signature not in known)]
    reader = _Reader(log)
    return verify_log(reader.records(), lambda: reader.head, checkpoints, verify_signature)


def read_all(log: AuditLog, after: int = _BEFORE_ALL) -> Iterator[AuditRecord]:
    """Yield every record that follows number `after`, in order; ends where the log ended when it got there."""
    while True:
        found = log.read(after, _AT_ONCE)
        yield from found
        if len(found) < _AT_ONCE:
            return
        after = found[-1].seq


class _Reader:
    """Reads up to the head. The head is asked for after the records, and moves only together with new ones."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self.head: Link | None = None

    def records(self) -> Iterator[AuditRecord]:
        last: AuditRecord | None = None
        for _ in range(_CATCH_UP_ROUNDS):
            before = last
            for record in read_all(self._log, _BEFORE_ALL if last is None else last.seq):
                last = record
                yield record
            head = self._log.head()
            self.head = None if head is None else Link(head.seq, head.hash)
            if last is before or head is None or last is None or head.seq <= last.seq:
                return
        if last is not None:
            self.head = Link(last.seq, last.hash)
