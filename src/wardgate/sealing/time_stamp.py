"""Whether a time-stamp is to be believed: it is over this signature, and by an authority that is trusted to tell the time (RFC 3161, 5816)."""

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from wardgate.cms.algorithms import digest_of
from wardgate.cms.errors import CMSError
from wardgate.cms.oids import TST_INFO
from wardgate.cms.time_stamp import Token, read_token
from wardgate.pki.chain import verify_chain
from wardgate.pki.errors import ChainRefused
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, Trust
from wardgate.sealing.revocation import check_revocation
from wardgate.sealing.trust import LEEWAY, check_key_strength, key_usages

CODE: Final = "time-stamp-invalid"
SIGNS: Final = frozenset({"digital_signature", "content_commitment"})


def check_time_stamp(token: bytes, sha256: bytes, directory: KeyDirectory, now: datetime) -> datetime:
    """Return when a trusted authority saw what has this SHA-256. Raises `SealRefused` with `time-stamp-invalid`.

    The authority's certificate must have been good then; that it is over since is no matter. One that was revoked since is believed only
    where its authority gave a reason that leaves the key's owner alone with it (RFC 3161 section 4).
    """
    try:
        read = read_token(token)  # (1) its form
        if read.digest != "sha256" or read.imprint != sha256:  # (2) over what
            raise SealRefused(CODE, f"SHA-256 {sha256.hex()}", f"{read.digest} {read.imprint.hex()}")
        trust = directory.time_authorities()
        certificate = _certificate(read, trust)
        signer = read.tail.signers[0]
        signer.check(certificate, digest_of(signer.digest, read.info), TST_INFO)  # (3) by whom
    except CMSError as error:
        raise SealRefused(CODE, "a time-stamp token with a good signature", str(error)) from error
    if read.at > now + LEEWAY:  # (4) when
        raise SealRefused(CODE, f"a time up to {now.isoformat()}", read.at.isoformat())
    _check_purpose(certificate)  # (5) whether it may tell the time
    _check_trusted(certificate, trust, read.at, now)
    return read.at


def _certificate(token: Token, trust: Trust) -> x509.Certificate:
    """Find the certificate that the signature names by its digest: it came along, or is among those at hand."""
    signer = token.tail.signers[0]
    wanted = signer.certificate_sha256
    if wanted is None:
        raise SealRefused(CODE, "signingCertificateV2 (RFC 5816)", "no such attribute")
    hint = token.tail.certificate_of(signer)
    for certificate in (*([hint] if hint is not None else []), *trust.intermediates, *trust.anchors):
        if certificate.fingerprint(hashes.SHA256()) == wanted:
            return certificate
    raise SealRefused(CODE, "the certificate of the time-stamping authority", "no certificate with the digest that the signature names")


def _check_purpose(certificate: x509.Certificate) -> None:
    """RFC 3161 section 2.3: one extended key usage, timeStamping, which is critical."""
    check_key_strength(certificate, CODE)
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        usages = key_usages(certificate)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as error:
        raise SealRefused(CODE, "the critical extended key usage timeStamping", str(error)) from error
    if list(found.value) != [ExtendedKeyUsageOID.TIME_STAMPING] or not found.critical:
        raise SealRefused(CODE, "the critical extended key usage timeStamping, and no other", f"{[p.dotted_string for p in found.value]}, critical: {found.critical}")
    if not usages or not usages <= SIGNS:
        raise SealRefused(CODE, "key usage digitalSignature", ", ".join(sorted(usages)) or "none")


def _check_trusted(certificate: x509.Certificate, trust: Trust, at: datetime, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise SealRefused(CODE, f"an authority in date at {at.isoformat()}", f"until {certificate.not_valid_after_utc.isoformat()}")
    try:
        path = verify_chain(certificate, trust.intermediates, trust.anchors, at)
        check_revocation(path, trust.revocations, now=now, stamped_at=at, tells_the_time=True)
    except ChainRefused as refused:
        raise SealRefused(CODE, "a path to an authority that is trusted to tell the time", str(refused)) from refused
    except SealRefused as refused:
        raise SealRefused(CODE, refused.refusal.expected, refused.refusal.received) from refused
