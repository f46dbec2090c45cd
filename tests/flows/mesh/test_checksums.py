"""Checksums of the form that can be verified, over the whole content before gzip (itk3-messaging 5.3, 5.6)."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from mesh_rows.place import Place
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
