"""The steps of mailboxes on every database: each all or nothing, in order, by themselves and in one batch."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from contract.mailbox_cast import (
    COLLECT,
    NOW,
    acknowledge,
    chunk,
    claim,
    do,
    downloaded,
    event,
    message,
    one_by_one,
    post,
    post_chunk,
    recorded,
    report,
    waiting,
)
from wardgate.mesh.model import Status
from wardgate.stores import AlreadyExists, Stores
from wardgate.stores.mailboxes import Done, MailboxStep, Post

Doer = Callable[..., list[Done]]
DOERS = pytest.mark.parametrize("done", [do, one_by_one], ids=["one batch", "one by one"])


@DOERS
def test_a_message_is_posted_read_and_acknowledged(stores: Stores, again: Stores, done: Doer) -> None:
    """Every step says what another process then sees; each is recorded once, however often it is done."""
    steps = [post("M1", "a"), downloaded("M1", token="b"), downloaded("M1", token="c"), acknowledge("M1", token="d"), acknowledge("M1", token="e")]
    assert done(stores, *steps[:1]) == [Done.DONE]
    assert waiting(again) == ("M1",)
    assert done(stores, *steps[1:]) == [Done.DONE] * 4
    assert waiting(again) == ()
    found = again.mailboxes.message("M1")
    assert found is not None
    assert (found.status, found.downloaded_at, found.acknowledged_at) == (Status.ACKNOWLEDGED, NOW, NOW)
    assert recorded(again) == ["M1", "down-M1", "ack-M1"]


@DOERS
def test_what_is_posted_is_what_is_found(stores: Stores, again: Stores, done: Doer) -> None:
    """With every text, the chunk and its body; what came is counted."""
    sent = message("M1", local_id="local é", linked_id="M0", headers={"mex-subject": "s", "content-encoding": "gzip"})
    assert done(stores, Post(sent, chunk(body=b"12345"), None, event())) == [Done.DONE]
    found = again.mailboxes.message("M1")
    assert found is not None
    assert found == replace(sent, size=5, received=1)
    first = again.mailboxes.chunk("M1", 1)
    assert first is not None
    assert (first.number, first.size, first.sha256, first.kept) == (1, 5, chunk(body=b"12345").sha256, b"12345")
    assert again.mailboxes.chunk("M1", 2) is None
    assert again.mailboxes.message("M2") is None


@DOERS
def test_a_message_of_three_chunks_appears_with_the_last_one_missing(stores: Stores, again: Stores, done: Doer) -> None:
    """In whatever order they come; the last number says that others are missing; then there is no more to add."""
    steps = [post("M1", chunks=3), post_chunk("M1", 3), post_chunk("M1", 3), post_chunk("M1", 2), post_chunk("M1", 2)]
    assert done(stores, *steps) == [Done.DONE, Done.INCOMPLETE, Done.INCOMPLETE, Done.COMPLETE, Done.ALREADY_COMPLETE]
    assert waiting(again) == ("M1",)
    found = again.mailboxes.message("M1")
    assert found is not None
    assert (found.status, found.accepted_at, found.expires, found.size) == (Status.ACCEPTED, NOW, NOW + COLLECT, 12)
    assert recorded(again) == ["M1"]


@DOERS
def test_chunks_of_one_message_are_added_up(stores: Stores, again: Stores, done: Doer) -> None:
    """Of two that would each fit, one does; what is there already is counted once."""
    steps = [post_chunk("M1", 2, max_bytes=9), post_chunk("M1", 3, max_bytes=9), post_chunk("M1", 2, max_bytes=9)]
    assert done(stores, post("M1", chunks=4), *steps) == [Done.DONE, Done.DONE, Done.TOO_LARGE, Done.DONE]
    found = again.mailboxes.message("M1")
    assert found is not None
    assert (found.size, found.received) == (8, 2)


REFUSED_CHUNKS: list[tuple[str, MailboxStep, Done]] = [
    ("of a message that is not there", post_chunk("M9", 2), Done.UNKNOWN),
    ("of another mailbox", post_chunk("M1", 2, mailbox="BOB"), Done.FOREIGN),
    ("above the total", post_chunk("M1", 4), Done.OUT_OF_RANGE),
    ("below one", post_chunk("M1", 0), Done.OUT_OF_RANGE),
    ("in another encoding", post_chunk("M1", 2, encoding="gzip"), Done.DIFFERENT),
    ("again with other octets", post_chunk("M1", 1, body=b"yodb"), Done.DIFFERENT),
    ("making the message too large", post_chunk("M1", 2, max_bytes=7), Done.TOO_LARGE),
    ("of a whole message", post_chunk("M2", 1), Done.ALREADY_COMPLETE),
]


@DOERS
@pytest.mark.parametrize(("step", "why"), [row[1:] for row in REFUSED_CHUNKS], ids=[row[0] for row in REFUSED_CHUNKS])
def test_a_chunk_that_cannot_be_taken(stores: Stores, again: Stores, done: Doer, step: MailboxStep, why: Done) -> None:
    """It says why and leaves everything as it was."""
    assert done(stores, post("M1", chunks=3), post("M2"), step) == [Done.DONE, Done.DONE, why]
    found = again.mailboxes.message("M1")
    assert found is not None
    assert (found.status, found.size) == (Status.UPLOADING, 4)
    assert again.mailboxes.chunk("M1", 2) is None
    assert waiting(again) == ("M2",)


@DOERS
@pytest.mark.parametrize("step", [downloaded, acknowledge])
def test_who_cannot_have_a_message(stores: Stores, done: Doer, step: Callable[..., MailboxStep]) -> None:
    """One that is not there, another's, one that is not whole, one that was given up."""
    assert done(stores, post("M1", expires=NOW), post("M2", chunks=2)) == [Done.DONE] * 2
    assert done(stores, step("M9"), step("M1", "ALICE"), step("M2")) == [Done.UNKNOWN, Done.FOREIGN, Done.GONE]
    stores.mailboxes.expire(NOW, 9, lambda found: (report(f"R-{found.id}", found), event()))
    assert done(stores, step("M1")) == [Done.GONE]


@DOERS
def test_a_token_works_once(stores: Stores, again: Stores, done: Doer) -> None:
    """Whatever it was used for; what comes again with it is not done and not recorded. A step that was refused has used it too."""
    steps: list[MailboxStep] = [claim("a"), claim("a"), post("M1", "a"), post("M2", "b"), acknowledge("M2", token="b"), acknowledge("M9", token="c"), claim("c")]
    assert done(stores, *steps) == [Done.DONE, Done.REPLAYED, Done.REPLAYED, Done.DONE, Done.REPLAYED, Done.UNKNOWN, Done.REPLAYED]
    assert waiting(again) == ("M2",)
    assert recorded(again) == ["M2"]
    assert done(again, claim("b", told=True), claim("d", told=True)) == [Done.REPLAYED, Done.DONE]
    assert recorded(stores) == ["M2", "d"]


def test_a_message_id_that_is_taken(stores: Stores, again: Stores) -> None:
    """Nothing of its batch is done, and no token of it is used."""
    do(stores, post("M1", "a"))
    for batch in ([post("M1", "b"), claim("c")], [post("M2", "b"), post("M2", "c")]):
        with pytest.raises(AlreadyExists):
            do(stores, *batch)
    assert do(again, claim("b"), claim("c")) == [Done.DONE] * 2
    assert waiting(again) == ("M1",)
    assert recorded(again) == ["M1"]


IMPOSSIBLE = [
    ("a message that begins with its second chunk", Post(message("M1", chunks=2), chunk(2), None, None)),
    ("one of several chunks that is whole", Post(message("M1", chunks=2), chunk(), None, event())),
    ("a whole one without an event", Post(message("M1"), chunk(), None, None)),
    ("a chunk that no body store wrote", Post(message("M1"), chunk().__class__(1, 0, "", "f"), None, event())),
    ("texts without end", post("M1", headers={"mex-subject": "x" * 70_000})),
]


@pytest.mark.parametrize("step", [row[1] for row in IMPOSSIBLE], ids=[row[0] for row in IMPOSSIBLE])
def test_a_step_that_cannot_be(stores: Stores, step: MailboxStep) -> None:
    """Nothing of its batch is done."""
    with pytest.raises(ValueError, match=r"chunk|texts"):
        do(stores, claim("a"), step)
    assert do(stores, claim("a")) == [Done.DONE]


def test_large_batches_keep_their_order(stores: Stores, again: Stores) -> None:
    """More than one statement holds; the inbox has them as they came, and several mailboxes are counted apart."""
    names = [f"M{number:03}" for number in range(200)]
    steps = [post(name, name, recipient="BOB" if number % 2 else "EVE") for number, name in enumerate(names)]
    assert do(stores, *steps) == [Done.DONE] * 200
    assert waiting(again) == tuple(names[1::2])
    assert waiting(again, "EVE") == tuple(names[0::2])
    assert do(stores, *[acknowledge(name) for name in names[1::2]]) == [Done.DONE] * 100
    assert waiting(again) == ()
    assert do(stores) == []


def test_the_order_is_that_of_acceptance(stores: Stores, again: Stores) -> None:
    """Not of ids, nor of times: a clock may go back, and a long upload ends late."""
    do(stores, post("C", chunks=2))
    do(stores, post("B", created=NOW + timedelta(hours=1)))
    do(stores, post("A", created=NOW - timedelta(hours=1)))
    do(stores, post_chunk("C", 2))
    assert waiting(again) == ("B", "A", "C")
