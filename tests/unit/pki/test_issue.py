"""Certificates say what their profile says, and drafts that break it are not signed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from wardgate.pki import CheckFailed, profiles
from wardgate.pki.issue import BACKDATE, Issuer, issue
from wardgate.pki.names import CLIENT_NAMES


def value(certificate: x509.Certificate, kind: type[Any]) -> Any:
    """An extension's value."""
    return certificate.extensions.get_extension_for_class(kind).value


def uses(certificate: x509.Certificate) -> set[str]:
    """The key usages that are set."""
    usage = value(certificate, x509.KeyUsage)
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign")  # fmt: skip
    return {name for name in names if getattr(usage, name)}


def test_the_root(world: Any) -> None:
    """RSA 4096, SHA-384, self-signed, one level of authorities below (application-restricted 8.2)."""
    root = world.root.certificate
    assert root.subject.rfc4514_string() == "CN=Wardgate test Root Authority,OU=CA,O=Wardgate,C=GB"
    assert root.issuer == root.subject
    assert root.public_key().key_size == 4096
    assert isinstance(root.signature_hash_algorithm, hashes.SHA384)
    assert (value(root, x509.BasicConstraints).ca, value(root, x509.BasicConstraints).path_length) == (True, 1)
    assert uses(root) == {"digital_signature", "key_cert_sign", "crl_sign"}


def test_the_issuing_authority(world: Any) -> None:
    """RSA 2048 under the root, path length 0, with the addresses of the root's list, certificate and OCSP."""
    issuing = world.issuing.certificate
    assert issuing.subject.rfc4514_string() == "CN=Wardgate test Authentication,OU=CA,O=Wardgate,C=GB"
    assert issuing.public_key().key_size == 2048
    assert value(issuing, x509.BasicConstraints).path_length == 0
    assert isinstance(issuing.signature_hash_algorithm, hashes.SHA384)
    points = value(issuing, x509.CRLDistributionPoints)
    assert [point.full_name[0].value for point in points] == ["http://pki.test/pki/crl/a.crl"]
    access = {a.access_method._name: a.access_location.value for a in value(issuing, x509.AuthorityInformationAccess)}
    assert access == {"OCSP": "http://pki.test/pki/ocsp", "caIssuers": "http://pki.test/pki/ca/a.crt"}


def test_an_endpoint(world: Any) -> None:
    """CN = SAN = FQDN and nothing else, SHA-256, client and server use, 3 years (spec README rule 29)."""
    leaf = world.leaf()
    assert leaf.subject.rfc4514_string() == f"CN={world.name}"
    assert list(value(leaf, x509.SubjectAlternativeName)) == [x509.DNSName(world.name)]
    assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
    assert list(value(leaf, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    assert uses(leaf) == {"digital_signature", "key_encipherment"}
    assert value(leaf, x509.BasicConstraints).ca is False
    assert leaf.not_valid_before_utc == world.now - BACKDATE
    assert leaf.not_valid_after_utc == world.now + timedelta(days=1095)


def test_a_certificate_ends_with_its_issuer(world: Any) -> None:
    """Near the end of its issuer a certificate is shorter, never longer than the issuer."""
    late = world.issuing.certificate.not_valid_after_utc - timedelta(days=10)
    assert world.leaf(now=late).not_valid_after_utc == world.issuing.certificate.not_valid_after_utc


def test_a_delegated_responder(world: Any) -> None:
    """OCSPSigning and no-check, and no address to ask about itself."""
    draft = {"names": (), "subject": profiles.common_name("ocsp"), "profile": profiles.OCSP_RESPONDER}
    responder = world.leaf(**draft)
    assert list(value(responder, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert value(responder, x509.OCSPNoCheck) == x509.OCSPNoCheck()
    with pytest.raises(x509.ExtensionNotFound):
        value(responder, x509.AuthorityInformationAccess)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"names": ("a.nhs.uk", "b.nhs.uk")}, "one-name"),
        ({"names": ()}, "one-name"),
        ({"names": ("b.nhs.uk",)}, "one-name"),
        ({"names": ("a.example.org",), "subject": profiles.common_name("a.example.org")}, "allowed-name"),
        ({"names": ("localhost",), "subject": profiles.common_name("localhost")}, "allowed-name"),
        ({"profile": profiles.SERVER, "names": ()}, "server-names"),
        ({"profile": profiles.SERVER, "names": ("localhost", "localhost")}, "server-names"),
        ({"profile": profiles.SERVER, "names": ("*.example.org",)}, "server-names"),
        ({"profile": profiles.ISSUING}, "no-names"),
        ({"profile": profiles.ROOT, "names": ()}, "root-key-size"),
    ],
)
def test_drafts_that_break_their_profile(world: Any, changes: dict[str, Any], code: str) -> None:
    """A validator of the profile refuses before anything is signed."""
    with pytest.raises(CheckFailed) as refused:
        world.leaf(**changes)
    assert refused.value.result.code == code


@pytest.mark.parametrize("serial", [0, -(1 << 100), 1 << 40, 1 << 159])
def test_serial_numbers_that_can_be_guessed_or_are_too_long(world: Any, serial: int) -> None:
    """64 to 159 bits, positive (RFC 5280 section 4.1.2.2)."""
    draft = profiles.Draft(profiles.common_name(world.name), (world.name,), world.key.public_key(), timedelta(days=1))
    with pytest.raises(ValueError, match="64 to 159 bits"):
        issue(profiles.endpoint(CLIENT_NAMES), draft, world.issuing, serial=serial, now=world.now)


def test_authority_names_are_bounded() -> None:
    """An environment's name that does not fit a common name is refused, and generations are told apart."""
    assert profiles.issuing_name("int", 2) == "Wardgate int Authentication G2"
    with pytest.raises(ValueError, match="at most 64"):
        profiles.root_name("e" * 60)


def test_an_issuer_does_not_print_its_key(world: Any) -> None:
    """The printed form of an issuer is its name."""
    assert repr(replace(world.issuing, publication=None)) == f"Issuer({world.issuing.certificate.subject.rfc4514_string()})"
    assert isinstance(world.issuing, Issuer)
