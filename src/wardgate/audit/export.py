"""The log as JSON lines: one record a line, its body as it was hashed, so that the export can be verified by itself."""

from collections.abc import Iterable, Iterator

from wardgate.audit.canonical import canonical
from wardgate.audit.chain import Record
from wardgate.audit.checkpoint import SignedCheckpoint
from wardgate.audit.redact import instant


def record_lines(records: Iterable[Record]) -> Iterator[str]:
    """Yield `{"seq":…,"hash":…,"body":"…"}` for each record; `body` is text, because its bytes are what was hashed."""
    for record in records:
        yield canonical({"seq": record.seq, "hash": record.hash, "body": record.body})


def checkpoint_lines(checkpoints: Iterable[SignedCheckpoint]) -> Iterator[str]:
    """Yield each checkpoint, to be kept outside the database that it vouches for."""
    for checkpoint in checkpoints:
        yield canonical({
            "seq": checkpoint.seq, "at": instant(checkpoint.at), "hash": checkpoint.hash, "signature": checkpoint.signature,
        })
