"""Details of an event as one text, for the way from the decision service through Envoy's log back to the record.

The text holds personal values in clear, so whoever sends it on seals it first (`stores.ports.AuditLog.conceal`).
"""

import json
from collections.abc import Mapping
from typing import Final

from wardgate.audit.model import Detail, Patient, Personal
from wardgate.audit.redact import MAX_DETAILS, bounded

MAX_CHARACTERS: Final = 12_000
"""Of the text. An answer's header and a line of the log have room for it once it is sealed; a longer one is cut at a detail."""
_PLAIN, _PERSONAL, _PATIENT = 0, 1, 2


def packed(details: Mapping[str, Detail]) -> str:
    """Return the details, without those that are absent; texts are bounded as in a record, personal ones to as much."""
    rows: list[list[object]] = []
    room = MAX_CHARACTERS
    for name, value in list(details.items())[:MAX_DETAILS]:
        if value is None:
            continue
        kind = _PATIENT if isinstance(value, Patient) else _PERSONAL if isinstance(value, Personal) else _PLAIN
        said = value.value if isinstance(value, Personal) else value
        row = [name, kind, bounded(said) if isinstance(said, str) else said]
        room -= len(json.dumps(row, separators=(",", ":"))) + 1
        if room < 2:
            break
        rows.append(row)
    return json.dumps(rows, separators=(",", ":"))


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
