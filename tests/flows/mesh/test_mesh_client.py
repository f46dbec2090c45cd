"""The published client of MESH against the mailbox server, over real connections: everything it can do, and how it tries again.

Unchanged: only the certificate's header, which Envoy would add, is added to its session.
"""

import asyncio
import contextlib
import hashlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from mesh_client import CombineStreams, MeshClient, MeshError

from mesh_rows.place import PASSWORD, SHARED_KEY, a_place, certificate
from wardgate.messaging import MeshSettings
from wardgate.messaging.wire import Receive, Scope, Send

CHUNK = 5


@dataclass
class Running:
    """A server on a port. `failures` are statuses that the next requests whose path ends so are answered with, by somebody in between."""

    url: str
    failures: list[tuple[str, int]]


class _Between:
    """A proxy's part: it answers in the server's place now and then, once the server has answered or before."""

    def __init__(self, app: Any, failures: list[tuple[str, int]]) -> None:
        self._app, self._failures = app, failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._failures and scope["path"].endswith(self._failures[0][0]):
            _, status = self._failures.pop(0)
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)


async def _serve(url: str, directory: Path, listener: socket.socket, failures: list[tuple[str, int]], running: list[uvicorn.Server]) -> None:
    settings = MeshSettings(test_routes=True, enforce_workflows=False)
    async with a_place(url, directory, settings) as place:
        place.now = place.now.now(place.now.tzinfo)
        config = uvicorn.Config(_Between(place.app, failures), interface="asgi3", lifespan="off", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        running.append(server)
        await server.serve([listener])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], str]) -> Iterator[Running]:
    """One server for all."""
    directory = tmp_path_factory.mktemp("mailboxes")
    url = new_database(directory / "wardgate.db")
    listener = socket.create_server(("127.0.0.1", 0))
    failures: list[tuple[str, int]] = []
    running: list[uvicorn.Server] = []
    thread = threading.Thread(target=lambda: asyncio.run(_serve(url, directory / "bodies", listener, failures, running)), daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not (running and running[0].started):
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.01)
    yield Running(f"http://127.0.0.1:{listener.getsockname()[1]}", failures)
    running[0].should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _empty(server: Running) -> None:
    """As the client's own tests do between each other."""
    assert requests.delete(f"{server.url}/admin/reset", timeout=5).json() == {"message": "all mailboxes reset"}


@contextlib.contextmanager
def client_of(server: Running, mailbox: str, **more: Any) -> Iterator[MeshClient]:
    """A client of a mailbox."""
    with MeshClient(server.url, mailbox, PASSWORD, shared_key=SHARED_KEY, max_chunk_size=CHUNK, retry_backoff_factor=0.01, **more) as client:
        client._session.headers["X-Forwarded-Client-Cert"] = certificate(mailbox)
        yield client


@pytest.fixture
def alice(server: Running) -> Iterator[MeshClient]:
    """Who sends."""
    with client_of(server, "ALICE") as client:
        yield client


@pytest.fixture
def bob(server: Running) -> Iterator[MeshClient]:
    """Who receives."""
    with client_of(server, "BOB") as client:
        yield client


def test_it_is_there(alice: MeshClient) -> None:
    """A ping and a handshake."""
    assert alice.ping()["outcome"] == "Yes"
    assert alice.handshake() == b"hello"


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("body", [b"Hello", b"Hello Bob, in chunks", b"x" * 23], ids=len)
def test_send_and_receive(alice: MeshClient, bob: MeshClient, body: bytes, compress: bool) -> None:
    """Whole and in chunks, plain and compressed on the way."""
    message_id = alice.send_message("BOB", body, workflow_id="w", compress=compress)
    assert bob.list_messages() == [message_id]
    with pytest.warns(DeprecationWarning, match="count_messages"):
        assert bob.count_messages() == 1
    message = bob.retrieve_message(message_id)
    assert message.read() == body
    assert (message.sender, message.recipient, message.message_type, message.workflow_id) == ("ALICE", "BOB", "DATA", "w")
    assert message.mex_header("chunk-range") == f"1:{-(-len(body) // CHUNK)}"
    message.acknowledge()
    assert bob.list_messages() == []


def test_streams(alice: MeshClient, bob: MeshClient) -> None:
    """A stream of streams, in chunks of one octet."""
    parts = {"Body": CombineStreams([io.BytesIO(b"H" * 4), io.BytesIO(b"W" * 20)]), "ContentLength": 24}
    message = bob.retrieve_message(alice.send_message("BOB", parts, max_chunk_size=1, workflow_id="w"))
    assert (message.read(), message.mex_header("chunk-range")) == (b"H" * 4 + b"W" * 20, "1:24")


def test_a_large_message(alice: MeshClient, bob: MeshClient) -> None:
    """Chunks that do not fit a row, with the checksum of the whole."""
    body = hashlib.shake_256(b"seed").digest(5_000_000)
    message_id = alice.send_message("BOB", body, max_chunk_size=2_000_000, workflow_id="w", compress=True, checksum=f"SHA256 {hashlib.sha256(body).hexdigest()}")
    assert bob.retrieve_message(message_id).read() == body


def test_what_is_passed_on(alice: MeshClient, bob: MeshClient) -> None:
    """Every header that the client knows."""
    told = {"subject": "s", "filename": "f.txt", "local_id": "1", "partner_id": "p", "content_type": "text/plain"}
    with bob.retrieve_message(alice.send_message("BOB", b"Hello Bob 5", workflow_id="w", encrypted=True, compressed=True, **told)) as message:
        assert {name: getattr(message, name) for name in told} == told
        assert (message.encrypted, message.compressed) == (True, True)


def test_pages(alice: MeshClient, bob: MeshClient) -> None:
    """It follows the links to the end, and a filter with them."""
    sent = [alice.send_message("BOB", b"x", workflow_id="even" if number % 2 else "odd") for number in range(25)]
    assert bob.list_messages(max_results=10) == sent[:10]
    assert list(bob.iterate_message_ids(batch_size=10)) == sent
    assert list(bob.iterate_message_ids(batch_size=10, workflow_filter="!even")) == sent[::2]


def test_a_context_that_fails_acknowledges_nothing(alice: MeshClient, bob: MeshClient) -> None:
    """The message is there still, and read again."""
    message_id = alice.send_message("BOB", b"Hello", workflow_id="w")

    def read_and_fail() -> None:
        with bob.retrieve_message(message_id) as message:
            assert message.read() == b"Hello"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        read_and_fail()
    for message in bob.iterate_all_messages():
        with message:
            assert message.read() == b"Hello"
    assert bob.list_messages() == []


def test_tracking_and_look_up(alice: MeshClient, bob: MeshClient) -> None:
    """What became of it; who takes what."""
    message_id = alice.send_message("BOB", b"x", workflow_id="LETTERS")
    assert alice.track_message(message_id)["status"] == "accepted"
    bob.acknowledge_message(message_id)
    assert alice.track_message(message_id)["status"] == "acknowledged"
    assert alice.lookup_endpoint("Z9X02", "LETTERS") == {"results": [{"mailbox_id": "BOB", "mailbox_name": "Bob's"}]}
    with pytest.raises(requests.HTTPError) as caught:
        alice.track_message("NONE")
    assert caught.value.response.status_code == 404


@pytest.mark.parametrize(("to", "body", "more", "text"), [
    ("BOB", b"", {"workflow_id": "w"}, "Data file is missing or inaccessible."), ("BOB", b"x", {}, "Field required"),
    ("NOBODY", b"x", {"workflow_id": "w"}, "Unregistered to address"), ("BOB", b"x", {"workflow_id": "w", "checksum": f"SHA256 {'0' * 64}"}, "Invalid checksum"),
])
def test_its_errors(alice: MeshClient, to: str, body: bytes, more: dict[str, str], text: str) -> None:
    """It finds the text where it looks for it."""
    with pytest.raises(MeshError) as caught:
        alice.send_message(to, body, **more)
    assert caught.value.args[0] == text


def test_a_wrong_password(server: Running) -> None:
    """403, and nothing else."""
    with MeshClient(server.url, "ALICE", "other", shared_key=SHARED_KEY) as client, pytest.raises(requests.HTTPError) as caught:
        client.handshake()
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("status", [425, 429, 502, 503, 504])
def test_it_sends_the_same_again(server: Running, alice: MeshClient, bob: MeshClient, status: int) -> None:
    """After these statuses, with the same token: each call of it succeeds, and a chunk is there once."""
    message_id = alice.send_message("BOB", b"Hello Bob", workflow_id="w")
    server.failures += [("/inbox", status), ("/inbox", status)]
    assert bob.list_messages() == [message_id]
    server.failures += [("/2", status), ("/2", status)]
    second = alice.send_message("BOB", b"Hello Bob", workflow_id="w")
    server.failures += [("/2", status)]
    assert bob.retrieve_message(second).read() == b"Hello Bob"
    server.failures += [("/acknowledged", status)]
    bob.acknowledge_message(second)
    assert bob.list_messages() == [message_id]
    assert server.failures == []
