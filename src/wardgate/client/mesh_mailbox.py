"""A MESH mailbox, at this Wardgate, another one, or the national service (itk3-messaging 5)."""

import io
import random
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeVar

import httpx2

from wardgate.client.clients import api_client
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.mesh_answers import FoundMailbox, InboxPage, MeshMessage, MeshTracking
from wardgate.client.mesh_calls import MeshCalls, Pages
from wardgate.client.mesh_content import Content, Progress
from wardgate.client.mesh_download import MAX_RECEIVED_BYTES, ReceivedMessage
from wardgate.client.mesh_outgoing import MeshOutgoing, MeshUpload, SentMessage
from wardgate.client.mesh_steps import Answer, Ask, Pause, Step, Steps, Work
from wardgate.client.mesh_tries import MESH_RETRY, Tries
from wardgate.client.mesh_upload import Keep
from wardgate.client.mesh_wire import BASE_PATH, MESH_TIMEOUT, MeshCredentials, Pace, Wire, headers_of
from wardgate.client.retry import Draw, RetryPolicy
from wardgate.client.spine_clients import AlertTransport
from wardgate.mesh.versions import V1

DEFAULT_RESULTS: Final = 500
MAX_IN_MEMORY_BYTES: Final = 50_000_000
ONCE: Final = RetryPolicy(attempts=1)
T = TypeVar("T")


class MeshMailbox:
    """One mailbox at one server. Close it, or use it as a context. Its methods may be called from several threads.

        with MeshMailbox(url, MeshCredentials("X26ABC1", password, key), tls=tls_ma_context("cert.pem", "key.pem", "ca.pem")) as mailbox:
            sent = mailbox.send(file, MeshOutgoing("X26ABC2", "TOC_FHIR_EC_DISCH", local_id="letter-1"))
            for message_id in mailbox.messages():
                mailbox.receive_to_file(message_id, Path("inbox") / message_id, acknowledge=True)

    Every method raises `MeshAPIError` (by what the server says no with), `MeshCallInvalid`, `MeshAnswerInvalid`, `ClientCertificateRejected`
    and, when every try failed, `httpx2.TransportError`.
    """

    def __init__(
        self, base_url: str, credentials: MeshCredentials, *, tls: ssl.SSLContext | None = None, server_name: str | None = None,
        retry: RetryPolicy = MESH_RETRY, timeout: httpx2.Timeout = MESH_TIMEOUT, clock: Clock = SYSTEM_CLOCK, draw: Draw = random.random,
        proxy: str | None = None, compressed_downloads: bool = True, transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Connect to nobody yet.

        `tls` shows our certificate (`tls_ma_context`). `server_name` is the name that the server's certificate has, when it is not the URL's.
        Without `compressed_downloads` contents come as they are: better for sealed ones, in which there is nothing to compress.

        Raises `ClearTextRefused` for plain HTTP to another machine.
        """
        inner = transport or httpx2.HTTPTransport(verify=tls or ssl.create_default_context(), proxy=proxy)
        self._client = api_client(base_url, retry=ONCE, timeout=timeout, transport=AlertTransport(inner))
        self._wire, self._clock = Wire(credentials, clock, server_name), clock
        self._calls = MeshCalls(self._wire.mailbox, Tries(retry, clock, draw), gzip=compressed_downloads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def handshake(self) -> None:
        """Prove that the server is there, and believes us. It is asked for once a day."""
        self._run(self._calls.handshake())

    def inbox(self, *, max_results: int = DEFAULT_RESULTS, workflow_filter: str | None = None, continue_from: str | None = None) -> InboxPage:
        """Return one page of the messages that wait. `workflow_filter` is `X`, `X*` or `*X*`, or one of these behind `!`."""
        return self._run(self._calls.inbox(max_results, workflow_filter, continue_from))

    def messages(self, *, workflow_filter: str | None = None, page_size: int = DEFAULT_RESULTS) -> Iterator[str]:
        """Yield the ids of all messages that wait, each once, oldest first, a page at a time. They may be acknowledged meanwhile."""
        pages, more = Pages(), None
        while pages.go_on:
            page = self.inbox(max_results=page_size, workflow_filter=workflow_filter, continue_from=more)
            yield from pages.new(page)
            more = page.more

    def head(self, message_id: str) -> MeshMessage:
        """Return what is said of a message in our inbox, or of one that we sent."""
        return self._run(self._calls.head(message_id))

    def send(
        self, content: Content, outgoing: MeshOutgoing, *, resume: MeshUpload | None = None, keep: Keep | None = None,
        progress: Progress | None = None, spool: str | None = None,
    ) -> SentMessage:
        """Send a content: octets, a file from where it stands, or pieces; it returns when the server has all of it.

        What cannot be read twice is put into a file without a name first, in the directory `spool` or the machine's own. `keep` is given
        the state before the first chunk and after each; `resume` takes such a state up, in another process as well.
        Raises `MeshSendUncertain`, `MeshSourceChanged`, `MeshTransferInvalid` and `OSError` as well.
        """
        return self._run(self._calls.send(content, outgoing, resume=resume, keep=keep, progress=progress, spool=spool))

    def receive(
        self, message_id: str, to: BinaryIO, *, max_bytes: int = MAX_RECEIVED_BYTES, progress: Progress | None = None, spool: str | None = None,
    ) -> ReceivedMessage:
        """Write a message to a stream, when all of it is here and is what its checksum says. It is not acknowledged.

        Raises `MeshContentInvalid` and `OSError` as well.
        """
        return self._run(self._calls.receive(message_id, to.write, max_bytes, progress, spool))

    def read(self, message_id: str, *, max_bytes: int = MAX_IN_MEMORY_BYTES) -> tuple[ReceivedMessage, bytes]:
        """Return a message that fits into memory, and its content. It is not acknowledged. Raises the same."""
        content = io.BytesIO()
        return self.receive(message_id, content, max_bytes=max_bytes), content.getvalue()

    def receive_to_file(
        self, message_id: str, path: Path, *, max_bytes: int = MAX_RECEIVED_BYTES, acknowledge: bool = False, progress: Progress | None = None,
    ) -> ReceivedMessage:
        """Make a message the file `path`, which is there when it is whole, proved and durable, and acknowledge it then if asked to.

        An interrupted download is taken up by the next call with the same path. A report makes no file, and is not acknowledged.
        Raises `FileExistsError`, `MeshContentInvalid`, `MeshTransferInvalid` and `OSError` as well.
        """
        return self._run(self._calls.receive_to_file(message_id, path, max_bytes, progress, acknowledge=acknowledge))

    def received_before(self, message_id: str, path: Path) -> ReceivedMessage:
        """Return what `receive_to_file` would have, for a file that it made and a message that was not acknowledged. Raises the same."""
        return self._run(self._calls.received_before(message_id, path))

    def acknowledge(self, message_id: str) -> None:
        """Tell that a message is durably here: it is not offered again. Twice is once."""
        self._run(self._calls.acknowledge(message_id))

    def track(self, message_id: str) -> MeshTracking:
        """Return where a message that we sent stands."""
        return self._run(self._calls.track(message_id))

    def track_local(self, local_id: str) -> MeshTracking:
        """Return the same, by our own id. Raises `MeshAPIError` of 300 for several."""
        return self._run(self._calls.track_local(local_id))

    def lookup(self, ods: str, workflow: str) -> tuple[FoundMailbox, ...]:
        """Return the mailboxes of an organisation that receive a workflow."""
        return self._run(self._calls.lookup(ods, workflow))

    def search(self, workflow: str) -> tuple[FoundMailbox, ...]:
        """Return all mailboxes that receive a workflow."""
        return self._run(self._calls.search(workflow))

    def _run(self, steps: Steps[T]) -> T:
        value, failure = None, None
        try:
            while True:
                step = steps.send(value) if failure is None else steps.throw(failure)
                value, failure = None, None
                try:
                    value = self._done(step)
                except Exception as error:  # noqa: BLE001 - whatever it is, the steps are told
                    failure = error
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]  # what the steps return
        finally:
            steps.close()

    def _done(self, step: Step) -> Any:
        if isinstance(step, Work):
            return step.run()
        if isinstance(step, Pause):
            self._clock.sleep(step.seconds)
            return None
        answer = self._ask(step)
        if self._wire.not_understood(answer):
            answer = self._ask(step, V1)
            self._wire.understood(answer)
        return answer

    def _ask(self, question: Ask, version: int | None = None) -> Answer:
        request = self._client.build_request(
            question.method, BASE_PATH + question.path, params=list(question.query) or None, extensions=dict(self._wire.extensions),
            content=question.body.pieces() if question.body is not None else None,
            headers=self._wire.headers(question, self._client.base_url, version),
        )
        pace, content = Pace(self._clock), bytearray()
        response = self._client.send(request, stream=True)
        try:
            headers = headers_of(response)
            if question.sink is not None and response.status_code in {200, 206}:
                question.sink.begin(headers)
                for data in response.iter_raw():
                    question.sink.feed(pace.counted(data, None))
            else:
                for data in response.iter_bytes():
                    content += pace.counted(data)
        finally:
            response.close()
        return Answer(response.status_code, headers, bytes(content))
