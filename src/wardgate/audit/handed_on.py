"""Details of an event as one text, for the way from the decision service through Envoy's log back to the record.

The text holds personal values in clear, so whoever sends it on seals it first (`stores.ports.AuditLog.conceal`).
"""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Final

from wardgate.audit.model import Detail, Patient, Personal
from wardgate.audit.redact import MAX_DETAILS, bounded

MAX_CHARACTERS: Final = 12_000
"""Of the text. An answer's header and a line of the log have room for it once it is sealed; a longer one is cut at a detail."""
_PLAIN, _PERSONAL, _PATIENT = 0, 1, 2
_dumps: Final = json.JSONEncoder(separators=(",", ":")).encode


def packed(details: Mapping[str, Detail]) -> str:
    """Return the details, without those that are absent; texts are bounded as in a record, personal ones to as much."""
    rows = [_row(name, value) for name, value in islice(details.items(), MAX_DETAILS) if value is not None]
    text = _dumps(rows)
    if len(text) <= MAX_CHARACTERS:
        return text
    room = MAX_CHARACTERS - 2
    kept = []
    for row in rows:
        room -= len(_dumps(row)) + 1
        if room < 0:
            break
        kept.append(row)
    return _dumps(kept)


def _row(name: str, value: Detail) -> list[object]:
    kind = _PATIENT if isinstance(value, Patient) else _PERSONAL if isinstance(value, Personal) else _PLAIN
    said = value.value if isinstance(value, Personal) else value
    return [name, kind, bounded(said) if isinstance(said, str) else said]


def unpacked(text: str) -> dict[str, Detail]:
    """Return what was packed. Raises `ValueError` for anything else."""
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise ValueError("not the details of an event")  # noqa: TRY004 - one error for bad text
    found: dict[str, Detail] = {}
    for row in rows:
        name, kind, value = row if isinstance(row, list) and len(row) == 3 else (None, None, None)
        if not isinstance(name, str) or not isinstance(value, str | int):
            raise ValueError("not a detail of an event")  # noqa: TRY004 - as above
        if kind == _PLAIN:
            found[name] = value
        else:
            found[name] = Patient(str(value)) if kind == _PATIENT else Personal(str(value))
    return found
