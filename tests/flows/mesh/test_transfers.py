"""How much may be under way at once, of whom, and how slowly; and what a sender's type may do."""

import asyncio
import gzip
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flows.mesh.raw import Answered, Piece, ask, begin
from mesh_rows.place import V1, V2, Place
from wardgate.messaging import MeshSettings

pytestmark = pytest.mark.anyio
KIB = 1_024
LARGE = 300 * KIB


async def send(place: Place, pieces: Any) -> Answered:
    """Send a message to BOB in pieces."""
    return await ask(place, "ALICE", "POST", "ALICE/outbox", pieces, Mex_To="BOB", Mex_WorkflowID="LETTERS")


def _paused(arrived: asyncio.Event, go_on: asyncio.Event) -> Iterator[Piece]:
    """A large body that stops when most of it has arrived."""
    yield b"x" * LARGE
    arrived.set()
    yield go_on
    yield b"y"


async def test_so_many_downloads_at_once(new_place: Callable[..., Any]) -> None:
    """One more is told to ask again with the same token; what is small, and what comes in, is not in their way."""
    async with new_place(MeshSettings(max_transfers=2)) as place:
        large, small = [await place.sent(secrets.token_bytes(LARGE)) for _ in range(3)], await place.sent(b"small")
        held = [await begin(place, "BOB", f"BOB/inbox/{message_id}") for message_id in large[:2]]
        token = place.token("BOB")
        busy = await place.call("BOB", "GET", f"BOB/inbox/{large[2]}", Authorization=token)
        assert (busy.status_code, busy.headers["x-wardgate-reason"], busy.headers["retry-after"]) == (429, "mesh-busy", "1")
        assert (await place.call("BOB", "GET", f"BOB/inbox/{small}")).content == b"small"
        assert (await send(place, [b"x" * LARGE])).status == 202
        for one in held:
            one.go.set()
        assert [(one.status, one.complete) for one in await asyncio.gather(*(one.task for one in held))] == [(200, True)] * 2
        assert (await place.call("BOB", "GET", f"BOB/inbox/{large[2]}", Authorization=token)).status_code == 200


async def test_so_many_of_one_mailbox(new_place: Callable[..., Any]) -> None:
    """It leaves room for others, in both directions."""
    async with new_place(MeshSettings(max_transfers=4, max_mailbox_transfers=1)) as place:
        first, second = [await place.sent(secrets.token_bytes(LARGE)) for _ in range(2)]
        for_alice = await place.sent(secrets.token_bytes(LARGE), sender="BOB", to="ALICE", workflow="NOTES")
        held = await begin(place, "BOB", f"BOB/inbox/{first}")
        busy = await place.call("BOB", "GET", f"BOB/inbox/{second}")
        assert (busy.status_code, busy.headers["x-wardgate-reason"]) == (429, "mesh-busy")
        assert (await place.call("ALICE", "GET", f"ALICE/inbox/{for_alice}")).status_code == 200
        held.go.set()
        assert (await held.task).complete
        arrived, go_on = asyncio.Event(), asyncio.Event()
        sending = asyncio.ensure_future(send(place, _paused(arrived, go_on)))
        await asyncio.wait_for(arrived.wait(), 30)
        assert (await send(place, [b"x" * LARGE])).headers["x-wardgate-reason"] == "mesh-busy"
        assert (await place.send(b"x" * LARGE, sender="BOB", to="ALICE", workflow="NOTES")).status_code == 202
        go_on.set()
        assert (await sending).status == 202


async def test_what_unfolds_counts_as_large(new_place: Callable[..., Any]) -> None:
    """A small body that is inflated to a large one for its reader."""
    async with new_place(MeshSettings(max_transfers=1, max_inflate_ratio=2_000)) as place:
        packed = gzip.compress(bytes(8_000 * KIB))
        assert len(packed) < 65_536
        one, other = [await place.sent(packed, Content_Encoding="gzip") for _ in range(2)]
        held = await begin(place, "BOB", f"BOB/inbox/{one}")
        assert (await place.call("BOB", "GET", f"BOB/inbox/{other}")).headers["x-wardgate-reason"] == "mesh-busy"
        assert (await place.call("BOB", "GET", f"BOB/inbox/{other}", Accept_Encoding="gzip")).status_code == 200
        held.go.set()
        assert (await held.task).complete


async def test_whoever_goes_leaves_room(new_place: Callable[..., Any]) -> None:
    """A reader that is gone, or is refused, is counted no more."""
    async with new_place(MeshSettings(max_transfers=1, serve_acknowledged=False)) as place:
        message_id = await place.sent(secrets.token_bytes(LARGE))
        held = await begin(place, "BOB", f"BOB/inbox/{message_id}")
        held.task.cancel()
        await asyncio.gather(held.task, return_exceptions=True)
        used = place.token("BOB")
        assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}", Authorization=used)).status_code == 200
        assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}", Authorization=used)).status_code == 403
        assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}")).status_code == 200


async def test_a_download_that_is_too_slow(new_place: Callable[..., Any]) -> None:
    """Something is taken again and again, and too little: it is broken off."""
    async with new_place(MeshSettings(idle_seconds=0.5, least_bytes_per_second=100 * 1_048_576)) as place:
        message_id = await place.sent(secrets.token_bytes(5 * 1_048_576))
        answered = await ask(place, "BOB", "GET", f"BOB/inbox/{message_id}", slow=0.25)
        assert (answered.status, answered.complete) == (200, False)


@pytest.mark.parametrize("accept", [V1, V2])
async def test_nobody_guesses_another_type(place: Place, accept: str) -> None:
    """Version 2 gives on the sender's type; a browser is to make nothing else of it, nor of any other answer."""
    message_id = await place.sent(b"<script>1</script>", Content_Type="text/html")
    for path in (f"BOB/inbox/{message_id}", "BOB/inbox", "BOB/inbox/none"):
        assert (await place.call("BOB", "GET", path, accept=accept)).headers["x-content-type-options"] == "nosniff"
    assert (await place.call("BOB", "HEAD", f"BOB/inbox/{message_id}", accept=accept)).headers["x-content-type-options"] == "nosniff"


async def test_chunks_that_come_together_are_added_up(new_place: Callable[..., Any]) -> None:
    """Each would fit by itself: one of them is refused, and the message has no more than it may."""
    async with new_place(MeshSettings(max_message_bytes=250)) as place:
        message_id = await place.sent(b"x" * 100, Mex_Chunk_Range="1:3")

        async def chunk(number: int) -> int:
            answer = await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/{number}", b"x" * 100, Mex_Chunk_Range=f"{number}:3")
            return answer.status_code

        assert sorted(await asyncio.gather(chunk(2), chunk(3))) in ([202, 413], [413, 417])
        stored = place.stores.mailboxes.message(message_id)
        assert stored is not None
        assert (stored.size, stored.received) == (200, 2)
        assert (await place.send(b"x" * 251)).headers["x-wardgate-reason"] == "mesh-message-too-large"


@pytest.mark.parametrize(("header", "path"), [
    ("a b", "a%20b"), ("50%", "50%25"), ("a%2Fb", "a%252Fb"), ("a/b", "a%2Fb"), ("q?x=1#y", "q%3Fx%3D1%23y"), ("a+b;c", "a+b;c"), ("..", "%2E%2E"),
    ("café".encode(), "caf%C3%A9"), ("café".encode("latin-1"), "caf%C3%A9"), ("café".encode("latin-1"), "caf%E9"),
])
async def test_a_local_id_of_any_characters_is_found(place: Place, header: Any, path: str) -> None:
    """As its octets are, and where the header has it in Latin-1 and the path in UTF-8."""
    message_id = await place.sent(b"x", Mex_LocalID=header)
    answer = await place.call("ALICE", "GET", f"ALICE/outbox/tracking/{path}", accept=V1)
    assert (answer.status_code, answer.json().get("messageId")) == (200, message_id)
    assert (await place.call("BOB", "GET", f"BOB/outbox/tracking/{path}")).status_code == 404
