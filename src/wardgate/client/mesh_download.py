"""Receiving a message: its chunks in order, each again when it was interrupted, the whole proved before anybody has it (itk3-messaging 5.4)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from wardgate.client.mesh_answers import MeshMessage, check_chunk, read_message
from wardgate.client.mesh_errors import MeshAnswerInvalid, MeshTransferInvalid
from wardgate.client.mesh_inflate import Part, check_sha256
from wardgate.client.mesh_steps import Answer, Ask, Steps, work
from wardgate.client.mesh_tries import Tries, asking

MAX_RECEIVED_BYTES: Final = 20_000_000_000
"""Unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that is here whole. It is not acknowledged by that."""

    message: MeshMessage
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class MeshDownload:
    """How much of a message is in its part file: whole chunks, and what their octets are."""

    message_id: str
    chunks: int
    total_chunks: int
    size: int
    sha256: str


def receiving(
    mailbox: str, message_id: str, part: Part, tries: Tries, *, gzip: bool, kept: MeshDownload | None, keep: Callable[[MeshDownload], None] | None,
) -> Steps[ReceivedMessage]:
    """Fill a part file. Raises `MeshAPIError`, `MeshAnswerInvalid`, `MeshContentInvalid`, the connection's failures."""
    if kept is None:
        answer = yield from _chunk(mailbox, message_id, 1, part, tries, gzip)
        message = read_message(message_id, answer)
        done = 1
        if not message.is_report:  # which is no chunk of anything
            check_chunk(answer, 1, message.total_chunks)
    else:  # what is said of the message is asked for; its chunks are here
        answer = yield from asking(Ask("HEAD", f"/{mailbox}/inbox/{message_id}"), tries.again())
        message = read_message(message_id, answer)
        done = kept.chunks
        if message.total_chunks != kept.total_chunks:
            raise MeshTransferInvalid("what is kept of the interrupted download is of another message")
    while done < message.total_chunks:
        if keep is not None:
            yield from work(partial(keep, MeshDownload(message_id, done, message.total_chunks, part.end, part.sha256)))
        done += 1
        answer = yield from _chunk(mailbox, message_id, done, part, tries, gzip)
        check_chunk(answer, done, message.total_chunks)
    check_sha256(message.checksum, part.sha256)
    return ReceivedMessage(message, part.end, part.sha256)


def _chunk(mailbox: str, message_id: str, number: int, part: Part, tries: Tries, gzip: bool) -> Steps[Answer]:
    path = f"/{mailbox}/inbox/{message_id}" + (f"/{number}" if number > 1 else "")
    answer = yield from asking(Ask("GET", path, headers={"Accept-Encoding": "gzip" if gzip else "identity"}, sink=part), tries.again())
    if answer.status not in {200, 206}:
        raise MeshAnswerInvalid(f"{answer.status} is no answer to a download")
    yield from work(part.finish)
    return answer
