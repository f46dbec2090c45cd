"""A certification authority on a real SQLite store, its application on a loopback port, and the means to try both."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wardgate.ca import CASettings, CertificateAuthority, Issued, create_app
from wardgate.ca.keys import Randomness, new_rsa_key
from wardgate.ca.records import SubjectKind
from wardgate.keystores import Sealer
from wardgate.stores import Stores, open_stores

NAME = "epr.z9x01.thirdparty.nhs.uk"
ENVIRONMENT = "flows"
_ROOT_KEYS: list[RSAPrivateKey] = []


def _new_key(bits: int) -> RSAPrivateKey:
    """A fresh key; the slow one of roots is made once for all tests."""
    if bits < 4096:
        return new_rsa_key(bits)
    if not _ROOT_KEYS:
        _ROOT_KEYS.append(new_rsa_key(bits))
    return _ROOT_KEYS[0]


@dataclass
class World:
    """The authority under test and a place for files. `now` is the real time unless a test shifts it."""

    stores: Stores
    ca: CertificateAuthority
    settings: CASettings
    directory: Path
    new_key: Callable[[int], RSAPrivateKey] = _new_key
    name: str = NAME
    environment: str = ENVIRONMENT
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    @property
    def now(self) -> datetime:
        """The real time."""
        return datetime.now(UTC)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return type and details of everything recorded, oldest first."""
        bodies = [json.loads(record.body) for record in self.stores.audit.read(0, 1000)]
        return [(body["type"], body["details"]) for body in bodies]

    def another(self, **settings: Any) -> CertificateAuthority:
        """A second authority object on the same store, as another process has."""
        chosen = CASettings(self.settings.base_url, **settings)
        return CertificateAuthority(self.stores.certificates, self.stores.values, chosen, Randomness(new_key=_new_key))

    def openssl(self, *arguments: str, text: bool = True) -> subprocess.CompletedProcess[Any]:
        """Run openssl in the directory; its exit code is the test's business."""
        return subprocess.run(
            ["openssl", *arguments], cwd=self.directory, capture_output=True, text=text, check=False, timeout=60
        )

    def write(self, file: str, content: str | bytes) -> str:
        """Write a file of the directory and return its name."""
        (self.directory / file).write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def csr(self, name: str = NAME, key: str | None = None) -> tuple[bytes, str]:
        """A request made by openssl as the tutorials say, and the name of its key's file."""
        stem = f"client{next(self.numbers)}"
        new = ["-key", key] if key else ["-newkey", "rsa:2048", "-nodes", "-keyout", f"{stem}.key"]
        done = self.openssl("req", "-new", *new, "-subj", f"/CN={name}", "-out", f"{stem}.csr")
        assert done.returncode == 0, done.stderr
        return (self.directory / f"{stem}.csr").read_bytes(), key or f"{stem}.key"

    def client(self, name: str = NAME, **changes: Any) -> tuple[Issued, str]:
        """An issued client certificate and its key's file."""
        csr, key = self.csr(name)
        wanted = {"subject_kind": SubjectKind.SYSTEM, "subject": "200000000115", "expected_name": name, "now": self.now}
        return self.ca.issue_from_csr(csr, **(wanted | changes)), key

    def handshake(self, chain: str | None, key: str | None, *, verify_chain: bool = False) -> str:
        """Connect over TLS as a client with this certificate: `ok`, or why the server refused."""
        return tls_handshake(self, chain, key, verify_chain)


def tls_handshake(world: World, chain: str | None, key: str | None, verify_chain: bool) -> str:
    """A server with our certificate, trust and lists; a client that trusts our roots; one byte each way."""
    mine = world.ca.server_certificate(("localhost", "127.0.0.1"), world.now)
    world.write("server.pem", mine.chain_pem)
    world.write("server.key", mine.private_key_pem)
    trust = world.ca.client_trust()
    world.write("trust.pem", trust.authorities + trust.crls)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(world.directory / "server.pem", world.directory / "server.key")
    server.load_verify_locations(world.directory / "trust.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN if verify_chain else ssl.VERIFY_CRL_CHECK_LEAF
    client = ssl.create_default_context(cadata=world.ca.roots())
    if chain is not None and key is not None:
        client.load_cert_chain(world.directory / world.write("mine.pem", chain), world.directory / key)
    ours, theirs = socket.socketpair()
    outcome: list[str] = []
    thread = threading.Thread(target=_serve, args=(server, ours, outcome))
    thread.start()
    with theirs, contextlib.suppress(ssl.SSLError, ConnectionError):
        theirs.settimeout(10)
        with client.wrap_socket(theirs, server_hostname="localhost") as connection:
            connection.recv(1)
    thread.join(timeout=10)
    return outcome[0]


def _serve(context: ssl.SSLContext, connection: socket.socket, outcome: list[str]) -> None:
    connection.settimeout(10)
    with connection:
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(b"!")
            outcome.append("ok")
        except ssl.SSLCertVerificationError as error:
            outcome.append(error.verify_message)
        except (ssl.SSLError, ConnectionError) as error:
            outcome.append(getattr(error, "reason", None) or type(error).__name__)


@pytest.fixture
def world(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[World]:
    """An authority that has been started once."""
    stores = open_stores(new_database(tmp_path / "wardgate.db"), Sealer([b"s" * 32]))
    settings = CASettings("http://127.0.0.1:8080/pki", trust_lead_seconds=0)
    ca = CertificateAuthority(stores.certificates, stores.values, settings, Randomness(new_key=_new_key))
    ca.ensure(ENVIRONMENT, datetime.now(UTC))
    files = tmp_path / "files"
    files.mkdir()
    yield World(stores, ca, settings, files)
    stores.close()


@pytest.fixture
def server(world: World) -> Iterator[str]:
    """The application on a loopback port; yields its address."""
    app = create_app(world.ca, lambda: datetime.now(UTC))
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    deadline = time.monotonic() + 10
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(timeout=10)
    listening.close()
