"""`wardgate cert` and `wardgate doctor cert|csr`."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

NAME = "epr.example.nhs.uk"


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a maker of request files by name; one key serves all."""
    folder = tmp_path_factory.mktemp("requests")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def make(name: str) -> Path:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        path = folder / f"{name}.csr"
        path.write_bytes(csr.public_bytes(serialization.Encoding.PEM))
        return path

    return make


def test_a_certificate_from_request_to_revocation(installed: Any, request_of: Any, tmp_path: Path) -> None:
    """Issued, found good by the doctor, listed, renewed, revoked, and found revoked."""
    out = tmp_path / "out"
    issued = installed("cert", "issue", "--csr", request_of(NAME), "--app", "first-app", "--out", out, "-o", "json")
    assert issued.code == 0
    chain = x509.load_pem_x509_certificates((out / "chain.pem").read_bytes())
    assert [chain[0]] == x509.load_pem_x509_certificates((out / "cert.pem").read_bytes())
    assert (len(chain), chain[0].issuer) == (2, chain[1].subject)
    assert installed("doctor", "cert", out / "chain.pem", "--name", NAME).code == 0

    listed = installed("cert", "list", "-o", "json").data
    assert [(c["name"], c["subject_kind"], c["subject"]) for c in listed if c["subject_kind"] == "application"] == [
        (NAME, "application", "first-app")]
    assert installed("cert", "renew", "--name", NAME, "--out", tmp_path / "new").err.startswith(
        "wardgate: the certificate may be renewed from ")
    assert installed("cert", "renew", "--name", NAME, "--early", "--out", tmp_path / "new").code == 0

    revoked = installed("cert", "revoke", "--serial", issued.data["serial"], "--reason", "keyCompromise", "-o", "json")
    assert [entry["revocation_reason"] for entry in revoked.data["revoked"]] == ["keyCompromise"]
    found = installed("doctor", "cert", out / "chain.pem", "-o", "json")
    assert found.code == 1
    assert [check["code"] for check in found.data["checks"] if check["outcome"] == "failed"] == ["cert-revoked"]
    every = installed("cert", "list", "--all").out
    assert "revoked 20" in every
    assert every.count(NAME) == 2


def test_a_system_and_a_server_have_certificates_too(installed: Any, request_of: Any, tmp_path: Path) -> None:
    """A system's name comes from the manifest, a server's from the option."""
    assert installed("cert", "issue", "--csr", request_of(NAME), "--system", "200000000115", "--out", tmp_path / "a").code == 0
    server = "gateway.example.org"
    assert installed("cert", "issue", "--csr", request_of(server), "--server", server, "--out", tmp_path / "b").code == 0


@pytest.mark.parametrize(("arguments", "said"), [
    (["--app", "nobody"], "there is no application nobody"),
    (["--system", "200000000999"], "there is no system with ASID 200000000999"),
    (["--server", "another.example.org"], "expected another.example.org"),
], ids=["application", "system", "name of the request"])
def test_nobody_gets_a_certificate_by_mistake(installed: Any, request_of: Any, tmp_path: Path, arguments: list[str], said: str) -> None:
    """A subject that is not registered, or a request for another name, is refused in one line."""
    answer = installed("cert", "issue", "--csr", request_of(NAME), *arguments, "--out", tmp_path / "out")
    assert answer.code == 1
    assert said in answer.err
    assert not (tmp_path / "out").exists()


def test_one_subject_and_one_selector(installed: Any, request_of: Any, tmp_path: Path) -> None:
    """Two subjects, or none, is wrong use."""
    for arguments in ([], ["--app", "first-app", "--server", "a.b.c"]):
        assert installed("cert", "issue", "--csr", request_of(NAME), *arguments, "--out", tmp_path / "out").code == 2
    assert installed("cert", "revoke", "--name", NAME, "--serial", "1").code == 2
    assert installed("cert", "revoke", "--name", "nobody.example.nhs.uk").err == "wardgate: no certificate matches\n"


def test_the_doctor_reads_requests(wardgate: Any, request_of: Any) -> None:
    """A good request passes; one for another name fails at the name, with expected and received."""
    assert wardgate("doctor", "csr", request_of(NAME)).code == 0
    answer = wardgate("doctor", "csr", request_of("epr.example.org"), "-o", "json")
    assert answer.code == 1
    failed = next(check for check in answer.data["checks"] if check["outcome"] == "failed")
    assert (failed["expected"], failed["received"]) == ("a name under .nhs.uk", "epr.example.org")
    assert wardgate("doctor", "csr", request_of("epr.example.org"), "--suffix", "example.org").code == 0


def test_the_doctor_knows_a_foreign_certificate(installed: Any, request_of: Any, tmp_path: Path) -> None:
    """A certificate is judged against the bundle that was given, before its dates and revocation."""
    assert installed("cert", "issue", "--csr", request_of(NAME), "--app", "first-app", "--out", tmp_path / "out").code == 0
    bundle = tmp_path / "foreign.pem"
    bundle.write_bytes((tmp_path / "out" / "cert.pem").read_bytes())
    answer = installed("doctor", "cert", tmp_path / "out" / "cert.pem", "--ca", bundle)
    assert answer.code == 1
    assert "FAIL  cert-chain" in answer.out


def test_the_issuing_authority_changes_in_two_stages(installed: Any, request_of: Any, tmp_path: Path) -> None:
    """A new one beside the old, which leaves when nothing depends on it, or when it must."""
    assert installed("cert", "issue", "--csr", request_of(NAME), "--app", "first-app", "--out", tmp_path / "old").code == 0
    rotated = installed("ca", "rotate", "-o", "json")
    assert (rotated.code, rotated.data["name"]) == (0, "authentication-2")
    states = {entry["name"]: (entry["issuer"], entry["in_use"], entry["state"]) for entry in installed("ca", "list", "-o", "json").data}
    assert states == {"root-1": (None, 2, "trusted"), "authentication-1": ("root-1", 1, "trusted"), "authentication-2": ("root-1", 0, "trusted")}
    held = installed("ca", "retire", "authentication-1")
    assert (held.code, held.err) == (1, f"wardgate: certificates of authentication-1 are in use: {NAME}\n")
    assert installed("ca", "retire", "authentication-1", "--force", "--reason", "cACompromise").code == 0
    assert installed("ca", "list").out.splitlines()[2].split()[4] == "retired"
    only = installed("ca", "retire", "authentication-2", "--force")
    assert (only.code, only.err) == (1, "wardgate: authentication-2 is the only authority of its kind\n")
    unknown = installed("ca", "retire", "authentication-9")
    assert (unknown.code, unknown.err) == (1, "wardgate: no authority has that name\n")
