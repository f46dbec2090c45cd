"""Sending what is sealed: by MESH, as often as it takes, and never twice (itk3-messaging 5.1, 5.4).

A try begins by taking the message in hand; one that begins after another is told that the first chunk may be there, so the client
looks for the message by its local id before it sends. What the server refuses for good, or nobody could send, waits for an operator.
"""

from dataclasses import replace
from typing import Final

import httpx2

from wardgate.audit.model import EventType
from wardgate.client.errors import ClientError
from wardgate.client.mesh_content import Source
from wardgate.client.mesh_errors import (
    MeshAPIError,
    MeshCallInvalid,
    MeshContentRefused,
    MeshHeadersRefused,
    MeshRecipientUnknown,
    MeshWorkflowRefused,
)
from wardgate.client.mesh_outgoing import MeshOutgoing, MeshUpload, SentMessage
from wardgate.exchange.errors import ExchangeError
from wardgate.exchange.kept import whole
from wardgate.exchange.moving import changed, later, move
from wardgate.exchange.parts import Parts, Post
from wardgate.exchange.record import event_of, plain
from wardgate.refusals import Refusal, reason
from wardgate.stores.exchange import HandledMessage, Stage

SIGNATURE_SUFFIX: Final = ".sig"
"""What the local id of a signature that travels beside a message ends with."""
SIGNATURE_TYPE: Final = "application/jose"
FINAL: Final = (MeshRecipientUnknown, MeshWorkflowRefused, MeshHeadersRefused, MeshContentRefused, MeshCallInvalid)
"""Answers that another try would get again."""
PASSING: Final = (ClientError, ExchangeError, httpx2.TransportError, OSError)
"""What may be over when it is tried again: the server, the way to it, our account there, what is not certain."""


def post_it(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    """Send what is sealed and in hand, and return it as it stands then; None: somebody else moved it. Raises `StoreError`."""
    try:
        body = whole(parts, mine.sealed, mine.sealed.size if mine.sealed is not None else 0)
        post = parts.post(mine.mailbox)
        if mine.signature is not None:
            _send(post, mine, mine.signature.encode(), mine.local_id + SIGNATURE_SUFFIX, SIGNATURE_TYPE)
        sent = _send(post, mine, body, mine.local_id, mine.media_type)
    except FINAL as error:
        return given_up(parts, mine, "message-not-taken", "the message", said(error))
    except PASSING as error:
        if mine.attempts >= parts.patience.attempts:
            return given_up(parts, mine, "message-not-sent", f"one of {mine.attempts} tries", said(error))
        return later(parts, mine, plain(said(error)))
    return _is_sent(parts, mine, sent)


def given_up(parts: Parts, mine: HandledMessage, code: str, expected: str, received: str) -> HandledMessage | None:
    """Give a message up, to wait for an operator."""
    now = parts.now()
    dead = changed(mine, now, stage=Stage.DEAD, due=None, reason=code, trouble=plain(received) or None)
    event = event_of(EventType.MESSAGE_DEAD, dead, now, parts.post_office(), refusal=Refusal(reason(code), expected, received), by=parts.by)
    return dead if move(parts, mine, dead, event) else None


def said(error: Exception) -> str:
    """Return what went wrong: of a server its code and words, of anything else our own. No value of a header is in it."""
    if isinstance(error, MeshAPIError):
        return f"{error.status} {error.code}: {error.text}"[:200]
    return (str(error) or type(error).__name__)[:200] if isinstance(error, (ClientError, ExchangeError)) else type(error).__name__


def _send(post: Post, mine: HandledMessage, body: bytes, local_id: str, media_type: str) -> SentMessage:
    outgoing = MeshOutgoing(
        mine.peer, mine.workflow, local_id=local_id, content_type=media_type, file_name=f"{local_id}{_EXTENSIONS.get(media_type, '.dat')}",
        encrypted=mine.seal is not None and mine.signature is None and media_type != "application/xml",
        partner_id=mine.local_id if local_id != mine.local_id else "",
    )
    resume = None
    if mine.attempts > 1:  # an earlier try may have got there
        with Source.of(body) as source:
            resume = MeshUpload.begin(mine.mailbox, outgoing, source.measured(outgoing.chunk_bytes), local_id)
    return post.send(body, outgoing, resume=resume)


def _is_sent(parts: Parts, mine: HandledMessage, sent: SentMessage) -> HandledMessage | None:
    now = parts.now()
    there = changed(mine, now, stage=Stage.SENT, mex_id=sent.message_id, due=now + parts.patience.track_every, attempts=0, reason=None)
    event = event_of(EventType.MESSAGE_SENT, replace(there, attempts=mine.attempts), now, parts.post_office(), by=parts.by, bytes=sent.size)
    return there if move(parts, mine, there, event) else None


_EXTENSIONS: Final = {
    "application/fhir+xml": ".xml", "application/xml": ".xml", "application/xenc+xml": ".xml", "application/fhir+json": ".json",
    "application/jose+json": ".json", "application/jose": ".jose", "application/cms": ".cms",
}
