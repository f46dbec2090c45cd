"""Opening a seal of whatever kind: which one it is, is seen from its first octets, and that suite's own strict reading does the rest.

What is seen here decides nothing but who reads: a body that looks like one kind and is another is refused by the suite that was asked.
"""

import re
from collections.abc import Callable, Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

from wardgate.fhir import Version
from wardgate.sealing import cms, detached, header_readable, modern, xml
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.header_readable import ReadableOpened
from wardgate.sealing.keys import HeldKeys, KeyDirectory
from wardgate.sealing.model import Limits, Opened, Suite, Transport

MADE: Final = (Suite.MODERN, Suite.DETACHED, Suite.CMS, Suite.XML)
"""Every suite that is made; ITK2's is opened from its envelope (`itk2.payload`)."""
FHIR_TYPES: Final = {b"<": "application/fhir+xml", b"{": "application/fhir+json"}
_LOOKED_AT_BYTES: Final = 4_096
_ROOT: Final = re.compile(rb"<(?:[A-Za-z_][A-Za-z0-9_.-]*:)?([A-Za-z_][A-Za-z0-9_.-]*)")
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_DER_SEQUENCE: Final = b"\x30"
DEFAULT_LIMITS: Final = Limits()


class Kind(StrEnum):
    """What a body looks like."""

    MODERN = "modern"
    DETACHED = "detached"
    HEADER_READABLE = "header-readable"
    """A clear message around a sealed payload: the modern suite inside."""
    CMS = "cms"
    XML = "xml"
    ITK2 = "itk2"
    CLEAR = "clear"
    """FHIR that nobody sealed."""


XML_ROOTS: Final = {b"SealedMessage": Kind.XML, b"EncryptedData": Kind.XML, b"DistributionEnvelope": Kind.ITK2}
SUITES: Final = {
    Kind.MODERN: Suite.MODERN, Kind.HEADER_READABLE: Suite.MODERN, Kind.DETACHED: Suite.DETACHED, Kind.CMS: Suite.CMS, Kind.XML: Suite.XML,
    Kind.ITK2: Suite.ITK2_LEGACY,
}


def kind_of(body: bytes, signature: bytes | None = None) -> Kind:
    """Return what a body looks like; `signature` is what came beside it."""
    start = body[:_LOOKED_AT_BYTES].lstrip(_BLANK)
    if body[:1] == _DER_SEQUENCE:
        return Kind.CMS
    if start[:1] == b"<":
        root = _ROOT.search(start)
        found = XML_ROOTS.get(root[1]) if root is not None else None
        if found is not None:
            return found
    elif start[:1] != b"{" or b'"resourceType"' not in body:
        return Kind.MODERN
    if signature is not None:
        return Kind.DETACHED
    return Kind.HEADER_READABLE if header_readable.is_header_readable(body) else Kind.CLEAR


def media_type_of(body: bytes) -> str:
    """Return which form of FHIR a clear message is in, by its first sign."""
    return FHIR_TYPES.get(body[:_LOOKED_AT_BYTES].lstrip(_BLANK)[:1], FHIR_TYPES[b"<"])


def open_any(
    body: bytes, *, signature: bytes | None = None, transport: Transport | None, held: HeldKeys, directory: KeyDirectory, now: datetime,
    random: Callable[[int], bytes], suites: Collection[Suite] = MADE, require_encryption: bool = True, version: Version = Version.STU3,
    limits: Limits = DEFAULT_LIMITS,
) -> Opened | ReadableOpened:
    """Return what is inside a seal; of a header-readable one with the clear message around it. Raises `SealRefused`, as the suites do."""
    kind = kind_of(body, signature)
    if kind is Kind.CLEAR:
        raise SealRefused("seal-signature-missing", "a seal, or a signature beside the message", "a message in clear")
    if kind is Kind.ITK2:
        raise SealRefused("seal-suite-refused", ", ".join(suites), f"{Suite.ITK2_LEGACY}, which is opened from its envelope")
    if kind is Kind.DETACHED:
        if require_encryption:
            raise SealRefused("seal-encryption-missing", "an encrypted message", "a clear one with its signature beside it")
        return detached.open_seal(body, signature, transport=transport, directory=directory, now=now, limits=limits, suites=suites)
    if kind is Kind.HEADER_READABLE:
        return header_readable.open_seal(
            body, media_type_of(body), transport=transport, held=held, directory=directory, now=now, version=version, limits=limits, suites=suites,
        )
    if kind is Kind.CMS:
        return cms.open_seal(body, transport=transport, held=held, directory=directory, now=now, limits=limits, suites=suites)
    if kind is Kind.XML:
        return xml.open_seal(
            body, transport=transport, held=held, directory=directory, now=now, random=random, limits=limits, suites=suites,
            require_encryption=require_encryption,
        )
    return modern.open_seal(body, transport=transport, held=held, directory=directory, now=now, limits=limits, suites=suites)
