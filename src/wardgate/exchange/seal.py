"""Sealing what goes out, by the suite that its workflow asks for (itk3-messaging 6)."""

from wardgate.exchange.errors import of_seal, refused
from wardgate.exchange.parts import Parts
from wardgate.exchange.policy import organisation_of, suite_for, wants_encryption
from wardgate.itk3 import Message
from wardgate.sealing import cms, detached, modern, xml
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import MessageKey, SigningKey
from wardgate.sealing.model import Context, Sealed, Statement, Suite
from wardgate.stores.exchange import HandledMessage
from wardgate.workflows.post_office import Rules


def sealed_body(parts: Parts, row: HandledMessage, message: Message, content: bytes, media_type: str, rules: Rules | None) -> Sealed | None:
    """Return what travels; None where the message travels as it is. Raises `MessageRefused`."""
    suite = suite_for(rules)
    if suite is None:
        return None
    try:
        return _sealed(parts, row, message, content, media_type, rules, suite)
    except SealRefused as error:
        raise of_seal(error) from None


def _sealed(parts: Parts, row: HandledMessage, message: Message, content: bytes, media_type: str, rules: Rules | None, suite: Suite) -> Sealed:
    office, now = parts.post_office(), parts.now()
    ods = organisation_of(office, row.mailbox)
    context = Context(row.mailbox, ods, (row.peer,), row.workflow, message.message_id, message.event, row.document_id)
    statement = Statement(now.replace(microsecond=0), role=row.role, on_behalf_of=row.on_behalf_of)
    signer, limits = _signer(parts, ods), parts.patience.limits
    stamper = parts.stamper if rules is not None and rules.messages.time_stamp else None
    if suite is Suite.DETACHED:
        return detached.seal(content, media_type, context, statement, signer, stamper=stamper, limits=limits)
    recipients = _recipients(parts, organisation_of(office, row.peer)) if suite is not Suite.XML or wants_encryption(rules) else []
    seal = {Suite.MODERN: modern.seal, Suite.CMS: cms.seal, Suite.XML: xml.seal}[suite]
    return seal(
        content, media_type, context, statement, signer, recipients, directory=parts.directory(), now=now, random=parts.random, stamper=stamper,
        limits=limits,
    )


def _signer(parts: Parts, ods: str) -> SigningKey:
    found = parts.held.signing_key(ods) if ods else None
    if found is None:
        raise refused("signing-key-unavailable", f"a signing key of {ods or 'the sender'}", "none")
    return found


def _recipients(parts: Parts, ods: str) -> list[MessageKey]:
    """The newest key of the recipient's organisation."""
    found = parts.directory().encryption_keys(ods) if ods else ()
    if not found:
        raise refused("recipient-key-unknown", f"an encryption key of {ods or 'the recipient'}", "none")
    return [found[0]]
