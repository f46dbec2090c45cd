"""Messages in the hands of an installation, on every database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from wardgate.audit import Event, EventType
from wardgate.mesh.model import Chunk
from wardgate.stores import Stores
from wardgate.stores.exchange import Direction, HandledMessage, Move, Stage
from wardgate.stores.sql.engine import Database

MINUTE = timedelta(minutes=1)
BODY = Chunk(1, 4, "00" * 32, "ab/cdef", b"key of the file")


def message(key: str, now: datetime, **more: Any) -> HandledMessage:
    """One that is ready to be sent."""
    values: dict[str, Any] = {
        "direction": Direction.OUT, "stage": Stage.SEALED, "mailbox": "ALICE", "peer": "BOB", "workflow": "W", "message_id": f"id-of-{key}",
        "responses_due": ("infrastructure",), "codes": ("20013",), "content": BODY, "due": now,
    }
    return HandledMessage(key, created=now, changed=now, **values | more)


def event(now: datetime, message_id: str = "m") -> Event:
    """What is told of a step."""
    return Event(EventType.MESSAGE_SENT, now, message_id=message_id)


def arrival(key: str, now: datetime, mex_id: str, **more: Any) -> HandledMessage:
    """One that came in."""
    return message(key, now, direction=Direction.IN, stage=Stage.RECEIVED, message_id="", mex_id=mex_id, **more)


def test_what_was_added_is_there_whole(stores: Stores, again: Stores, now: datetime) -> None:
    """From another process as well, and its event is recorded."""
    one = message("a", now, document_id="d", sealed=replace(BODY, place="i", kept=b"small"), media_type="application/jose+json", seal="modern")
    assert stores.exchange.add(one, event(now, "id-of-a"))
    assert again.exchange.get("a") == one
    assert again.exchange.get("b") is None
    assert [record.seq for record in again.audit.find("id-of-a")] == [1]


def test_a_key_is_used_once(stores: Stores, now: datetime) -> None:
    """A second message of that key is not kept, and nothing is recorded of it."""
    assert stores.exchange.add(message("a", now), event(now))
    assert not stores.exchange.add(message("a", now, peer="EVE"), event(now, "other"))
    assert stores.exchange.get("a") == message("a", now)
    assert not stores.audit.find("other")


def test_what_came_in_is_added_once(stores: Stores, again: Stores, now: datetime) -> None:
    """The mailbox server delivers at least once: by mailbox and its id, one that is there is not added again."""
    assert stores.exchange.add(arrival("a", now, "MEX1"), event(now))
    assert not again.exchange.add(arrival("b", now, "MEX1"), event(now))
    assert again.exchange.add(arrival("c", now, "MEX1", mailbox="CAROL"), event(now))
    assert again.exchange.add(arrival("d", now, "MEX2"), event(now))


def test_a_message_moves_from_where_it_was_seen(stores: Stores, again: Stores, now: datetime) -> None:
    """A move of something that moved meanwhile does nothing and records nothing."""
    one = message("a", now)
    stores.exchange.add(one, event(now))
    sent = replace(one, stage=Stage.SENT, changed=now + MINUTE, mex_id="MEX1", due=None)
    assert stores.exchange.move([Move(sent, one.stage, one.changed, event(now, "first"))])
    assert not again.exchange.move([Move(sent, one.stage, one.changed, event(now, "second"))])
    assert not again.exchange.move([Move(replace(sent, stage=Stage.DEAD), Stage.SENT, now, event(now, "second"))])
    assert again.exchange.get("a") == sent
    assert stores.audit.find("first")
    assert not stores.audit.find("second")


def test_moves_and_what_follows_are_one_step(stores: Stores, now: datetime) -> None:
    """Where one of two moves is too late, or what follows is there already, nothing is done."""
    one, two = message("a", now), message("b", now)
    for each in (one, two):
        stores.exchange.add(each, event(now))
    good = Move(replace(one, stage=Stage.ANSWERED, changed=now + MINUTE), one.stage, one.changed, event(now))
    late = Move(replace(two, stage=Stage.ANSWERED), Stage.SENT, two.changed, event(now))
    answer = message("c", now, answers="id-of-a")
    assert not stores.exchange.move([good, late], [(answer, event(now))])
    assert not stores.exchange.move([good], [(replace(answer, key="b"), event(now))])
    assert (stores.exchange.get("a"), stores.exchange.get("b"), stores.exchange.get("c")) == (one, two, None)
    assert stores.exchange.move([good], [(answer, event(now))])
    assert stores.exchange.get("c") == answer


def test_one_of_many_moves_it(stores: Stores, again: Stores, now: datetime) -> None:
    """Of several that saw the same, one does the work."""
    one = message("a", now)
    stores.exchange.add(one, event(now))
    start = Barrier(4)

    def move(number: int) -> bool:
        start.wait()
        taken = replace(one, attempts=number, changed=now + MINUTE)
        return (stores, again)[number % 2].exchange.move([Move(taken, one.stage, one.changed, event(now))])

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(move, range(4))) == [False, False, False, True]


def test_it_is_found_by_each_of_its_ids(stores: Stores, again: Stores, now: datetime) -> None:
    """By those that it got later as well, and a response by what it answers."""
    one = message("a", now, document_id="doc")
    stores.exchange.add(one, event(now))
    moved = replace(one, stage=Stage.SENT, mex_id="MEX1", changed=now + MINUTE)
    response = arrival("r", now + MINUTE, "MEX2", answers="id-of-a")
    stores.exchange.move([Move(moved, one.stage, one.changed, event(now))], [(response, event(now))])
    for any_id in ("a", "doc", "MEX1"):
        assert again.exchange.find(any_id) == [moved]
    assert again.exchange.find("id-of-a") == [moved, response]
    assert again.exchange.find("nothing") == []


@pytest.mark.parametrize(("message_id", "document_id", "code"), [
    ("m1", "d2", "message-seen"), ("m2", "d1", "document-seen"), ("m1", "d1", "message-seen"), ("m2", None, None), ("m2", "d2", None),
])
def test_ids_are_remembered_for_ever(stores: Stores, again: Stores, now: datetime, message_id: str, document_id: str | None, code: str | None) -> None:
    """Of each sender by itself; the one that had them may claim them again, and what is refused remembers nothing."""
    assert stores.exchange.claim_ids("BOB", "m1", "d1", "first") is None
    assert again.exchange.claim_ids("BOB", "m1", "d1", "first") is None
    assert again.exchange.claim_ids("EVE", "m1", "d1", "hers") is None
    assert again.exchange.claim_ids("BOB", message_id, document_id, "second") == code
    if code is not None:
        assert again.exchange.claim_ids("BOB", "m2", "d2", "third") is None


def test_what_is_due_comes_in_its_order(stores: Stores, again: Stores, now: datetime) -> None:
    """Not before its time, and nothing that waits for nobody."""
    for key, due in (("late", now + MINUTE), ("second", now), ("first", now - MINUTE), ("never", None)):
        stores.exchange.add(message(key, now, due=due), event(now))
    assert [one.key for one in again.exchange.due(now, 9)] == ["first", "second"]
    assert [one.key for one in again.exchange.due(now, 1)] == ["first"]


def test_those_at_a_stage_are_listed_in_pages(stores: Stores, now: datetime) -> None:
    """Oldest first, those of one moment too."""
    for number in range(5):
        stores.exchange.add(message(f"k{number}", now + MINUTE * (number // 2), stage=Stage.DEAD), event(now))
    stores.exchange.add(message("x", now), event(now))
    assert [one.key for one in stores.exchange.waiting(Stage.DEAD, limit=3)] == ["k0", "k1", "k2"]
    assert [one.key for one in stores.exchange.waiting(Stage.DEAD, after="k2", limit=3)] == ["k3", "k4"]


def test_what_is_finished_is_forgotten_and_its_ids_stay_seen(stores: Stores, again: Stores, now: datetime) -> None:
    """With the places of its bodies; what is on its way, and what is young, stays."""
    stores.exchange.claim_ids("BOB", "m1", None, "a")
    stores.exchange.add(message("a", now, stage=Stage.ANSWERED, due=None, sealed=replace(BODY, place="gh/ijkl")), event(now))
    stores.exchange.add(message("on-its-way", now, content=replace(BODY, place="mn/opqr")), event(now))
    stores.exchange.add(message("young", now + MINUTE, stage=Stage.ANSWERED, due=None), event(now))
    assert stores.exchange.known_places(["ab/cdef", "gh/ijkl", "zz/none"]) == {"ab/cdef", "gh/ijkl"}
    assert sorted(stores.exchange.purge(now + MINUTE, 10)) == ["ab/cdef", "gh/ijkl"]
    assert (again.exchange.get("a"), again.exchange.find("a"), list(again.exchange.find("id-of-a"))) == (None, [], [])
    assert again.exchange.get("on-its-way") is not None
    assert again.exchange.get("young") is not None
    assert again.exchange.claim_ids("BOB", "m1", None, "b") == "message-seen"


def test_the_database_tells_nothing(stores: Stores, database: Database, now: datetime) -> None:
    """Ids, mailboxes, codes and keys of bodies are not to be read in it."""
    stores.exchange.add(arrival("k", now, "MEX1", document_id="document-id"), event(now))
    stores.exchange.claim_ids("BOB", "seen-id", "seen-document", "k")
    with database.engine.connect() as connection:
        rows = [connection.execute(text(f"SELECT * FROM exchange_{table}")).all() for table in ("messages", "ids", "seen")]
    for secret in ("ALICE", "BOB", "20013", "MEX1", "document-id", "seen-id", "key of the file"):
        assert secret not in str(rows)


def test_other_octets_under_the_same_id_are_another_message(stores: Stores, again: Stores, now: datetime) -> None:
    """What came is what counts, also when its content is removed later."""
    first, other = replace(BODY, sha256="11" * 32), replace(BODY, sha256="22" * 32)
    one = arrival("a", now, "MEX1", sealed=first)
    assert stores.exchange.add(one, event(now))
    assert again.exchange.add(arrival("b", now, "MEX1", sealed=other), event(now))
    gone = replace(one, stage=Stage.REFUSED, sealed=None, due=None, changed=now + MINUTE)
    assert stores.exchange.move([Move(gone, one.stage, one.changed, event(now))])
    assert not again.exchange.add(arrival("c", now, "MEX1", sealed=first), event(now))
    assert [found.key for found in again.exchange.find("MEX1")] == ["a", "b"]


def test_it_is_found_by_what_its_sender_called_it(stores: Stores, again: Stores, now: datetime) -> None:
    """That sender's, at that mailbox, and nobody else's: neither by the same name, nor by one that looks like all of it."""
    mine = arrival("a", now, "MEX1", local_id="letter-1.sig")
    stores.exchange.add(mine, event(now))
    for number, more in enumerate(({"peer": "EVE"}, {"mailbox": "CAROL"}, {"peer": "EVE", "local_id": "ALICE/BOB/letter-1.sig"}, {"direction": Direction.OUT})):
        stores.exchange.add(arrival(f"b{number}", now, f"MEX1{number}", **{"local_id": "letter-1.sig"} | more) if "direction" not in more else message("out", now, local_id="letter-1.sig"), event(now))
    assert again.exchange.called("ALICE", "BOB", "letter-1.sig") == [mine]
    assert again.exchange.called("ALICE", "BOB", "letter-2.sig") == []
