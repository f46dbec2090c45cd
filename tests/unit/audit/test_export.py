"""JSON lines that can be verified by themselves."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace

from wardgate.audit.chain import START, link, verify
from wardgate.audit.export import checkpoint_lines, record_lines


@dataclass(frozen=True, slots=True)
class Row:
    """A record."""

    seq: int
    body: str
    hash: str


def test_exported_records_verify() -> None:
    """Parsed from its lines, the chain still holds: the body is the text that was hashed."""
    body = '{"text":"é\\u0000\\""}'
    lines = list(record_lines([Row(1, body, link(START.hash, 1, body))]))
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert verify([Row(**json.loads(line)) for line in lines]).intact


def test_exported_checkpoint_has_everything() -> None:
    """Number, time, hash and signature, so that it can be checked against the log later."""
    checkpoint = SimpleNamespace(seq=3, at=datetime(2026, 1, 1, tzinfo=UTC), hash="ab", signature="x.y.z")
    assert list(checkpoint_lines([checkpoint])) == ['{"at":"2026-01-01T00:00:00.000000Z","hash":"ab","seq":3,"signature":"x.y.z"}']
