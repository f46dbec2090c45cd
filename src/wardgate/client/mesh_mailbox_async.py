"""The same mailbox on asyncio: files and checksums are read and written on threads."""

import asyncio
import io
import random
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeVar

import httpx2

from wardgate.client.clients import async_api_client
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.mesh_answers import FoundMailbox, InboxPage, MeshMessage, MeshTracking
from wardgate.client.mesh_calls import MeshCalls, Pages
from wardgate.client.mesh_content import Content, Progress
from wardgate.client.mesh_download import MAX_RECEIVED_BYTES, ReceivedMessage
from wardgate.client.mesh_mailbox import DEFAULT_RESULTS, MAX_IN_MEMORY_BYTES, ONCE
from wardgate.client.mesh_outgoing import MeshOutgoing, MeshUpload, SentMessage
from wardgate.client.mesh_steps import Answer, Ask, Pause, Step, Steps, Work
from wardgate.client.mesh_tries import MESH_RETRY, Tries
from wardgate.client.mesh_upload import Keep
from wardgate.client.mesh_wire import BASE_PATH, MESH_TIMEOUT, MeshCredentials, Pace, Wire, headers_of
from wardgate.client.retry import Draw, RetryPolicy
from wardgate.client.spine_clients import AsyncAlertTransport
from wardgate.mesh.versions import V1

_END: Final = b""
T = TypeVar("T")


class AsyncMeshMailbox:
    """`MeshMailbox` on asyncio: its methods do and raise the same. Callbacks are called on threads, or on the loop, and must not wait."""

    def __init__(
        self, base_url: str, credentials: MeshCredentials, *, tls: ssl.SSLContext | None = None, server_name: str | None = None,
        retry: RetryPolicy = MESH_RETRY, timeout: httpx2.Timeout = MESH_TIMEOUT, clock: Clock = SYSTEM_CLOCK, draw: Draw = random.random,
        proxy: str | None = None, compressed_downloads: bool = True, transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises `ClearTextRefused` for plain HTTP to another machine."""
        inner = transport or httpx2.AsyncHTTPTransport(verify=tls or ssl.create_default_context(), proxy=proxy)
        self._client = async_api_client(base_url, retry=ONCE, timeout=timeout, transport=AsyncAlertTransport(inner))
        self._wire, self._clock = Wire(credentials, clock, server_name), clock
        self._calls = MeshCalls(self._wire.mailbox, Tries(retry, clock, draw), gzip=compressed_downloads)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End its connections."""
        await self._client.aclose()

    async def handshake(self) -> None:
        """Prove that the server is there, and believes us. It is asked for once a day."""
        await self._run(self._calls.handshake())

    async def inbox(self, *, max_results: int = DEFAULT_RESULTS, workflow_filter: str | None = None, continue_from: str | None = None) -> InboxPage:
        """Return one page of the messages that wait. `workflow_filter` is `X`, `X*` or `*X*`, or one of these behind `!`."""
        return await self._run(self._calls.inbox(max_results, workflow_filter, continue_from))

    async def messages(self, *, workflow_filter: str | None = None, page_size: int = DEFAULT_RESULTS) -> AsyncIterator[str]:
        """Yield the ids of all messages that wait, each once, oldest first, a page at a time. They may be acknowledged meanwhile."""
        pages, more = Pages(), None
        while pages.go_on:
            page = await self.inbox(max_results=page_size, workflow_filter=workflow_filter, continue_from=more)
            for one in pages.new(page):
                yield one
            more = page.more

    async def head(self, message_id: str) -> MeshMessage:
        """Return what is said of a message in our inbox, or of one that we sent."""
        return await self._run(self._calls.head(message_id))

    async def send(
        self, content: Content, outgoing: MeshOutgoing, *, resume: MeshUpload | None = None, keep: Keep | None = None,
        progress: Progress | None = None, spool: str | None = None,
    ) -> SentMessage:
        """Send a content: octets, a file from where it stands, or pieces; it returns when the server has all of it.

        What cannot be read twice is put into a file without a name first, in the directory `spool` or the machine's own. `keep` is given
        the state before the first chunk and after each; `resume` takes such a state up, in another process as well.
        Raises `MeshSendUncertain`, `MeshSourceChanged`, `MeshTransferInvalid` and `OSError` as well.
        """
        return await self._run(self._calls.send(content, outgoing, resume=resume, keep=keep, progress=progress, spool=spool))

    async def receive(
        self, message_id: str, to: BinaryIO, *, max_bytes: int = MAX_RECEIVED_BYTES, progress: Progress | None = None, spool: str | None = None,
    ) -> ReceivedMessage:
        """Write a message to a stream, when all of it is here and is what its checksum says. It is not acknowledged.

        Raises `MeshContentInvalid` and `OSError` as well.
        """
        return await self._run(self._calls.receive(message_id, to.write, max_bytes, progress, spool))

    async def read(self, message_id: str, *, max_bytes: int = MAX_IN_MEMORY_BYTES) -> tuple[ReceivedMessage, bytes]:
        """Return a message that fits into memory, and its content. It is not acknowledged. Raises the same."""
        content = io.BytesIO()
        return await self.receive(message_id, content, max_bytes=max_bytes), content.getvalue()

    async def receive_to_file(
        self, message_id: str, path: Path, *, max_bytes: int = MAX_RECEIVED_BYTES, acknowledge: bool = False, progress: Progress | None = None,
    ) -> ReceivedMessage:
        """Make a message the file `path`, which is there when it is whole, proved and durable, and acknowledge it then if asked to.

        An interrupted download is taken up by the next call with the same path. A report makes no file, and is not acknowledged.
        Raises `FileExistsError`, `MeshContentInvalid`, `MeshTransferInvalid` and `OSError` as well.
        """
        return await self._run(self._calls.receive_to_file(message_id, path, max_bytes, progress, acknowledge=acknowledge))

    async def received_before(self, message_id: str, path: Path) -> ReceivedMessage:
        """Return what `receive_to_file` would have, for a file that it made and a message that was not acknowledged. Raises the same."""
        return await self._run(self._calls.received_before(message_id, path))

    async def acknowledge(self, message_id: str) -> None:
        """Tell that a message is durably here: it is not offered again. Twice is once."""
        await self._run(self._calls.acknowledge(message_id))

    async def track(self, message_id: str) -> MeshTracking:
        """Return where a message that we sent stands."""
        return await self._run(self._calls.track(message_id))

    async def track_local(self, local_id: str) -> MeshTracking:
        """Return the same, by our own id. Raises `MeshAPIError` of 300 for several."""
        return await self._run(self._calls.track_local(local_id))

    async def lookup(self, ods: str, workflow: str) -> tuple[FoundMailbox, ...]:
        """Return the mailboxes of an organisation that receive a workflow."""
        return await self._run(self._calls.lookup(ods, workflow))

    async def search(self, workflow: str) -> tuple[FoundMailbox, ...]:
        """Return all mailboxes that receive a workflow."""
        return await self._run(self._calls.search(workflow))

    async def _run(self, steps: Steps[T]) -> T:
        value, failure = None, None
        try:
            while True:
                step = steps.send(value) if failure is None else steps.throw(failure)
                value, failure = None, None
                try:
                    value = await self._done(step)
                except Exception as error:  # noqa: BLE001 - whatever it is, the steps are told
                    failure = error
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]  # what the steps return
        finally:
            steps.close()

    async def _done(self, step: Step) -> Any:
        if isinstance(step, Work):
            return await asyncio.to_thread(step.run)
        if isinstance(step, Pause):
            await self._clock.asleep(step.seconds)
            return None
        answer = await self._ask(step)
        if self._wire.not_understood(answer):
            answer = await self._ask(step, V1)
            self._wire.understood(answer)
        return answer

    async def _ask(self, question: Ask, version: int | None = None) -> Answer:
        request = self._client.build_request(
            question.method, BASE_PATH + question.path, params=list(question.query) or None, extensions=dict(self._wire.extensions),
            content=_threaded(question.body.pieces()) if question.body is not None else None,
            headers=self._wire.headers(question, self._client.base_url, version),
        )
        pace, content = Pace(self._clock), bytearray()
        response = await self._client.send(request, stream=True)
        try:
            headers = headers_of(response)
            if question.sink is not None and response.status_code in {200, 206}:
                await asyncio.to_thread(question.sink.begin, headers)
                async for data in response.aiter_raw():
                    await asyncio.to_thread(question.sink.feed, pace.counted(data, None))
            else:
                async for data in response.aiter_bytes():
                    content += pace.counted(data)
        finally:
            await response.aclose()
        return Answer(response.status_code, headers, bytes(content))


async def _threaded(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, _END):
        yield piece
