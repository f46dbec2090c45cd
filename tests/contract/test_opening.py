"""Opening the stores: the wrong key, a database that is not there, limits that hold."""

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from wardgate.audit import Event
from wardgate.keystores import Sealer
from wardgate.stores import StoreUnavailable, WrongStoreKey, open_stores
from wardgate.stores.ports import Authority, Credential, SigningKey, SingleUse
from wardgate.stores.reseal import SEALED, reseal
from wardgate.stores.sql.engine import Database, Limits, connect
from wardgate.stores.sql.schema import METADATA
from wardgate.stores.sql.transaction import writing

OLD, NEW = b"o" * 32, b"n" * 32


def test_another_store_key_is_refused(url: str) -> None:
    """The canary shows it before anything is read or written."""
    open_stores(url, Sealer([OLD])).close()
    with pytest.raises(WrongStoreKey) as refused:
        open_stores(url, Sealer([NEW]))
    assert "oooo" not in str(refused.value)


def test_store_key_is_rotated_by_adding_one(url: str) -> None:
    """With the new key first and the old one kept, what the old one sealed opens and what is new is sealed with the new."""
    first = open_stores(url, Sealer([OLD]))
    first.values.set_if_absent("a", "1")
    first.close()
    second = open_stores(url, Sealer([NEW, OLD]))
    second.values.set_if_absent("b", "2")
    assert (second.values.get("a"), second.values.get("b")) == ("1", "2")
    second.close()


def test_resealing_lets_the_old_key_go(url: str, event: Event) -> None:
    """Afterwards the new key opens everything alone; a second time there is nothing to do."""
    first = open_stores(url, Sealer([OLD]))
    credential = Credential("c-1", "demo-app", "key-of-the-demo-app-0001", "approved", event.at)
    first.credentials.add(credential, event)
    first.signing_keys.add(SigningKey("k", "audit", "PEM", event.at, event.at), event)
    first.certificates.add_authority(Authority("root", None, "CERT", "KEY", event.at))
    first.close()
    assert reseal(url, Sealer([NEW, OLD])) == 6
    assert reseal(url, Sealer([NEW, OLD])) == 0
    second = open_stores(url, Sealer([NEW]))
    assert second.credentials.by_key(credential.key) == credential
    assert second.signing_keys.all("audit")[0].private_pem == "PEM"
    assert second.certificates.authorities()[0].private_pem == "KEY"
    second.close()
    with pytest.raises(WrongStoreKey):
        open_stores(url, Sealer([OLD]))


def test_every_sealed_column_is_resealed() -> None:
    """A new table with secrets cannot be forgotten."""
    assert {table.name for table in SEALED} == {table.name for table in METADATA.tables.values() if "sealed" in table.c}


@pytest.mark.parametrize("bad", [
    "nonsense", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "sqlite:////nowhere/at/all.db",
    "sqlite:///x.db?mode=memory", "postgresql://nobody@/none?host=/nowhere",
])
def test_unusable_url_is_refused(bad: str, sealer: Sealer) -> None:
    """Each says what is wrong, and none leaves a password or a driver's message."""
    with pytest.raises(StoreUnavailable) as refused:
        open_stores(bad, sealer)
    assert refused.value.__cause__ is None


def test_sqlite_file_is_for_its_owner(tmp_path: Path, sealer: Sealer) -> None:
    """Neither the database nor its journals can be read by others."""
    stores = open_stores(f"sqlite:///{tmp_path}/private.db", sealer)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    stores.close()
    assert modes == dict.fromkeys(["private.db", "private.db-wal", "private.db-shm"], 0o600)


def test_sqlite_is_durable_by_default(tmp_path: Path, sealer: Sealer) -> None:
    """WAL with a sync of every commit, unless the setting says otherwise."""
    for setting, number in (("full", 2), ("normal", 1)):
        database = connect(f"sqlite:///{tmp_path}/w.db", synchronous=setting)  # type: ignore[arg-type]
        with database.engine.connect() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
            assert connection.execute(text("PRAGMA synchronous")).scalar_one() == number
            assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
        database.engine.dispose()


def test_a_held_lock_is_refused_in_time(url: str, sealer: Sealer, event: Event) -> None:
    """While another process holds the database, a write is refused after the limit, and works afterwards."""
    stores = open_stores(url, sealer, limits=Limits(lock_seconds=1))
    other = connect(url)
    use = SingleUse("n", "a", event.at)
    with writing(other) as connection:
        connection.execute(text("UPDATE audit_head SET seq = seq"))
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            stores.audit.append([event])
        assert time.monotonic() - started < 5
    assert len(stores.audit.append([event])) == 1
    assert list(stores.single_uses.claim([use])) == [True]
    other.engine.dispose()
    stores.close()


@pytest.mark.postgres
def test_a_lost_connection_is_replaced(url: str, stores, event: Event) -> None:  # noqa: ANN001 - the stores of the suite
    """After the server ended every connection, the next call works."""
    database: Database = connect(url)
    stores.audit.append([event])
    if not database.is_sqlite:
        with database.engine.begin() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(text(others))
    assert stores.audit.append([event])[0].seq == 2
    assert stores.generation.current() == 0
    database.engine.dispose()
