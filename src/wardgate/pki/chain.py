"""Chains of certificates, and the identity a certificate presents (application-restricted 8.3; spec README rule 24)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from wardgate.pki.errors import ChainRefused

MAX_DEPTH: Final = 3
"""Authorities between an end's certificate and its root."""
MAX_NAMES: Final = 100


def fingerprint(certificate: x509.Certificate) -> str:
    """The lower-case hex SHA-256 of the certificate's DER."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether the certificate names itself as its issuer, as a root does."""
    return certificate.subject == certificate.issuer


def presented_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The dNSNames of the certificate; without any, its common names. In lower case."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(name) for name in alternative.get_values_for_type(x509.DNSName)]
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        names = []
    if not names:
        names = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return tuple(name.lower() for name in names[:MAX_NAMES])


def presented_name(certificate: x509.Certificate) -> str | None:
    """The certificate's one name, or None when it has none or several."""
    names = presented_names(certificate)
    return names[0] if len(names) == 1 else None


def verify_chain(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> tuple[x509.Certificate, ...]:
    """The path from the leaf to one of the roots, leaf first (RFC 5280 section 6).

    Checked are signatures, dates, and the authorities' basic constraints, path lengths and key usages. Revocation and the leaf's extended key usage are the caller's next checks. Raises `ChainRefused`.
    """
    if not roots:
        raise ChainRefused("no root is trusted")
    policy = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(now)
        .max_chain_depth(MAX_DEPTH)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
    )
    try:
        return tuple(policy.build_client_verifier().verify(leaf, list(intermediates)).chain)
    except (VerificationError, ValueError) as error:
        raise ChainRefused(f"no acceptable path to a trusted root: {error}") from error
