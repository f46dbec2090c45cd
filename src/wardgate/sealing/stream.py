"""CMS seals as streams, for attachments of any size: SignedData inside AuthEnvelopedData, in memory that does not grow (itk3-messaging 6).

A seal is written in one pass. It is opened from a file in one pass and a walk over its lengths, and its content goes to a sink before
anything is proved: whoever opens keeps the sink to itself until `open_stream` has returned, and throws it away when that raises.
`client.sealed_file` does so with files.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from wardgate.cms import oids, signed_data
from wardgate.cms.ber import PIECE_BYTES, SeekableSource, Source
from wardgate.cms.enveloped_data import (
    NONCE_BYTES,
    DecryptingSource,
    Encrypting,
    Envelope,
    Sink,
    read_envelope,
    with_recipients,
)
from wardgate.cms.errors import CannotDecrypt, CMSError, NotARecipient
from wardgate.cms.recipient_info import KEY_BYTES, Recipient, content_key, encrypted_to, write_recipients
from wardgate.cms.signed_content import Digester, SignedContent, read_signed
from wardgate.sealing.beside_signature import CounterSigner
from wardgate.sealing.cms_signature import check_media_type, cms_refusals, digest_for, signer_info, verify
from wardgate.sealing.context import canonical_context, check_fresh, check_transport
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import DecryptionKey, HeldKeys, KeyDirectory, MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Signed, Statement, Transport
from wardgate.sealing.signature import check_signing_key
from wardgate.sealing.trust import check_recipient

GIB: Final = 1024**3
STREAM_LIMITS: Final = Limits(max_sealed_bytes=11 * GIB, max_content_bytes=10 * GIB)
MAX_EVIDENCE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """What a stream held, when all of it is proved."""

    media_type: str
    context: Context
    signature: Signed
    opened_with: str
    """The kid of our key that opened it."""
    content_bytes: int
    encrypted_with: str
    """A256GCM, or A256CBC where that was allowed."""
    evidence: bytes = field(repr=False)
    """The signature as it arrived, as a detached SignedData: for `verify_evidence`."""


def seal_stream(
    source: Source, target: Sink, media_type: str, context: Context, statement: Statement, signer: SigningKey, recipients: Sequence[MessageKey], *,
    directory: KeyDirectory, now: datetime, random: Callable[[int], bytes], stamper: TimeStamper | None = None,
    counter_signers: Sequence[CounterSigner] = (), limits: Limits = STREAM_LIMITS,
) -> int:
    """Write the seal of all that the source has, and return how long that is. What was written before an error is no seal.

    Raises `SealRefused`: `recipient-key-unknown` and `-unusable`, `signing-key-unavailable`, `seal-too-large`, `time-stamp-missing`.
    """
    check_media_type(media_type)
    check_recipients(recipients, directory, now, limits)  # (1) each recipient's key is believed before it is used
    check_signing_key(signer, context.sender_ods, statement.signed_at, directory)  # (2) and ours will be
    canonical_context(context)  # refused before anything is written
    digest = digest_for(signer)
    with cms_refusals():
        certificates = [key.certificate for key in recipients]
        out = Encrypting(target, certificates, key=random(KEY_BYTES), nonce=random(NONCE_BYTES), content_type=oids.DATA, authenticated=b"")
        out.write(signed_data.write_head(digest, oids.DATA))
        with Digester([digest]) as digester:
            while piece := source.read(PIECE_BYTES):  # (3) digest and encrypt
                digester.add(piece)
                if digester.size > limits.max_content_bytes:
                    raise SealRefused("seal-too-large", f"at most {limits.max_content_bytes} bytes", "more")
                out.write(signed_data.write_piece(len(piece)), piece)
            found = digester.finish()[digest]
        signature = signer_info(  # (4) sign, bound to the context
            signer, statement, found, media_type, context, stamper=stamper, counter_signers=counter_signers,
        )
        out.write(signed_data.write_tail([signed_data.certificate_der(signer.certificate)], [signature]))
        out.finish()
    return digester.size


def open_stream(
    source: SeekableSource, sink: Sink, *, transport: Transport | None, held: HeldKeys, directory: KeyDirectory, now: datetime,
    limits: Limits = STREAM_LIMITS, unauthenticated: bool = False,
) -> StreamOpened:
    """Write what is inside to the sink, and return what is proved of it. `unauthenticated` lets AES-256-CBC in, where a policy says so.

    Raises `SealRefused` in the order of itk3-messaging 6. Nothing in the sink is worth anything before this has returned.
    """
    with cms_refusals():
        envelope = read_envelope(source, max_bytes=limits.max_sealed_bytes, max_recipients=limits.max_recipients)  # (1) one strict structure
        if envelope.tag is None and not unauthenticated:
            raise SealRefused("seal-algorithm-refused", "AES-256-GCM", "AES-256-CBC, which is not authenticated")
        recipient, key = _our_key(envelope, held)  # (2) our key
        decrypting = DecryptingSource(source, envelope, content_key(recipient, key))  # (3) decrypt: one error
    content = _decrypted(decrypting, sink, limits)
    signed, media_type, context = _believed(content, directory, now, limits, oracle=envelope.tag is None)  # (4) the signature, and the context in it
    check_transport(context, transport)  # (5) brought by this transport, neither old nor ahead
    check_fresh(signed.statement.signed_at, now, limits)
    algorithm = "A256GCM" if envelope.tag is not None else "A256CBC"
    return StreamOpened(media_type, context, signed, key.kid, content.size, algorithm, _evidence(content))


def verify_evidence(
    evidence: bytes, content: Source, context: Context, *, directory: KeyDirectory, now: datetime, limits: Limits = STREAM_LIMITS,
) -> tuple[Signed, str]:
    """Return who signed a content that was kept beside its evidence, and its media type; however long ago. Raises `SealRefused`.

    Once the signer's certificate is over, only a signature with a time-stamp is good.
    """
    if len(evidence) > MAX_EVIDENCE_BYTES:
        raise SealRefused("seal-too-large", f"evidence of at most {MAX_EVIDENCE_BYTES} bytes", f"{len(evidence)}")
    with cms_refusals():
        read = read_signed(io.BytesIO(evidence), None, max_content_bytes=limits.max_content_bytes, detached=content)
    signed, media_type, said = _believed(read, directory, now, limits, oracle=False)
    if said != context:
        raise SealRefused("seal-context", "the context that was signed", "another")
    return signed, media_type


def rekey_stream(
    source: SeekableSource, target: Sink, recipients: Sequence[MessageKey], *, held: HeldKeys, directory: KeyDirectory, now: datetime,
    limits: Limits = STREAM_LIMITS,
) -> None:
    """Write the seal again, for these recipients in place of the old ones; the content is copied as it is.

    Only who holds one of the keys can do it. It says nothing about the signature, which is inside and stays. Whoever could open the old form
    can still open that. Raises `SealRefused`.
    """
    check_recipients(recipients, directory, now, limits)
    with cms_refusals():
        envelope = read_envelope(source, max_bytes=limits.max_sealed_bytes, max_recipients=limits.max_recipients)
        recipient, key = _our_key(envelope, held)
        again = write_recipients([key.certificate for key in recipients], content_key(recipient, key))
        with_recipients(source, target, envelope, again)


def check_recipients(recipients: Sequence[MessageKey], directory: KeyDirectory, now: datetime, limits: Limits) -> None:
    """Check that there are recipients and that each can be encrypted to. Raises `SealRefused`."""
    if not recipients:
        raise SealRefused("recipient-key-unknown", "a recipient's encryption key", "none")
    if len(recipients) > limits.max_recipients or len({key.kid for key in recipients}) != len(recipients):
        raise SealRefused("recipient-key-unusable", f"at most {limits.max_recipients} keys, each once", f"{len(recipients)}")
    for key in recipients:
        check_recipient(key, directory, key.organisation, now)
        if not encrypted_to(key.certificate):
            raise SealRefused("recipient-key-unusable", "a key for CMS: P-256, P-384 or RSA", type(key.certificate.public_key()).__name__)


def _our_key(envelope: Envelope, held: HeldKeys) -> tuple[Recipient, DecryptionKey]:
    """The first recipient that names a certificate of ours. Keys are never tried one after the other."""
    keys = held.decryption_keys()
    for recipient in envelope.recipients:
        for key in keys:
            if recipient.who.is_of(key.certificate):
                return recipient, key
    raise NotARecipient(f"{len(envelope.recipients)} other keys")


def _decrypted(decrypting: DecryptingSource, sink: Sink, limits: Limits) -> SignedContent:
    """Read all there is. What is wrong inside is told only when the whole was not changed on its way."""
    with cms_refusals():
        try:
            content = read_signed(decrypting, sink, max_content_bytes=limits.max_content_bytes)
        except CannotDecrypt:
            raise
        except CMSError:
            decrypting.finish()
            if not decrypting.authentic:
                raise CannotDecrypt("the content was changed") from None
            raise
        decrypting.finish()
        return content


def _believed(content: SignedContent, directory: KeyDirectory, now: datetime, limits: Limits, *, oracle: bool) -> tuple[Signed, str, Context]:
    """Check the signature. Where an answer would be an `oracle` for changed ciphertext, it is one for all."""
    try:
        return verify(content, directory=directory, now=now, limits=limits)
    except SealRefused:
        if oracle:
            raise SealRefused("seal-undecryptable") from None
        raise


def _evidence(content: SignedContent) -> bytes:
    head = signed_data.write_head(content.head.digests[0], oids.DATA, detached=True)
    return head + signed_data.write_tail(content.tail.certificates, [info.encoded for info in content.tail.signers], detached=True)
