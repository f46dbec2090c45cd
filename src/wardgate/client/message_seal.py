"""Sealing ITK3 messages: of a message that is valid, by the suite that is asked for, to organisations whose keys the directory has (itk3-messaging 6)."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wardgate import fhir
from wardgate.client.clock import SYSTEM_CLOCK
from wardgate.client.key_ring import SealKeys
from wardgate.client.message import MEDIA_TYPES, Random, around
from wardgate.fhir import Format
from wardgate.itk3 import NATIONAL, Message, Rules, document_facts, read, write
from wardgate.itk3.glimpse import form_of
from wardgate.itk3.ids import made
from wardgate.sealing import cms, detached, header_readable, modern, xml
from wardgate.sealing.beside_signature import CounterSigner
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Purpose, Sealed, Statement, Suite


@dataclass(frozen=True, slots=True)
class Recipient:
    """A mailbox, and the organisation whose key the message is sealed to."""

    mailbox: str
    organisation: str


@dataclass(frozen=True, slots=True)
class SealOptions:
    """How a message is sealed, and what its signer says."""

    suite: Suite = Suite.MODERN
    purpose: Purpose = Purpose.AUTHOR
    role: str | None = None
    """The role that the signer acts in, such as `R8000`."""
    on_behalf_of: Mapping[str, Any] | None = field(default=None, repr=False)
    stamper: TimeStamper | None = None
    counter_signers: Sequence[CounterSigner] = ()
    """Of the suites of JOSE and CMS."""
    compress: bool = False
    """Whether XML is folded by gzip before it is signed."""
    encrypt: bool = True
    """false, of the XML suite: signed only. The detached suite never encrypts."""
    header_readable: bool = False
    """Whether the MessageHeader stays in clear around the sealed payload: the modern suite, by bilateral agreement."""


ORDINARY: Final = SealOptions()


def seal_message(
    message: Message | bytes, recipients: Sequence[Recipient], workflow: str, *, keys: SealKeys, organisation: str | None = None, options: SealOptions = ORDINARY,
    form: Format = Format.XML, rules: Rules = NATIONAL, now: datetime | None = None, random: Random = os.urandom,
) -> Sealed:
    """Return the sealed message. Octets are sealed as they are; a `Message` is written in `form` first.

    `organisation` is whose key signs: the sender's, where the header names one. Raises `ITK3Error` for what is no valid message, and `SealRefused`.
    """
    at = now or SYSTEM_CLOCK.now()
    content = message if isinstance(message, bytes) else write(message, form, rules)
    read_message = read(content, rules)
    context = context_of(read_message, recipients, workflow, organisation)
    signer = keys.signing_key(context.sender_ods)
    if signer is None:
        raise SealRefused("signing-key-unavailable", f"a private signing key of {context.sender_ods}, published and in date", "none")
    statement = Statement(at.replace(microsecond=0), options.purpose, options.role, options.on_behalf_of)
    written = form_of(content) or form
    if options.header_readable:
        return _readable(read_message, written, context, statement, signer, newest_keys(recipients, keys), keys, options, rules, at, random)
    return _sealed(content, MEDIA_TYPES[written], context, statement, signer, recipients, keys, options, at, random)


def context_of(message: Message, recipients: Sequence[Recipient], workflow: str, organisation: str | None = None) -> Context:
    """Return what a seal of the message is bound to. Raises `SealRefused` for a sender of no known organisation."""
    ods = organisation or message.sender.ods
    if ods is None or (message.sender.ods or ods) != ods:
        raise SealRefused("signing-key-unavailable", "the sending organisation's ODS code", "a sender that names another, or none")
    facts = document_facts(message.payload, message.version)
    return Context(message.endpoint, ods, tuple(one.mailbox for one in recipients), workflow, message.message_id, message.event, facts.document_id)


def newest_keys(recipients: Sequence[Recipient], keys: SealKeys) -> list[MessageKey]:
    """Return the newest encryption key of each recipient's organisation, each once. Raises `SealRefused`."""
    found: dict[str, MessageKey] = {}
    for one in recipients:
        published = keys.encryption_keys(one.organisation)
        if not published:
            raise SealRefused("recipient-key-unknown", f"a published encryption key of {one.organisation}", "none")
        found[published[0].kid] = published[0]
    return list(found.values())


def _sealed(
    content: bytes, media_type: str, context: Context, statement: Statement, signer: SigningKey, recipients: Sequence[Recipient], keys: SealKeys,
    options: SealOptions, now: datetime, random: Random,
) -> Sealed:
    if options.suite is Suite.DETACHED:
        return detached.seal(content, media_type, context, statement, signer, stamper=options.stamper, counter_signers=options.counter_signers)
    if options.suite is Suite.XML:
        to = newest_keys(recipients, keys) if options.encrypt else []
        return xml.seal(
            content, media_type, context, statement, signer, to, directory=keys, now=now, random=random, stamper=options.stamper, compress=options.compress,
        )
    seal = {Suite.MODERN: modern.seal, Suite.CMS: cms.seal}.get(options.suite)
    if seal is None or not options.encrypt:
        raise SealRefused("seal-suite-refused", "a suite that is made, which the modern suite and CMS are encrypted only", options.suite)
    return seal(
        content, media_type, context, statement, signer, newest_keys(recipients, keys), directory=keys, now=now, random=random, stamper=options.stamper,
        counter_signers=options.counter_signers, compress=options.compress,
    )


def _readable(
    message: Message, form: Format, context: Context, statement: Statement, signer: SigningKey, to: Sequence[MessageKey], keys: SealKeys,
    options: SealOptions, rules: Rules, now: datetime, random: Random,
) -> Sealed:
    """The message's header in clear, its focus a Binary; the payload, a bundle of its own, inside."""
    if options.suite is not Suite.MODERN or message.payload is None or not message.nested:
        raise SealRefused("seal-suite-refused", "the modern suite, of a message whose payload is a bundle of its own", f"{options.suite}, of another message")
    binary = {
        "resourceType": "Binary", "id": context.message_id, "contentType": modern.MEDIA_TYPE,
        "data" if message.version is fhir.Version.R4 else "content": header_readable.STAND_IN.decode("ascii"),
    }
    carried = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": f"urn:uuid:{made(random)}", "resource": binary}]}
    outer = write(dataclasses.replace(message, payload=carried, nested=False), form, around(rules))
    payload = fhir.write(message.payload, form, message.version)
    return header_readable.seal(
        outer, MEDIA_TYPES[form], payload, MEDIA_TYPES[form], context, statement, signer, to, directory=keys, now=now, random=random,
        stamper=options.stamper, counter_signers=options.counter_signers, compress=options.compress, version=message.version,
    )
