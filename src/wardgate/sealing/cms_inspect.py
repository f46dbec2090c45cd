"""What a CMS seal says of itself, for people who look into what went wrong. Nothing of it is checked, and nobody may act on it.

It says whom it is for and how it is encrypted. The context is inside, so it is not told before the seal is opened.
"""

from typing import Final

from wardgate.cms.ber import Octets
from wardgate.cms.enveloped_data import Envelope, read_envelope
from wardgate.cms.recipient_info import Recipient
from wardgate.sealing.cms_signature import cms_refusals
from wardgate.sealing.inspect import Inspection
from wardgate.sealing.model import Limits, Suite

DEFAULT_LIMITS: Final = Limits()


def inspect_cms(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Inspection:
    """Return what the outermost layer says. Raises `SealRefused` for what is not encrypted CMS as it is spoken here, or too large."""
    with cms_refusals():
        envelope = read_envelope(Octets(body), max_bytes=limits.max_sealed_bytes, max_recipients=limits.max_recipients)
    return Inspection(Suite.CMS, {"enc": _encryption(envelope)}, (), tuple(map(_told, envelope.recipients)), None, envelope.content_bytes)


def _encryption(envelope: Envelope) -> str:
    return "A256GCM" if envelope.tag is not None else "A256CBC"


def _told(recipient: Recipient) -> dict[str, str]:
    """The algorithm, and the serial number or the key identifier, in hexadecimal digits."""
    told = {"alg": "RSA-OAEP-256" if recipient.point is None else "ECDH-ES+A256KW"}
    if recipient.who.issuer_and_serial is not None:
        return told | {"serial": f"{recipient.who.issuer_and_serial[1]:x}"}
    return told | {"ski": (recipient.who.key_identifier or b"").hex()}
