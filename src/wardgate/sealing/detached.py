"""The detached suite: a signature beside the clear message, for receivers that cannot decrypt (itk3-messaging 6; RFC 7797).

The octets of the message are signed as they are. Nothing carries the context for it, so the protected header does, whole.
"""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from wardgate.jose import jws_octets
from wardgate.sealing.beside_signature import CounterSigner, counter_signatures, put_beside, stamped_at
from wardgate.sealing.content import MEDIA_TYPES, to_sign
from wardgate.sealing.context import canonical_context, check_fresh, check_transport, context_of
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Opened, Sealed, Statement, Suite, Transport
from wardgate.sealing.signature import check_signing_key, read_header, verify, written_header
from wardgate.sealing.translation import jose_refusals

SIGNATURE_MEDIA_TYPE: Final = "application/jose"
TYPE: Final = "itk3-seal-detached+jws"
CONTEXT: Final = "ctx"
MAX_SIGNATURE_BYTES: Final = 400_000
DEFAULT_LIMITS: Final = Limits()


def seal(
    content: bytes, media_type: str, context: Context, statement: Statement, signer: SigningKey, *, stamper: TimeStamper | None = None,
    counter_signers: Sequence[CounterSigner] = (), limits: Limits = DEFAULT_LIMITS,
) -> Sealed:
    """Return the message as it is, with its signature. Raises `SealRefused`."""
    check_signing_key(signer, context.sender_ods, statement.signed_at)
    octets, cty = to_sign(content, media_type, limits, compress=False)
    canonical_context(context)
    header = written_header(signer, statement, TYPE, {"b64": False, CONTEXT: context.members()}, cty)
    protected, _, made = jws_octets.sign_detached(header, octets, signer.sign).rpartition(b".")
    signature = b"".join(put_beside(protected, made, stamper, counter_signers))
    return Sealed(Suite.DETACHED, octets, cty, context, signature, encrypted=False)


def open_seal(
    content: bytes, signature: bytes | None, *, transport: Transport | None, directory: KeyDirectory, now: datetime,
    limits: Limits = DEFAULT_LIMITS, suites: Collection[Suite] = (Suite.DETACHED,),
) -> Opened:
    """Return the message, proved, in the order in which the modern suite opens. Raises `SealRefused`."""
    if Suite.DETACHED not in suites:
        raise SealRefused("seal-suite-refused", ", ".join(suites) or "none", Suite.DETACHED)
    if not signature:
        raise SealRefused("seal-signature-missing", "a signature beside the message", "none")
    if len(content) > limits.max_content_bytes or len(signature) > MAX_SIGNATURE_BYTES:
        raise SealRefused("seal-too-large", f"at most {limits.max_content_bytes} bytes", f"{len(content)} bytes")
    with jose_refusals():
        jws = jws_octets.parse(signature, MAX_SIGNATURE_BYTES)
    header = read_header(jws.header, TYPE, frozenset({"b64", CONTEXT}))
    if jws.encoded_payload is not None or not jws.is_unencoded or header.media_type not in MEDIA_TYPES:
        raise SealRefused("seal-algorithm-refused", "a detached signature over an unencoded message of FHIR", "another")
    context = context_of(header.members[CONTEXT])
    signed = verify(
        jws, header, content, f"all {len(content)} octets of the message ({header.media_type}), and the context", directory=directory,
        organisation=context.sender_ods, now=now, stamped_at=stamped_at(jws, directory, now), detached=content,
    )
    counter = counter_signatures(jws, directory, now, limits)
    check_transport(context, transport)
    check_fresh(header.statement.signed_at, now, limits)
    signed = dataclasses.replace(signed, counter_signed_by=counter)
    return Opened(Suite.DETACHED, content, str(header.media_type), context, (signed,), False, None, signature)
