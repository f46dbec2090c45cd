"""Whether a key of the directory is to be believed: whose it is, for what, since when, and until when (itk3-messaging 6).

One set of rules for every suite. What a signature brings along is never asked: the certificate is the directory's, the authorities are those
believed for the organisation. An organisation's certificate names it by the URI `urn:nhs-uk:addressing:ods:<ODS code>` among its alternative
names; one that has no such URI names it by an organizational unit of its subject that is the ODS code.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wardgate.pki.chain import verify_chain
from wardgate.pki.errors import ChainRefused
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, MessageKey, State, Trust, Use
from wardgate.sealing.revocation import check_revocation

ORGANISATION_URN: Final = "urn:nhs-uk:addressing:ods:"
ODS_CODE: Final = re.compile(r"[A-Z0-9]{3,12}", re.ASCII)
LEEWAY: Final = timedelta(minutes=5)
"""How far a signer's clock may be ahead of a time-stamping authority's."""
MIN_RSA_BITS: Final = 2048
DOCUMENT_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""RFC 9336."""
MESSAGE_PURPOSES: Final = frozenset({
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CLIENT_AUTH, DOCUMENT_SIGNING,
})
"""A certificate with extended key usages has one of these: one that only serves TLS, tells the time or answers OCSP signs no messages."""
RECIPIENT_USAGES: Final = {
    RSAPublicKey: ("key_encipherment", "data_encipherment"),
    EllipticCurvePublicKey: ("key_agreement",),
    X25519PublicKey: ("key_agreement",),
}
"""What the certificate of an encryption key is for, any one of these (RFC 5280 section 4.2.1.3)."""

MAX_PATHS: Final = 4096
_PATHS: dict[tuple[x509.Certificate, tuple[x509.Certificate, ...], tuple[x509.Certificate, ...]], tuple[x509.Certificate, ...]] = {}


def organisations_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return the ODS codes that a certificate names, in upper case; none when its extensions cannot be read."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return frozenset()
    found = [uri[len(ORGANISATION_URN) :].partition(":")[0].upper() for uri in uris if uri.lower().startswith(ORGANISATION_URN)]
    if not found:
        found = [str(unit.value) for unit in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    return frozenset(code for code in found if ODS_CODE.fullmatch(code))


def check_signer(
    key: MessageKey, directory: KeyDirectory, *, organisation: str, signed_at: datetime, now: datetime, stamped_at: datetime | None,
) -> None:
    """Check that a signature by this key is the organisation's, and was good when it was made.

    Without a time-stamp nobody but the signer says when that was, so all must hold now as well. `stamped_at` is what
    `time_stamp.check_time_stamp` returned: then all must hold at that time, and what became of the key later is no matter.
    Raises `SealRefused` with `signer-organisation`, `-key-usage`, `-expired`, `-untrusted`, `-revoked`, `-revocation-unknown`, and
    `time-stamp-invalid` for a signing time after the time-stamp.
    """
    _check_organisation(key, organisation)  # (1) whose it is
    _check_signing_usage(key)  # (2) for what
    if stamped_at is not None and signed_at > stamped_at + LEEWAY:
        raise SealRefused("time-stamp-invalid", f"a signature made by {stamped_at.isoformat()}, when it was stamped", signed_at.isoformat())
    proved_at = now if stamped_at is None else stamped_at
    for at in (signed_at, proved_at):  # (3) in date
        _check_in_date(key.certificate, at)
    trust = directory.trust(key.organisation)
    path = _path(key, trust, proved_at)  # (4) by whom
    _check_not_withdrawn(key, stamped_at)  # (5) not withdrawn
    check_revocation(path, trust.revocations, now=now, stamped_at=stamped_at)


def check_recipient(key: MessageKey, directory: KeyDirectory, organisation: str, now: datetime) -> None:
    """Check that something secret may be encrypted to this key. Raises `SealRefused` with `recipient-key-unusable`."""
    try:
        _check_organisation(key, organisation)
        _check_recipient_usage(key)
        _check_in_date(key.certificate, now)
        trust = directory.trust(key.organisation)
        path = _path(key, trust, now)
        _check_not_withdrawn(key, None)
        check_revocation(path, trust.revocations, now=now, stamped_at=None)
    except SealRefused as refused:
        raise SealRefused("recipient-key-unusable", refused.refusal.expected, refused.refusal.received) from refused


def check_key_strength(certificate: x509.Certificate, code: str) -> None:
    """Check that a key is of a kind that is spoken here, and long enough; raises `SealRefused` with that code."""
    try:
        key = certificate.public_key()
    except ValueError as error:
        raise SealRefused(code, "a public key that can be read", str(error)) from error
    if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        return
    if isinstance(key, EllipticCurvePublicKey | Ed25519PublicKey | X25519PublicKey):
        return
    raise SealRefused(code, f"RSA of {MIN_RSA_BITS} bits or more, or a key on a curve", type(key).__name__)


def extended_key_usages(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier] | None:
    """Return the extended key usages of a certificate; None when it has no such extension."""
    try:
        return frozenset(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return None


def key_usages(certificate: x509.Certificate) -> frozenset[str]:
    """Return the key usages of a certificate by the names that `cryptography` gives them; none when it does not say."""
    try:
        return frozenset(_usages(certificate.extensions.get_extension_for_class(x509.KeyUsage).value))
    except x509.ExtensionNotFound:
        return frozenset()


def _usages(usage: x509.KeyUsage) -> Iterator[str]:
    for name in ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"):
        if getattr(usage, name):
            yield name


def _check_organisation(key: MessageKey, organisation: str) -> None:
    """Ask both: the directory says whose the key is, and the certificate's authority says so too."""
    named = organisations_of(key.certificate)
    if key.organisation != organisation or organisation not in named:
        raise SealRefused("signer-organisation", organisation, f"the directory has {key.organisation}, the certificate {', '.join(sorted(named)) or 'none'}")


def _check_signing_usage(key: MessageKey) -> None:
    certificate = key.certificate
    if key.use is not Use.SIGNING:
        raise SealRefused("signer-key-usage", "a key that the directory has for signing", key.use)
    try:
        usages, purposes = key_usages(certificate), extended_key_usages(certificate)
    except (x509.DuplicateExtension, ValueError) as error:
        raise SealRefused("signer-key-usage", "extensions that can be read", str(error)) from error
    if "digital_signature" not in usages or "key_cert_sign" in usages:
        raise SealRefused("signer-key-usage", "digitalSignature, and no authority", ", ".join(sorted(usages)) or "no key usage")
    if purposes is not None and not purposes & MESSAGE_PURPOSES:
        raise SealRefused("signer-key-usage", "an extended key usage for messages", ", ".join(sorted(p.dotted_string for p in purposes)))
    if isinstance(certificate.public_key(), X25519PublicKey):
        raise SealRefused("signer-key-usage", "a key that signs", "X25519")


def _check_recipient_usage(key: MessageKey) -> None:
    if key.use is not Use.ENCRYPTION or key.state is not State.PUBLISHED:
        raise SealRefused("recipient-key-unusable", "a published encryption key", f"{key.state} {key.use} key")
    check_key_strength(key.certificate, "recipient-key-unusable")
    public = key.certificate.public_key()
    wanted = next((usages for kind, usages in RECIPIENT_USAGES.items() if isinstance(public, kind)), ())
    try:
        usages = key_usages(key.certificate)
    except (x509.DuplicateExtension, ValueError) as error:
        raise SealRefused("recipient-key-unusable", "extensions that can be read", str(error)) from error
    if usages.isdisjoint(wanted):
        raise SealRefused("recipient-key-unusable", " or ".join(wanted) or "a key that can be encrypted to", ", ".join(sorted(usages)) or "no key usage")


def _check_in_date(certificate: x509.Certificate, at: datetime) -> None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= at <= last:
        raise SealRefused("signer-expired", f"in date at {at.isoformat()}", f"in date from {first.isoformat()} to {last.isoformat()}")


def _path(key: MessageKey, trust: Trust, at: datetime) -> tuple[x509.Certificate, ...]:
    check_key_strength(key.certificate, "signer-untrusted")
    try:
        return known_path(key.certificate, trust, at)
    except ChainRefused as refused:
        raise SealRefused("signer-untrusted", f"a path to an authority that is trusted for {key.organisation}", str(refused)) from refused


def known_path(certificate: x509.Certificate, trust: Trust, at: datetime) -> tuple[x509.Certificate, ...]:
    """Return the path to an anchor, from memory when all of one that was found before is in date. Raises `ChainRefused`.

    Of a path only its dates depend on the time: signatures, constraints and names are what they were.
    """
    asked = (certificate, trust.intermediates, trust.anchors)
    path = _PATHS.get(asked)
    if path is None or not all(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in path):
        path = verify_chain(certificate, trust.intermediates, trust.anchors, at)
        if len(_PATHS) >= MAX_PATHS:
            _PATHS.clear()
        _PATHS[asked] = path
    return path


def _check_not_withdrawn(key: MessageKey, stamped_at: datetime | None) -> None:
    """Ask the directory: whoever published a key may say that it is no longer to be believed."""
    if key.state is not State.REVOKED:
        return
    if stamped_at is None or key.revoked_at is None or stamped_at >= key.revoked_at:
        raise SealRefused("signer-revoked", "a key that the directory does not have as revoked", f"revoked at {key.revoked_at}")
