"""Checksums of the form that can be verified, over the whole content before gzip (itk3-messaging 5.3, 5.6)."""

import asyncio
import gzip
import hashlib
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from mesh_rows.place import Place
from wardgate.mesh.model import Chunk
from wardgate.messaging import MeshSettings

pytestmark = pytest.mark.anyio
PARTS = [b"one ", b"two ", b"three"]


def stated(body: bytes) -> str:
    """Return the header's value."""
    return f"SHA256 {hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize("body", [b"hello", b"x" * 200_000], ids=["small", "large"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_of_one_chunk(place: Place, body: bytes, packed: bool) -> None:
    """The right one passes, another is refused, and nothing of it is in the inbox."""
    more = {"Content_Encoding": "gzip"} if packed else {}
    sent = gzip.compress(body) if packed else body
    assert (await place.send(sent, Mex_Content_Checksum=stated(body), **more)).status_code == 202
    refused = await place.send(sent, Mex_Content_Checksum=stated(b"other"), **more)
    assert (refused.status_code, refused.json()["detail"]) == (417, [{"event": "SEND", "code": "Invalid checksum", "msg": "Invalid checksum"}])
    assert len(await place.inbox()) == 1


@pytest.mark.parametrize("checksum", ["md5 0123", "SHA256 1234", "b10a8db164e0754105b7a99be72e3fe5"])
async def test_other_kinds_pass_unread(place: Place, checksum: str) -> None:
    """They are for the recipient."""
    message_id = await place.sent(Mex_Content_Checksum=checksum)
    assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}")).headers["mex-content-checksum"] == checksum


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
@pytest.mark.parametrize("right", [True, False])
async def test_of_several_chunks(place: Place, order: tuple[int, int], right: bool) -> None:
    """It is compared before the chunk that completes the message is kept, whichever that is."""
    whole = b"".join(PARTS) if right else b"other"
    message_id = await place.sent(PARTS[0], Mex_Chunk_Range="1:3", Mex_Content_Checksum=stated(whole))
    answers = [
        await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/{number}", PARTS[number - 1], Mex_Chunk_Range=f"{number}:3") for number in order
    ]
    assert answers[-1].status_code == (202 if right else 417)
    assert answers[-1].headers.get("x-wardgate-reason") == (None if right else "mesh-checksum")
    assert await place.inbox() == ([message_id] if right else [])


async def test_chunks_that_come_together(place: Place) -> None:
    """Neither slips through because the other was not there yet."""
    message_id = await place.sent(PARTS[0], Mex_Chunk_Range="1:3", Mex_Content_Checksum=stated(b"other"))
    await asyncio.gather(*(
        place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/{number}", PARTS[number - 1], Mex_Chunk_Range=f"{number}:3") for number in (2, 3)
    ))
    assert await place.inbox() == []


async def test_it_may_be_left_to_the_recipient(new_place: Callable[..., Any]) -> None:
    """By a setting."""
    async with new_place(MeshSettings(verify_checksum=False)) as place:
        assert (await place.send(Mex_Content_Checksum=stated(b"other"))).status_code == 202


class Held(Chunk):
    """A chunk of which it is known for how long it is held."""


class Counted:
    """A store whose looks at chunks are counted."""

    def __init__(self, mailboxes: Any) -> None:
        self.mailboxes, self.looks, self.held = mailboxes, 0, 0
        self.most_held = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.mailboxes, name)

    def chunk(self, message_id: str, number: int) -> Any:
        """Look, and count for how long what was found is held."""
        self.looks += 1
        found = self.mailboxes.chunk(message_id, number)
        if found is None:
            return None
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        held = Held(found.number, found.size, found.sha256, found.place, found.kept)
        weakref.finalize(held, self._let_go)
        return held

    def _let_go(self) -> None:
        self.held -= 1


async def test_many_chunks_cost_each_its_own(place: Place) -> None:
    """Every chunk is looked at once when the last one comes, not when any comes; and one or two at a time are in memory, however many there are."""
    counted = Counted(place.server.mailboxes)
    object.__setattr__(place.server, "mailboxes", counted)
    parts = [b"%d " % number for number in range(1, 31)]
    message_id = await place.sent(parts[0], Mex_Chunk_Range="1:30", Mex_Content_Checksum=stated(b"".join(parts)))
    for number in range(30, 2, -1):  # NOTE: in the order that finds most of those before it, from either side
        await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/{number}", parts[number - 1], Mex_Chunk_Range=f"{number}:30")
    again = await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/3", parts[2], Mex_Chunk_Range="3:30")
    assert (again.status_code, counted.looks) == (202, 1)
    last = await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/2", parts[1], Mex_Chunk_Range="2:30")
    assert (last.status_code, await place.inbox()) == (202, [message_id])
    assert counted.looks == 1 + 1 + 29
    assert counted.most_held <= 3
