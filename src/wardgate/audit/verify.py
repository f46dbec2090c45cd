"""The whole log against its head and its checkpoints: the answer of `wardgate audit verify`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from wardgate.audit.chain import START, ChainVerdict, Link, Record, Tampering, verify
from wardgate.audit.checkpoint import CheckpointInvalid, SignedCheckpoint, Verify, check_checkpoint


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """What is true of the log. `seq` and `kind` name the first bad place; `proved` is the newest good checkpoint.

    Records after `proved` are chained but not yet signed: see the room's docstring for what that leaves open.
    """

    records: int
    checkpoints: int
    proved: int
    seq: int | None = None
    kind: Tampering | None = None
    detail: str = ""

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return self.kind is None


def verify_log(
    records: Iterable[Record],
    head: Callable[[], Link | None],
    checkpoints: Sequence[SignedCheckpoint],
    verify_signature: Verify,
) -> LogVerdict:
    """Check every record, then the head, then every checkpoint; name the first place that is wrong.

    `records` yields all of them by number and `head` is asked afterwards, so that a log that grows meanwhile is
    not called tampered with. `checkpoints` may join stored and exported ones.
    """
    marks = {checkpoint.seq for checkpoint in checkpoints}
    hashes: dict[int, str] = {}
    chain = verify(_remember(records, marks, hashes), START)
    good, wrong = _check_checkpoints(checkpoints, hashes, chain, verify_signature)
    proved = max((c.seq for c in good), default=0)
    found = _first(wrong, _chain_fault(chain), _head_fault(chain, head()))
    if found is None:
        return LogVerdict(chain.checked, len(good), proved)
    seq, kind, detail = found
    return LogVerdict(chain.checked, len(good), proved, seq, kind, detail)


_Fault = tuple[int, Tampering, str]


def _remember(records: Iterable[Record], marks: set[int], hashes: dict[int, str]) -> Iterator[Record]:
    for record in records:
        if record.seq in marks:
            hashes[record.seq] = record.hash
        yield record


def _chain_fault(chain: ChainVerdict) -> _Fault | None:
    if chain.seq is None or chain.kind is None:
        return None
    return chain.seq, chain.kind, chain.detail


def _head_fault(chain: ChainVerdict, head: Link | None) -> _Fault | None:
    """Compare the chain's end with the head that was written in the same transactions."""
    if not chain.intact:
        return None
    end, head = chain.end, head if head is not None else START
    if head.seq > end.seq:
        return end.seq + 1, Tampering.MISSING, f"the log ends at {end.seq} and its head says {head.seq}"
    if head.seq < end.seq:
        return head.seq + 1, Tampering.INSERTED, f"records follow {head.seq}, which the head says is the last"
    if head.hash != end.hash:
        return end.seq, Tampering.EDITED, "the last record's hash is not the head's"
    return None


def _check_checkpoints(
    checkpoints: Sequence[SignedCheckpoint], hashes: dict[int, str], chain: ChainVerdict, verify_signature: Verify
) -> tuple[list[SignedCheckpoint], _Fault | None]:
    """Return the checkpoints that hold, and the first fault: a false signature, a changed past, or a missing tail."""
    good: list[SignedCheckpoint] = []
    for checkpoint in sorted(checkpoints, key=lambda c: c.seq):
        try:
            check_checkpoint(checkpoint, verify_signature)
        except CheckpointInvalid as refused:
            return good, (checkpoint.seq, Tampering.EDITED, f"the checkpoint at {checkpoint.seq}: {refused}")
        last = max((c.seq for c in good), default=0)
        if checkpoint.seq > chain.end.seq:
            if not chain.intact:
                break
            gone = f"a signed checkpoint says there were {checkpoint.seq} records; the log ends at {chain.end.seq}"
            return good, (chain.end.seq + 1, Tampering.MISSING, gone)
        if hashes.get(checkpoint.seq) != checkpoint.hash:
            changed = f"records between {last + 1} and {checkpoint.seq} were rewritten after the checkpoint at {checkpoint.seq}"
            return good, (last + 1, Tampering.EDITED, changed)
        good.append(checkpoint)
    return good, None


def _first(*faults: _Fault | None) -> _Fault | None:
    """Return the fault at the lowest number; the chain's own is the most exact, so a tie keeps the later argument."""
    found = [fault for fault in faults if fault is not None]
    return min(reversed(found), key=lambda fault: fault[0]) if found else None
