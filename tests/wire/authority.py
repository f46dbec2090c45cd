"""An environment's two-tier PKI for tests, by the same functions that the certification authority uses."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.pki import NameRules, fingerprint
from wardgate.pki.crl import Revoked, build_crl
from wardgate.pki.issue import Issuer, issue, self_issue
from wardgate.pki.profiles import ISSUING, RELAY, ROOT, SERVER, Draft, authority_subject, common_name, endpoint


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a new RSA key."""
    return rsa.generate_private_key(65537, bits)


def pem(certificate: x509.Certificate | x509.CertificateRevocationList) -> str:
    """Return the PEM text of a certificate or list."""
    return certificate.public_bytes(Encoding.PEM).decode()


def key_pem(key: rsa.RSAPrivateKey) -> str:
    """Return the PEM text of a private key."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def serial() -> int:
    """Return a serial number that cannot be guessed."""
    return secrets.randbits(128) | 1 << 127


class Authority:
    """A root and one issuing authority, with the lists they publish."""

    def __init__(self, name: str, now: datetime) -> None:
        begin = now - timedelta(days=400)
        root_key, issuing_key = new_key(4096), new_key()
        years = timedelta(days=3650)
        self.now = now
        root = self_issue(ROOT, Draft(authority_subject(f"{name} Root Authority"), (), root_key.public_key(), years), root_key,
                          serial=serial(), now=begin)
        self.root = Issuer(root, root_key)
        draft = Draft(authority_subject(f"{name} Authentication"), (), issuing_key.public_key(), years)
        self.issuing = Issuer(issue(ISSUING, draft, self.root, serial=serial(), now=begin), issuing_key)
        self.revoked: list[Revoked] = []
        self.number = 0

    def client(self, name: str, key: rsa.RSAPrivateKey, *, now: datetime | None = None, validity: timedelta = timedelta(days=30)) -> x509.Certificate:
        """Issue an endpoint certificate as the authority does (application-restricted 8.1)."""
        profile = endpoint(NameRules(("nhs.uk",)))
        return issue(profile, Draft(common_name(name), (name,), key.public_key(), validity), self.issuing, serial=serial(), now=now or self.now)

    def odd_client(self, subject: dict[Any, str], names: tuple[str, ...], key: rsa.RSAPrivateKey) -> x509.Certificate:
        """Issue what the authority never would: another subject, no name, several names."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in subject.items()]))
            .issuer_name(self.issuing.certificate.subject).public_key(key.public_key()).serial_number(serial())
            .not_valid_before(self.now - timedelta(hours=1)).not_valid_after(self.now + timedelta(days=1))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuing.certificate.public_key()), critical=False)  # type: ignore[arg-type]
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        return builder.sign(self.issuing.private_key, hashes.SHA256())

    def chain(self, certificate: x509.Certificate) -> str:
        """Return the certificate and its issuing authority's, leaf first."""
        return pem(certificate) + pem(self.issuing.certificate)

    def revoke(self, certificate: x509.Certificate) -> None:
        """Put a certificate on the next list."""
        self.revoked.append(Revoked(certificate.serial_number, self.now, "keyCompromise"))

    def crls(self, now: datetime | None = None) -> str:
        """Return the current lists of both authorities."""
        self.number += 1
        moment = now or self.now
        day = timedelta(days=1)
        return pem(build_crl(self.root, (), number=self.number, now=moment, validity=day)) + pem(
            build_crl(self.issuing, self.revoked, number=self.number, now=moment, validity=day))

    def bundle(self) -> str:
        """Return what clients' chains must end in."""
        return pem(self.issuing.certificate) + pem(self.root.certificate)

    def server(self) -> tuple[str, str]:
        """Issue a server certificate; return its chain and key."""
        key = new_key()
        draft = Draft(common_name("localhost"), ("localhost", "127.0.0.1"), key.public_key(), timedelta(days=30))
        return self.chain(issue(SERVER, draft, self.issuing, serial=serial(), now=self.now)), key_pem(key)

    def relay(self, name: str) -> tuple[str, str]:
        """Issue what the secure proxy shows to endpoints; return its chain and key."""
        key = new_key()
        draft = Draft(common_name(name), (name,), key.public_key(), timedelta(days=30))
        return self.chain(issue(RELAY, draft, self.issuing, serial=serial(), now=self.now)), key_pem(key)

    def material(self, server: tuple[str, str], relay: tuple[str, str] = ("", "")) -> TLSMaterial:
        """Return what Envoy gets."""
        return TLSMaterial(*server, self.bundle(), self.crls(), *relay)


def written(directory: Path, name: str, chain: str, key: rsa.RSAPrivateKey) -> tuple[Path, Path]:
    """Write a chain and its key; return the two paths."""
    certificate, private = directory / f"{name}.pem", directory / f"{name}.key"
    certificate.write_text(chain)
    private.write_text(key_pem(key))
    return certificate, private


__all__ = ["Authority", "NameOID", "fingerprint", "key_pem", "new_key", "pem", "serial", "written"]
