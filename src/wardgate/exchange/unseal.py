"""Opening what came in, in the fixed order: structure, keys, signature, context; then what the message itself says (itk3-messaging 6)."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

from wardgate.exchange.errors import MessageRefused, of_itk3, of_seal
from wardgate.exchange.legacy import UNREAD, is_legacy, open_legacy
from wardgate.exchange.opened import Arrived
from wardgate.exchange.parts import Parts
from wardgate.exchange.policy import organisation_of, wants_encryption
from wardgate.exchange.readable import is_readable, open_readable
from wardgate.fhir import Format
from wardgate.itk3 import ITK3Error, Original, document_facts, original, read
from wardgate.sealing import cms, detached, inspect, modern, xml
from wardgate.sealing.context import check_message
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Context, Opened, Suite, Transport
from wardgate.stores.exchange import HandledMessage
from wardgate.workflows.post_office import Rules

FORMS: Final = {"application/fhir+xml": Format.XML, "application/fhir+json": Format.JSON}
_TYPES: Final = {
    modern.MEDIA_TYPE: Suite.MODERN, cms.MEDIA_TYPE: Suite.CMS, xml.ENCRYPTED_MEDIA_TYPE: Suite.XML, xml.SIGNED_MEDIA_TYPE: Suite.XML,
}
_JOSE, _DER = (b'{"protected"', b'{"aad"', b'{"ciphertext"', b'{"recipients"', b'{"iv"'), b"\x30"


def arrived(parts: Parts, row: HandledMessage, body: bytes, signature: str | None, rules: Rules) -> Arrived:
    """Return the message in a body. Raises `MessageRefused`."""
    transport = Transport(row.peer, row.mailbox, row.workflow)
    suite = suite_of(row.media_type, body, signature)
    opened: Opened | None = None
    content, media_type = body, _clear_type(body)
    if suite is not None:
        try:
            if signature is None and is_readable(body):
                opened, content = open_readable(parts, body, transport, rules)
            else:
                opened = _OPENERS[suite](parts, body, signature, transport, rules)
                content, media_type = opened.content, opened.media_type
            _check_sender(parts, row, opened.context)
        except SealRefused as error:
            raise of_seal(error, hint(row, body)) from None
        except ITK3Error as error:
            raise of_itk3(_named(error, row)) from None
    return _read(row, content, media_type, opened)


def suite_of(media_type: str, body: bytes, signature: str | None = None) -> Suite | None:
    """Return how a body is sealed, by its media type or, where that says nothing, by how it begins; None: not at all."""
    if signature is not None:
        return Suite.DETACHED
    if is_legacy(body):
        return Suite.ITK2_LEGACY
    if is_readable(body):
        return Suite.MODERN
    told = _TYPES.get(media_type.partition(";")[0].strip().lower())
    start = body[:200].lstrip()
    if told is Suite.XML and media_type.partition(";")[0].strip().lower() == xml.SIGNED_MEDIA_TYPE and _is_fhir(start):
        return None
    if told is not None or media_type.partition(";")[0].strip().lower() in FORMS:
        return told
    if start.startswith(_JOSE):
        return Suite.MODERN
    if start.startswith(_DER):
        return Suite.CMS
    return Suite.XML if start.startswith(b"<") and not _is_fhir(start) else None


def hint(row: HandledMessage, body: bytes) -> Original:
    """Return which message this may be, for an answer: what the seal says in clear, or what the sender called it. Proved is neither."""
    try:
        context = inspect.inspect(body).context
    except SealRefused:
        context = None
    named = context.message_id if context is not None else row.local_id
    return Original(message_id=named if named and _is_id(named) else None)


def _read(row: HandledMessage, content: bytes, media_type: str, opened: Opened | None) -> Arrived:
    try:
        message = read(content, form=FORMS.get(media_type))
    except ITK3Error as error:
        raise of_itk3(_named(error, row)) from None
    facts = document_facts(message.payload, message.version)
    document = facts.document_id if not message.is_response else None
    context = opened.context if opened is not None else Context(row.peer, "", (row.mailbox,), row.workflow, UNREAD, UNREAD)
    if context.message_id == UNREAD:  # nothing but the message itself says its id
        context = replace(context, message_id=message.message_id, event=message.event)
        opened = replace(opened, context=context) if opened is not None else None
    try:
        check_message(context, endpoint=message.endpoint, message_id=message.message_id, event=message.event, document_id=document)
    except SealRefused as error:
        raise of_seal(error, original(message)) from None
    return Arrived(message, facts, content, media_type, opened)


def _named(error: ITK3Error, row: HandledMessage) -> ITK3Error:
    """A message whose own id cannot be read is the one that its sender named."""
    if error.original.message_id is None and _is_id(row.local_id):
        return type(error)(error.problems, _with_id(error.original, row.local_id))
    return error


def _with_id(of: Original, message_id: str) -> Original:
    return Original(message_id, of.event, of.business_ack, of.infrastructure_ack, of.sender_reference, of.response_identifier, of.business, of.version)


def _check_sender(parts: Parts, row: HandledMessage, context: Context) -> None:
    """The organisation that signed is the one whose mailbox it came from. Raises `SealRefused`."""
    ods = organisation_of(parts.post_office(), row.peer)
    if ods and ods != context.sender_ods:
        raise SealRefused("signer-organisation", f"{ods}, whose mailbox sent it", context.sender_ods[:20])


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 64 and text.replace("-", "").replace(".", "").isalnum() and text.isascii()


def _is_fhir(start: bytes) -> bool:
    return b"http://hl7.org/fhir" in start or b"<Bundle" in start


def _clear_type(body: bytes) -> str:
    return "application/fhir+json" if body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "application/fhir+xml"


def _modern(parts: Parts, body: bytes, _signature: str | None, transport: Transport, rules: Rules) -> Opened:
    return modern.open_seal(body, **_with(parts, transport, rules.messages.suites), held=parts.held)


def _cms(parts: Parts, body: bytes, _signature: str | None, transport: Transport, rules: Rules) -> Opened:
    return cms.open_seal(body, **_with(parts, transport, rules.messages.suites), held=parts.held)


def _xml(parts: Parts, body: bytes, _signature: str | None, transport: Transport, rules: Rules) -> Opened:
    return xml.open_seal(
        body, **_with(parts, transport, rules.messages.suites), held=parts.held, random=parts.random, require_encryption=wants_encryption(rules),
    )


def _detached(parts: Parts, body: bytes, signature: str | None, transport: Transport, rules: Rules) -> Opened:
    return detached.open_seal(body, (signature or "").encode(), **_with(parts, transport, rules.messages.suites))


def _legacy(parts: Parts, body: bytes, _signature: str | None, transport: Transport, rules: Rules) -> Opened:
    return open_legacy(parts, body, transport, rules)


def _with(parts: Parts, transport: Transport, suites: Collection[Suite]) -> dict[str, Any]:
    return {"transport": transport, "directory": parts.directory(), "now": parts.now(), "limits": parts.patience.limits, "suites": suites}


_OPENERS: Final[dict[Suite, Callable[[Parts, bytes, str | None, Transport, Rules], Opened]]] = {
    Suite.MODERN: _modern, Suite.CMS: _cms, Suite.XML: _xml, Suite.DETACHED: _detached, Suite.ITK2_LEGACY: _legacy,
}
__all__ = ["Arrived", "MessageRefused", "arrived", "hint", "suite_of"]
