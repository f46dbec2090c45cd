"""Private message keys, on every database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from wardgate.audit import Event
from wardgate.keystores import Sealer
from wardgate.sealing.keys import Use
from wardgate.stores import AlreadyExists, Stores
from wardgate.stores.errors import WrongStoreKey
from wardgate.stores.message_keys import HeldMessageKey
from wardgate.stores.reseal import reseal
from wardgate.stores.sql.engine import Database

PEM = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"


def held(now: datetime, kid: str = "x26-sig-1", **changes: object) -> HeldMessageKey:
    """A signing key of X26."""
    return replace(HeldMessageKey(kid, "X26", Use.SIGNING, now, PEM, certificate_pem="CERT"), **changes)


def test_a_key_comes_back_as_it_was(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """On another node, the oldest first; each write raises the generation and is recorded."""
    first = held(now)
    second = held(now + timedelta(days=1), "x26-enc-1", use=Use.ENCRYPTION, private_pem=None, hardware="pkcs11:token=one;object=x26-enc-1",
                  certificate_pem=None, retired_at=now, opens_until=now + timedelta(days=35))
    for key in (second, first):
        stores.message_keys.add(key, event)
    assert list(again.message_keys.all()) == [first, second]
    assert again.message_keys.get("x26-enc-1") == second
    assert again.message_keys.get("x26-enc-2") is None
    assert (stores.generation.current(), len(stores.audit.last(10))) == (2, 2)


def test_a_kid_is_never_used_again(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """Not even when nothing is left of its key; and what was refused is not recorded."""
    stores.message_keys.add(held(now), event)
    erased = stores.message_keys.change("x26-sig-1", lambda key: replace(key, private_pem=None), event)
    assert erased is not None
    assert erased.is_erased
    with pytest.raises(AlreadyExists):
        again.message_keys.add(held(now, organisation="RY6"), event)
    assert again.message_keys.get("x26-sig-1") == erased
    assert len(stores.audit.last(10)) == 2


def test_a_change_is_one_step(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """Of several at once, on two nodes, one retires the key; the others see that it has been."""
    stores.message_keys.add(held(now), event)
    start = Barrier(6)

    def retire(number: int) -> bool:
        start.wait()
        at = now + timedelta(days=number)
        found = (stores if number % 2 else again).message_keys
        return found.change("x26-sig-1", lambda key: None if key.retired_at else replace(key, retired_at=at), event) is not None

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(retire, range(6))) == [False] * 5 + [True]
    assert len(stores.audit.last(10)) == 2


def test_what_is_not_there_is_not_changed(stores: Stores, now: datetime, event: Event) -> None:
    """And nothing is recorded."""
    assert stores.message_keys.change("x26-sig-1", lambda key: key, event) is None
    assert len(stores.audit.last(10)) == 0


def test_nothing_is_readable_or_changed_at_rest(stores: Stores, database: Database, url: str, now: datetime, event: Event) -> None:
    """Neither key nor owner; a new store key opens it; a row put in another's place does not open. Nothing shows in its representation."""
    stores.message_keys.add(held(now), event)
    stores.message_keys.add(held(now, "x26-sig-2"), event)
    with database.engine.connect() as connection:
        stored = b"".join(bytes(row.sealed) for row in connection.execute(text("SELECT sealed FROM message_keys")))
    assert not [found for found in (b"X26", b"c2VjcmV0", b"CERT", b"signing") if found in stored]
    assert "c2VjcmV0" not in repr(stores.message_keys.get("x26-sig-1"))
    assert reseal(url, Sealer([b"n" * 32, b"contract-suite-store-key-32bytes"])) >= 2
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE message_keys SET sealed = (SELECT sealed FROM message_keys other WHERE other.kid <> message_keys.kid)"))
    with pytest.raises(WrongStoreKey):
        stores.message_keys.all()
