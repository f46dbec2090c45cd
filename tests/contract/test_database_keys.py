"""Signing keys in use, from each database: loading, rotating, and who may still be believed."""

from datetime import datetime, timedelta

import pytest

from wardgate.keystores import DatabaseKeys
from wardgate.keystores.errors import NoSigningKey
from wardgate.keystores.schedule import Rotation
from wardgate.stores import Stores


def test_no_key_no_signature(stores: Stores, now: datetime) -> None:
    """Before the first key there is nothing to sign with, and nothing to publish."""
    keys = DatabaseKeys(stores.signing_keys)
    keys.reload()
    with pytest.raises(NoSigningKey):
        keys.signer("access-token", now)
    assert keys.public_jwks("access-token", now) == {"keys": []}


def test_first_key_and_the_next(stores: Stores, again: Stores, now: datetime) -> None:
    """The first signs at once; the next is published a day before it signs; the old one is believed for its tokens."""
    keys, others = DatabaseKeys(stores.signing_keys), DatabaseKeys(again.signing_keys)
    first = keys.rotate_if_due("access-token", now)
    assert keys.rotate_if_due("access-token", now) is None
    assert others.rotate_if_due("access-token", now) is None
    assert others.signer("access-token", now).kid == first
    due = now + timedelta(days=29, minutes=1)
    second = others.rotate_if_due("access-token", due)
    keys.reload()
    for kept in (keys, others):
        assert kept.signer("access-token", due).kid == first
        assert [key["kid"] for key in kept.public_jwks("access-token", due)["keys"]] == [first, second]
        later = due + timedelta(days=1, minutes=2)
        assert kept.signer("access-token", later).kid == second
        assert len(kept.public_keys("access-token", later)) == 2
        assert [key.kid for key in kept.public_keys("access-token", later + timedelta(minutes=12))] == [second]
    assert [r.seq for r in stores.audit.last(9)] == [1, 2]


def test_a_signature_is_believed_by_use(stores: Stores, now: datetime) -> None:
    """A key of one use verifies nothing of another, and an unknown kid nothing at all."""
    keys = DatabaseKeys(stores.signing_keys)
    keys.rotate_if_due("access-token", now)
    keys.rotate_if_due("audit", now)
    key = keys.signer("audit", now)
    signature = key.sign(b"data")
    assert keys.verify("audit", key.kid, b"data", signature)
    assert not keys.verify("access-token", key.kid, b"data", signature)
    assert not keys.verify("audit", "unknown", b"data", signature)
    assert not keys.verify("audit", key.kid, b"other", signature)


def test_two_processes_that_rotate_at_once_make_one_key(stores: Stores, again: Stores, now: datetime) -> None:
    """The one that comes second gives way and uses the other's key."""
    one, two = DatabaseKeys(stores.signing_keys), DatabaseKeys(again.signing_keys)
    made = [one.rotate("access-token", now), two.rotate("access-token", now + timedelta(seconds=1))]
    assert made[1] is None
    one.reload()
    assert one.signer("access-token", now).kid == two.signer("access-token", now).kid == made[0]


def test_audit_keys_are_never_retired(stores: Stores, now: datetime) -> None:
    """Old checkpoints verify for as long as the log is kept."""
    keys = DatabaseKeys(stores.signing_keys, Rotation(every_seconds=3600, overlap_seconds=60))
    for hour in range(3):
        assert keys.rotate_if_due("audit", now + timedelta(hours=hour * 2))
    assert [key.verify_until for key in stores.signing_keys.all("audit")] == [None] * 3
