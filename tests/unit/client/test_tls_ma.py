"""TLS-MA against a real TLS server that asks for a client certificate."""

import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wardgate.client import CertificateUnusable, RetryPolicy, api_client, tls_ma_client, tls_ma_context, trust_context

PEM = serialization.Encoding.PEM


class Authority:
    """A certification authority for one test run."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.name, self.key.public_key(), ca=True)

    def sign(self, subject: Any, public_key: Any, *, ca: Any = False, names: Any = ()) -> Any:
        now = datetime.now(UTC)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(minutes=5))
                   .not_valid_after(now + timedelta(hours=1))
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, folder: Path, common_name: Any, password: Any = None) -> Any:
        """Write a certificate and its key; return both paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(common_name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self.sign(subject, key.public_key(), names=names)
        cert_path, key_path = folder / f"{common_name}.pem", folder / f"{common_name}.key"
        cert_path.write_bytes(certificate.public_bytes(PEM))
        encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        key_path.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption))
        return cert_path, key_path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Any:
    """Return a folder for keys."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Any:
    """Return an authority whose certificate is in ca.pem."""
    made = Authority("Example Root")
    (folder / "ca.pem").write_bytes(made.certificate.public_bytes(PEM))
    return made


@pytest.fixture(scope="module")
def server(folder: Path, authority: Any) -> Any:
    """Run a TLS server on loopback that requires a certificate of the authority; give its URL."""
    cert, key = authority.issue(folder, "localhost")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"welcome"})

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, ssl_certfile=str(cert), ssl_keyfile=str(key), ssl_ca_certs=str(folder / "ca.pem"),
                            ssl_cert_reqs=ssl.CERT_REQUIRED, log_level="critical", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"https://localhost:{listening.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(10)
        listening.close()


def test_a_certificate_of_the_authority_is_let_in(server: Any, folder: Path, authority: Any) -> None:
    """The handshake proves the client, over TLS 1.2 or later."""
    cert, key = authority.issue(folder, "client.example")
    with tls_ma_client(server, cert, key, folder / "ca.pem") as client:
        assert client.get("/").text == "welcome"


def test_without_a_certificate_the_handshake_fails(server: Any, folder: Path, authority: Any) -> None:
    """The failure is httpx2's, at once and not after retries."""
    with (api_client(server, tls=trust_context(folder / "ca.pem"), retry=RetryPolicy(attempts=1)) as client,
          pytest.raises(httpx2.TransportError)):
        client.get("/")


def test_a_foreign_certificate_is_not_let_in(server: Any, folder: Path, authority: Any) -> None:
    """A certificate of another authority fails the handshake."""
    cert, key = Authority("Another Root").issue(folder, "foreign.example")
    with (tls_ma_client(server, cert, key, folder / "ca.pem", retry=RetryPolicy(attempts=1)) as client,
          pytest.raises(httpx2.TransportError)):
        client.get("/")


def test_a_server_that_is_not_trusted_is_not_called(server: Any, folder: Path, authority: Any) -> None:
    """The server's certificate is verified against the bundle that was given."""
    other = Authority("Another Root")
    bundle = folder / "other.pem"
    bundle.write_bytes(other.certificate.public_bytes(PEM))
    cert, key = authority.issue(folder, "client2.example")
    with (tls_ma_client(server, cert, key, bundle) as client,
          pytest.raises(httpx2.ConnectError, match=r"(?i)certificate verify failed|self.signed")):
        client.get("/")


def test_the_context_refuses_old_protocols(folder: Path, authority: Any) -> None:
    """TLS 1.0 and 1.1 are off, and the suites of 1.2 are ECDHE with AES-GCM."""
    cert, key = authority.issue(folder, "client3.example")
    context = tls_ma_context(cert, key, folder / "ca.pem")
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.2"} == {
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256"}


def test_files_that_do_not_fit_are_refused(folder: Path, authority: Any) -> None:
    """A missing file, a key of another certificate and a wrong password each give a clear error."""
    cert, key = authority.issue(folder, "client4.example")
    _, other_key = authority.issue(folder, "client5.example")
    locked_cert, locked_key = authority.issue(folder, "client6.example", password=b"secret")
    tls_ma_context(locked_cert, locked_key, password="secret")
    for attempt in (lambda: tls_ma_context(folder / "none.pem", key), lambda: tls_ma_context(cert, other_key),
                    lambda: tls_ma_context(cert, cert), lambda: tls_ma_context(locked_cert, locked_key),
                    lambda: tls_ma_context(locked_cert, locked_key, password="wrong"),
                    lambda: trust_context(folder / "none.pem"), lambda: trust_context(key)):
        with pytest.raises(CertificateUnusable):
            attempt()
