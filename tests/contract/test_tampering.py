"""Whatever is done to the stored log behind Wardgate's back, verification names the place, on every database."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from wardgate.audit import Event, EventType
from wardgate.audit.chain import Tampering, link
from wardgate.audit.checkpoint import sign_checkpoint
from wardgate.audit.verify import LogVerdict
from wardgate.keystores import DatabaseKeys
from wardgate.stores import Stores
from wardgate.stores.ports import Checkpoint
from wardgate.stores.sql.engine import Database
from wardgate.stores.verify_audit import verify_audit

RECORDS = 30
CHECKPOINT_AT = 20

Change = Callable[[Connection], None]


def sql(*statements: str) -> Change:
    """A change made of SQL statements."""
    def change(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))
    return change


def rewrite_from(first: int, body: str = "", removed: int = 0) -> Change:
    """Someone who knows how hashes are made: change a record, or remove some, and make every hash after it anew."""
    def change(connection: Connection) -> None:
        rows = connection.execute(text("SELECT seq, body, hash FROM audit ORDER BY seq")).all()
        kept = [row.body for row in rows[: first - 1]] + ([body] if body else []) + [row.body for row in rows[first - 1 + removed + bool(body) :]]
        connection.execute(text("DELETE FROM audit"))
        place = "0"
        for seq, row_body in enumerate(kept, 1):
            place = rows[seq - 1].hash if seq < first else link(place, seq, row_body)
            values = {"seq": seq, "body": row_body, "hash": place}
            connection.execute(text("INSERT INTO audit VALUES (:seq, :body, :hash)"), values)
        connection.execute(text("UPDATE audit_head SET seq = :seq, hash = :hash"), {"seq": len(kept), "hash": place})
    return change


CHANGES: dict[str, tuple[Change, int, Tampering]] = {
    "a body edited": (sql("UPDATE audit SET body = replace(body, 'call-7', 'call-8') WHERE seq = 7"), 7, Tampering.EDITED),
    "a hash edited": (sql(f"UPDATE audit SET hash = '{'0' * 64}' WHERE seq = 7"), 7, Tampering.EDITED),
    "a hash that is none": (sql("UPDATE audit SET hash = 'x' WHERE seq = 7"), 7, Tampering.EDITED),
    "the last body edited": (sql("UPDATE audit SET body = '{}' WHERE seq = 30"), 30, Tampering.EDITED),
    "one deleted": (sql("DELETE FROM audit WHERE seq = 7"), 7, Tampering.MISSING),
    "the first deleted": (sql("DELETE FROM audit WHERE seq = 1"), 1, Tampering.MISSING),
    "several deleted": (sql("DELETE FROM audit WHERE seq BETWEEN 7 AND 11"), 7, Tampering.MISSING),
    "the tail deleted": (sql("DELETE FROM audit WHERE seq > 25"), 26, Tampering.MISSING),
    "all deleted": (sql("DELETE FROM audit"), 1, Tampering.MISSING),
    "one deleted, the others renumbered": (
        sql("DELETE FROM audit WHERE seq = 7", *(f"UPDATE audit SET seq = {n - 1} WHERE seq = {n}" for n in range(8, 31))),
        7, Tampering.MISSING,
    ),
    "the tail deleted past a checkpoint, with the head": (
        sql("DELETE FROM audit WHERE seq > 15", "UPDATE audit_head SET seq = 15, hash = (SELECT hash FROM audit WHERE seq = 15)"),
        16, Tampering.MISSING,
    ),
    "all deleted, with the head": (sql("DELETE FROM audit", "UPDATE audit_head SET seq = 0"), 1, Tampering.MISSING),
    "neighbours swapped": (
        sql(*(f"UPDATE audit SET seq = {new} WHERE seq = {old}" for old, new in ((7, 99), (8, 7), (99, 8)))),
        7, Tampering.REORDERED,
    ),
    "distant records swapped": (
        sql(*(f"UPDATE audit SET seq = {new} WHERE seq = {old}" for old, new in ((7, 99), (17, 7), (99, 17)))),
        7, Tampering.REORDERED,
    ),
    "one moved to the end": (sql("UPDATE audit SET seq = 31 WHERE seq = 7"), 7, Tampering.REORDERED),
    "one put in, the others renumbered": (
        sql(*(f"UPDATE audit SET seq = {n + 1} WHERE seq = {n}" for n in range(30, 6, -1)),
            f"INSERT INTO audit VALUES (7, '{{}}', '{'a' * 64}')"),
        7, Tampering.INSERTED,
    ),
    "one put in after the last": (sql(f"INSERT INTO audit VALUES (31, '{{}}', '{'a' * 64}')"), 31, Tampering.EDITED),
    "one put in before the first": (sql(f"INSERT INTO audit VALUES (-1, '{{}}', '{'a' * 64}')"), 1, Tampering.INSERTED),
    "a true record repeated after the last": (
        sql("INSERT INTO audit SELECT 31, body, hash FROM audit WHERE seq = 7"), 31, Tampering.EDITED,
    ),
    "rewritten with new hashes from before a checkpoint": (rewrite_from(7, '{"type":"CallAllowed"}'), 1, Tampering.EDITED),
    "one removed and all after it rewritten": (rewrite_from(7, removed=1), 1, Tampering.EDITED),
    "the head set back": (
        sql("UPDATE audit_head SET seq = 28, hash = (SELECT hash FROM audit WHERE seq = 28)"), 29, Tampering.INSERTED,
    ),
    "the head's hash changed": (sql(f"UPDATE audit_head SET hash = '{'0' * 64}'"), 30, Tampering.EDITED),
    "a checkpoint moved": (sql("UPDATE checkpoints SET seq = 19"), 19, Tampering.EDITED),
    "a checkpoint's hash changed": (sql(f"UPDATE checkpoints SET hash = '{'0' * 64}'"), 20, Tampering.EDITED),
    "a checkpoint's signature changed": (sql("UPDATE checkpoints SET signature = 'a.b.c'"), 20, Tampering.EDITED),
}


@pytest.fixture
def keys(stores: Stores, now: datetime) -> DatabaseKeys:
    """The installation's audit key."""
    keys = DatabaseKeys(stores.signing_keys)
    assert keys.rotate_if_due("audit", now)
    return keys


@pytest.fixture
def verdict(stores: Stores, keys: DatabaseKeys, now: datetime) -> Callable[[], LogVerdict]:
    """Thirty records (the first is the key's own) and a checkpoint at the twentieth; returns the verifier."""
    for number in range(2, RECORDS + 1):
        stores.audit.append([Event(EventType.CALL_ALLOWED, now, message_id=f"call-{number}")])
        if number == CHECKPOINT_AT:
            stores.audit.add_checkpoint(checkpoint(stores, keys, now))
    return lambda: verify_audit(stores.audit, lambda *signed: keys.verify("audit", *signed))


def checkpoint(stores: Stores, keys: DatabaseKeys, now: datetime) -> Checkpoint:
    """A checkpoint of the head."""
    head, key = stores.audit.head(), keys.signer("audit", now)
    assert head is not None
    return Checkpoint(head.seq, now, head.hash, sign_checkpoint(head.seq, head.hash, now, key.kid, key.sign))


def test_untouched_log_verifies(verdict: Callable[[], LogVerdict]) -> None:
    """Every record, the head and the checkpoint hold."""
    assert verdict() == LogVerdict(RECORDS, 1, CHECKPOINT_AT)


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_named(verdict: Callable[[], LogVerdict], database: Database, name: str) -> None:
    """Verification says what was done, and where."""
    change, seq, kind = CHANGES[name]
    with database.engine.begin() as connection:
        change(connection)
    found = verdict()
    assert (found.intact, found.seq, found.kind) == (False, seq, kind), found
    assert found.detail


def test_rewritten_tail_is_found_by_an_exported_checkpoint(
    stores: Stores, keys: DatabaseKeys, verdict: Callable[[], LogVerdict], database: Database, now: datetime
) -> None:
    """What the database alone cannot show, and what does: a checkpoint that was kept elsewhere."""
    exported = [checkpoint(stores, keys, now)]
    with database.engine.begin() as connection:
        rewrite_from(25, '{"type":"CallAllowed"}')(connection)
    assert verdict().intact, "the hashes are not secret: a full rewrite after the last checkpoint verifies"
    found = verify_audit(stores.audit, lambda *signed: keys.verify("audit", *signed), exported)
    assert (found.seq, found.kind, found.proved) == (21, Tampering.EDITED, CHECKPOINT_AT)


def test_removed_tail_and_checkpoint_are_found_by_an_exported_checkpoint(
    stores: Stores, keys: DatabaseKeys, verdict: Callable[[], LogVerdict], database: Database
) -> None:
    """Even with the head set back and the stored checkpoints gone."""
    exported = list(stores.audit.checkpoints())
    with database.engine.begin() as connection:
        sql("DELETE FROM audit WHERE seq > 10", "DELETE FROM checkpoints",
            "UPDATE audit_head SET seq = 10, hash = (SELECT hash FROM audit WHERE seq = 10)")(connection)
    assert verdict().intact
    found = verify_audit(stores.audit, lambda *signed: keys.verify("audit", *signed), exported)
    assert (found.seq, found.kind) == (11, Tampering.MISSING)


def test_old_audit_keys_still_verify(
    stores: Stores, keys: DatabaseKeys, verdict: Callable[[], LogVerdict], now: datetime
) -> None:
    """After two rotations the first key's checkpoint holds, and a later one by the new key as well."""
    later = now + timedelta(days=70)
    assert keys.rotate_if_due("audit", now + timedelta(days=31))
    assert keys.rotate_if_due("audit", later)
    stores.audit.add_checkpoint(checkpoint(stores, keys, later))
    assert verdict() == LogVerdict(RECORDS + 2, 2, RECORDS + 2)


def test_log_that_grows_meanwhile_is_not_called_tampered_with(stores: Stores, again: Stores, now: datetime) -> None:
    """Records that arrive between two reads belong to the log."""
    class GrowingLog:
        """Appends once whenever it is read."""

        def __getattr__(self, name: str) -> object:
            if name in ("read", "head"):
                again.audit.append([Event(EventType.CALL_ALLOWED, now)])
            return getattr(stores.audit, name)

    stores.audit.append([Event(EventType.CALL_ALLOWED, now)] * 5)
    found = verify_audit(GrowingLog(), lambda *_: False)  # type: ignore[arg-type]
    assert found.intact
    assert found.records > 50
