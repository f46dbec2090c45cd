"""Keys, authorities and certificates for the tests of this room, made once."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.pki import profiles
from wardgate.pki.crl import Revoked, build_crl
from wardgate.pki.issue import Issuer, Publication, issue, self_issue
from wardgate.pki.names import CLIENT_NAMES

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAME = "epr.z9x01.thirdparty.nhs.uk"
YEAR = timedelta(days=365)
PUBLICATION = Publication("http://pki.test/pki/crl/a.crl", "http://pki.test/pki/ca/a.crt", "http://pki.test/pki/ocsp")


def pem(*items: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """The items as one PEM text."""
    return b"".join(item.public_bytes(Encoding.PEM) for item in items)


@dataclass(frozen=True)
class World:
    """A root, an issuing authority, and keys to certify. Serial numbers count upwards."""

    root: Issuer
    issuing: Issuer
    key: RSAPrivateKey
    other_key: RSAPrivateKey
    serials: count
    now: datetime = NOW
    name: str = NAME

    def leaf(self, name: str = NAME, *, now: datetime = NOW, issuer: Issuer | None = None, **changes: Any) -> x509.Certificate:
        """A certificate of the endpoint profile, changed as the test says."""
        draft = profiles.Draft(profiles.common_name(name), (name,), self.key.public_key(), 3 * YEAR)
        profile = changes.pop("profile", profiles.endpoint(CLIENT_NAMES))
        return issue(profile, replace(draft, **changes), issuer or self.issuing, serial=next(self.serials), now=now)

    def crl(self, *revoked: int, issuer: Issuer | None = None, now: datetime = NOW, hours: int = 24, number: int = 1) -> x509.CertificateRevocationList:
        """A list of the issuing authority."""
        entries = [Revoked(serial, now, "keyCompromise") for serial in revoked]
        return build_crl(issuer or self.issuing, entries, number=number, now=now, validity=timedelta(hours=hours))

    def pem(self, *items: x509.Certificate | x509.CertificateRevocationList) -> bytes:
        """The items as one PEM text."""
        return pem(*items)

    @property
    def bundle(self) -> bytes:
        """PEM of both authorities."""
        return pem(self.root.certificate, self.issuing.certificate)

    @property
    def lists(self) -> bytes:
        """PEM of an empty list of each authority."""
        return pem(self.crl(), self.crl(issuer=self.root))


def make_world(environment: str) -> World:
    """A two-tier environment of that name."""
    serials = count(1 << 100)
    root_key = rsa.generate_private_key(public_exponent=65537, key_size=4096)
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]
    draft = profiles.Draft(profiles.authority_subject(profiles.root_name(environment)), (), root_key.public_key(), 20 * YEAR)
    root = Issuer(self_issue(profiles.ROOT, draft, root_key, serial=next(serials), now=NOW - YEAR), root_key, PUBLICATION)
    subject = profiles.authority_subject(profiles.issuing_name(environment, 1))
    draft = profiles.Draft(subject, (), keys[0].public_key(), 10 * YEAR)
    certificate = issue(profiles.ISSUING, draft, root, serial=next(serials), now=NOW - YEAR)
    return World(root, Issuer(certificate, keys[0], PUBLICATION), keys[1], keys[2], serials)


@pytest.fixture(scope="session")
def world() -> World:
    """The environment under test."""
    return make_world("test")


@pytest.fixture(scope="session")
def elsewhere() -> World:
    """Another environment, which the first one does not trust."""
    return make_world("elsewhere")
