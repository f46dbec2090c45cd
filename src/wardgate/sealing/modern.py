"""The modern suite: a JWS inside a JWE of several recipients (itk3-messaging 6).

Sealing signs the content's octets, which stay as they are, and encrypts the signature with them. The context is the additional data of the
encryption, in clear; its hash is a member of the signature's protected header. Opening has one order, which the numbers show, and says
of what failed no more than a code; of what does not decrypt, nothing.
"""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

from wardgate.jose import jwe, jws_octets
from wardgate.jose.errors import MalformedJWE, MalformedJWS, UnsuitableKey
from wardgate.jose.jws_octets import UnverifiedJWS
from wardgate.jose.key_encryption import PublicKey, suitable
from wardgate.sealing.beside_signature import CounterSigner, counter_signatures, put_beside, stamped_at
from wardgate.sealing.content import GZIP, MEDIA_TYPES, to_sign, unfold
from wardgate.sealing.context import canonical_context, check_fresh, check_transport, context_hash, read_context
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import HeldKeys, KeyDirectory, MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Opened, Sealed, Statement, Suite, Transport
from wardgate.sealing.recipient import our_key
from wardgate.sealing.signature import (
    SealHeader,
    certificate_digest,
    check_signing_key,
    read_header,
    verify,
    written_header,
)
from wardgate.sealing.translation import jose_refusals
from wardgate.sealing.trust import check_recipient

MEDIA_TYPE: Final = "application/jose+json"
JWE_TYPE: Final = "itk3-seal+jwe"
JWS_TYPE: Final = "itk3-seal+jws"
COMPACT: Final = "JOSE"
FLATTENED: Final = "JOSE+JSON"
"""`cty` of the encryption, by the form of the JWS inside (RFC 7515 section 4.1.10)."""
CONTEXT_HASH: Final = "ctxh"
CLEAR_HASH: Final = "clrh"
"""SHA-256 of what travels in clear around a seal (`header_readable`)."""
DEFAULT_LIMITS: Final = Limits()


def seal(
    content: bytes, media_type: str, context: Context, statement: Statement, signer: SigningKey, recipients: Sequence[MessageKey], *,
    directory: KeyDirectory, now: datetime, random: Callable[[int], bytes], stamper: TimeStamper | None = None,
    counter_signers: Sequence[CounterSigner] = (), compress: bool = False, clear_hash: str | None = None, limits: Limits = DEFAULT_LIMITS,
) -> Sealed:
    """Return the sealed message. `compress` folds XML by gzip before signing; `clear_hash` is `header_readable`'s.

    Raises `SealRefused`: `recipient-key-unknown` and `-unusable`, `signing-key-unavailable`, `seal-too-large`, `time-stamp-missing`.
    """
    keys = _checked(recipients, directory, now, limits)  # (1) each recipient's key is believed before it is used
    check_signing_key(signer, context.sender_ods, statement.signed_at, directory)  # (2) and ours will be
    octets, cty = to_sign(content, media_type, limits, compress=compress)
    bound = canonical_context(context)
    more = {CONTEXT_HASH: context_hash(bound)} | ({CLEAR_HASH: clear_hash} if clear_hash is not None else {})
    header = written_header(signer, statement, JWS_TYPE, more, cty)
    signed, *rest = put_beside(*jws_octets.sign_parts(header, octets, signer.sign), stamper, counter_signers)  # (3) sign
    inside = COMPACT if rest else FLATTENED
    body = jwe.encrypt(signed, {"typ": JWE_TYPE, "cty": inside}, bound, keys, random, rest)  # (4) encrypt, bound to the context
    return Sealed(Suite.MODERN, body, MEDIA_TYPE, context)


def open_seal(
    body: bytes, *, transport: Transport | None, held: HeldKeys, directory: KeyDirectory, now: datetime, limits: Limits = DEFAULT_LIMITS,
    suites: Collection[Suite] = (Suite.MODERN,), clear_hash: str | None = None,
) -> Opened:
    """Return what is inside. What the message itself says is compared by whoever reads it, with `context.check_message`.

    Raises `SealRefused` in the order of itk3-messaging 6; nothing of the content is known to the caller before all of it is proved.
    """
    if Suite.MODERN not in suites:  # (1) the suite, the size, one strict structure
        raise SealRefused("seal-suite-refused", ", ".join(suites) or "none", Suite.MODERN)
    sealed = _parsed(body, limits)
    context = _checked_lists(sealed)  # (2) algorithms and types, before any key
    recipient, key = our_key(sealed, held)  # (3) our key
    with jose_refusals():
        text, _ = jwe.decrypt(sealed, recipient, key)  # (4) unwrap and decrypt: one error
        jws = jws_octets.parse(text, limits.max_sealed_bytes)
    header = _signature_header(jws, str(sealed.header["cty"]), with_clear=clear_hash is not None)  # (5) the signature's lists
    octets = _payload(jws)
    covers = f"all {len(octets)} octets of the content ({header.media_type}), and the context" + (", and what travels in clear" if clear_hash else "")
    signed = verify(  # (6) the signer, by kid from the directory; trust; then the signature
        jws, header, octets, covers, directory=directory, organisation=context.sender_ods, now=now, stamped_at=stamped_at(jws, directory, now),
    )
    counter = counter_signatures(jws, directory, now, limits)
    if header.members[CONTEXT_HASH] != context_hash(sealed.aad or b""):  # (7) signed for this context, brought by this transport
        raise SealRefused("seal-context", "the context that was signed", "another")
    if header.members.get(CLEAR_HASH) != clear_hash:
        raise SealRefused("seal-context", "around it in clear what was signed", "something else")
    check_transport(context, transport)
    check_fresh(header.statement.signed_at, now, limits)  # (8) neither old nor ahead
    content, media_type = unfold(octets, header.media_type, limits)
    return Opened(Suite.MODERN, content, media_type, context, (dataclasses.replace(signed, counter_signed_by=counter),), True, key.kid, text)


def rekey(
    body: bytes, recipients: Sequence[MessageKey], *, held: HeldKeys, directory: KeyDirectory, now: datetime, replace: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """Return the message with entries for further recipients, or for these in place of the old ones; the content is not touched.

    Only who holds one of the keys can do it, and it says nothing about the signature, which is inside and stays. Whoever could open the old
    form can still open that. Raises `SealRefused`.
    """
    sealed = _parsed(body, limits)
    _checked_lists(sealed)
    recipient, key = our_key(sealed, held)
    with jose_refusals():
        _, content_key = jwe.decrypt(sealed, recipient, key)
    new = [jwe.entry(named, public, content_key) for named, public in _checked(recipients, directory, now, limits)]
    entries = new if replace else [*sealed.recipients, *new]
    if len(entries) > limits.max_recipients:
        raise SealRefused("seal-too-large", f"at most {limits.max_recipients} recipients", f"{len(entries)}")
    return jwe.with_recipients(sealed, entries)


def _checked(recipients: Sequence[MessageKey], directory: KeyDirectory, now: datetime, limits: Limits) -> list[tuple[dict[str, str], PublicKey]]:
    if not recipients:
        raise SealRefused("recipient-key-unknown", "a recipient's encryption key", "none")
    if len(recipients) > limits.max_recipients or len({key.kid for key in recipients}) != len(recipients):
        raise SealRefused("recipient-key-unusable", f"at most {limits.max_recipients} keys, each once", f"{len(recipients)}")
    found = []
    for key in recipients:
        check_recipient(key, directory, key.organisation, now)
        try:
            public = suitable(key.certificate.public_key())
        except UnsuitableKey as fault:
            raise SealRefused("recipient-key-unusable", fault.expected, fault.received) from None
        found.append(({"kid": key.kid, "x5t#S256": certificate_digest(key.certificate)}, public))
    return found


def _parsed(body: bytes, limits: Limits) -> jwe.UnopenedJWE:
    if len(body) > limits.max_sealed_bytes:
        raise SealRefused("seal-too-large", f"at most {limits.max_sealed_bytes} bytes", f"{len(body)} bytes")
    try:
        return jwe.parse(body, limits.max_sealed_bytes, limits.max_recipients)
    except MalformedJWE as fault:
        if _is_signature(body, limits):
            raise SealRefused("seal-encryption-missing", "a JWE", "a JWS that is not encrypted") from None
        raise SealRefused("seal-malformed", fault.expected, fault.received) from None


def _is_signature(body: bytes, limits: Limits) -> bool:
    try:
        jws_octets.parse(body, limits.max_sealed_bytes)
    except MalformedJWS:
        return False
    return True


def _checked_lists(sealed: jwe.UnopenedJWE) -> Context:
    if str(sealed.header.get("cty")) in MEDIA_TYPES | GZIP.keys():
        raise SealRefused("seal-signature-missing", "a JWS inside", "a content that nobody signed")
    with jose_refusals():
        jwe.check_algorithms(sealed, JWE_TYPE, frozenset({COMPACT, FLATTENED}))
    if sealed.aad is None:
        raise SealRefused("seal-context", "a context as additional data", "none")
    return read_context(sealed.aad)


def _signature_header(jws: UnverifiedJWS, cty: str, *, with_clear: bool) -> SealHeader:
    if (cty == FLATTENED) != bool(jws.unprotected):
        raise SealRefused("seal-malformed", f"a JWS in the form of {cty}", "another form")
    return read_header(jws.header, JWS_TYPE, frozenset({CONTEXT_HASH, CLEAR_HASH} if with_clear else {CONTEXT_HASH}))


def _payload(jws: UnverifiedJWS) -> bytes:
    if jws.encoded_payload is None:
        raise SealRefused("seal-signature-missing", "a signature with what it covers", "a signature alone")
    with jose_refusals():
        return jws.payload()
