"""Appending to the audit chain inside a transaction of any store."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from wardgate.audit.body import stored_body
from wardgate.audit.chain import Link, link
from wardgate.audit.model import Event, Patient
from wardgate.audit.redact import bounded, personal_hash
from wardgate.stores.ports import AuditRecord
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.hot import IdRow, Row
from wardgate.stores.sql.transaction import driver_of

RECORDS_PER_BUCKET: Final = 1024
"""NOTE: stored in `audit_ids.bucket`; another number needs a migration."""
TRACE: Final = "trace"
"""The detail that names a call between systems by the caller's own id: records are found by it too."""


def append(context: Context, connection: Connection, events: Sequence[Event]) -> list[AuditRecord]:
    """Append the events to the chain; other appenders wait until this transaction ends."""
    return append_on(context, driver_of(connection), events)


def append_on(context: Context, driver: Any, events: Sequence[Event]) -> list[AuditRecord]:
    """Append on the driver's connection, in its transaction."""
    if not events:
        return []
    return append_after(context, driver, Link(*context.hot.lock_head(driver)), events)


def append_after(context: Context, driver: Any, head: Link, events: Sequence[Event]) -> list[AuditRecord]:
    """Append after `head`, which this transaction has locked."""
    if not events:
        return []
    seq, record_hash = head.seq, head.hash
    rows: list[Row] = []
    ids: list[IdRow] = []
    for event in events:
        seq += 1
        body = stored_body(event, context.personal_key)
        record_hash = link(record_hash, seq, body)
        rows.append((seq, body, record_hash))
        trace = event.details.get(TRACE)
        keys = {id_key(any_id) for any_id in (event.message_id, event.request_id, event.correlation_id, trace) if type(any_id) is str}
        keys |= {id_key(patient_id(personal_hash(value.value, context.personal_key))) for value in event.details.values() if type(value) is Patient}
        ids += [(seq // RECORDS_PER_BUCKET, key, seq) for key in keys]
    context.hot.insert_records(driver, rows, ids)
    context.hot.move_head(driver, seq, record_hash)
    return [AuditRecord(*row) for row in rows]


def patient_id(keyed_hash: str) -> str:
    """Return the id under which the records about a patient are found. No message, request or correlation id has this form."""
    return f"patient\n{keyed_hash}"


def id_key(any_id: str) -> int:
    """Return 64 bits of a hash of an id, as it is stored."""
    return int.from_bytes(hashlib.blake2b(bounded(any_id).encode(), digest_size=8).digest(), "big", signed=True)
