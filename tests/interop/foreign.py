"""A sign-in provider of somebody else as a process: npm `oidc-provider` over TLS, which can be stopped, frozen, replaced and given new keys."""

import contextlib
import http.server
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wardgate.jose import base64url

START_SECONDS = 30.0
ROLE = {"person_roleid": "555000000201", "person_orgid": "555000000301", "org_code": "RXX", "role_code": "S8001:G8002:R8008"}
CIS2: Mapping[str, Any] = {
    "claims": {"authentication_assurance_level": "3", "id_assurance_level": "3", "name": "Test Worker", "nhsid_nrbac_roles": [ROLE]},
    "scopes": {"openid": ["sub", "authentication_assurance_level", "id_assurance_level"], "nationalrbacaccess": ["name", "nhsid_nrbac_roles"]},
    "acr": "AAL3_ANY", "alg": "RS256",
}
NHS_LOGIN: Mapping[str, Any] = {
    "claims": {"identity_proofing_level": "P9", "nhs_number": "9912003071", "vot": "P9.Cp.Cd"},
    "scopes": {"openid": ["sub", "vot"], "profile": ["identity_proofing_level", "nhs_number"]},
    "acr": "P9", "alg": "RS512",
}
_keys: dict[str, rsa.RSAPrivateKey] = {}


def private_jwk(kid: str, alg: str) -> dict[str, str]:
    """Return a private signing key of this name, the same each time."""
    numbers = _keys.setdefault(kid, rsa.generate_private_key(65537, 2048)).private_numbers()
    members = {"n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d, "p": numbers.p, "q": numbers.q,
               "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
    spelled = {name: base64url.encode(value.to_bytes((value.bit_length() + 7) // 8)) for name, value in members.items()}
    return {"kty": "RSA", "use": "sig", "kid": kid, "alg": alg, **spelled}


def certificate(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost that signed itself, and its key; return both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a foreign provider")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1)).add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256()))
    (directory / "foreign.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (directory / "foreign.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return directory / "foreign.pem", directory / "foreign.key"


@dataclass
class ForeignProvider:
    """One provider on one port. `client` is Wardgate's registration there."""

    node: Path
    directory: Path
    kind: Mapping[str, Any]
    port: int
    certificate: tuple[Path, Path]
    ca: Path
    """Whom it trusts when it tells clients of a sign-out."""
    client: dict[str, Any] = field(default_factory=dict)
    other_clients: list[dict[str, Any]] = field(default_factory=list)
    kids: tuple[str, ...] = ("first", "second")
    """Its keys: the first of them signs."""
    typ: bool = True
    """Whether its ID tokens have `typ`, as the platform wants them."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        """The issuer, to the letter."""
        return f"https://localhost:{self.port}"

    def start(self) -> None:
        """Start it with the keys of now."""
        settings = self.directory / f"provider-{self.port}.json"
        settings.write_text(json.dumps({
            "port": self.port, "issuer": self.issuer, "certificate": str(self.certificate[0]), "key": str(self.certificate[1]),
            "signing": [private_jwk(f"{self.port}-{kid}", self.kind["alg"]) for kid in self.kids], "client": self.client, "other_clients": self.other_clients,
            "claims": self.kind["claims"], "scopes": self.kind["scopes"], "acr": self.kind["acr"], "typ": self.typ,
        }))
        script = Path(__file__).with_name("foreign_provider.mjs")
        with (self.directory / f"provider-{self.port}.log").open("ab") as log:
            self.process = subprocess.Popen([self.node, "--no-warnings", script, settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(self.ca)})
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def said(self) -> str:
        """Return what it printed."""
        return (self.directory / f"provider-{self.port}.log").read_text(errors="replace")

    def stop(self) -> None:
        """Take it away; nobody is told."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def rotate(self, *kids: str) -> None:
        """Start again with these keys, of which the first signs."""
        self.stop()
        self.kids = kids
        self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Take connections and answer nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def replaced(self, status: int, content_type: str, body: bytes) -> Iterator[list[str]]:
        """Have something else answer at the same address, with the same certificate, the same to everything; yield what it is asked."""
        self.stop()
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            """Says one thing."""

            def do_GET(self) -> None:
                self._say()

            def do_POST(self) -> None:
                self._say()

            def _say(self) -> None:
                asked.append(f"{self.command} {self.path}")
                self.rfile.read(int(self.headers.get("content-length", "0")))
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield asked
        finally:
            server.shutdown()
            server.server_close()
            self.start()
