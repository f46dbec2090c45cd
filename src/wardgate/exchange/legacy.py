"""Messages that come in the encrypted payload of an ITK2 envelope: opened where the workflow lists `itk2-legacy`, and only there (itk3-messaging 2.3).

Nothing of the envelope is signed. So who sent it, to whom and by which workflow is what the transport proves; the envelope must say the same, and
the signer inside must be of the organisation whose mailbox sent it.
"""

from dataclasses import replace
from typing import Final

from wardgate.exchange.parts import Parts
from wardgate.exchange.policy import organisation_of
from wardgate.itk2.envelope import organisation_of as organisation_in
from wardgate.itk2.envelope import read_envelope
from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import DistributionEnvelope, Payload
from wardgate.itk2.payload import open_encrypted
from wardgate.sealing.any_suite import Kind, kind_of
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Context, Opened, Suite, Transport
from wardgate.workflows.post_office import Rules
from wardgate.xmlsecurity.parser import MAX_XML_BYTES, Limits

UNREAD: Final = ""
"""What an envelope does not say of the message inside."""


def is_legacy(body: bytes) -> bool:
    """Whether a body looks like an envelope of ITK2."""
    return kind_of(body) is Kind.ITK2


def open_legacy(parts: Parts, body: bytes, transport: Transport, rules: Rules) -> Opened:
    """Return the one payload of an envelope, signed by its sender's organisation. Raises `SealRefused`; before anything is read unless the switch is on."""
    suites = rules.messages.suites
    if Suite.ITK2_LEGACY not in suites:
        raise SealRefused("seal-suite-refused", ", ".join(suites), Suite.ITK2_LEGACY)
    limits = parts.patience.limits
    try:
        envelope = read_envelope(body, Limits(max_bytes=min(limits.max_sealed_bytes, MAX_XML_BYTES)))
        payload = _only(envelope)
        _check_addresses(parts, envelope, transport)
        opened = open_encrypted(
            envelope, payload, held=parts.held, directory=parts.directory(), now=parts.now(), random=parts.random, suites=suites, limits=limits,
        )
    except ITK2Refused as refused:
        raise SealRefused("seal-malformed", f"{refused.where}: {refused.problem}", "an envelope that breaks this") from None
    return replace(opened, context=_proved(opened.context, transport))


def _only(envelope: DistributionEnvelope) -> Payload:
    if len(envelope.payloads) != 1:
        raise SealRefused("seal-malformed", "one payload", str(len(envelope.payloads)))
    if not envelope.payloads[0].encrypted:
        raise SealRefused("seal-encryption-missing", "an encrypted payload", "a clear one")
    return envelope.payloads[0]


def _check_addresses(parts: Parts, envelope: DistributionEnvelope, transport: Transport) -> None:
    """The envelope is addressed to whose mailbox it came to, where the manifest says whose that is. Raises `SealRefused`, `ITK2Refused`."""
    ours = organisation_of(parts.post_office(), transport.recipient)
    if ours and ours not in {organisation_in(address) for address in envelope.addresses}:
        raise SealRefused("seal-context", f"an envelope addressed to {ours}", f"one to {len(envelope.addresses)} others")


def _proved(context: Context, transport: Transport) -> Context:
    return Context(transport.sender, context.sender_ods, (transport.recipient,), transport.workflow, UNREAD, UNREAD)
