"""Passkeys, on every database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from wardgate.audit import Event, EventType
from wardgate.keystores import Sealer
from wardgate.stores import AlreadyExists, Stores
from wardgate.stores.passkeys import Passkey
from wardgate.stores.reseal import reseal
from wardgate.stores.sql.engine import Database

MINUTE = timedelta(minutes=1)
MOST = 3


def passkey(now: datetime, number: int = 0, username: str = "Aal3", sign_count: int = 0) -> Passkey:
    """A passkey of somebody."""
    return Passkey(f"credential-{number}".encode(), username, "localhost", b"public-key", sign_count, "My key", now)


def test_a_passkey_is_found_by_its_id_and_its_owner(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """Whole, on another node, in the order of registering, whatever the case of the name."""
    first, second = passkey(now, 1), passkey(now + MINUTE, 2)
    assert stores.passkeys.add(second, MOST, event)
    assert stores.passkeys.add(first, MOST, event)
    assert again.passkeys.get(first.id) == first
    assert list(again.passkeys.of("aAL3")) == [first, second]
    assert list(again.passkeys.of("Aal4")) == []
    assert again.passkeys.get(b"credential-3") is None


def test_an_id_is_registered_once(stores: Stores, now: datetime, event: Event) -> None:
    """Also for another person: an authenticator that repeats an id, or one who wants another's passkey, is refused. Nothing is recorded."""
    stores.passkeys.add(passkey(now), MOST, event)
    with pytest.raises(AlreadyExists):
        stores.passkeys.add(passkey(now, username="Aal4"), MOST, event)
    assert stores.passkeys.get(b"credential-0") == passkey(now)
    assert len(stores.audit.last(10)) == 1


def test_nobody_has_more_than_the_limit(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """Also of several who register at once, on two nodes; and only what is kept is recorded."""
    start = Barrier(6)

    def add(number: int) -> bool:
        start.wait()
        return (stores if number % 2 else again).passkeys.add(passkey(now, number), MOST, event)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(add, range(6))) == [False] * 3 + [True] * 3
    assert len(stores.passkeys.of("Aal3")) == MOST
    assert len(stores.audit.last(10)) == MOST
    assert stores.passkeys.add(passkey(now, 9, "Aal4"), MOST, event)


@pytest.mark.parametrize(("stored", "told", "moves"), [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)])
def test_the_counter_only_rises(stores: Stores, again: Stores, now: datetime, event: Event, stored: int, told: int, moves: bool) -> None:
    """Anything else is a copy of the authenticator, or an answer used twice (WebAuthn level 3 section 6.1.1)."""
    stores.passkeys.add(passkey(now, sign_count=stored), MOST, event)
    assert stores.passkeys.use(b"credential-0", told, now + MINUTE) is moves
    expected = replace(passkey(now, sign_count=told), used=now + MINUTE) if moves else passkey(now, sign_count=stored)
    assert again.passkeys.get(b"credential-0") == expected


def test_of_two_uses_of_one_count_one_is_good(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """The look and the change are one step."""
    stores.passkeys.add(passkey(now, sign_count=1), MOST, event)
    start = Barrier(8)

    def use(number: int) -> bool:
        start.wait()
        return (stores if number % 2 else again).passkeys.use(b"credential-0", 2, now)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(use, range(8))) == [False] * 7 + [True]


def test_a_removed_passkey_is_gone(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """Everywhere, once, and recorded once; its id may be registered again."""
    removed = replace(event, type=EventType.PASSKEY_REMOVED)
    stores.passkeys.add(passkey(now), MOST, event)
    assert again.passkeys.remove(b"credential-0", removed)
    assert not stores.passkeys.remove(b"credential-0", removed)
    assert stores.passkeys.get(b"credential-0") is None
    assert not stores.passkeys.use(b"credential-0", 1, now)
    assert len(stores.audit.last(10)) == 2
    assert stores.passkeys.add(passkey(now), MOST, event)


def test_nothing_is_readable_or_changed_at_rest(stores: Stores, database: Database, url: str, sealer: Sealer, now: datetime, event: Event) -> None:
    """Not whose it is nor its key; a new store key opens it; a row put in another's place does not open."""
    stores.passkeys.add(passkey(now), MOST, event)
    stores.passkeys.add(passkey(now, 1, "Aal4"), MOST, event)
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, person, sealed FROM passkeys")).all()
    stored = b"".join(row.id.encode() + bytes(row.person) + bytes(row.sealed) for row in rows)
    assert not [found for found in (b"credential", b"Aal3", b"aal3", b"public-key", b"localhost") if found in stored]
    newer = Sealer([b"n" * 32, b"contract-suite-store-key-32bytes"])
    assert reseal(url, newer) >= 2
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE passkeys SET sealed = (SELECT sealed FROM passkeys other WHERE other.id <> passkeys.id)"))
    with pytest.raises(Exception, match="key"):
        stores.passkeys.get(b"credential-0")
