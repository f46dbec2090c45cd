"""What happens to a message while it is read, and while its chunks come: what was begun is finished or refused whole."""

import asyncio
import secrets
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.mesh.raw import begin
from mesh_rows.place import Place
from wardgate.audit.model import Event, EventType
from wardgate.mesh import reports
from wardgate.mesh.model import MailboxMessage, Status

pytestmark = pytest.mark.anyio
MIB = 1_048_576


def expired(place: Place) -> int:
    """Report everything that was not collected in six days."""
    def told(message: MailboxMessage) -> tuple[MailboxMessage, Event]:
        report = reports.not_collected(message, f"R-{message.id}", place.now, 5)
        return report, Event(EventType.MAILBOX_EXPIRED, place.now, message_id=message.id)

    return len(place.stores.mailboxes.expire(place.now + timedelta(days=6), 10, told))


@pytest.mark.parametrize("what", ["acknowledged", "expired", "forgotten"])
async def test_a_message_that_goes_while_it_is_read(place: Place, tmp_path: Path, what: str) -> None:
    """Who reads it gets all of it; whoever comes later is told that it is gone."""
    content = secrets.token_bytes(3 * MIB)
    message_id = await place.sent(content)
    reading = await begin(place, "BOB", f"BOB/inbox/{message_id}")
    if what == "acknowledged":
        assert (await place.acknowledge(message_id)).status_code == 200
    elif what == "expired":
        assert expired(place) == 1
    else:
        number, places = place.stores.mailboxes.purge(place.now + timedelta(days=1), 10)
        place.server.bodies.remove(places)
        assert (number, len(places), files(tmp_path)) == (1, 1, 0)
    reading.go.set()
    answered = await reading.task
    assert (answered.status, answered.complete, answered.body == content) == (200, True, True)
    later = await place.call("BOB", "GET", f"BOB/inbox/{message_id}")
    assert (later.status_code, later.headers["x-wardgate-reason"]) == ((404, "mesh-message-unknown") if what == "forgotten" else (410, "mesh-message-gone"))
    if what == "expired":
        assert (await place.acknowledge(message_id)).status_code == 410
        assert await place.inbox("ALICE") == [f"R-{message_id}"]


async def test_a_message_that_expires_before_its_last_chunk_is_read(place: Place) -> None:
    """The chunks that were read count for nothing: no download is recorded, and the sender has a report."""
    message_id = await place.sent(b"one", Mex_Chunk_Range="1:2")
    assert (await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/2", b"two", Mex_Chunk_Range="2:2")).status_code == 202
    assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}")).status_code == 206
    assert expired(place) == 1
    assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}/2")).status_code == 410
    assert place.record(EventType.MAILBOX_DOWNLOADED) == []
    found = place.stores.mailboxes.message(message_id)
    assert found is not None
    assert found.status is Status.UNDELIVERABLE


@pytest.mark.parametrize("size", [10, 200_000])
async def test_the_same_chunk_posted_at_once(place: Place, tmp_path: Path, size: int) -> None:
    """Each sender is told that it is there; it is kept once, and no second body stays on the disk."""
    message_id = await place.sent(b"one", Mex_Chunk_Range="1:3")
    body = secrets.token_bytes(size)

    async def chunk(number: int, content: bytes) -> int:
        return (await place.call("ALICE", "POST", f"ALICE/outbox/{message_id}/{number}", content, Mex_Chunk_Range=f"{number}:3")).status_code

    assert await asyncio.gather(*(chunk(2, body) for _ in range(5))) == [202] * 5
    found = place.stores.mailboxes.message(message_id)
    assert found is not None
    assert (found.received, found.size, files(tmp_path)) == (2, 3 + size, 1 if size > 65_536 else 0)
    answers: Any = Counter(await asyncio.gather(*(chunk(3, body[:-1] + bytes([number])) for number in range(4))))
    assert (answers[202], answers[423] + answers[417]) == (1, 3)
    assert files(tmp_path) == (2 if size > 65_536 else 0)
    assert await place.inbox() == [message_id]
    assert len(place.record(EventType.MAILBOX_ACCEPTED)) == 1


def files(directory: Path) -> int:
    """How many bodies are on the disk."""
    return sum(path.is_file() for path in (directory / "bodies").rglob("*"))
