"""HTTP/1.1 as Envoy speaks it to the decision service: keep-alive, one request at a time, bodies of no interest.

Every call of a route that Envoy cannot judge alone comes through here, so that a general server's task, queue and scope for
each request would cost more than the decision. The parser is httptools, the one uvicorn uses.
"""

import asyncio
import logging
import socket
from http import HTTPStatus
from typing import Final, cast

import httptools

from wardgate.decisions.answer import Answer
from wardgate.decisions.question import Question, headers_of
from wardgate.decisions.service import DecisionService, ToRecord

MAX_HEAD_BYTES: Final = 262_144
"""Of a request's target and headers: several times what Envoy lets a caller send."""
_LOG: Final = logging.getLogger("wardgate.decisions")
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | {495: "SSL Certificate Error", 496: "SSL Certificate Required"}
_STATUS_LINES: Final = {status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode() for status in range(200, 600)}


class DecisionProtocol(asyncio.Protocol):
    """One connection of Envoy's. A peer that is not Envoy (bad HTTP, a second request before the answer) is hung up on."""

    def __init__(self, service: DecisionService, connections: "set[DecisionProtocol]") -> None:
        self._service, self._connections = service, connections
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._recording: asyncio.Task[None] | None = None
        self._target, self._headers, self._head_bytes = b"", list[tuple[bytes, bytes]](), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Envoy has gone: a record that is being written is written all the same."""
        del exc
        self._transport = None
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Parse, and answer what is complete."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()

    # --- called by the parser

    def on_message_begin(self) -> None:
        """Forget the request before."""
        if self._recording is not None:
            self.close()  # Envoy does not pipeline
        self._target, self._headers, self._head_bytes = b"", [], 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._target += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name, value))
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Answer: a body, if one follows, has no say."""
        if self._transport is None or self._transport.is_closing():
            return
        method = self._parser.get_method().decode("latin-1")
        try:
            decided = self._service.ask(Question(method, self._target.decode("latin-1"), headers_of(self._headers)))
            if isinstance(decided, Answer):
                self._write(decided, method)
            else:
                self._recording = asyncio.get_running_loop().create_task(self._record(decided, method))
        except Exception:  # noqa: BLE001 - whatever fails here, nobody is let in
            _LOG.exception("a decision failed; Envoy refuses the call")
            self.close()

    async def _record(self, decided: ToRecord, method: str) -> None:
        try:
            self._write(await self._service.recorded(decided), method)
        except Exception:  # noqa: BLE001 - the same
            _LOG.exception("a decision was not recorded; Envoy refuses the call")
            self.close()
        finally:
            self._recording = None

    def _count(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > MAX_HEAD_BYTES:
            self.close()

    def _write(self, answer: Answer, method: str) -> None:
        if self._transport is None:
            return
        head = b"".join(b"%b: %b\r\n" % header for header in answer.headers)
        if not head.count(b"\r") == head.count(b"\n") == len(answer.headers):  # RFC 9112 section 11.1: it would be a header more
            raise ValueError("a header with a line break")
        body = b"" if method == "HEAD" else answer.body
        self._transport.write(b"%b%b\r\n%b" % (_STATUS_LINES[answer.status], head, body))

    @property
    def recording(self) -> "asyncio.Task[None] | None":
        """The answer that waits for its record."""
        return self._recording

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class DecisionServer:
    """The decision service on a socket. Make it with `start`."""

    def __init__(self, service: DecisionService) -> None:
        self._service = service
        self._connections: set[DecisionProtocol] = set()
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls, service: DecisionService, where: socket.socket) -> "DecisionServer":
        """Serve on a bound Unix socket. Raises `OSError`."""
        one = cls(service)
        loop = asyncio.get_running_loop()
        one._server = await loop.create_unix_server(lambda: DecisionProtocol(service, one._connections), sock=where)
        return one

    async def stop(self, seconds: float = 3.0) -> None:
        """Take no more connections, give what is being recorded this long, and hang up."""
        if self._server is not None:
            self._server.close()
        waiting = [one.recording for one in self._connections if one.recording is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)
        for one in list(self._connections):
            one.close()
