"""Mailboxes behind a real Envoy: bodies pass through, early answers arrive, and what the caller is comes from TLS alone.

itk3-messaging 5. The mailbox server is the real one, joined as the program joins it, with a store of its own.
"""

import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mesh_client import MeshClient, MeshError
from requests import HTTPError

from system.running import resident_kib
from wardgate.audit import Event, EventType
from wardgate.keystores import Sealer
from wardgate.mesh import token as tokens
from wardgate.server.clock import Clock
from wardgate.server.messaging import Messaging, wire_messaging
from wardgate.server.settings import Settings
from wardgate.stores import Stores, open_stores
from wardgate.workflows.model import Mailbox, Workflow
from wardgate.workflows.post_office import PostOffice
from wire.authority import new_key
from wire.caller import Answer, Caller, caller_of
from wire.cast import Cast, Person
from wire.harness import ServerThread

MIB = 1_048_576
PASSWORD = "password"
KEY = b"BackBone"
OFFICE = PostOffice.of(
    [Mailbox(id="ALICE", organisation="A1A"), Mailbox(id="BOB", organisation="B2B")], [Workflow(id="LETTER", senders=("ALICE",), receivers=("BOB",))],
)


@dataclass
class MailRoom:
    """Envoy, the mailbox server behind it, and two clients' certificates."""

    plane: Any
    stores: Stores
    cast: Cast
    people: dict[str, Person]
    directory: Path

    def client(self, mailbox: str, password: str = PASSWORD, **more: Any) -> MeshClient:
        """A client of the national service."""
        who = self.people[mailbox].identity
        url = self.plane.url("", "mtls").replace("127.0.0.1", "localhost")
        return MeshClient(url, mailbox, password, shared_key=KEY, cert=(str(who.certificate), str(who.key)), verify=str(self.cast.roots), max_retries=0, **more)

    def caller(self) -> Caller:
        """A caller that sends what it is told."""
        return caller_of(self.plane, self.cast.roots)

    def envoy_kib(self) -> int:
        """What Envoy holds in memory."""
        return resident_kib(self.plane.process.pid)


def token(mailbox: str, password: str = PASSWORD) -> str:
    """A new token."""
    return tokens.make(mailbox=mailbox, password=password, shared_key=KEY, nonce=secrets.token_hex(16), nonce_count=1, now=datetime.now(UTC))


class Late:
    """The mailbox server, joined on the loop that runs it."""

    def __init__(self, stores: Stores, settings: Settings, plane: Any) -> None:
        self._stores, self._settings, self._plane = stores, settings, plane
        self.messaging: Messaging | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.messaging is None:
            clock = Clock(lambda: datetime.now(UTC), timedelta)

            async def record(event: Event) -> None:
                self._stores.audit.append([event])

            self.messaging = wire_messaging(self._settings, self._stores, lambda: self._plane.snapshot, clock, dict, record)
            self.messaging.keys.reload()
        await self.messaging(scope, receive, send)


@pytest.fixture(scope="module")
def room(cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]], new_database: Callable[[Path], str],
         tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailRoom]:
    """A mail room with two mailboxes."""
    directory = tmp_path_factory.mktemp("post")
    stores = open_stores(new_database(directory / "wardgate.db"), Sealer([b"k" * 32]))
    stores.values.put("mesh-shared-key", KEY.decode())
    key = new_key()
    people = {}
    for mailbox, ods in (("ALICE", "a1a"), ("BOB", "b2b")):
        name = f"one.{ods}.api.mesh-client.nhs.uk"
        people[mailbox] = cast.person(mailbox, cast.authority.client(name, key), key, name)
        stores.mailboxes.set_password(mailbox, PASSWORD, Event(EventType.MAILBOX_CHANGED, cast.now))
    with new_plane(make=lambda url: replace(cast.snapshot(url), post_office=OFFICE)) as plane:
        late = Late(stores, Settings(data=directory, mesh_request_bytes=120 * MIB), plane)
        server = ServerThread(late, uds=str(plane.layout.messaging_socket))
        server.start()
        try:
            yield MailRoom(plane, stores, cast, people, directory)
        finally:
            server.stop()
            stores.close()


def test_a_client_of_the_national_service(room: MailRoom) -> None:
    """It shakes hands, sends in chunks, is told of it, reads, acknowledges and tracks."""
    content = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(80_000))
    with room.client("ALICE", max_chunk_size=MIB) as alice, room.client("BOB") as bob:
        alice.handshake()
        sent = alice.send_message("BOB", content, workflow_id="LETTER", local_id="local-1", subject="a letter")
        assert sent in bob.list_messages()
        message = bob.retrieve_message(sent)
        assert message.sender == "ALICE"
        assert message.read() == content
        message.acknowledge()
        assert sent not in bob.list_messages()
        tracked = alice.track_message(message_id=sent)
        assert (tracked["status"], tracked["local_id"]) == ("acknowledged", "local-1")


def send_slowly(room: MailRoom, who: str, headers: dict[str, str], size: int, answered: float = 20.0) -> tuple[Answer, int]:
    """Send a body of this size, as far as it is taken, and return the answer and how much was sent before it."""
    connection = room.caller().connect("mtls", room.people[who].identity)
    lines = ["POST /messageexchange/ALICE/outbox HTTP/1.1", "Host: localhost", f"Content-Length: {size}", *(f"{name}: {value}" for name, value in headers.items())]
    connection.stream.settimeout(answered)
    sent = 0
    try:
        connection.stream.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        piece = b"x" * MIB
        with contextlib.suppress(OSError):  # an early answer may come before all is sent
            while sent < size:
                connection.stream.sendall(piece[: size - sent])
                sent += len(piece)
        return connection.read(), sent
    finally:
        connection.close()


GOOD = {"Mex-To": "BOB", "Mex-WorkflowID": "LETTER", "Mex-Chunk-Range": "1:1", "Content-Type": "application/octet-stream"}


def test_a_refusal_arrives_whatever_was_sent(room: MailRoom) -> None:
    """Of a body that is too large, before it is over; of one with a wrong token, after it: clients that write do not read."""
    large, sent = send_slowly(room, "ALICE", {**GOOD, "Authorization": token("ALICE")}, 200 * MIB)
    assert (large.status, large.reason) == (413, "mesh-body-too-large")
    assert sent < 200 * MIB
    wrong, sent = send_slowly(room, "ALICE", {**GOOD, "Authorization": token("ALICE", "wrong")}, 100 * MIB)
    assert (wrong.status, wrong.reason, sent) == (403, "mesh-token-invalid", 100 * MIB)


@pytest.mark.parametrize(("to", "password", "message"), [("NOBODY", PASSWORD, "Unregistered to address"), ("BOB", "wrong", "Invalid Authentication Token|403")])
def test_a_refusal_reaches_a_client_of_the_national_service(room: MailRoom, to: str, password: str, message: str) -> None:
    """It raises what the answer says, not that the connection broke: of 50 MB as well."""
    with room.client("ALICE", password, max_chunk_size=100 * MIB) as alice, pytest.raises((MeshError, HTTPError), match=message):
        alice.send_message(to, b"x" * (50 * MIB), workflow_id="LETTER")


def test_envoy_holds_little_of_a_large_chunk(room: MailRoom) -> None:
    """100 MB there and back again, by two clients at once."""
    with room.client("ALICE") as warm:
        warm.handshake()
    before, peak, over = room.envoy_kib(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.02):
            peak = max(peak, room.envoy_kib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    content = secrets.token_bytes(100 * MIB)
    try:
        with room.client("ALICE", max_chunk_size=110 * MIB) as alice, room.client("BOB") as bob:
            sent = alice.send_message("BOB", content, workflow_id="LETTER")
            message = bob.retrieve_message(sent)
            assert hashlib.sha256(message.read()).digest() == hashlib.sha256(content).digest()
            message.acknowledge()
    finally:
        over.set()
        watcher.join()
    assert peak - before < 16_384, (before, peak)


@pytest.mark.parametrize(("local_id", "path", "status"), [
    ("50% off", "50%25%20off", 200), ("a%2Fb", "a%252Fb", 200), ("café", "caf%C3%A9", 200), ("q?1#2;3", "q%3F1%232%3B3", 200),
    ("left/right", "left%2Fright", 400), ("left\\right", "left%5Cright", 400), ("..", "%2E%2E", 405),
])
def test_local_ids_in_paths(room: MailRoom, local_id: str, path: str, status: int) -> None:
    """They arrive as they are, but for slashes and steps in paths, which no gateway lets through encoded: our client does not send them."""
    who = room.people["ALICE"].identity
    headers = [*({**GOOD, "Mex-LocalID": local_id}).items(), ("Authorization", token("ALICE"))]
    sent, _ = room.caller().send("new", "mtls", "POST", "/messageexchange/ALICE/outbox", headers, body=b"hello", identity=who)
    assert sent.status == 202, sent
    tracked, _ = room.caller().send("new", "mtls", "GET", f"/messageexchange/ALICE/outbox/tracking/{path}", [("Authorization", token("ALICE"))], identity=who)
    assert tracked.status == status, tracked


def test_other_ports_have_no_mailboxes(room: MailRoom) -> None:
    """No certificate is asked for there."""
    for listener in ("https", "http"):
        answer, _ = room.caller().send("new", listener, "GET", "/messageexchange/_ping")
        assert (answer.status, answer.reason) == (404, "route-not-found")
    answer, _ = room.caller().send("new", "mtls", "GET", "/messageexchange/_ping", identity=room.people["BOB"].identity)
    assert answer.status == 200


def test_who_asks_is_what_tls_proved(room: MailRoom) -> None:
    """Not what a header says; another's certificate opens no mailbox, with the right token too."""
    said = f'By=x;Hash={"0" * 64};Subject="CN=one.a1a.api.mesh-client.nhs.uk";DNS=one.a1a.api.mesh-client.nhs.uk'
    headers = [("Authorization", token("ALICE")), ("X-Forwarded-Client-Cert", said)]
    answer, _ = room.caller().send("new", "mtls", "GET", "/messageexchange/ALICE/inbox", headers, identity=room.people["BOB"].identity)
    assert (answer.status, answer.reason) == (403, "mesh-certificate-of-another")
    answer, _ = room.caller().send("new", "mtls", "GET", "/messageexchange/ALICE/inbox", [("Authorization", token("ALICE"))], identity=room.people["ALICE"].identity)
    assert answer.status == 200


def test_a_body_is_asked_for(room: MailRoom) -> None:
    """`Expect: 100-continue` is answered, and then the request."""
    connection = room.caller().connect("mtls", room.people["ALICE"].identity)
    try:
        lines = [f"{name}: {value}" for name, value in {**GOOD, "Authorization": token("ALICE"), "Content-Length": "5", "Expect": "100-continue", "Host": "localhost"}.items()]
        assert connection.raw(("POST /messageexchange/ALICE/outbox HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()).status == 100
        assert connection.raw(b"hello").status == 202
    finally:
        connection.close()


def test_a_body_may_pause(room: MailRoom) -> None:
    """It is the server who counts, not a limit of the request; in chunks of HTTP as well."""
    connection = room.caller().connect("mtls", room.people["ALICE"].identity)
    try:
        lines = [f"{name}: {value}" for name, value in {**GOOD, "Authorization": token("ALICE"), "Transfer-Encoding": "chunked", "Host": "localhost"}.items()]
        connection.stream.sendall(("POST /messageexchange/ALICE/outbox HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
        for _ in range(3):
            connection.stream.sendall(b"5\r\nhello\r\n")
            time.sleep(0.3)
        assert connection.raw(b"0\r\n\r\n").status == 202
    finally:
        connection.close()
