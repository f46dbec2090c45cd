"""Certificate revocation lists (RFC 5280 section 5): building, reading and trusting one.

NOTE: a list that has passed its `nextUpdate` makes a TLS end refuse every client, and an authority without a list
makes it refuse that authority's clients: every authority needs a current list, even an empty one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wardgate.pki.errors import CRLRefused
from wardgate.pki.issue import BACKDATE, Issuer, signature_hash

REASONS: Final = {
    "unspecified": x509.ReasonFlags.unspecified,
    "keyCompromise": x509.ReasonFlags.key_compromise,
    "cACompromise": x509.ReasonFlags.ca_compromise,
    "affiliationChanged": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessationOfOperation": x509.ReasonFlags.cessation_of_operation,
    "privilegeWithdrawn": x509.ReasonFlags.privilege_withdrawn,
}
"""Reasons for revoking (RFC 5280 section 5.3.1). There is no hold: what is revoked stays so."""

MAX_KEPT_ANSWERS: Final = 1024
_SIGNED: dict[tuple[bytes, x509.Certificate], bool] = {}


@dataclass(frozen=True, slots=True)
class Revoked:
    """An entry: the serial number, when, and why (a name of `REASONS`)."""

    serial: int
    at: datetime
    reason: str = "unspecified"


def build_crl(
    issuer: Issuer, revoked: Iterable[Revoked], *, number: int, now: datetime, validity: timedelta
) -> x509.CertificateRevocationList:
    """A signed list that is current from now on for `validity`; raises `ValueError` for an unknown reason."""
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(max((now - BACKDATE).replace(microsecond=0), issuer.certificate.not_valid_before_utc))
        .next_update((now + validity).replace(microsecond=0))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    for entry in sorted(revoked, key=lambda entry: entry.serial):
        builder = builder.add_revoked_certificate(_entry(entry))
    return builder.sign(issuer.private_key, signature_hash(issuer.private_key))


def _entry(revoked: Revoked) -> x509.RevokedCertificate:
    if revoked.reason not in REASONS:
        raise ValueError(f"unknown reason for revoking: {revoked.reason}")
    builder = x509.RevokedCertificateBuilder().serial_number(revoked.serial).revocation_date(revoked.at.replace(microsecond=0))
    if revoked.reason != "unspecified":
        builder = builder.add_extension(x509.CRLReason(REASONS[revoked.reason]), critical=False)
    return builder.build()


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """The list's number; raises `CRLRefused` when it has none."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (x509.ExtensionNotFound, ValueError) as error:
        raise CRLRefused("the list has no number") from error


def revoked_serials(crl: x509.CertificateRevocationList) -> frozenset[int]:
    """The serial numbers on the list."""
    return frozenset(entry.serial_number for entry in crl)


def signed_by(
    crls: Sequence[x509.CertificateRevocationList], issuer: x509.Certificate
) -> tuple[x509.CertificateRevocationList, ...]:
    """The issuer's lists, those whose signature is the issuer's; raises `CRLRefused` when there is none, or it may not sign lists."""
    key = issuer.public_key()
    if not isinstance(key, (RSAPublicKey, EllipticCurvePublicKey)):
        raise CRLRefused("the issuer's key is neither RSA nor on a curve that signs lists")
    named = [crl for crl in crls if crl.issuer == issuer.subject]
    if not named:
        raise CRLRefused("no revocation list of the issuer")
    _check_signs_lists(issuer)
    signed = tuple(crl for crl in named if _is_signed(crl, issuer, key))
    if not signed:
        raise CRLRefused("no revocation list with the issuer's signature")
    return signed


def _is_signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate, key: RSAPublicKey | EllipticCurvePublicKey) -> bool:
    """Whether the issuer's key signed the list. The same ones are asked about for every message, so the answers are kept."""
    asked = (crl.fingerprint(hashes.SHA256()), issuer)
    known = _SIGNED.get(asked)
    if known is None:
        if len(_SIGNED) >= MAX_KEPT_ANSWERS:
            _SIGNED.clear()
        digest = crl.signature_hash_algorithm
        known = _SIGNED[asked] = isinstance(digest, (hashes.SHA256, hashes.SHA384, hashes.SHA512)) and crl.is_signature_valid(key)
    return known


def _check_signs_lists(issuer: x509.Certificate) -> None:
    """An authority that says what its key is for says that it signs lists (RFC 5280 section 6.3.3 (f))."""
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    except (x509.DuplicateExtension, ValueError) as error:
        raise CRLRefused("the issuer's key usage cannot be read") from error
    if not usage.crl_sign:
        raise CRLRefused("the issuer's certificate is not for signing lists")


def of_issuer(
    crls: Sequence[x509.CertificateRevocationList], issuer: x509.Certificate
) -> x509.CertificateRevocationList:
    """The issuer's newest list whose signature is the issuer's; raises `CRLRefused` when there is none."""
    return max(signed_by(crls, issuer), key=lambda crl: crl.last_update_utc)


def check_current(crl: x509.CertificateRevocationList, now: datetime) -> None:
    """The list has begun and has not passed its `nextUpdate`; raises `CRLRefused`."""
    if now < crl.last_update_utc:
        raise CRLRefused(f"the list begins at {crl.last_update_utc:%Y-%m-%dT%H:%M:%SZ}")
    if crl.next_update_utc is None or now >= crl.next_update_utc:
        until = "never" if crl.next_update_utc is None else f"{crl.next_update_utc:%Y-%m-%dT%H:%M:%SZ}"
        raise CRLRefused(f"the list was current until {until}")
