"""Signing a certificate (RFC 5280 section 4): what the profile says, from a draft that passed its validators."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import AuthorityInformationAccessOID

from wardgate.pki.check import demand
from wardgate.pki.names import as_ip_address
from wardgate.pki.profiles import ROOT_KEY_BITS, Draft, Profile

BACKDATE: Final = timedelta(minutes=5)
"""Certificates and revocation lists begin this long ago, for readers whose clock is behind."""
MAX_SERIAL_BITS: Final = 159
"""RFC 5280 section 4.1.2.2: at most 20 octets, positive."""
MIN_SERIAL_BITS: Final = 64

KEY_USAGES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Publication:
    """Where an authority's revocation list, certificate and OCSP responder are found."""

    crl_url: str
    certificate_url: str
    ocsp_url: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority that can sign: the key belongs to the certificate."""

    certificate: x509.Certificate
    private_key: RSAPrivateKey
    publication: Publication | None = None

    def __repr__(self) -> str:
        """Name the authority only: a key has no printed form."""
        return f"Issuer({self.certificate.subject.rfc4514_string()})"


def signature_hash(key: RSAPrivateKey) -> hashes.SHA256 | hashes.SHA384:
    """SHA-384 with a root's key, else SHA-256 (application-restricted 8.2; spec README rule 29)."""
    return hashes.SHA384() if key.key_size >= ROOT_KEY_BITS else hashes.SHA256()


def issue(profile: Profile, draft: Draft, issuer: Issuer, *, serial: int, now: datetime) -> x509.Certificate:
    """Sign the draft. It ends with its issuer at the latest.

    Raises `CheckFailed` when a validator of the profile refuses, `ValueError` for a serial that can be guessed or is
    too long.
    """
    demand(profile.validators, draft)
    builder = _builder(profile, draft, serial, now, issuer.certificate)
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.issuer_name(issuer.certificate.subject).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
    )
    if issuer.publication is not None and not profile.ocsp_no_check:
        builder = _with_publication(builder, issuer.publication)
    return builder.sign(issuer.private_key, signature_hash(issuer.private_key))


def self_issue(profile: Profile, draft: Draft, key: RSAPrivateKey, *, serial: int, now: datetime) -> x509.Certificate:
    """Sign a root by its own key. Raises as `issue` does."""
    demand(profile.validators, draft)
    return _builder(profile, draft, serial, now, None).issuer_name(draft.subject).sign(key, signature_hash(key))


def _builder(
    profile: Profile, draft: Draft, serial: int, now: datetime, issuer: x509.Certificate | None
) -> x509.CertificateBuilder:
    if serial < 0 or not MIN_SERIAL_BITS <= serial.bit_length() <= MAX_SERIAL_BITS:
        raise ValueError(f"a serial number has {MIN_SERIAL_BITS} to {MAX_SERIAL_BITS} bits")
    start, end = (now - BACKDATE).replace(microsecond=0), (now + draft.validity).replace(microsecond=0)
    if issuer is not None:
        start, end = max(start, issuer.not_valid_before_utc), min(end, issuer.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(draft.subject)
        .public_key(draft.public_key)
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(profile.path_length is not None, profile.path_length), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in profile.key_usage for usage in KEY_USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(draft.public_key), critical=False)
    )
    if profile.extended_key_usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(profile.extended_key_usage), critical=profile.critical_purpose)
    alternative = [*map(general_name, draft.names), *map(x509.UniformResourceIdentifier, draft.uris)]
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    if profile.ocsp_no_check:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    return builder


def general_name(name: str) -> x509.GeneralName:
    """The name as a subject alternative name: an iPAddress or a dNSName."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = as_ip_address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _with_publication(builder: x509.CertificateBuilder, publication: Publication) -> x509.CertificateBuilder:
    points = x509.CRLDistributionPoints([
        x509.DistributionPoint([x509.UniformResourceIdentifier(publication.crl_url)], None, None, None)
    ])
    access = x509.AuthorityInformationAccess([
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(publication.ocsp_url)),
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(publication.certificate_url)
        ),
    ])
    return builder.add_extension(points, critical=False).add_extension(access, critical=False)
