"""The context of a seal: how it is written, read and compared with transport and message (itk3-messaging 6).

It travels in clear, authenticated as additional data of the encryption, and its hash is signed; of CMS and XML it is inside, and signed itself. So nobody
can forward a signed message under another sender's encryption, send it on another route, or put it together from two.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from wardgate.jose import base64url
from wardgate.jose.canonical import canonical, decode_exact
from wardgate.jose.errors import MalformedJSON
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Context, Limits, Transport

MAX_CONTEXT_BYTES: Final = 32_768
MAX_TEXT_CHARS: Final = 300
MAX_MAILBOXES: Final = 64
_TEXTS: Final = {"from": "sender", "from_ods": "sender_ods", "workflow": "workflow", "message_id": "message_id", "event": "event"}
_MEMBERS: Final = frozenset({"v", "to", *_TEXTS})


def canonical_context(context: Context) -> bytes:
    """Return the octets of a context (RFC 8785). Raises `SealRefused` for one that could not be read again."""
    octets = canonical(context.members())
    if context_of(context.members()) != context:
        raise SealRefused("seal-context", "a context of texts and mailboxes", "another")
    return octets


def read_context(octets: bytes) -> Context:
    """Return the context in its octets, which are in canonical form. Raises `SealRefused`."""
    try:
        members = decode_exact(octets, MAX_CONTEXT_BYTES)
    except MalformedJSON as fault:
        raise SealRefused("seal-malformed", f"a context: {fault.expected}", fault.received) from None
    if canonical(members) != octets:
        raise SealRefused("seal-malformed", "a context in canonical form", "another form")
    return context_of(members)


def context_of(members: Any) -> Context:
    """Return the context that members say, all of them known. Raises `SealRefused`."""
    if type(members) is not dict or not _MEMBERS <= members.keys() <= _MEMBERS | {"document_id"} or members["v"] != 1 or members["v"] is True:
        raise SealRefused("seal-malformed", "the members of a context, version 1", "others")
    recipients = members["to"]
    if type(recipients) is not list or not 0 < len(recipients) <= MAX_MAILBOXES or not all(map(_is_text, recipients)):
        raise SealRefused("seal-malformed", f"1 to {MAX_MAILBOXES} receiving mailboxes", "another value")
    document = members.get("document_id")
    if len(set(recipients)) != len(recipients) or not all(_is_text(members[name]) for name in _TEXTS):
        raise SealRefused("seal-malformed", f"texts of 1 to {MAX_TEXT_CHARS} printable characters", "another value")
    if "document_id" in members and not _is_text(document):
        raise SealRefused("seal-malformed", "a document id that is text", "another value")
    return Context(recipients=tuple(recipients), document_id=document, **{field: members[name] for name, field in _TEXTS.items()})


def _is_text(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_TEXT_CHARS and value.isprintable()


def context_hash(octets: bytes) -> str:
    """Return `ctxh` of a context's octets."""
    return base64url.encode(sha256(octets).digest())


def check_transport(context: Context, transport: Transport | None) -> None:
    """Compare with what the transport said; a file says nothing. Raises `SealRefused` with `seal-context`."""
    if transport is None:
        return
    if transport.sender != context.sender:
        raise SealRefused("seal-context", f"sent by {context.sender}", f"sent by {transport.sender}")
    if transport.recipient not in context.recipients:
        raise SealRefused("seal-context", "received by " + ", ".join(context.recipients), f"received by {transport.recipient}")
    if transport.workflow != context.workflow:
        raise SealRefused("seal-context", f"workflow {context.workflow}", f"workflow {transport.workflow}")


def check_message(context: Context, *, endpoint: str, message_id: str, event: str, document_id: str | None) -> None:
    """Compare with what the opened message's own header says: the next step of whoever reads it.

    Raises `SealRefused` with `seal-context`.
    """
    said = {"sender": (context.sender, endpoint), "message id": (context.message_id, message_id), "event": (context.event, event)}
    if context.document_id is not None:
        said["document id"] = (context.document_id, document_id or "none")
    for name, (sealed, read) in said.items():
        if sealed != read:
            raise SealRefused("seal-context", f"{name} {sealed}", f"{name} {read}")


def check_fresh(signed_at: datetime, now: datetime, limits: Limits) -> None:
    """Raise `SealRefused` with `seal-stale` for a signing time too long ago, or too far ahead."""
    check_not_ahead(signed_at, now, limits)
    if signed_at < now - limits.max_age:
        raise SealRefused("seal-stale", f"signed since {(now - limits.max_age).isoformat()}", signed_at.isoformat())


def check_not_ahead(signed_at: datetime, now: datetime, limits: Limits) -> None:
    """Raise `SealRefused` with `seal-stale` for a signing time too far ahead."""
    if signed_at > now + limits.max_ahead:
        raise SealRefused("seal-stale", f"signed by {(now + limits.max_ahead).isoformat()}", signed_at.isoformat())
