"""Whether a path of certificates was revoked, by the lists at hand (RFC 5280 sections 5, 6.3).

A list counts for an issuer when it is signed with the issuer's own key. Without a time-stamp the newest one must be current, and whatever it names is
refused whatever date it gives. With one, a list that was made after the time-stamp is as good, and what was revoked after it is still believed.

NOTE: authorities drop certificates that are over from their lists (RFC 5280 section 3.3). Whoever keeps signatures for longer keeps the lists, or
marks the key as revoked in the directory: every list at hand is looked into, and the directory never forgets.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from cryptography import x509

from wardgate.pki.crl import check_current, signed_by
from wardgate.pki.errors import CRLRefused
from wardgate.sealing.errors import SealRefused

HARMLESS: Final = frozenset({
    x509.ReasonFlags.unspecified, x509.ReasonFlags.affiliation_changed, x509.ReasonFlags.superseded, x509.ReasonFlags.cessation_of_operation,
})
"""Reasons for which what an authority for the time said before stays good, where they are given (RFC 3161 section 4)."""


def check_revocation(
    path: Sequence[x509.Certificate], revocations: Sequence[x509.CertificateRevocationList], *, now: datetime, stamped_at: datetime | None,
    tells_the_time: bool = False,
) -> None:
    """Check every certificate of a path but its anchor. Raises `SealRefused` with `signer-revoked` or `signer-revocation-unknown`.

    Who `tells_the_time` itself could say that it did before: only a reason that leaves its key alone lets that count (RFC 3161 section 4).
    """
    for certificate, issuer in pairwise(path):
        try:
            lists = [crl for crl in signed_by(revocations, issuer) if _is_about(crl, certificate)]
        except CRLRefused as refused:
            raise SealRefused("signer-revocation-unknown", _wanted(issuer), str(refused)) from refused
        for crl in lists:
            _check_not_listed(crl, certificate, stamped_at, tells_the_time)
        _check_known(lists, issuer, now, stamped_at)


def _check_not_listed(crl: x509.CertificateRevocationList, certificate: x509.Certificate, stamped_at: datetime | None, tells_the_time: bool) -> None:
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return
    since = datetime.min.replace(tzinfo=UTC) if tells_the_time and not _is_harmless(entry) else _bad_since(entry)
    if stamped_at is None or stamped_at >= since:
        raise SealRefused("signer-revoked", f"a certificate that {crl.issuer.rfc4514_string()} did not revoke", f"revoked from {since.isoformat()} on")


def _bad_since(entry: x509.RevokedCertificate) -> datetime:
    """Return from when on nothing is believed: the day its key may have been known to others, where the authority says (RFC 5280 section 5.3.2)."""
    revoked = entry.revocation_date_utc
    try:
        invalid = entry.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc
    except x509.ExtensionNotFound:
        return revoked
    except (x509.DuplicateExtension, ValueError):
        return datetime.min.replace(tzinfo=UTC)
    return min(revoked, invalid)


def _is_harmless(entry: x509.RevokedCertificate) -> bool:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason in HARMLESS
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _check_known(lists: Sequence[x509.CertificateRevocationList], issuer: x509.Certificate, now: datetime, stamped_at: datetime | None) -> None:
    if not lists:
        raise SealRefused("signer-revocation-unknown", _wanted(issuer), "none that is signed by it and is about such certificates")
    newest = max(lists, key=lambda crl: crl.last_update_utc)
    if stamped_at is not None and stamped_at <= newest.last_update_utc <= now:
        return
    try:
        check_current(newest, now)
    except CRLRefused as refused:
        raise SealRefused("signer-revocation-unknown", _wanted(issuer), str(refused)) from refused


def _wanted(issuer: x509.Certificate) -> str:
    return f"a current list of {issuer.subject.rfc4514_string()}"


def _is_about(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Return whether the list is complete for such a certificate: no delta, not indirect, not of some reasons, the part that it names (RFC 5280 section 5.2.5)."""
    try:
        extensions = list(crl.extensions)
        authority = _is_authority(certificate)
    except (x509.DuplicateExtension, ValueError):
        return False
    for extension in extensions:
        scope = extension.value
        if isinstance(scope, x509.IssuingDistributionPoint):
            partial = scope.indirect_crl or scope.only_some_reasons or scope.only_contains_attribute_certs
            if partial or not _is_where_told(scope, certificate) or (scope.only_contains_user_certs and authority) or (scope.only_contains_ca_certs and not authority):
                return False
        elif extension.critical:
            return False
    return True


def _is_where_told(scope: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    """Return whether a list that is one of several parts is the certificate's: where it is found is one of the places that the certificate names."""
    if scope.relative_name is not None:
        return False
    if scope.full_name is None:
        return True
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return False
    return any(name in scope.full_name for point in points for name in point.full_name or ())


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
