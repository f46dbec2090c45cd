"""A certificate explained: each fault is found by its own check, in the order OpenSSL finds them."""

import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.pki import CheckResult, Outcome, explain_cert, profiles
from wardgate.pki.chain import presented_name, presented_names
from wardgate.pki.check import first_failure
from wardgate.pki.explain import HOLDING, READING


def failed(results: list[CheckResult]) -> str | None:
    """The code of the failed check."""
    failure = first_failure(results)
    return failure.code if failure else None


def explained(world: Any, leaf: x509.Certificate, *, crls: bytes | None = None, now: datetime | None = None) -> str | None:
    """The check that refuses this certificate in this environment."""
    lists = world.lists if crls is None else crls
    return failed(explain_cert(world.pem(leaf), world.bundle, lists, now=now or world.now))


def test_a_good_certificate_passes_every_check(world: Any) -> None:
    """All rows pass, in the order of the tables."""
    results = explain_cert(world.pem(world.leaf()), world.bundle, world.lists, now=world.now, expected_name=world.name)
    assert [result.code for result in results] == [check.code for check in (*READING, *HOLDING)]
    assert {result.outcome for result in results} == {Outcome.PASSED}


def test_a_chain_that_is_sent_along_is_used(world: Any) -> None:
    """Only the root needs to be trusted when the issuer is sent."""
    sent = world.pem(world.leaf(), world.issuing.certificate)
    root = world.pem(world.root.certificate)
    assert failed(explain_cert(sent, root, world.lists, now=world.now)) is None
    assert failed(explain_cert(world.pem(world.leaf()), root, world.lists, now=world.now)) == "cert-chain"


def test_faults_of_the_certificate(world: Any, elsewhere: Any) -> None:
    """Foreign, wrong purpose, expired, not begun, several names: each by its own check."""
    two_names = {"profile": profiles.SERVER, "names": ("a.nhs.uk", "b.nhs.uk")}
    day = timedelta(days=1)
    assert explained(world, elsewhere.leaf()) == "cert-chain"
    assert explained(world, world.leaf(**two_names)) == "cert-purpose"
    late = world.now + 1096 * day
    assert explained(world, world.leaf(), crls=world.pem(world.crl(now=late)), now=late) == "cert-dates"
    assert explained(world, world.leaf(now=world.now + day)) == "cert-dates"
    assert explained(world, world.root.certificate) == "cert-purpose"
    results = explain_cert(world.pem(world.leaf()), world.bundle, world.lists, now=world.now, expected_name="gp.nhs.uk")
    assert failed(results) == "cert-expected-name"


def test_an_end_certificate_cannot_issue(world: Any) -> None:
    """A certificate signed by a client's key, under the client's certificate, is not trusted."""
    client = world.leaf()
    forged = (
        x509.CertificateBuilder()
        .subject_name(profiles.common_name("gp.nhs.uk")).issuer_name(client.subject).public_key(world.other_key.public_key())
        .serial_number(1 << 90).not_valid_before(world.now).not_valid_after(world.now + timedelta(days=9))
        .sign(world.key, hashes.SHA256())
    )  # fmt: skip
    sent = world.pem(forged, client)
    assert failed(explain_cert(sent, world.bundle, world.lists, now=world.now)) == "cert-chain"


def test_faults_of_the_lists(world: Any, elsewhere: Any) -> None:
    """No list, another authority's, one that is over, and one with the certificate on it."""
    leaf = world.leaf()
    over = world.pem(world.crl(now=world.now - timedelta(hours=25)))
    assert explained(world, leaf, crls=b"") == "cert-crl"
    assert explained(world, leaf, crls=elsewhere.lists) == "cert-crl"
    assert explained(world, leaf, crls=over) == "cert-crl"
    assert explained(world, leaf, crls=world.pem(world.crl(leaf.serial_number))) == "cert-revoked"


def test_texts_that_are_not_a_certificate(world: Any) -> None:
    """Too long, with a private key, not PEM, another kind of key, a field that X.509 does not allow."""
    good = world.pem(world.leaf())
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().issuer_name(world.root.certificate.subject).public_key(key.public_key())
    builder = builder.serial_number(1 << 90).not_valid_before(world.now).not_valid_after(world.now + timedelta(days=1))
    curve = builder.subject_name(profiles.common_name("a.nhs.uk")).sign(key, hashes.SHA256())
    with pytest.warns(UserWarning, match="length"):
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a" * 65, _validate=False)])
    for text, code in (
        (good + b"#" * 65536, "cert-size"),
        (good + b"-----BEGIN PRIVATE KEY-----\n", "cert-no-private-key"),
        (b"", "cert-readable"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cert-readable"),
        (builder.subject_name(name).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), "cert-readable"),
        (curve.public_bytes(Encoding.PEM), "cert-key"),
    ):
        assert failed(explain_cert(text, world.bundle, world.lists, now=world.now)) == code


OPENSSL_ERRORS = {
    18: "cert-chain", 19: "cert-chain", 20: "cert-chain", 21: "cert-chain", 26: "cert-purpose", 3: "cert-crl", 12: "cert-crl", 23: "cert-revoked",
    10: "cert-dates", 9: "cert-dates",
}  # fmt: skip
"""X509_V_ERR numbers, as `openssl verify` prints them, and our check."""


@pytest.mark.parametrize("foreign", [False, True], ids=["ours", "foreign"])
@pytest.mark.parametrize("purpose", [True, False], ids=["client", "server"])
@pytest.mark.parametrize("crl", ["current", "over", "none", "revoking"])
@pytest.mark.parametrize("dates", ["within", "over"])
def test_faults_are_found_in_openssls_order(
    world: Any, elsewhere: Any, tmp_path: Path, foreign: bool, purpose: bool, crl: str, dates: str
) -> None:
    """With any combination of faults, our first is the one `openssl verify` reports first."""
    now = world.now + timedelta(days=1096) if dates == "over" else world.now
    changes = {} if purpose else {"profile": profiles.SERVER}
    leaf = (elsewhere if foreign else world).leaf(**changes)
    made = now - timedelta(hours=25) if crl == "over" else now
    lists = world.pem(world.crl(*([leaf.serial_number] if crl == "revoking" else []), now=made)) if crl != "none" else b""
    (tmp_path / "leaf.pem").write_bytes(world.pem(leaf))
    (tmp_path / "ca.pem").write_bytes(world.bundle)
    (tmp_path / "crl.pem").write_bytes(lists)
    command = ["openssl", "verify", "-CAfile", "ca.pem", "-purpose", "sslclient", "-crl_check", "-attime", str(int(now.timestamp()))]
    command += ["-CRLfile", "crl.pem"] if lists else []
    done = subprocess.run([*command, "leaf.pem"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=20)
    ours = explained(world, leaf, crls=lists, now=now)
    if done.returncode == 0:
        assert ours is None
        return
    numbers = [int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("error ") and " at " in line]
    assert ours == OPENSSL_ERRORS[numbers[0]], done.stderr


def test_presented_names(world: Any) -> None:
    """DNS names first; the common name when there is none; several names are no name."""
    assert presented_name(world.leaf()) == world.name
    several = world.leaf(profile=profiles.SERVER, names=("a.nhs.uk", "b.nhs.uk"))
    assert (presented_names(several), presented_name(several)) == (("a.nhs.uk", "b.nhs.uk"), None)
    nameless = world.leaf(profile=profiles.OCSP_RESPONDER, names=(), subject=profiles.common_name("only.nhs.uk"))
    assert presented_name(nameless) == "only.nhs.uk"
