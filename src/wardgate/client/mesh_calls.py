"""Every call of a MESH mailbox, as steps (itk3-messaging 5.2)."""

import platform
import re
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final
from urllib.parse import quote

from wardgate import __version__
from wardgate.client.mesh_answers import (
    MESSAGE_ID,
    FoundMailbox,
    InboxPage,
    MeshMessage,
    MeshTracking,
    read_mailboxes,
    read_message,
    read_page,
    read_tracking,
)
from wardgate.client.mesh_content import Content, Progress, Source
from wardgate.client.mesh_download import ReceivedMessage, receiving
from wardgate.client.mesh_errors import MeshCallInvalid, MeshContentInvalid, MeshTransferInvalid
from wardgate.client.mesh_files import PartFile
from wardgate.client.mesh_inflate import Part, check_sha256
from wardgate.client.mesh_outgoing import MeshOutgoing, MeshUpload, SentMessage
from wardgate.client.mesh_steps import PIECE_BYTES, Ask, Steps, work
from wardgate.client.mesh_tries import Tries, asking
from wardgate.client.mesh_upload import Keep, sending, tracking_question

FEWEST_RESULTS: Final = 10
MOST_RESULTS: Final = 5_000
_LOCAL_ID: Final = re.compile(r"(?!\.{1,2}\Z)[\x20-\x2e\x30-\x5b\x5d-\x7e]{1,300}")
"""Slashes and steps in a path do not arrive: gateways refuse or resolve them, encoded ones too."""
_WORKFLOW: Final = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,299}")
_ODS: Final = re.compile(r"[A-Za-z0-9]{1,12}")
_IN_MEMORY_BYTES: Final = 1_048_576


class MeshCalls:
    """The calls of one mailbox. `tries` is copied for each."""

    def __init__(self, mailbox: str, tries: Tries, *, gzip: bool) -> None:
        self._mailbox, self._tries, self._gzip = mailbox, tries, gzip

    def handshake(self) -> Steps[None]:
        """The server is there and knows us."""
        headers = {"mex-ClientVersion": f"wardgate=={__version__}", "mex-OSName": platform.system() or "unknown",
                   "mex-OSVersion": platform.release() or "unknown", "mex-OSArchitecture": platform.machine() or "unknown", "mex-JavaVersion": "N/A"}
        yield from asking(Ask("POST", f"/{self._mailbox}", headers=headers), self._tries.again())

    def inbox(self, max_results: int, workflow_filter: str | None, continue_from: str | None) -> Steps[InboxPage]:
        """One page of what waits."""
        if not FEWEST_RESULTS <= max_results <= MOST_RESULTS:
            raise MeshCallInvalid(f"a page of the inbox has {FEWEST_RESULTS} to {MOST_RESULTS} messages")
        if workflow_filter is not None and not 2 <= len(workflow_filter) <= 255:
            raise MeshCallInvalid("a workflow filter has 2 to 255 characters")
        given = (("workflow_filter", workflow_filter), ("continue_from", continue_from))
        query = (("max_results", str(max_results)), *((name, value) for name, value in given if value is not None))
        return read_page((yield from asking(Ask("GET", f"/{self._mailbox}/inbox", query), self._tries.again())))

    def head(self, message_id: str) -> Steps[MeshMessage]:
        """What is said of a message that waits, or of one that we sent."""
        _check_id(message_id)
        return read_message(message_id, (yield from asking(Ask("HEAD", f"/{self._mailbox}/inbox/{message_id}"), self._tries.again())))

    def send(
        self, content: Content, outgoing: MeshOutgoing, *, resume: MeshUpload | None, keep: Keep | None, progress: Progress | None, spool: str | None,
    ) -> Steps[SentMessage]:
        """Send all of a content."""
        source = yield from work(lambda: Source.of(content, spool))
        with source:
            return (yield from sending(self._mailbox, outgoing, source, self._tries, _new_id, resume=resume, keep=keep, progress=progress))

    def receive(self, message_id: str, to: Callable[[bytes], object], max_bytes: int, progress: Progress | None, spool: str | None) -> Steps[ReceivedMessage]:
        """All of a message, given on when it is whole and proved."""
        _check_id(message_id)
        with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=spool) as file:
            whole: BinaryIO = file  # type: ignore[assignment]  # a BinaryIO in all but name
            part = Part(whole, max_bytes, progress)
            received = yield from receiving(self._mailbox, message_id, part, self._tries, gzip=self._gzip, kept=None, keep=None)
            yield from work(partial(_copy, whole, received.size, to))
            return received

    def receive_to_file(self, message_id: str, path: Path, max_bytes: int, progress: Progress | None, *, acknowledge: bool) -> Steps[ReceivedMessage]:
        """A message as a file, which is there when it is whole, proved and durable; a report makes none."""
        _check_id(message_id)
        file = yield from work(lambda: PartFile(path, message_id, max_bytes, progress))
        with file:
            try:
                kept = yield from work(file.kept)
                received = yield from receiving(self._mailbox, message_id, file.part, self._tries, gzip=self._gzip, kept=kept, keep=file.keep)
            except (MeshContentInvalid, MeshTransferInvalid):
                file.abandon()
                raise
            if received.message.is_report:
                file.abandon()
                return received
            yield from work(file.finish)
        if acknowledge:
            yield from self.acknowledge(message_id)
        return received

    def received_before(self, message_id: str, path: Path) -> Steps[ReceivedMessage]:
        """A file that an earlier `receive_to_file` made of this message."""
        message = yield from self.head(message_id)
        with path.open("rb") as file:
            part = Part(file, 0)
            yield from work(partial(part.take_up, path.stat().st_size))
        check_sha256(message.checksum, part.sha256)
        return ReceivedMessage(message, part.end, part.sha256)

    def acknowledge(self, message_id: str) -> Steps[None]:
        """The message is safe with us, and is not offered again."""
        _check_id(message_id)
        yield from asking(Ask("PUT", f"/{self._mailbox}/inbox/{message_id}/status/acknowledged"), self._tries.again())

    def track(self, message_id: str) -> Steps[MeshTracking]:
        """Where a message that we sent stands."""
        _check_id(message_id)
        return read_tracking((yield from asking(tracking_question(self._mailbox, message_id), self._tries.again())))

    def track_local(self, local_id: str) -> Steps[MeshTracking]:
        """The same, by our own id."""
        if not _LOCAL_ID.fullmatch(local_id):
            raise MeshCallInvalid("a message is found by a local id of 1 to 300 printable ASCII characters without slashes, not `.` or `..`: ask by its message id")
        path = f"/{self._mailbox}/outbox/tracking/{quote(local_id, safe='')}"
        return read_tracking((yield from asking(Ask("GET", path), self._tries.again())))

    def lookup(self, ods: str, workflow: str) -> Steps[tuple[FoundMailbox, ...]]:
        """The mailboxes of an organisation that receive a workflow."""
        if not _ODS.fullmatch(ods):
            raise MeshCallInvalid("an ODS code is 1 to 12 letters and digits")
        path = f"/endpointlookup/{quote(ods, safe='')}/{_quoted(workflow)}"
        return read_mailboxes((yield from asking(Ask("GET", path), self._tries.again())))

    def search(self, workflow: str) -> Steps[tuple[FoundMailbox, ...]]:
        """The mailboxes that receive a workflow."""
        return read_mailboxes((yield from asking(Ask("GET", f"/workflowsearch/{_quoted(workflow)}"), self._tries.again())))


class Pages:
    """The pages of one reading of the inbox. A server may begin anew when the message it would go on from has left: nothing comes twice."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._continued: set[str] = set()
        self.go_on = True

    def new(self, page: InboxPage) -> Iterator[str]:
        """Yield what no page had before, and note whether there is another page."""
        self.go_on = page.more is not None and page.more not in self._continued
        self._continued.update({page.more} if page.more is not None else ())
        fresh = [one for one in page.messages if one not in self._seen]
        self._seen.update(fresh)
        yield from fresh


def _check_id(message_id: str) -> None:
    if not MESSAGE_ID.fullmatch(message_id):
        raise MeshCallInvalid("a message id is 1 to 100 letters, digits, hyphens and underscores")


def _quoted(workflow: str) -> str:
    if not _WORKFLOW.fullmatch(workflow):
        raise MeshCallInvalid("a workflow id is 1 to 300 printable ASCII characters")
    return quote(workflow, safe="")


def _new_id() -> str:
    return uuid.uuid4().hex


def _copy(file: BinaryIO, size: int, to: Callable[[bytes], object]) -> None:
    file.seek(0)
    while size > 0 and (piece := file.read(min(PIECE_BYTES, size))):
        to(piece)
        size -= len(piece)
