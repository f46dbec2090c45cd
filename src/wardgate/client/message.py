"""Opening ITK3 messages: what the message says, what its seal says and what the keys prove are one (itk3-messaging 6).

What comes out is an `OpenedMessage`, made here alone: the one type that an application accepts. The steps of opening go on where those of the
suite end: the message is read and valid, and its header says what the seal's context says. Whether a workflow lets such a message be
exchanged, and whether it was seen before, is asked by whoever keeps workflows and messages.
"""

import dataclasses
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wardgate import fhir
from wardgate.client.clock import SYSTEM_CLOCK
from wardgate.client.key_ring import SealKeys
from wardgate.fhir import FHIRError, Format
from wardgate.itk3 import NATIONAL, DocumentFacts, Message, Party, Rules, bundle_of, document_facts, read, respond
from wardgate.itk3.glimpse import form_of, header_of, version_of
from wardgate.itk3.read import accept
from wardgate.sealing import any_suite, header_readable, modern
from wardgate.sealing.context import check_message
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.header_readable import ReadableOpened
from wardgate.sealing.model import Limits, Opened, Suite, Transport

MEDIA_TYPES: Final = {Format.XML: "application/fhir+xml", Format.JSON: "application/fhir+json"}
FORMATS: Final = {media_type: form for form, media_type in MEDIA_TYPES.items()}
EVER: Final = timedelta(days=36_500)
"""How old a signature may be that is verified as evidence: its certificate and its time-stamp say whether it is good."""
DEFAULT_LIMITS: Final = Limits()
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class OpenedMessage:
    """A message that was inside a seal: read, valid, and bound to what the seal says. Made by `open_message` only."""

    message: Message
    opened: Opened
    facts: DocumentFacts


def open_message(
    body: bytes, *, keys: SealKeys, signature: bytes | None = None, transport: Transport | None = None, suites: Collection[Suite] = any_suite.MADE,
    require_encryption: bool = True, rules: Rules = NATIONAL, limits: Limits = DEFAULT_LIMITS, now: datetime | None = None, random: Random = os.urandom,
) -> OpenedMessage:
    """Return the message inside a seal of any suite. Raises `SealRefused`, and `ITK3Error` for a message that is not valid.

    `transport` is what brought it; a file has none. A signature beside a clear message is taken where encryption is not required.
    """
    version = version_of(body, header_of(body, form_of(body))) if header_readable.is_header_readable(body) else fhir.Version.STU3
    found = any_suite.open_any(
        body, signature=signature, transport=transport, held=keys, directory=keys, now=now or SYSTEM_CLOCK.now(), random=random, suites=suites,
        require_encryption=require_encryption, version=version, limits=limits,
    )
    return read_opened(found, rules)


def read_opened(found: Opened | ReadableOpened, rules: Rules = NATIONAL) -> OpenedMessage:
    """Return the message that a suite found inside a seal, once it says what the seal says. Raises `ITK3Error`, `SealRefused`."""
    opened = found if isinstance(found, Opened) else found.opened
    message = read(opened.content, rules, FORMATS[opened.media_type]) if isinstance(found, Opened) else _joined(found, rules)
    facts = document_facts(message.payload, message.version)
    context = opened.context
    check_message(context, endpoint=message.endpoint, message_id=message.message_id, event=message.event, document_id=facts.document_id)
    if message.sender.ods is not None and message.sender.ods != context.sender_ods:
        raise SealRefused("seal-context", f"a message of {context.sender_ods}", f"one of {message.sender.ods}")
    return OpenedMessage(message, opened, facts)


def verify_message(
    body: bytes, *, keys: SealKeys, signature: bytes | None = None, now: datetime | None = None, random: Random = os.urandom, limits: Limits = DEFAULT_LIMITS,
) -> Opened:
    """Return who signed what, of a seal or of a clear message with its signature beside it, however long ago. Raises `SealRefused`.

    Nothing is said of the message inside. Once the signer's certificate is over, only a signature with a trusted time-stamp is good.
    """
    found = any_suite.open_any(
        body, signature=signature, transport=None, held=keys, directory=keys, now=now or SYSTEM_CLOCK.now(), random=random, require_encryption=False,
        limits=dataclasses.replace(limits, max_age=EVER),
    )
    return found if isinstance(found, Opened) else found.opened


def acknowledge(
    received: OpenedMessage, code: str, *, mailbox: str, organisation: str, ok: bool | None = None, now: datetime | None = None, random: Random = os.urandom,
) -> Message:
    """Return the response to a message, from our mailbox and organisation, to be written or sealed.

    `ok` says whether a code is good whose meaning the payload's specification gives. Raises `ValueError` for a code that there is not.
    """
    sender = Party(ods=organisation)
    return respond(received.message, code, sender=sender, endpoint=mailbox, now=now or SYSTEM_CLOCK.now(), random=random, ok=ok)


def around(rules: Rules) -> Rules:
    """Return the rules for a message whose payload is a seal."""
    return dataclasses.replace(rules, approved_types=rules.approved_types | {modern.MEDIA_TYPE}, supported_types=rules.supported_types | {modern.MEDIA_TYPE})


def _joined(found: ReadableOpened, rules: Rules) -> Message:
    """Return the message with its payload in its place; it is valid as a whole."""
    version = fhir.Version.R4 if "eventCoding" in found.outer["entry"][0]["resource"] else fhir.Version.STU3
    outer = accept(found.outer, version, around(rules))
    try:
        payload = fhir.read(found.opened.content, FORMATS[found.opened.media_type], version)
        whole = fhir.checked(bundle_of(dataclasses.replace(outer, payload=payload, nested=True)), version)
    except FHIRError as fault:
        raise SealRefused("seal-malformed", "a payload of FHIR", str(fault)) from None
    return accept(whole, version, rules)
