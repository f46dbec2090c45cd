"""API keys on every database."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from wardgate.audit import Event
from wardgate.stores import AlreadyExists, Stores, WrongStoreKey
from wardgate.stores.ports import Credential
from wardgate.stores.sql.engine import Database


@pytest.fixture
def credential(now: datetime) -> Credential:
    """A key of demo-app."""
    return Credential("c-1", "demo-app", "key-of-the-demo-app-0001", "approved", now, now + timedelta(days=365))


def test_a_client_secret_is_kept_with_its_key(stores: Stores, again: Stores, event: Event, now: datetime, database: Database) -> None:
    """Sealed in one value; a key without one has none."""
    with_secret = Credential("c-8", "demo-app", "key-of-the-demo-app-0008", "approved", now, secret="secret-of-the-demo-app")
    without = Credential("c-9", "demo-app", "key-of-the-demo-app-0009", "approved", now)
    for credential in (with_secret, without):
        stores.credentials.add(credential, event)
    assert [again.credentials.by_key(one.key) for one in (with_secret, without)] == [with_secret, without]
    assert "secret-of" not in repr(with_secret)
    with database.engine.connect() as connection:
        assert all(b"of-the-demo-app" not in bytes(sealed) for sealed in connection.execute(text("SELECT sealed FROM credentials")).scalars())


def test_added_key_is_found_each_way(stores: Stores, again: Stores, credential: Credential, event: Event) -> None:
    """By its clear text, by its application, by generation, and in the list of all."""
    stores.credentials.add(credential, event)
    assert again.credentials.by_key(credential.key) == credential
    assert again.credentials.of("demo-app") == again.credentials.all() == [credential]
    assert again.credentials.changed_since(0) == [credential]
    assert again.credentials.changed_since(1) == again.credentials.of("other") == []
    assert again.credentials.by_key("key-of-the-demo-app-0002") is None
    assert again.generation.current() == 1


@pytest.mark.parametrize("clash", [{"id": "c-2"}, {"key": "another-key-000000000"}], ids=["the same key", "the same id"])
def test_taken_key_or_id_is_refused(
    stores: Stores, credential: Credential, event: Event, clash: dict[str, str], now: datetime
) -> None:
    """The first stays as it is; neither the generation nor the record moves for the second."""
    stores.credentials.add(credential, event)
    values = {"id": credential.id, "key": credential.key} | clash
    with pytest.raises(AlreadyExists) as refused:
        stores.credentials.add(Credential(values["id"], "other", values["key"], "approved", now), event)
    assert credential.key not in str(refused.value)
    assert refused.value.__cause__ is None
    assert stores.credentials.all() == [credential]
    assert stores.generation.current() == len(stores.audit.last(9)) == 1


def test_status_changes_are_seen(stores: Stores, credential: Credential, event: Event, now: datetime) -> None:
    """Revoking notes when, approving again clears it, and each raises the generation."""
    stores.credentials.add(credential, event)
    assert stores.credentials.set_status("c-1", "revoked", now, event) is True
    (revoked,) = stores.credentials.changed_since(1)
    assert (revoked.status, revoked.revoked_at) == ("revoked", now)
    assert stores.credentials.set_status("c-1", "approved", now, event) is True
    assert stores.credentials.all() == [credential]
    assert stores.generation.current() == 3


def test_unknown_credential_changes_nothing(stores: Stores, event: Event, now: datetime) -> None:
    """No credential, no generation, no record."""
    assert stores.credentials.set_status("c-9", "revoked", now, event) is False
    assert (stores.generation.current(), stores.audit.head()) == (0, None)


def test_key_is_not_in_the_database_in_clear(stores: Stores, credential: Credential, event: Event, database: Database) -> None:
    """Neither column holds the key, and its hash is keyed."""
    stores.credentials.add(credential, event)
    with database.engine.connect() as connection:
        row = connection.execute(text("SELECT key_hash, sealed FROM credentials")).one()
    assert all(credential.key.encode() not in bytes(value) for value in row)


def test_sealed_key_moved_to_another_row_does_not_open(
    stores: Stores, credential: Credential, event: Event, database: Database, now: datetime
) -> None:
    """Someone who may write to the database cannot give one application another's key."""
    stores.credentials.add(credential, event)
    stores.credentials.add(Credential("c-2", "other-app", "key-of-the-other-app-01", "approved", now), event)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE id = 'c-1')"))
    with pytest.raises(WrongStoreKey, match="changed or moved"):
        stores.credentials.of("other-app")
