"""What a CMS seal says of itself, for people who look into what went wrong. Nothing of it is checked, and nobody may act on it.

Its context is inside, so nothing of that is seen.
"""

from collections.abc import Mapping
from typing import Any, Final

from asn1crypto import x509 as asn1_x509

from wardgate.cms.ber import SeekableSource
from wardgate.cms.enveloped_data import read_envelope
from wardgate.cms.recipient_info import Recipient
from wardgate.sealing.cms_signature import cms_refusals
from wardgate.sealing.inspect import Inspection
from wardgate.sealing.model import Limits, Suite
from wardgate.sealing.stream import STREAM_LIMITS

MAX_NAME_CHARS: Final = 300


def inspect_cms(source: SeekableSource, limits: Limits = STREAM_LIMITS) -> Inspection:
    """Return what the outermost layer says, of a file of any size. Raises `SealRefused` for what is no CMS seal, or too large."""
    with cms_refusals():
        envelope = read_envelope(source, max_bytes=limits.max_sealed_bytes, max_recipients=limits.max_recipients)
    header = {"enc": "A256GCM" if envelope.tag is not None else "A256CBC", "content_type": envelope.content_type}
    return Inspection(Suite.CMS, header, (), tuple(map(_recipient, envelope.recipients)), None, envelope.content_bytes)


def _recipient(recipient: Recipient) -> Mapping[str, Any]:
    who = recipient.who
    algorithm = "ECDH" if recipient.point is not None else "RSA-OAEP"
    if who.issuer_and_serial is None:
        return {"alg": algorithm, "key_identifier": (who.key_identifier or b"").hex()}
    return {"alg": algorithm, "issuer": _name(who.issuer_and_serial[0]), "serial": f"{who.issuer_and_serial[1]:x}"}


def _name(encoded: bytes) -> str:
    """A name for people; what is no name is shown as it is."""
    try:
        return str(asn1_x509.Name.load(encoded, strict=True).human_friendly)[:MAX_NAME_CHARS]
    except Exception:  # noqa: BLE001 - the reader raises by many types for a name that somebody made up
        return encoded[:MAX_NAME_CHARS].hex()
