"""Our client and our mailbox server: every call, contents as they were, refusals by type, and answers that got lost (itk3-messaging 5)."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mesh_rows.place import NOW, PASSWORD, SHARED_KEY, URL, Place, certificate
from wardgate.client import (
    AsyncMeshMailbox,
    FoundMailbox,
    MeshCredentials,
    MeshMessageGone,
    MeshMessageUnknown,
    MeshNotAuthenticated,
    MeshOutgoing,
    MeshRecipientUnknown,
    MeshUpload,
    MeshWorkflowRefused,
)
from wardgate.messaging import MeshSettings

pytestmark = pytest.mark.anyio
CONTENT = random.Random(5).randbytes(2_500_000)  # noqa: S311 - the same in every run
CHUNK = 1_000_000


class Still:
    """The place's time; waiting takes none of it."""

    def now(self) -> datetime:
        return NOW.astimezone(UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None: ...

    async def asleep(self, seconds: float) -> None: ...


@dataclass
class Envoy(httpx2.AsyncBaseTransport):
    """Passes on what comes with the caller's certificate, and loses answers when it is told to."""

    place: Place
    shown: str
    lost: list[tuple[str, str]] = field(default_factory=list)
    """Method and the path's last part of requests that are done, and whose answers do not arrive."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["x-forwarded-client-cert"] = self.shown
        answer = await httpx2.ASGITransport(app=self.place.app).handle_async_request(request)
        asked = (request.method, request.url.path.rsplit("/", 1)[-1])
        if asked in self.lost:
            self.lost.remove(asked)
            raise httpx2.ReadError("the connection broke")
        return answer


@pytest.fixture
def mailbox(place: Place) -> Callable[..., AsyncMeshMailbox]:
    """Return a maker of clients."""
    def make(name: str, password: str = PASSWORD, lost: Any = (), shown: str | None = None) -> AsyncMeshMailbox:
        transport = Envoy(place, shown or certificate(name), list(lost))
        return AsyncMeshMailbox(URL, MeshCredentials(name, password, SHARED_KEY), clock=Still(), transport=transport)

    return make


def outgoing(**more: Any) -> MeshOutgoing:
    """Return what is said of a message."""
    return MeshOutgoing(**{"to": "BOB", "workflow": "LETTERS", "chunk_bytes": CHUNK, **more})


@pytest.mark.parametrize("compression", [None, 6])
@pytest.mark.parametrize("content", [b"Dear Bob", CONTENT], ids=["one chunk", "three chunks"])
async def test_a_message_goes_there_and_is_tracked(mailbox: Any, tmp_path: Path, content: bytes, compression: int | None) -> None:
    """Handshake, look-up, send, list, receive, acknowledge and track; the server verified our checksum."""
    async with mailbox("ALICE") as alice, mailbox("BOB") as bob:
        await alice.handshake()
        assert await alice.lookup("Z9X02", "LETTERS") == (FoundMailbox("BOB", "Bob's"),)
        assert FoundMailbox("BOB", "Bob's") in await alice.search("LETTERS")
        sent = await alice.send(content, outgoing(compression=compression, local_id="letter-1", subject="s"))
        assert [one async for one in bob.messages(workflow_filter="LET*")] == [sent.message_id]
        assert (await bob.head(sent.message_id)).total_chunks == sent.chunks
        received = await bob.receive_to_file(sent.message_id, tmp_path / "letter", acknowledge=True)
        assert (tmp_path / "letter").read_bytes() == content
        assert (received.message.sender, received.message.subject, received.sha256) == ("ALICE", "s", sent.sha256)
        tracked = await alice.track(sent.message_id)
        assert (tracked.status, tracked.local_id, (await alice.track_local("letter-1")).message_id) == ("acknowledged", "letter-1", sent.message_id)
        assert (await bob.inbox()).messages == ()


@pytest.mark.parametrize("compression", [None, 6])
@pytest.mark.parametrize("lost", [("POST", "outbox"), ("POST", "2"), ("POST", "3")])
async def test_a_lost_answer_makes_no_second_message(mailbox: Any, lost: tuple[str, str], compression: int | None) -> None:
    """The server did what was asked, and nobody heard: one message, whole."""
    async with mailbox("ALICE", lost=[lost]) as alice, mailbox("BOB") as bob:
        sent = await alice.send(CONTENT, outgoing(compression=compression))
        assert (await bob.inbox()).messages == (sent.message_id,)
        assert (await bob.read(sent.message_id))[1] == CONTENT


async def test_a_lost_answer_to_a_download_or_acknowledgement(mailbox: Any, tmp_path: Path) -> None:
    """Each may be asked again, with a token of its own."""
    async with mailbox("ALICE") as alice:
        sent = await alice.send(CONTENT, outgoing())
    async with mailbox("BOB", lost=[("GET", sent.message_id), ("GET", "3"), ("PUT", "acknowledged")]) as bob:
        await bob.receive_to_file(sent.message_id, tmp_path / "letter", acknowledge=True)
    assert (tmp_path / "letter").read_bytes() == CONTENT


async def test_another_process_goes_on(mailbox: Any) -> None:
    """From every state that was kept, the same message is finished, or is told to be complete."""
    states: list[MeshUpload] = []
    async with mailbox("ALICE") as alice, mailbox("BOB") as bob:
        sent = await alice.send(CONTENT, outgoing(), keep=states.append)
        for state in states:
            assert await alice.send(CONTENT, outgoing(), resume=MeshUpload.from_json(state.to_json())) == sent
        assert (await bob.inbox()).messages == (sent.message_id,)


async def test_refusals_have_types_and_reasons(mailbox: Any) -> None:
    """The table's code, Wardgate's reason, and the type that follows."""
    async with mailbox("ALICE") as alice, mailbox("BOB") as bob:
        with pytest.raises(MeshRecipientUnknown) as unknown:
            await alice.send(b"x", outgoing(to="NOBODY"))
        assert (unknown.value.status, unknown.value.event, unknown.value.code) == (417, "SEND", "12")
        assert unknown.value.reason is not None
        with pytest.raises(MeshWorkflowRefused):
            await alice.send(b"x", outgoing(workflow="NOTES"))
        with pytest.raises(MeshMessageUnknown):
            await bob.read("20261121093020123456_A1B2C3")
        sent = await alice.send(b"x", outgoing())
        await bob.acknowledge(sent.message_id)
        with pytest.raises(MeshMessageGone):
            await bob.read(sent.message_id)
    for more in ({"password": "wrong"}, {"shown": certificate("BOB")}):
        async with mailbox("ALICE", **more) as alice:
            with pytest.raises(MeshNotAuthenticated, match="Invalid Authentication Token") as refused:
                await alice.handshake()
            assert refused.value.reason in {"mesh-token-invalid", "mesh-certificate-of-another"}


async def test_a_checksum_that_is_not_the_contents_is_refused_by_the_server(mailbox: Any) -> None:
    """What the sender says of its content holds, or the message is none."""
    async with mailbox("ALICE") as alice, mailbox("BOB") as bob:
        with pytest.raises(Exception, match=r"checksum") as refused:
            await alice.send(b"x", outgoing(checksum="SHA256 " + "0" * 64))
        assert type(refused.value).__name__ == "MeshContentRefused"
        assert (await bob.inbox()).messages == ()


async def test_pages(mailbox: Any) -> None:
    """All ids once, oldest first, while they are acknowledged."""
    async with mailbox("ALICE") as alice, mailbox("BOB") as bob:
        ids = [(await alice.send(b"x", outgoing())).message_id for _ in range(23)]
        assert (await bob.inbox(max_results=10)).approximate_count == 23
        found = []
        async for message_id in bob.messages(page_size=10):
            found.append(message_id)
            await bob.acknowledge(message_id)
    assert found == ids


@pytest.fixture
def settings() -> MeshSettings:
    """The defaults: certificates are bound, workflows and checksums are looked at."""
    return MeshSettings()
