"""The decision service on a real socket: HTTP as Envoy speaks it, and peers that are not Envoy."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit.model import Event, EventType, Outcome
from wardgate.decisions.answer import Answer
from wardgate.decisions.protocol import MAX_HEAD_BYTES, DecisionServer
from wardgate.decisions.question import Question
from wardgate.decisions.service import ToRecord

YES = Answer(200, [(b"content-length", b"0"), (b"x-wardgate-client", b"app")], b"")
NO_CERTIFICATE = Answer(496, [(b"content-length", b"0")], b"")
NO = Answer(401, [(b"content-length", b"2"), (b"content-type", b"text/plain")], b"no")


class Service:
    """Says yes on `/decide/yes`, no elsewhere; `/decide/slow` is recorded first, `/decide/broken` fails, `/decide/split-…` has a line break."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.came = asyncio.Event()
        self.stored = asyncio.Event()

    def ask(self, question: Question) -> Answer | ToRecord:
        """Answer."""
        self.asked.append(question)
        self.came.set()
        if question.target == "/decide/broken":
            raise RuntimeError("a fault of ours")
        if question.target == "/decide/slow":
            return ToRecord(Event(type=EventType.CALL_DECIDED, at=None, outcome=Outcome.ALLOWED), YES, NO)  # type: ignore[arg-type]
        if question.target.startswith("/decide/split"):
            value = {"cr": b"a\rx: y", "lf": b"a\nx: y", "both": b"a\r\nx-wardgate-client: other"}[question.target.removeprefix("/decide/split-")]
            return Answer(200, [(b"content-length", b"0"), (b"x-wardgate-user", value)], b"")
        return {"/decide/yes": YES, "/decide/certificate": NO_CERTIFICATE}.get(question.target, NO)

    async def recorded(self, decided: ToRecord) -> Answer:
        """Answer once the test says so."""
        await self.stored.wait()
        return decided.answer


@asynccontextmanager
async def connected(path: Path, service: Service) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, DecisionServer]]:
    """Serve, and connect."""
    where = socket.socket(socket.AF_UNIX)
    where.bind(str(path / "decisions.sock"))
    server = await DecisionServer.start(service, where)  # type: ignore[arg-type]
    reader, writer = await asyncio.open_unix_connection(str(path / "decisions.sock"))
    try:
        yield reader, writer, server
    finally:
        service.stored.set()
        await server.stop()
        writer.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Return the head of one answer."""
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)


def run(path: Path, talk: Callable[[Service, asyncio.StreamReader, asyncio.StreamWriter, DecisionServer], Awaitable[None]]) -> None:
    """Run a conversation."""
    async def main() -> None:
        service = Service()
        async with connected(path, service) as (reader, writer, server):
            await talk(service, reader, writer, server)

    asyncio.run(main())


def test_one_connection_many_questions(tmp_path: Path) -> None:
    """Keep-alive: answers in order, headers as Envoy sent them, a body without a say, HEAD without a body."""
    async def talk(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: DecisionServer) -> None:
        writer.write(b"GET /decide/yes HTTP/1.1\r\nHost: x\r\nApiKey: k\r\nx-a: 1\r\nX-A: 2\r\n\r\n")
        assert await answer(reader) == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-wardgate-client: app\r\n\r\n"
        writer.write(b"POST /decide/no HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
        assert await answer(reader) == b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\n"
        assert await reader.readexactly(2) == b"no"
        writer.write(b"HEAD /decide/no HTTP/1.1\r\n\r\n")
        assert (await answer(reader)).startswith(b"HTTP/1.1 401 ")
        writer.write(b"GET /decide/yes HTTP/1.1\r\n\r\n")
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 OK"), "the answer to HEAD had no body"
        writer.write(b"GET /decide/certificate HTTP/1.1\r\n\r\n")
        assert (await answer(reader)).startswith(b"HTTP/1.1 496 "), "a status that HTTP does not know"
        assert [question.method for question in service.asked] == ["GET", "POST", "HEAD", "GET", "GET"]
        assert service.asked[0].headers == {"host": "x", "apikey": "k", "x-a": "1,2"}

    run(tmp_path, talk)


def test_a_question_in_pieces(tmp_path: Path) -> None:
    """However the bytes arrive."""
    async def talk(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: DecisionServer) -> None:
        for byte in b"GET /decide/yes HTTP/1.1\r\nx-a: 1\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
        assert service.asked == [Question("GET", "/decide/yes", {"x-a": "1"})]

    run(tmp_path, talk)


@pytest.mark.parametrize("sent", [
    b"nonsense\r\n\r\n", b"\x16\x03\x01\x00", b"GET /decide/yes HTTP/9.9\r\n\r\n", b"GET /decide/broken HTTP/1.1\r\n\r\n",
    b"GET /decide/yes HTTP/1.1\r\nx-big: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n", b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
    b"GET /decide/slow HTTP/1.1\r\n\r\nGET /decide/yes HTTP/1.1\r\n\r\n",
    *(b"GET /decide/split-%b HTTP/1.1\r\n\r\n" % line for line in (b"cr", b"lf", b"both")),
], ids=["no-http", "tls", "version", "fault", "header", "target", "pipelined", "cr", "lf", "header more"])
def test_what_is_hung_up_on(sent: bytes, tmp_path: Path) -> None:
    """Without an answer, which Envoy takes for a service that failed: the call is refused."""
    async def talk(_service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: DecisionServer) -> None:
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(), 5) == b""

    run(tmp_path, talk)


def test_the_answer_waits_for_the_record(tmp_path: Path) -> None:
    """And so does the end of the server."""
    async def talk(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: DecisionServer) -> None:
        writer.write(b"GET /decide/slow HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(service.came.wait(), 5)
        stopping = asyncio.ensure_future(server.stop())
        early: Any = asyncio.ensure_future(answer(reader))
        await asyncio.sleep(0.01)
        assert not early.done()
        service.stored.set()
        assert (await early).startswith(b"HTTP/1.1 200 ")
        await stopping
        assert await reader.read() == b""

    run(tmp_path, talk)


def test_a_peer_that_left_does_not_matter(tmp_path: Path) -> None:
    """The record is written, the answer is for nobody."""
    async def talk(service: Service, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: DecisionServer) -> None:
        writer.write(b"GET /decide/slow HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(service.came.wait(), 5)
        writer.close()
        await asyncio.sleep(0.01)
        service.stored.set()
        await server.stop()

    run(tmp_path, talk)
