"""Sending a message: its chunks in order, each again when it failed, the first never blindly (itk3-messaging 5.1, 5.4)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

import httpx2

from wardgate.client.mesh_answers import MESSAGE_ID, MeshTracking, read_sent, read_tracking
from wardgate.client.mesh_content import ChunkBody, Measured, Progress, Source
from wardgate.client.mesh_errors import MeshAPIError, MeshSendUncertain, MeshTransferInvalid, mesh_error
from wardgate.client.mesh_outgoing import MeshOutgoing, MeshUpload, SentMessage
from wardgate.client.mesh_steps import Answer, Ask, Steps, ask, work
from wardgate.client.mesh_tries import NOTHING_DONE, Tries, asking, asking_any, never_sent
from wardgate.client.retry import is_tls_failure
from wardgate.mesh.routing import is_routed

Keep = Callable[[MeshUpload], None]
"""Called with the state before the first chunk and after every one; it returns when the state is kept."""
_TRACKABLE: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.:@+-]{1,300}")
"""Local ids that a path can carry past every server on the way: one or two dots alone are steps in it."""
_ALREADY_COMPLETE: Final = 423


@dataclass(frozen=True, slots=True)
class _Upload:
    """What every chunk of one message needs."""

    mailbox: str
    outgoing: MeshOutgoing
    source: Source
    measured: Measured
    local_id: str
    tries: Tries
    progress: Progress | None

    @property
    def total(self) -> int:
        return len(self.measured.chunks)

    def question(self, number: int, message_id: str | None) -> Ask:
        """Return the request that sends a chunk."""
        path = f"/{self.mailbox}/outbox" + (f"/{message_id}/{number}" if message_id is not None else "")
        body = ChunkBody(self.source, self.measured, number, self.outgoing.chunk_bytes, self.outgoing.compression, self.progress)
        return Ask("POST", path, headers=self.outgoing.headers(number, self.measured, self.local_id), body=body)


def sending(
    mailbox: str, outgoing: MeshOutgoing, source: Source, tries: Tries, new_id: Callable[[], str], *, resume: MeshUpload | None,
    keep: Keep | None, progress: Progress | None,
) -> Steps[SentMessage]:
    """Send a content, or what is left of it. Raises `MeshAPIError`, `MeshSendUncertain`, `MeshSourceChanged` and its like."""
    measured = yield from work(lambda: source.measured(outgoing.chunk_bytes))  # (1) what it is
    if resume is not None:
        resume.check(mailbox, outgoing, measured)  # (2) and that it is what was begun
    state = resume or MeshUpload.begin(mailbox, outgoing, measured, outgoing.local_id or new_id())
    upload = _Upload(mailbox, outgoing, source, measured, state.local_id, tries, progress)
    yield from _kept(keep, state)
    if state.message_id is None:  # (3) the message, by its first chunk
        begun, complete = yield from _begun(upload, was_tried=resume is not None)
        state = replace(state, message_id=begun, done=upload.total if complete else 1)
        yield from _kept(keep, state)
    message_id = state.message_id or ""
    if not MESSAGE_ID.fullmatch(message_id):
        raise MeshTransferInvalid("the state of the transfer is damaged")
    for number in range(state.done + 1, upload.total + 1):  # (4) the others
        yield from _sent(upload, number, message_id)
        state = replace(state, done=number)
        yield from _kept(keep, state)
    return SentMessage(message_id, state.local_id, measured.size, measured.sha256, upload.total)


def _kept(keep: Keep | None, state: MeshUpload) -> Steps[None]:
    if keep is not None:
        yield from work(lambda: keep(state))


def _begun(upload: _Upload, *, was_tried: bool) -> Steps[tuple[str, bool]]:
    """Return the message's id, and whether the server has it whole already."""
    if was_tried and (found := (yield from _found(upload, "the last attempt was interrupted"))) is not None:
        return found.message_id, found.is_complete
    tries = upload.tries.again()
    while True:
        answer, failure = yield from _tried(upload.question(1, None))
        if answer is not None and answer.status < 300:
            return read_sent(answer), upload.total == 1
        certain = answer.status in NOTHING_DONE or not tries.passing(answer.status) if answer is not None else failure is not None and never_sent(failure)
        if not _may_pass(tries, answer, failure):
            raise _outcome(upload, answer, failure)
        pause = tries.pause(answer)
        if pause is not None:
            yield pause
        if not certain and (found := (yield from _found(upload, _why(answer, failure)))) is not None:
            return found.message_id, found.is_complete
        if pause is None:
            raise _outcome(upload, answer, failure)


def _tried(question: Ask) -> Steps[tuple[Answer | None, httpx2.TransportError | None]]:
    try:
        return (yield from ask(question)), None
    except httpx2.TransportError as failure:
        return None, failure


def _may_pass(tries: Tries, answer: Answer | None, failure: httpx2.TransportError | None) -> bool:
    return tries.passing(answer.status) if answer is not None else failure is not None and not is_tls_failure(failure)


def _outcome(upload: _Upload, answer: Answer | None, failure: httpx2.TransportError | None) -> Exception:
    if answer is not None:
        return mesh_error(answer, upload.tries.now)
    assert failure is not None  # noqa: S101 - there is one or the other
    return failure


def _why(answer: Answer | None, failure: httpx2.TransportError | None) -> str:
    return f"the server answered {answer.status}" if answer is not None else type(failure).__name__


def _found(upload: _Upload, why: str) -> Steps[MeshTracking | None]:
    """Look for the message by its local id. None: the server says that it has none. Raises `MeshSendUncertain` when it cannot say."""
    if not _TRACKABLE.fullmatch(upload.local_id):
        raise MeshSendUncertain(upload.local_id, why)
    question = Ask("GET", f"/{upload.mailbox}/outbox/tracking/{quote(upload.local_id, safe='')}")
    try:
        answer = yield from asking_any(question, upload.tries.again())
    except httpx2.TransportError as failure:
        raise MeshSendUncertain(upload.local_id, why) from failure
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise MeshSendUncertain(upload.local_id, f"{why}; asked for it, the server answered {answer.status}")
    found = read_tracking(answer)
    if not _is_ours(upload, found):
        raise MeshSendUncertain(upload.local_id, f"{why}; another message of ours has the same local id")
    return found


def _is_ours(upload: _Upload, found: MeshTracking) -> bool:
    """Whether what is told of a message fits ours; what is not told does. A routing string's mailbox is the server's to find."""
    outgoing = upload.outgoing
    checksum = outgoing.headers(1, upload.measured, upload.local_id).get("Mex-Content-Checksum", "")
    to_us = is_routed(outgoing.to) or found.recipient.upper() in {"", outgoing.to.upper()}
    return to_us and found.workflow in {"", outgoing.workflow} and found.checksum in {"", checksum}


def _sent(upload: _Upload, number: int, message_id: str) -> Steps[None]:
    answer = yield from asking_any(upload.question(number, message_id), upload.tries.again())
    if answer.status < 300:
        return
    error: MeshAPIError = mesh_error(answer, upload.tries.now)
    if answer.status != _ALREADY_COMPLETE:
        raise error
    # All of it may have arrived before, and an answer, or the state that was to be kept, been lost.
    tracked = yield from asking(tracking_question(upload.mailbox, message_id), upload.tries.again())
    if not read_tracking(tracked).is_complete:
        raise error


def tracking_question(mailbox: str, message_id: str) -> Ask:
    """Return the question where a message stands."""
    return Ask("GET", f"/{mailbox}/outbox/tracking", (("messageID", message_id),))
