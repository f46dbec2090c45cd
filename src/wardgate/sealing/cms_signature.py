"""The signature of a CMS seal: what its signed attributes say, who made it, and whether it is good (itk3-messaging 6).

Signed are, beside the content's digest: its media type, the signing time, the context, purpose, role and the person on whose
behalf, the signer's certificate by its SHA-256, and the algorithms. Not signed, and over the signature: a time-stamp, counter-signatures.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from wardgate.cms import oids
from wardgate.cms.algorithms import MADE, digest_of
from wardgate.cms.attributes import Attributes
from wardgate.cms.errors import (
    AlgorithmRefused,
    CannotDecrypt,
    CMSError,
    MalformedCMS,
    NotARecipient,
    SignatureInvalid,
    TooLarge,
    Unencrypted,
    Unsigned,
)
from wardgate.cms.reading import encoded_time
from wardgate.cms.signed_content import SignedContent
from wardgate.cms.signer_info import SignerInfo, make_signer_info
from wardgate.jose.canonical import canonical, decode_exact
from wardgate.jose.errors import MalformedJSON
from wardgate.pki import der
from wardgate.sealing.beside_signature import MAX_COUNTER_SIGNATURES, CounterSigner
from wardgate.sealing.context import canonical_context, check_not_ahead, read_context
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Signed, Statement
from wardgate.sealing.signature import MAX_ROLE_CHARS, PURPOSES
from wardgate.sealing.time_stamp import check_time_stamp
from wardgate.sealing.trust import check_signer

CODES: Final[tuple[tuple[type[CMSError], str], ...]] = (
    (TooLarge, "seal-too-large"), (AlgorithmRefused, "seal-algorithm-refused"), (Unsigned, "seal-signature-missing"),
    (Unencrypted, "seal-encryption-missing"), (NotARecipient, "seal-not-for-us"), (SignatureInvalid, "signature-invalid"), (MalformedCMS, "seal-malformed"),
)
SPOKEN: Final = frozenset(MADE) - {"RS256"}
CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1"}
MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}", re.ASCII)
MAX_STATEMENT_BYTES: Final = 16_384
STATEMENT_MEMBERS: Final = frozenset({"purpose", "role", "obo"})


@contextmanager
def cms_refusals() -> Iterator[None]:
    """Turn each error of `cms` into `SealRefused`; of one that does not decrypt, nothing more is said."""
    try:
        yield
    except CannotDecrypt:
        raise SealRefused("seal-undecryptable") from None
    except CMSError as error:
        raise SealRefused(next(code for kind, code in CODES if isinstance(error, kind)), "CMS as itk3-seal-1 has it", str(error)) from error


def check_media_type(media_type: str) -> None:
    """Raise `SealRefused` for what is no media type, in lower case and without parameters."""
    if not MEDIA_TYPE.fullmatch(media_type):
        raise SealRefused("seal-malformed", "a media type in lower case, without parameters", "another text")


def signer_info(
    signer: SigningKey, statement: Statement, content_digest: bytes, media_type: str, context: Context, *,
    stamper: TimeStamper | None, counter_signers: Sequence[CounterSigner],
) -> bytes:
    """Return the signature with all that goes with it. Raises `SealRefused`, with `time-stamp-missing` when the authority cannot be asked."""
    attributes = _said(statement) | {
        oids.MIME_TYPE: [der.write(der.UTF8_STRING, media_type.encode("ascii"))],
        oids.SEAL_CONTEXT: [der.write(der.OCTET_STRING, canonical_context(context))],
    }

    def beside(signature: bytes) -> Mapping[str, Sequence[bytes]]:
        values: dict[str, Sequence[bytes]] = {}
        if stamper is not None:
            try:
                values[oids.TIME_STAMP_TOKEN] = [stamper.stamp(sha256(signature).digest())]
            except OSError as fault:
                raise SealRefused("time-stamp-missing", "an answer of the time-stamping authority", type(fault).__name__) from fault
        if counter_signers:
            values[oids.COUNTER_SIGNATURE] = [_counter(key, said, signature) for key, said in counter_signers]
        return values

    with cms_refusals():
        return make_signer_info(signer.certificate, _algorithm(signer), signer.sign, content_digest, oids.DATA, attributes, beside)


def _counter(signer: SigningKey, statement: Statement, signature: bytes) -> bytes:
    digest = digest_of(MADE[_algorithm(signer)], signature)
    return make_signer_info(signer.certificate, signer.algorithm, signer.sign, digest, None, _said(statement))


def digest_for(signer: SigningKey) -> str:
    """Return the digest of what the key signs. Raises `SealRefused` for a key that is not of its algorithm, or an algorithm that is not made."""
    return MADE[_algorithm(signer)]


def _algorithm(signer: SigningKey) -> str:
    """Check that the key is of its algorithm, and the algorithm one that is made."""
    _check_algorithm(signer.algorithm, signer.certificate.public_key())
    return signer.algorithm


def _check_algorithm(name: str, key: Any) -> None:
    curve = key.curve.name if isinstance(key, EllipticCurvePublicKey) else None
    if name not in SPOKEN or CURVES.get(name) != curve:
        raise SealRefused("seal-algorithm-refused", "one of " + ", ".join(sorted(SPOKEN)) + " with its own curve", f"{name}, {curve}")


def _said(statement: Statement) -> dict[str, list[bytes]]:
    members: dict[str, Any] = {"purpose": statement.purpose.code}
    if statement.role is not None:
        members["role"] = statement.role
    if statement.on_behalf_of is not None:
        members["obo"] = dict(statement.on_behalf_of)
    return {
        oids.SIGNING_TIME: [encoded_time(statement.signed_at)],
        oids.SEAL_STATEMENT: [der.write(der.OCTET_STRING, canonical(members))],
    }


def verify(content: SignedContent, *, directory: KeyDirectory, now: datetime, limits: Limits) -> tuple[Signed, str, Context]:
    """Return who signed, the media type, and the context that was signed, whose sending organisation the signer is of. Raises `SealRefused`.

    Freshness is not asked here; nor whether the context is the one that was brought.
    """
    with cms_refusals():
        if content.head.content_type != oids.DATA or len(content.tail.signers) != 1:
            raise MalformedCMS("one signature over plain data")
        info = content.tail.signers[0]
        media_type, bound = _media_type(info.signed), info.signed.octet_string(oids.SEAL_CONTEXT)
        if bound is None:
            raise Unsigned("no context is signed")
        context = read_context(bound)
        covers = f"all {content.size} octets of the content ({media_type}), and the context"
        signed = _verified(
            info, content.digests[info.digest], oids.DATA, covers, content.digests["sha256"].hex(), organisation=context.sender_ods, directory=directory,
            now=now,
        )
        counter = _counter_signatures(info, directory, now, limits)
    return dataclasses.replace(signed, counter_signed_by=counter), media_type, context


def _media_type(signed: Attributes) -> str:
    value = signed.one(oids.MIME_TYPE)
    if value is None:
        raise Unsigned("no media type is signed")
    text = value[2:].decode("ascii", "replace")
    check_media_type(text)
    if der.write(der.UTF8_STRING, text.encode("ascii")) != value:
        raise MalformedCMS("a media type that is no text")
    return text


def _verified(
    info: SignerInfo, digest: bytes, content_type: str | None, covers: str, covered: str, *, organisation: str | None, directory: KeyDirectory, now: datetime,
) -> Signed:
    """Check one signature: its algorithm, its signer, then itself. Without an organisation it may be anybody's whom the directory knows."""
    statement, certificate_sha256 = _statement(info), info.certificate_sha256
    if certificate_sha256 is None:
        raise Unsigned("the signer's certificate is not signed along")
    key = directory.by_certificate(certificate_sha256)
    if key is None:
        raise SealRefused("signer-unknown", "a certificate of the directory", certificate_sha256.hex())
    _check_algorithm(info.algorithm, key.certificate.public_key())
    token = info.unsigned.one(oids.TIME_STAMP_TOKEN)
    stamped_at = None if token is None else check_time_stamp(token, sha256(info.signature).digest(), directory, now)
    check_signer(key, directory, organisation=organisation or key.organisation, signed_at=statement.signed_at, now=now, stamped_at=stamped_at)
    info.check(key.certificate, digest, content_type)
    return Signed(key.kid, info.algorithm, key.certificate, key.organisation, statement, covers, covered, stamped_at)


def _statement(info: SignerInfo) -> Statement:
    signed_at, octets = info.signed_at, info.signed.octet_string(oids.SEAL_STATEMENT)
    if signed_at is None or octets is None:
        raise Unsigned("signing time and purpose are not signed")
    try:
        members = decode_exact(octets, MAX_STATEMENT_BYTES)
    except MalformedJSON as fault:
        raise SealRefused("seal-malformed", fault.expected, fault.received) from None
    purpose, role, obo = PURPOSES.get(str(members.get("purpose"))), members.get("role"), members.get("obo")
    if purpose is None:
        raise SealRefused("signature-purpose", "a purpose of ASTM E1762-95", "another value")
    if not members.keys() <= STATEMENT_MEMBERS or ("role" in members and not _is_role(role)) or ("obo" in members and type(obo) is not dict):
        raise SealRefused("seal-malformed", "purpose, role and obo", "other members or values")
    return Statement(signed_at, purpose, role, obo)


def _is_role(role: Any) -> bool:
    return type(role) is str and 0 < len(role) <= MAX_ROLE_CHARS and role.isprintable()


def _counter_signatures(info: SignerInfo, directory: KeyDirectory, now: datetime, limits: Limits) -> tuple[Signed, ...]:
    found: list[Signed] = []
    for counter in info.counter_signatures():
        if len(found) >= MAX_COUNTER_SIGNATURES or counter.counter_signatures():
            raise MalformedCMS(f"more than {MAX_COUNTER_SIGNATURES} counter-signatures, or one of one")
        digest = digest_of(counter.digest, info.signature)
        covered = sha256(info.signature).hexdigest()
        found.append(_verified(counter, digest, None, "the signature, which covers what it covers", covered, organisation=None, directory=directory, now=now))
        check_not_ahead(found[-1].statement.signed_at, now, limits)
    return tuple(found)
