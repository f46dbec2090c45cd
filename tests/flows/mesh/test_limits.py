"""Bodies that are too large, too slow or given up, and answers that nobody takes: nothing is left behind, and memory stays flat."""

import asyncio
import gzip
import secrets
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.mesh.raw import Answered, Piece, ask
from mesh_rows.place import Place
from wardgate.audit.model import EventType
from wardgate.mesh.model import Chunk
from wardgate.messaging import MeshSettings
from wardgate.stores.errors import StoreUnavailable

pytestmark = pytest.mark.anyio
KIB = 1_024
MIB = 1_024 * KIB
SMALL = MeshSettings(max_request_bytes=MIB, idle_seconds=0.2, least_bytes_per_second=10 * MIB)
TO_BOB = {"Mex_To": "BOB", "Mex_WorkflowID": "LETTERS"}


async def send(place: Place, pieces: Any, **more: str | None) -> Answered:
    """Send a message in pieces."""
    return await ask(place, "ALICE", "POST", "ALICE/outbox", pieces, **{**TO_BOB, **more})


def files(directory: Path) -> list[Path]:
    """Return what is stored of bodies."""
    return [path for path in (directory / "bodies").rglob("*") if path.is_file()]


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "found out on the way"])
async def test_too_large(new_place: Callable[..., Any], tmp_path: Path, stated: bool) -> None:
    """No more is read than is needed to know."""
    async with new_place(SMALL) as place:
        answered = await send(place, [b"x" * 64 * KIB] * 100, **{"Content_Length": str(100 * 64 * KIB)} if stated else {})
        assert (answered.status, answered.headers["x-wardgate-reason"]) == (413, "mesh-body-too-large")
        assert answered.asked == (0 if stated else 17)
        assert files(tmp_path) == []


@pytest.mark.parametrize("pieces", [
    [b"x" * KIB, 5.0], [5.0], [b"x" * 128 * KIB, 5.0], [piece for _ in range(100) for piece in (b"x", 0.02)],
], ids=["a pause", "nothing", "a pause in a large one", "drop by drop"])
async def test_too_slow(new_place: Callable[..., Any], tmp_path: Path, pieces: list[Piece]) -> None:
    """It is given up, and the connection with it."""
    async with new_place(SMALL) as place:
        answered = await asyncio.wait_for(send(place, pieces), 2)
        assert (answered.status, answered.headers["x-wardgate-reason"], answered.headers["connection"]) == (408, "mesh-body-slow", "close")
        assert files(tmp_path) == []


@pytest.mark.parametrize("size", [KIB, 3 * MIB])
async def test_the_sender_goes(place: Place, tmp_path: Path, size: int) -> None:
    """There is no message, no file and no answer; the token was not used."""
    token = place.token("ALICE")
    answered = await send(place, [b"x" * size, None], Authorization=token)
    assert (answered.status, files(tmp_path), await place.inbox()) == (0, [], [])
    assert (await send(place, [b"x"], Authorization=token)).status == 202


async def test_a_large_body_that_no_message_has(place: Place, tmp_path: Path) -> None:
    """It is removed at once: for another checksum, with a used token, sent twice, or in place of another. One that is kept stays, also out of order."""
    body, other, token = secrets.token_bytes(100 * KIB), secrets.token_bytes(100 * KIB), place.token("ALICE")
    assert (await send(place, [body], Mex_Content_Checksum=f"SHA256 {'0' * 64}", Authorization=token)).status == 417
    assert (await send(place, [body], Authorization=token)).headers["x-wardgate-reason"] == "mesh-token-used"
    assert files(tmp_path) == []
    message_id = await place.sent(body, Mex_Chunk_Range="1:3")
    for number, content, status, left in ((3, other, 417, 2), (3, other, 417, 2), (1, body, 202, 2), (1, other, 417, 2), (2, body, 202, 3), (2, body, 423, 3)):
        answered = await ask(place, "ALICE", "POST", f"ALICE/outbox/{message_id}/{number}", [content], Mex_Chunk_Range=f"{number}:3")
        assert (answered.status, len(files(tmp_path))) == (status, left)
    assert [(await ask(place, "BOB", "GET", f"BOB/inbox/{message_id}/{number}")).body for number in (1, 2, 3)] == [body, body, other]


async def test_the_store_fails_on_the_way(place: Place, tmp_path: Path) -> None:
    """The sender is told to try again, and nothing is left."""
    writer = place.server.bodies.create

    def failing() -> Any:
        made = writer()
        write = made.write

        def fail(data: bytes) -> None:
            write(data)
            raise StoreUnavailable("the disk is full")

        made.write = fail
        return made

    object.__setattr__(place.server, "bodies", type("Failing", (), {"create": staticmethod(failing)})())
    answered = await send(place, [b"x" * 64 * KIB] * 40)
    assert (answered.status, answered.headers["x-wardgate-reason"]) == (503, "mesh-unavailable")
    assert files(tmp_path) == []


async def test_what_was_refused_early_is_read_to_its_end(place: Place) -> None:
    """So that its sender comes to read the answer; of a stranger's, a little."""
    pieces = [b"x" * 64 * KIB] * 40
    known = await send(place, pieces, Mex_To="NOBODY", Transfer_Encoding="chunked")
    assert (known.status, known.asked) == (417, 40)
    stranger = await send(place, pieces, Authorization="NHSMESH no", Transfer_Encoding="chunked", X_Forwarded_Client_Cert=None)
    assert (stranger.status, stranger.asked) == (403, 17)
    waiting = await send(place, pieces, Mex_To="NOBODY", Transfer_Encoding="chunked", Expect="100-continue")
    assert (waiting.status, waiting.asked) == (417, 0)


async def test_so_many_large_ones_at_once(new_place: Callable[..., Any]) -> None:
    """One more is told to send the same again; small ones are not in its way."""
    async with new_place(MeshSettings(max_transfers=2)) as place:
        token = place.token("ALICE")
        held = [asyncio.ensure_future(send(place, [b"x" * 100 * KIB, 0.3, b"y"])) for _ in range(2)]
        await asyncio.sleep(0.1)
        busy = await send(place, [b"x" * 100 * KIB], Authorization=token)
        assert (busy.status, busy.headers["x-wardgate-reason"], busy.headers["retry-after"]) == (429, "mesh-busy", "1")
        assert (await send(place, [b"small"])).status == 202
        assert [answered.status for answered in await asyncio.gather(*held)] == [202, 202]
        assert (await send(place, [b"x" * 100 * KIB], Authorization=token)).status == 202


async def test_memory_is_flat(place: Place) -> None:
    """A body of 20 MiB goes in and out in a few."""
    piece = secrets.token_bytes(64 * KIB)

    def pieces() -> Iterator[bytes]:
        yield from (piece for _ in range(20 * 16))

    tracemalloc.start()
    try:
        assert (await send(place, pieces())).status == 202
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken < 10 * MIB
    (message_id,) = await place.inbox()
    answered = await ask(place, "BOB", "GET", f"BOB/inbox/{message_id}")
    assert (answered.complete, answered.headers["content-length"], len(answered.body)) == (True, str(20 * MIB), 20 * MIB)


async def test_an_answer_that_nobody_takes(new_place: Callable[..., Any]) -> None:
    """It is broken off: the length that was promised is not reached."""
    async with new_place(MeshSettings(idle_seconds=0.1)) as place:
        message_id = await place.sent(secrets.token_bytes(3 * MIB))
        answered = await ask(place, "BOB", "GET", f"BOB/inbox/{message_id}", slow=0.3)
        assert (answered.status, answered.complete) == (200, False)


async def test_a_body_that_is_spoilt(place: Place, tmp_path: Path) -> None:
    """Nothing of a changed piece is given out: refused at its beginning, broken off later."""
    first, later = [await place.sent(secrets.token_bytes(3 * MIB)) for _ in range(2)]
    for message_id, position in ((first, 100), (later, 2 * MIB + 100)):
        stored = place.stores.mailboxes.chunk(message_id, 1)
        assert isinstance(stored, Chunk)
        (path,) = [path for path in files(tmp_path) if path.name == stored.place]
        content = bytearray(path.read_bytes())
        content[position] ^= 1
        path.write_bytes(content)
    answered = await ask(place, "BOB", "GET", f"BOB/inbox/{first}")
    assert (answered.status, answered.headers["x-wardgate-reason"]) == (503, "mesh-unavailable")
    cut = await ask(place, "BOB", "GET", f"BOB/inbox/{later}")
    assert (cut.status, cut.complete) == (200, False)
    assert len(cut.body) < 3 * MIB


async def test_a_bomb_that_begins_well(new_place: Callable[..., Any]) -> None:
    """It is broken off when the limit is met."""
    body = gzip.compress(secrets.token_bytes(200 * KIB)) + gzip.compress(b"\0" * 80 * MIB)
    async with new_place(MeshSettings(max_inflate_ratio=20)) as place:
        message_id = await place.sent(body, Content_Encoding="gzip")
        answered = await ask(place, "BOB", "GET", f"BOB/inbox/{message_id}")
        assert (answered.status, answered.complete) == (200, False)
        assert len(answered.body) < 20 * len(body)


async def test_a_fault_is_answered(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """With an id that the log and the record have; nothing of the fault itself."""
    def fault() -> bytes:
        raise RuntimeError("a secret")

    object.__setattr__(place.server, "shared_key", fault)
    answer = await place.call("BOB", "GET", "BOB/inbox")
    assert (answer.status_code, set(answer.json())) == (500, {"internal_id", "message"})
    assert "secret" not in answer.text
    assert answer.json()["internal_id"] in caplog.text
    (event,) = place.record(EventType.MAILBOX_REFUSED)
    assert (event["message_id"], event["reason"]) == (answer.json()["internal_id"], "mesh-failed")


async def test_only_http(place: Place) -> None:
    """Other kinds of connection are not for it."""
    with pytest.raises(ValueError, match="websocket"):
        await place.app({"type": "websocket"}, None, None)


@pytest.mark.parametrize("wrong", [{"max_request_bytes": 0}, {"idle_seconds": 0.0}, {"max_transfers": 0}, {"inline_bytes": -1}, {"expiry_days": 0}])
def test_limits_that_nothing_fits_into(wrong: dict[str, Any]) -> None:
    """They are refused."""
    with pytest.raises(ValueError, match="limits above 0"):
        MeshSettings(**wrong)
