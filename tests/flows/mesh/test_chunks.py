"""Messages in chunks: in any order, again, with others, and read one by one (itk3-messaging 5.2, 5.4)."""

import gzip
from typing import Any

import pytest

from mesh_rows.place import Place
from wardgate.audit.model import EventType

pytestmark = pytest.mark.anyio
PARTS = {1: b"one ", 2: b"two ", 3: b"three"}


async def begin(place: Place, total: int = 3, **headers: str) -> str:
    """Send the first chunk."""
    return await place.sent(PARTS[1], Mex_Chunk_Range=f"1:{total}", **headers)


async def chunk(place: Place, message_id: str, number: int, body: bytes | None = None, total: int = 3, **headers: str) -> Any:
    """Send another one."""
    return await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/{number}", PARTS[number] if body is None else body,
                            Mex_Chunk_Range=f"{number}:{total}", **headers)


async def status(place: Place, message_id: str) -> str:
    """Return where the message stands."""
    found: str = (await place.call("ALICE", "GET", f"ALICE/outbox/tracking?messageID={message_id}")).json()["status"]
    return found


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
async def test_chunks_come_in_any_order(place: Place, order: tuple[int, int]) -> None:
    """The last number before the others is kept, and its sender told that some are missing; the message is seen when all are there."""
    message_id = await begin(place)
    answers = []
    for number in order:
        assert await status(place, message_id) == "uploading"
        assert await place.inbox() == []
        answers.append((await chunk(place, message_id, number)).status_code)
    assert answers == ([202, 202] if order == (2, 3) else [417, 202])
    assert await place.inbox() == [message_id]
    read = [await place.call("BOB", "GET", f"BOB/inbox/{message_id}"), *[await place.call("BOB", "GET", f"BOB/inbox/{message_id}/{number}") for number in (2, 3)]]
    assert [answer.status_code for answer in read] == [206, 206, 200]
    assert [answer.headers["mex-chunk-range"] for answer in read] == ["1:3", "2:3", "3:3"]
    assert b"".join(answer.content for answer in read) == b"one two three"
    assert [event["details"]["bytes"] for event in place.record(EventType.MAILBOX_ACCEPTED, EventType.MAILBOX_DOWNLOADED)] == [13, 13]


async def test_a_chunk_twice(place: Place) -> None:
    """The same again is nothing new; other octets are refused, and the first ones stay."""
    message_id = await begin(place)
    assert [(await chunk(place, message_id, 2)).status_code for _ in range(2)] == [202, 202]
    assert (await chunk(place, message_id, 1)).status_code == 202
    refused = await chunk(place, message_id, 2, b"other")
    assert (refused.status_code, refused.headers["x-wardgate-reason"]) == (417, "mesh-chunk-different")
    assert (await chunk(place, message_id, 3)).status_code == 202
    assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}/2")).content == b"two "
    again = await chunk(place, message_id, 3)
    assert (again.status_code, again.headers["x-wardgate-reason"]) == (423, "mesh-upload-complete")


async def test_each_chunk_is_gzip_by_itself(place: Place) -> None:
    """They leave as they came for who accepts gzip, and inflated for who does not."""
    message_id = await place.sent(gzip.compress(PARTS[1]), Mex_Chunk_Range="1:2", Content_Encoding="gzip")
    assert (await chunk(place, message_id, 2, gzip.compress(PARTS[2]), 2, Content_Encoding="gzip")).status_code == 202
    plain = [await place.call("BOB", "GET", f"BOB/inbox/{message_id}/{number}") for number in (1, 2)]
    assert [(answer.content, answer.headers.get("content-encoding")) for answer in plain] == [(b"one ", None), (b"two ", None)]
    assert "mex-content-compressed" not in plain[0].headers
    packed = await place.call("BOB", "GET", f"BOB/inbox/{message_id}", Accept_Encoding="gzip")
    assert (packed.headers["content-encoding"], packed.headers["mex-content-compressed"], packed.content) == ("gzip", "Y", b"one ")


@pytest.mark.parametrize("number", [0, 4, 99_999_999])
async def test_no_such_chunk(place: Place, number: int) -> None:
    """A number outside the range is no chunk."""
    message_id = await place.sent()
    answer = await place.call("BOB", "GET", f"BOB/inbox/{message_id}/{number}")
    assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (404, "mesh-message-unknown")
