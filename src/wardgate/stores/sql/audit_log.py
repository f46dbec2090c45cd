"""The audit log: reading the chain, and appending to it from requests and from Envoy's log."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, insert, literal, select

from wardgate.audit.handed_on import packed, unpacked
from wardgate.audit.model import Detail, Event
from wardgate.audit.redact import bounded, personal_hash
from wardgate.stores.errors import WrongStoreKey
from wardgate.stores.ports import AuditRecord, Checkpoint, QuotaCount
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.quotas import add_counts
from wardgate.stores.sql.schema import AUDIT, AUDIT_HEAD, AUDIT_IDS, CHECKPOINTS, LOG_OFFSETS
from wardgate.stores.sql.transaction import driver_of, hot_writing, reading, writing
from wardgate.stores.sql.upsert import upsert

MAX_FOUND: Final = 100
MAX_READ: Final = 10_000
_HANDED_ON: Final = "envoy-log/details/call"
"""The place that concealed details are sealed for."""

_RECORD = (AUDIT.c.seq, AUDIT.c.body, AUDIT.c.hash)

_FIRST = select(literal(0).label("n")).cte("buckets", recursive=True)
_LAST = select(AUDIT_HEAD.c.seq // chain.RECORDS_PER_BUCKET).scalar_subquery()
_BUCKETS = _FIRST.union_all(select(_FIRST.c.n + 1).where(_FIRST.c.n < _LAST))
"""Every bucket of `audit_ids`: 0 to that of the last record."""


class SQLAuditLog:
    """One chain for all processes: appenders take turns at the head's row."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def append(self, events: Sequence[Event]) -> Sequence[AuditRecord]:
        if not events:
            return []
        with hot_writing(self._context.database) as driver:
            return chain.append_on(self._context, driver, events)

    def append_from(self, source: str, offset: int, events: Sequence[Event], counts: Sequence[QuotaCount]) -> None:
        """Do nothing when `offset` was reached before: a repeat after a crash. One reader per source."""
        with writing(self._context.database) as connection:
            self._context.hot.lock_head(driver_of(connection))  # two readers of one source by mistake also take turns here
            if _offset(connection, source) >= offset:
                return
            chain.append(self._context, connection, events)
            add_counts(connection, counts)
            upsert(connection, LOG_OFFSETS, [{"source": source, "offset": offset}])

    def offset_of(self, source: str) -> int:
        """Return 0 for a source that was never read."""
        with reading(self._context.database) as connection:
            return _offset(connection, source)

    def read(self, after: int, limit: int) -> Sequence[AuditRecord]:
        """Return at most `limit` records (10,000 at once) that follow number `after`."""
        statement = select(*_RECORD).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(min(limit, MAX_READ))
        with reading(self._context.database) as connection:
            return [AuditRecord(*row) for row in connection.execute(statement)]

    def last(self, limit: int) -> Sequence[AuditRecord]:
        """Return the last records, oldest first."""
        statement = select(*_RECORD).order_by(AUDIT.c.seq.desc()).limit(min(limit, MAX_READ))
        with reading(self._context.database) as connection:
            return [AuditRecord(*row) for row in connection.execute(statement)][::-1]

    def find(self, any_id: str) -> Sequence[AuditRecord]:
        with_id = AUDIT_IDS.c.id_key == chain.id_key(any_id)
        statement = select(*_RECORD).select_from(_BUCKETS).join(AUDIT_IDS, (AUDIT_IDS.c.bucket == _BUCKETS.c.n) & with_id)
        statement = statement.join(AUDIT, AUDIT.c.seq == AUDIT_IDS.c.seq).order_by(AUDIT.c.seq).limit(MAX_FOUND)
        with reading(self._context.database) as connection:
            found = [AuditRecord(*row) for row in connection.execute(statement)]
        return [record for record in found if _has_id(record, bounded(any_id))]

    def about(self, patient_hash: str, after: int, limit: int) -> Sequence[AuditRecord]:
        first = select(literal(after // chain.RECORDS_PER_BUCKET).label("n")).cte("buckets", recursive=True)
        buckets = first.union_all(select(first.c.n + 1).where(first.c.n < _LAST))
        with_id = AUDIT_IDS.c.id_key == chain.id_key(chain.patient_id(patient_hash))
        statement = select(*_RECORD).select_from(buckets).join(AUDIT_IDS, (AUDIT_IDS.c.bucket == buckets.c.n) & with_id)
        statement = statement.join(AUDIT, AUDIT.c.seq == AUDIT_IDS.c.seq).order_by(AUDIT.c.seq)
        found: list[AuditRecord] = []
        place, size = after, min(limit, MAX_READ)
        while len(found) < limit:  # an id is 64 bits of a hash: a hit is confirmed in the record, and a miss makes room for another
            with reading(self._context.database) as connection:
                rows = [AuditRecord(*row) for row in connection.execute(statement.where(AUDIT_IDS.c.seq > place).limit(size))]
            found += [record for record in rows if _is_about(record, patient_hash)]
            if len(rows) < size:
                break
            place = rows[-1].seq
        return found[:limit]

    def personal_hash(self, value: str) -> str:
        return personal_hash(value, self._context.personal_key)

    def conceal(self, details: Mapping[str, Detail]) -> str:
        return base64.urlsafe_b64encode(self._context.seal(packed(details), _HANDED_ON)).decode()

    def reveal(self, concealed: str) -> Mapping[str, Detail]:
        try:
            return unpacked(self._context.open(base64.urlsafe_b64decode(concealed), _HANDED_ON))
        except ValueError as error:
            raise WrongStoreKey("details that were handed on cannot be read") from error

    def head(self) -> AuditRecord | None:
        """Return the last record as the head says it; its body is empty when that record is no longer there."""
        statement = select(AUDIT_HEAD.c.seq, AUDIT.c.body, AUDIT_HEAD.c.hash)
        statement = statement.select_from(AUDIT_HEAD).outerjoin(AUDIT, AUDIT.c.seq == AUDIT_HEAD.c.seq)
        with reading(self._context.database) as connection:
            row = connection.execute(statement).first()
        if row is None or row.seq == 0:
            return None
        return AuditRecord(row.seq, row.body or "", row.hash)

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Raise `AlreadyExists` when there is one at this number."""
        row = {"seq": checkpoint.seq, "at": checkpoint.at, "hash": checkpoint.hash, "signature": checkpoint.signature}
        with writing(self._context.database) as connection:
            connection.execute(insert(CHECKPOINTS).values(**row))

    def checkpoints(self) -> Sequence[Checkpoint]:
        """Return all of them, oldest first."""
        statement = select(CHECKPOINTS).order_by(CHECKPOINTS.c.seq)
        with reading(self._context.database) as connection:
            return [Checkpoint(row.seq, row.at, row.hash, row.signature) for row in connection.execute(statement)]


def _offset(connection: Connection, source: str) -> int:
    found = connection.execute(select(LOG_OFFSETS.c.offset).where(LOG_OFFSETS.c.source == source)).scalar_one_or_none()
    return 0 if found is None else int(found)


def _has_id(record: AuditRecord, any_id: str) -> bool:
    body = json.loads(record.body)
    ids = [body.get(name) for name in ("message_id", "request_id", "correlation_id")]
    return any_id in (*ids, body.get("details", {}).get(chain.TRACE))


def _is_about(record: AuditRecord, patient_hash: str) -> bool:
    details = json.loads(record.body).get("details", {})
    return {"hmac_sha256": patient_hash} in details.values()
