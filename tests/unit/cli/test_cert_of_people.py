"""`wardgate cert issue --user`."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PEOPLE = """
environment: {name: trial}
identity_providers: [{name: cis2, kind: nhs-cis2, base_path: /oauth2, stand_in: true}]
users:
  - {username: Aal3, given_name: Greta, family_name: Nowak, worker: {}}
  - {username: "656005750109", worker: {authenticators: [TOTP]}}
  - {username: "9912003071", patient: {subject: 49f470a1-0000-4000-8000-5a1cb6a0b1c1}}
"""


@pytest.fixture
def peopled(wardgate: Any, tmp_path: Path) -> Any:
    """An installation with three people."""
    path = tmp_path / "people.yaml"
    path.write_text(PEOPLE)
    assert wardgate("manifest", "apply", path, "--yes").code == 0
    return wardgate


@pytest.fixture
def request_of(tmp_path: Path) -> Any:
    """Return a maker of request files by name."""
    key = rsa.generate_private_key(65537, 2048)

    def make(name: str) -> Path:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        path = tmp_path / "request.csr"
        path.write_bytes(x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return path

    return make


def test_a_worker_gets_a_smartcard(peopled: Any, request_of: Any, tmp_path: Path) -> None:
    """Named in any case of letters; UID and CN are those of the manifest."""
    issued = peopled("cert", "issue", "--csr", request_of("Aal3"), "--user", "aal3", "--out", tmp_path / "out", "-o", "json")
    assert issued.code == 0, issued.err
    assert (issued.data["subject_kind"], issued.data["subject"]) == ("user", "Aal3")
    chain = x509.load_pem_x509_certificates((tmp_path / "out" / "chain.pem").read_bytes())
    assert chain[0].subject.rfc4514_string() == "CN=Greta Nowak (smartcard),UID=Aal3,OU=People,O=Wardgate"
    assert len(chain) == 2
    assert "Aal3" in peopled("cert", "list").out
    assert peopled("cert", "renew", "--name", "Aal3", "--early", "--out", tmp_path / "new").code == 0
    assert len(peopled("cert", "revoke", "--name", "Aal3", "--reason", "cessationOfOperation", "-o", "json").data["revoked"]) == 2


@pytest.mark.parametrize(("username", "asked", "said"), [
    ("nobody", "nobody", "there is no user nobody in the manifest"),
    ("656005750109", "656005750109", "the user 656005750109 has no smartcard: its authenticators in the manifest name none of CIS2_SMARTCARD, N3_SMARTCARD"),
    ("9912003071", "9912003071", "the user 9912003071 has no smartcard"),
    ("Aal3", "656005750109", "expected Aal3, received 656005750109"),
])
def test_who_gets_none(peopled: Any, request_of: Any, tmp_path: Path, username: str, asked: str, said: str) -> None:
    """Nobody, a worker without a smartcard, a patient, a request of somebody else: one line, and no file."""
    answer = peopled("cert", "issue", "--csr", request_of(asked), "--user", username, "--out", tmp_path / "out")
    assert answer.code == 1
    assert said in answer.err
    assert not (tmp_path / "out").exists()


def test_one_subject(peopled: Any, request_of: Any, tmp_path: Path) -> None:
    """A user and a server at once is wrong use."""
    both = ["--user", "Aal3", "--server", "a.example.org"]
    assert peopled("cert", "issue", "--csr", request_of("Aal3"), *both, "--out", tmp_path / "out").code == 2
