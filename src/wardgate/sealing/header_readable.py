"""The header-readable form of the modern suite: a clear MessageHeader whose focus is a Binary that holds the sealed payload (itk3-messaging 6).

For intermediaries that read the header; by bilateral agreement only. The signature covers a digest of everything that travels in clear,
octet by octet: the outer message with a stand-in where the sealed payload goes. What is read of the clear part is what was signed.
"""

import dataclasses
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from wardgate import fhir
from wardgate.fhir import FHIRError, Format, Version
from wardgate.jose import base64url
from wardgate.sealing import modern
from wardgate.sealing.beside_signature import CounterSigner
from wardgate.sealing.context import check_message
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import HeldKeys, KeyDirectory, MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Opened, Sealed, Statement, Suite, Transport

STAND_IN: Final = b"aXRrMy1zZWFsLTE="
"""What the Binary of an outer message holds until the sealed payload is put there; and in the octets whose digest is signed."""
SEALED_START: Final = b64encode(b'{"protected":"')[:-2]
"""How a sealed payload begins in base64."""
_MEDIA_TYPE: Final = modern.MEDIA_TYPE.encode("ascii")
FORMATS: Final = {"application/fhir+xml": Format.XML, "application/fhir+json": Format.JSON}
_CONTENT: Final = {Version.STU3: "content", Version.R4: "data"}


@dataclass(frozen=True, slots=True)
class ReadableOpened:
    """An opened payload, with the clear message that came around it, proved with it."""

    opened: Opened
    outer: dict[str, Any] = field(repr=False)
    """FHIR JSON in memory; the Binary holds the stand-in."""


def seal(
    outer: bytes, outer_type: str, payload: bytes, payload_type: str, context: Context, statement: Statement, signer: SigningKey,
    recipients: Sequence[MessageKey], *, directory: KeyDirectory, now: datetime, random: Callable[[int], bytes],
    stamper: TimeStamper | None = None, counter_signers: Sequence[CounterSigner] = (), compress: bool = False,
    version: Version = Version.STU3, limits: Limits = modern.DEFAULT_LIMITS,
) -> Sealed:
    """Return the outer message, which has `STAND_IN` as the content of its Binary, with the sealed payload there. Raises `SealRefused`."""
    _read_outer(outer, outer_type, context, version)
    inner = modern.seal(
        payload, payload_type, context, statement, signer, recipients, directory=directory, now=now, random=random, stamper=stamper,
        counter_signers=counter_signers, compress=compress, clear_hash=_digest(outer), limits=limits,
    )
    return dataclasses.replace(inner, body=outer.replace(STAND_IN, b64encode(inner.body)), media_type=outer_type)


def open_seal(
    body: bytes, body_type: str, *, transport: Transport | None, held: HeldKeys, directory: KeyDirectory, now: datetime,
    version: Version = Version.STU3, limits: Limits = modern.DEFAULT_LIMITS, suites: Collection[Suite] = (Suite.MODERN,),
) -> ReadableOpened:
    """Return the payload and the clear message around it. Raises `SealRefused`, as `modern.open_seal`."""
    if len(body) > limits.max_sealed_bytes * 4 // 3 + fhir.formats.MAX_BYTES:
        raise SealRefused("seal-too-large", f"at most {limits.max_sealed_bytes} bytes sealed", f"{len(body)} bytes around it")
    outer, inner = _apart(body)
    opened = modern.open_seal(
        inner, transport=transport, held=held, directory=directory, now=now, limits=limits, suites=suites, clear_hash=_digest(outer),
    )
    return ReadableOpened(opened, _read_outer(outer, body_type, opened.context, version))


def is_header_readable(body: bytes) -> bool:
    """Whether a message of FHIR holds a sealed payload; what only looks like one, and is of another type, is an attachment."""
    return body.count(SEALED_START) == 1 and _MEDIA_TYPE in body


def sealed_payload(body: bytes) -> bytes:
    """Return the seal inside, for those who look into what went wrong. Raises `SealRefused`."""
    return _apart(body)[1]


def _digest(outer: bytes) -> str:
    return base64url.encode(sha256(outer).digest())


def _apart(body: bytes) -> tuple[bytes, bytes]:
    begin = body.find(SEALED_START)
    end = body.find(b'"', begin)
    if begin < 0 or end < 0 or body.find(SEALED_START, begin + 1) >= 0 or STAND_IN in body:
        raise SealRefused("seal-malformed", "one sealed payload in a clear message", "another number of them")
    try:
        inner = b64decode(body[begin:end], validate=True)
    except ValueError:
        raise SealRefused("seal-malformed", "a sealed payload in base64", "other characters") from None
    return body[:begin] + STAND_IN + body[end:], inner


def _read_outer(outer: bytes, media_type: str, context: Context, version: Version) -> dict[str, Any]:
    """Return the clear message: its focus is the Binary with the stand-in, and its header says what the context says."""
    form = FORMATS.get(media_type.partition(";")[0].strip())
    if form is None or outer.count(STAND_IN) != 1:
        raise SealRefused("seal-malformed", "a FHIR message with one place for the sealed payload", "another")
    try:
        bundle = fhir.read(outer, form, version)
    except FHIRError as fault:
        raise SealRefused("seal-malformed", "a FHIR message around the seal", str(fault)) from None
    entries = [(entry.get("fullUrl"), entry.get("resource", {})) for entry in bundle.get("entry", [])]
    header = entries[0][1] if entries else {}
    focus = [one.get("reference") for one in header.get("focus", [])]
    held = [url for url, resource in entries if resource.get("resourceType") == "Binary" and resource.get(_CONTENT[version]) == STAND_IN.decode("ascii")
            and resource.get("contentType") == modern.MEDIA_TYPE]
    if bundle.get("type") != "message" or header.get("resourceType") != "MessageHeader" or len(held) != 1 or focus != held or [url for url, _ in entries].count(held[0]) != 1:
        raise SealRefused("signature-wrapped", "a MessageHeader whose one focus is the Binary with the sealed payload", "another structure")
    event = header.get("event") or header.get("eventCoding") or {}
    check_message(
        context, endpoint=header.get("source", {}).get("endpoint", ""), message_id=header.get("id", ""), event=event.get("code", ""),
        document_id=context.document_id,
    )
    return bundle
