"""Opening a payload of an envelope: by `sealing.itk2` where it is encrypted, and only behind the switch (itk3-messaging 2.3)."""

from collections.abc import Callable, Collection
from datetime import datetime

from wardgate.itk2.envelope import organisation_of
from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import DistributionEnvelope, Payload
from wardgate.sealing.itk2 import ClosedPayload, open_payload
from wardgate.sealing.keys import HeldKeys, KeyDirectory
from wardgate.sealing.model import Context, Limits, Opened, Suite

INTERACTION = "urn:nhs-itk:ns:201005:interaction"


def context_of(envelope: DistributionEnvelope) -> Context:
    """Return the envelope's words as a context. They are not signed: only that the signer is the sender's is proved. Raises `ITK2Refused`."""
    if envelope.sender is None or not envelope.addresses:
        raise ITK2Refused("header", "has a senderAddress and an addresslist, where a payload is opened")
    event = envelope.handling.get(INTERACTION, "")
    return Context(envelope.sender, organisation_of(envelope.sender), envelope.addresses, envelope.service, envelope.tracking_id, event)


def open_encrypted(
    envelope: DistributionEnvelope, payload: Payload, *, held: HeldKeys, directory: KeyDirectory, now: datetime, random: Callable[[int], bytes],
    suites: Collection[Suite] = (), require_signature: bool = True, limits: Limits | None = None,
) -> Opened:
    """Return what is inside an encrypted payload. Raises `ITK2Refused` for one that is not, and `SealRefused`."""
    if not payload.encrypted:
        raise ITK2Refused("manifestitem", "encrypted is true, where a payload is opened")
    closed = ClosedPayload(payload.id, payload.mime_type, payload.base64, payload.compressed, payload.body)
    return open_payload(
        closed, context_of(envelope), held=held, directory=directory, now=now, random=random, suites=suites,
        require_signature=require_signature, limits=limits or Limits(),
    )
