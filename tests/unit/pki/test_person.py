"""Certificates of people: what they say, what they never say, and which requests and drafts are refused."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wardgate.pki import CheckFailed, NameRules, accept_csr, presented_name, profiles
from wardgate.pki.csr import explain_csr
from wardgate.pki.errors import NameRefused
from wardgate.pki.issue import issue
from wardgate.pki.names import check_fqdn

KEY = rsa.generate_private_key(65537, 2048)
USERNAME = "656005750104"


def request(subject: list[tuple[Any, str]], names: list[str] | None = None) -> bytes:
    """A request."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(oid, text) for oid, text in subject]))
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


def draft(subject: x509.Name, names: tuple[str, ...] = ()) -> profiles.Draft:
    """A draft of a smartcard."""
    return profiles.Draft(subject, names, KEY.public_key(), timedelta(days=30))


def test_a_smartcard(world: Any) -> None:
    """UID is the user name; client use and signing only; no DNS name, so it can be taken for nobody else."""
    made = issue(profiles.SMARTCARD_HOLDER, draft(profiles.person_subject(USERNAME, "Amara Osei")), world.issuing, serial=1 << 100, now=world.now)
    assert made.subject.rfc4514_string() == f"CN=Amara Osei (smartcard),UID={USERNAME},OU=People,O=Wardgate"
    extensions = {extension.oid: extension.value for extension in made.extensions}
    assert x509.SubjectAlternativeName.oid not in extensions
    assert list(extensions[x509.ExtendedKeyUsage.oid]) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    usage = extensions[x509.KeyUsage.oid]
    assert usage.digital_signature
    assert not any((usage.key_encipherment, usage.key_cert_sign, usage.crl_sign, usage.content_commitment))
    assert not extensions[x509.BasicConstraints.oid].ca
    assert x509.CRLDistributionPoints.oid in extensions


@pytest.mark.parametrize("name", ["epr.example.nhs.uk", "gateway", "x" * 100, "Zoë Ó Briain", ""])
def test_no_name_of_a_person_is_a_dns_name(world: Any, name: str) -> None:
    """Whatever people are called: the CN ends in a word after a space, and fits."""
    made = issue(profiles.SMARTCARD_HOLDER, draft(profiles.person_subject(USERNAME, name)), world.issuing, serial=1 << 100, now=world.now)
    presented = presented_name(made)
    assert presented is not None
    assert len(presented) <= 64
    with pytest.raises(NameRefused):
        check_fqdn(presented)
    assert profiles.person_name(made.subject) == name[: 64 - len(profiles.SMARTCARD)]


@pytest.mark.parametrize(("broken", "code"), [
    (draft(profiles.common_name("epr.example.nhs.uk")), "person"),
    (draft(profiles.authority_subject("Wardgate test Authentication")), "person"),
    (draft(x509.Name([*profiles.person_subject(USERNAME, "A"), x509.NameAttribute(NameOID.USER_ID, "2")])), "person"),
    (draft(x509.Name([*profiles.person_subject(USERNAME, "A"), x509.NameAttribute(NameOID.COMMON_NAME, "epr.example.nhs.uk")])), "person"),
    (draft(profiles.person_subject(USERNAME, "A"), ("epr.example.nhs.uk",)), "no-names"),
], ids=["a system", "an authority", "two people", "two names", "a DNS name"])
def test_what_is_no_person(world: Any, broken: profiles.Draft, code: str) -> None:
    """Nothing but one person is signed under this profile."""
    with pytest.raises(CheckFailed) as failed:
        issue(profiles.SMARTCARD_HOLDER, broken, world.issuing, serial=1 << 100, now=world.now)
    assert failed.value.result.code == code


def test_a_persons_request() -> None:
    """CN is the user name that is expected, and nothing else."""
    assert accept_csr(request([(NameOID.COMMON_NAME, USERNAME)]), None, USERNAME).name == USERNAME


@pytest.mark.parametrize(("asked", "code"), [
    (request([(NameOID.COMMON_NAME, "656005750105")]), "csr-expected-name"),
    (request([(NameOID.COMMON_NAME, USERNAME), (NameOID.USER_ID, USERNAME)]), "csr-subject"),
    (request([(NameOID.USER_ID, USERNAME)]), "csr-subject"),
    (request([(NameOID.COMMON_NAME, USERNAME)], [USERNAME]), "csr-alternative-names"),
    (request([(NameOID.COMMON_NAME, USERNAME)], ["epr.example.nhs.uk"]), "csr-alternative-names"),
], ids=["somebody else", "a UID of its own", "no CN", "a DNS name", "another DNS name"])
def test_requests_that_are_refused(asked: bytes, code: str) -> None:
    """What a person may not ask for."""
    with pytest.raises(CheckFailed) as failed:
        accept_csr(asked, None, USERNAME)
    assert failed.value.result.code == code


def test_a_user_name_is_no_name_for_a_system() -> None:
    """The rules of systems are as they were."""
    failed = [found.code for found in explain_csr(request([(NameOID.COMMON_NAME, USERNAME)]), NameRules()) if found.outcome == "failed"]
    assert failed == ["csr-name"]
