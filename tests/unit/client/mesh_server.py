"""A MESH server as a client meets it: tokens are verified and good once, chunks are stored, and answers may be spoilt."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from unit.client.conftest import VirtualClock
from wardgate.client import AsyncMeshMailbox, MeshCredentials, MeshMailbox
from wardgate.mesh import token
from wardgate.mesh.errors import MeshRefused

BASE = "https://mesh.example.nhs.uk"
KEY = b"SharedKey"
PASSWORDS = {"ALICE": "password-a", "BOB": "password-b"}
Fault = Callable[[httpx2.Request, Callable[[], httpx2.Response]], httpx2.Response]
"""What becomes of one request: it may be done or not, and its answer spoilt."""


@dataclass
class Stored:
    """One message."""

    id: str
    sender: str
    headers: httpx2.Headers
    total: int
    chunks: dict[int, bytes] = field(default_factory=dict)
    status: str = "accepted"

    @property
    def encoded(self) -> bool:
        return self.headers.get("content-encoding") == "gzip"

    @property
    def content(self) -> bytes:
        parts = [self.chunks[number] for number in sorted(self.chunks)]
        return b"".join(gzip.decompress(part) if self.encoded else part for part in parts)


@dataclass
class MeshServer:
    """The part of the API that a client meets, in the version it asks for, up to `speaks`."""

    clock: VirtualClock
    speaks: int = 2
    messages: dict[str, Stored] = field(default_factory=dict)
    asked: list[httpx2.Request] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    faults: dict[tuple[str, str], list[Fault]] = field(default_factory=dict)
    """By method and the path's last part; each is for one request."""
    extra: dict[str, str] = field(default_factory=dict)
    """Headers of every download, in place of the true ones."""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.asked.append(request)
        waiting = self.faults.get((request.method, request.url.path.rsplit("/", 1)[-1]), [])
        if waiting:
            return waiting.pop(0)(request, lambda: self.answer(request))
        return self.answer(request)

    def spoil(self, method: str, last: str, *faults: Fault) -> None:
        """Spoil the next answers to requests whose path ends so."""
        self.faults.setdefault((method, last), []).extend(faults)

    def requests(self, method: str, last: str) -> list[httpx2.Request]:
        """Return what was asked."""
        return [one for one in self.asked if one.method == method and one.url.path.rsplit("/", 1)[-1] == last]

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        parts = request.url.path.removeprefix("/messageexchange/").split("/")
        box = parts[0] if parts[0] in PASSWORDS else None
        try:
            read = token.read(request.headers.get("authorization"), box)
            token.verify(read, password=PASSWORDS.get(read.mailbox), shared_key=KEY, now=self.clock.now())
        except MeshRefused as refused:
            return httpx2.Response(403, json={"errorDescription": refused.refusal.reason.text})
        if read.use_id in self.used:
            return httpx2.Response(403, json={"errorDescription": "Error Duplicated Authentication Token"})
        self.used.add(read.use_id)
        version = 2 if request.headers["accept"] == "application/vnd.mesh.v2+json" else 1
        if version > self.speaks:
            return httpx2.Response(406, json={"message": "no such version"})
        if box is None:
            return self.lookup(version)
        return self.of_mailbox(request, box, parts[1:], version)

    def of_mailbox(self, request: httpx2.Request, box: str, parts: list[str], version: int) -> httpx2.Response:
        match (request.method, *parts):
            case ("POST",):
                missing = {"mex-clientversion", "mex-osname", "mex-osversion"} - set(request.headers)
                return httpx2.Response(400 if missing else 200)
            case ("GET", "inbox"):
                return self.inbox(request, version)
            case ("POST", "outbox"):
                return self.first(request, box, version)
            case ("POST", "outbox", message_id, number):
                return self.later(request, message_id, int(number))
            case ("GET", "outbox", "tracking"):
                return self.tracking([one for one in self.messages.values() if one.id == request.url.params["messageID"]], version)
            case ("GET", "outbox", "tracking", local_id):
                return self.tracking([one for one in self.messages.values() if one.headers.get("mex-localid") == local_id], 1)
            case ("PUT", "inbox", message_id, "status", "acknowledged"):
                self.messages[message_id].status = "acknowledged"
                return httpx2.Response(200)
            case ("HEAD" | "GET", "inbox", message_id, *number):
                return self.download(request, message_id, int(number[0]) if number else 1)
        return httpx2.Response(404, json={"detail": "Not Found"})

    def inbox(self, request: httpx2.Request, version: int) -> httpx2.Response:
        waiting = [one.id for one in self.messages.values() if one.status == "accepted"]
        begin = int(request.url.params.get("continue_from", "0"))
        size = int(request.url.params["max_results"])
        body: dict[str, Any] = {"messages": waiting[begin:begin + size]}
        if version == 2:
            links = {"self": "/messageexchange/BOB/inbox"}
            if len(waiting) > begin + size:
                links["next"] = f"/messageexchange/BOB/inbox?continue_from={begin + size}"
            body |= {"approx_inbox_count": len(waiting), "links": links}
        return httpx2.Response(200, json=body)

    def first(self, request: httpx2.Request, box: str, version: int) -> httpx2.Response:
        if request.headers["mex-to"] not in PASSWORDS:
            detail = {"event": "SEND", "code": "12", "msg": "Unregistered to address"}
            return httpx2.Response(417, json={"detail": [detail]})
        number, total = map(int, request.headers["mex-chunk-range"].split(":"))
        assert number == 1
        message = Stored(f"M{len(self.messages) + 1}", box, request.headers, total, {1: request.content})
        message.status = "accepted" if total == 1 else "uploading"
        self.messages[message.id] = message
        return httpx2.Response(202, json={"message_id" if version == 2 else "messageID": message.id})

    def later(self, request: httpx2.Request, message_id: str, number: int) -> httpx2.Response:
        message = self.messages[message_id]
        if message.status != "uploading":
            return httpx2.Response(423, json={"detail": "Locked"})
        assert request.headers["mex-chunk-range"] == f"{number}:{message.total}"
        assert (request.headers.get("content-encoding") == "gzip") == message.encoded
        assert message.chunks.get(number, request.content) == request.content, "a chunk sent again is the same"
        message.chunks[number] = request.content
        if len(message.chunks) == message.total:
            message.status = "accepted"
        return httpx2.Response(202)

    def tracking(self, found: list[Stored], version: int) -> httpx2.Response:
        if len(found) != 1:
            return httpx2.Response(300 if found else 404, json={"message": "several or none"})
        one = found[0]
        if version == 2:
            return httpx2.Response(200, json={"message_id": one.id, "status": one.status, "local_id": one.headers.get("mex-localid"),
                                              "workflow_id": one.headers["mex-workflowid"], "upload_timestamp": "2026-03-01T12:00:00Z"})
        return httpx2.Response(200, json={"messageId": one.id, "status": one.status.title(), "recipient": one.headers["mex-to"],
                                          "workflowId": one.headers["mex-workflowid"], "checksum": one.headers.get("mex-content-checksum"),
                                          "uploadTimestamp": "20260301120000"})

    def download(self, request: httpx2.Request, message_id: str, number: int) -> httpx2.Response:
        message = self.messages.get(message_id)
        if message is None or number > message.total:
            return httpx2.Response(404, json={"errorEvent": "RECEIVE", "errorCode": "20", "errorDescription": "Message does not exist"})
        if message.status != "accepted":
            return httpx2.Response(410, json={"errorDescription": "Message no longer available for download"})
        headers = {"mex-messageid": message.id, "mex-messagetype": "DATA", "mex-from": message.sender, "mex-chunk-range": f"{number}:{message.total}"}
        headers |= {name: value for name, value in message.headers.items() if name.startswith("mex-") and name not in headers}
        content = message.chunks.get(number, b"")
        if message.encoded and request.headers["accept-encoding"] == "gzip":
            headers["content-encoding"] = "gzip"
        elif message.encoded:
            content = gzip.decompress(content)
        status = 206 if number < message.total else 200
        return httpx2.Response(status, headers=headers | self.extra, stream=Octets(content if request.method == "GET" else b""))

    def lookup(self, version: int) -> httpx2.Response:
        if version == 2:
            return httpx2.Response(200, json={"results": [{"mailbox_id": "BOB", "mailbox_name": "Bob's"}]})
        return httpx2.Response(200, json={"query_id": "q", "results": [{"address": "BOB", "description": "Bob's", "endpoint_type": "MESH"}]})

    def put(self, content: bytes, *, chunk: int = 1_000_000, **headers: str) -> str:
        """Put a message into Bob's inbox as its sender sent it."""
        pieces = [content[at:at + chunk] for at in range(0, len(content), chunk)] or [b""]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        message = Stored(f"M{len(self.messages) + 1}", "ALICE", httpx2.Headers({"mex-to": "BOB", "mex-workflowid": "W", **named}), len(pieces))
        message.chunks = {number + 1: gzip.compress(piece, mtime=0) if message.encoded else piece for number, piece in enumerate(pieces)}
        self.messages[message.id] = message
        return message.id

    def mailbox(self, name: str = "ALICE", **more: Any) -> MeshMailbox:
        """Return a client on the virtual clock."""
        credentials = MeshCredentials(name, PASSWORDS[name], KEY)
        return MeshMailbox(BASE, credentials, clock=self.clock, draw=lambda: 1.0, transport=httpx2.MockTransport(self), **more)

    def async_mailbox(self, name: str = "ALICE", **more: Any) -> AsyncMeshMailbox:
        """Return the client on asyncio."""
        async def handle(request: httpx2.Request) -> httpx2.Response:
            await request.aread()
            return self(request)

        credentials = MeshCredentials(name, PASSWORDS[name], KEY)
        return AsyncMeshMailbox(BASE, credentials, clock=self.clock, draw=lambda: 1.0, transport=httpx2.MockTransport(handle), **more)


@dataclass
class Octets(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in pieces, as a network gives it; it breaks after so many octets where that is said."""

    content: bytes
    breaks_after: int | None = None

    def __iter__(self) -> Any:
        end = len(self.content) if self.breaks_after is None else self.breaks_after
        for at in range(0, end, 65_536):
            yield self.content[at:min(at + 65_536, end)]
        if self.breaks_after is not None:
            raise httpx2.ReadError("the connection broke")

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece


def status(code: int, headers: dict[str, str] | None = None, *, done: bool = False, body: Any = None) -> Fault:
    """Answer so; `done`: after the request was done."""
    def fault(_request: httpx2.Request, answer: Callable[[], httpx2.Response]) -> httpx2.Response:
        if done:
            answer()
        return httpx2.Response(code, headers=headers, content=b"" if body is None else json.dumps(body))

    return fault


def broken(error: type[httpx2.TransportError] = httpx2.ReadError, *, done: bool = False) -> Fault:
    """Break the connection; `done`: after the request was done."""
    def fault(_request: httpx2.Request, answer: Callable[[], httpx2.Response]) -> httpx2.Response:
        if done:
            answer()
        raise error("the connection broke")

    return fault


def cut(after: int) -> Fault:
    """Break the connection within the answer's body."""
    def fault(_request: httpx2.Request, answer: Callable[[], httpx2.Response]) -> httpx2.Response:
        whole = answer()
        assert isinstance(whole.stream, Octets)
        return httpx2.Response(whole.status_code, headers=whole.headers, stream=Octets(whole.stream.content, after))

    return fault
