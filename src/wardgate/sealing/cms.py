"""The CMS suite for messages: `stream` in memory, for contents of FHIR as the other suites take them (itk3-messaging 6).

A content that is gzip of XML was folded before it was signed; what is signed is what was folded.
"""

import io
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

from wardgate.cms.ber import Octets
from wardgate.sealing.beside_signature import CounterSigner
from wardgate.sealing.content import to_sign, unfold
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import HeldKeys, KeyDirectory, MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Opened, Sealed, Statement, Suite, Transport
from wardgate.sealing.stream import open_stream, rekey_stream, seal_stream

MEDIA_TYPE: Final = "application/cms"
"""RFC 7193."""
DEFAULT_LIMITS: Final = Limits()


def seal(
    content: bytes, media_type: str, context: Context, statement: Statement, signer: SigningKey, recipients: Sequence[MessageKey], *,
    directory: KeyDirectory, now: datetime, random: Callable[[int], bytes], stamper: TimeStamper | None = None,
    counter_signers: Sequence[CounterSigner] = (), compress: bool = False, limits: Limits = DEFAULT_LIMITS,
) -> Sealed:
    """Return the sealed message. `compress` folds XML by gzip before signing.

    Raises `SealRefused`: `recipient-key-unknown` and `-unusable`, `signing-key-unavailable`, `seal-too-large`, `time-stamp-missing`.
    """
    octets, cty = to_sign(content, media_type, limits, compress=compress)
    body = io.BytesIO()
    seal_stream(
        Octets(octets), body, cty, context, statement, signer, recipients, directory=directory, now=now, random=random, stamper=stamper,
        counter_signers=counter_signers, limits=limits,
    )
    return Sealed(Suite.CMS, body.getvalue(), MEDIA_TYPE, context)


def open_seal(
    body: bytes, *, transport: Transport | None, held: HeldKeys, directory: KeyDirectory, now: datetime, limits: Limits = DEFAULT_LIMITS,
    suites: Collection[Suite] = (Suite.CMS,), unauthenticated: bool = False,
) -> Opened:
    """Return what is inside. What the message itself says is compared by whoever reads it, with `context.check_message`.

    `unauthenticated` lets EnvelopedData with AES-256-CBC in, where a policy says so. Raises `SealRefused` in the order of itk3-messaging 6.
    """
    if Suite.CMS not in suites:
        raise SealRefused("seal-suite-refused", ", ".join(suites) or "none", Suite.CMS)
    if len(body) > limits.max_sealed_bytes:
        raise SealRefused("seal-too-large", f"at most {limits.max_sealed_bytes} bytes", f"{len(body)} bytes")
    inside = io.BytesIO()
    opened = open_stream(
        Octets(body), inside, transport=transport, held=held, directory=directory, now=now, limits=limits, unauthenticated=unauthenticated,
    )
    content, media_type = unfold(inside.getvalue(), opened.media_type, limits)
    return Opened(Suite.CMS, content, media_type, opened.context, (opened.signature,), True, opened.opened_with, opened.evidence)


def rekey(body: bytes, recipients: Sequence[MessageKey], *, held: HeldKeys, directory: KeyDirectory, now: datetime, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Return the message for these recipients in place of the old ones; the content is not touched. Raises `SealRefused`."""
    again = io.BytesIO()
    rekey_stream(Octets(body), again, recipients, held=held, directory=directory, now=now, limits=limits)
    return again.getvalue()
