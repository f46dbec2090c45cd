"""A time-stamping authority for tests: ours in memory, and `openssl ts` beside it."""

import hashlib
import subprocess
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from message_world import NOW, World, common_name
from wardgate.cms.time_stamp import Request, write_token

POLICY = "1.2.3.4.1"
TIME_STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
CONFIGURATION = """
[tsa]
default_tsa = ours
[ours]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """Tells the time that it is set to, in a world that may believe it."""

    world: World
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    now: datetime = NOW
    usages: tuple[str, ...] = ("digital_signature",)
    extensions: tuple[Any, ...] = (TIME_STAMPING,)
    changes: dict[str, Any] = field(default_factory=dict)
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        """Have the certificate made."""
        self.certificate = self.world.issuing.sign(common_name("TSA"), self.key.public_key(), *self.usages, extensions=self.extensions, **self.changes)

    def trusted(self) -> "Authority":
        """Have the world believe it."""
        self.world.time = self.world.believed()
        return self

    def sign(self, octets: bytes) -> bytes:
        """In the form of JWS."""
        return b"".join(part.to_bytes(32) for part in decode_dss_signature(self.key.sign(octets, ec.ECDSA(hashes.SHA256()))))

    def token(self, request: Request, **changes: Any) -> bytes:
        """A token for a request."""
        made = {"policy": POLICY, "serial": 7, "at": self.now, "certificate": self.certificate, "algorithm_name": "ES256", "sign": self.sign} | changes
        return write_token(request, **made)

    def stamp(self, sha256: bytes) -> bytes:
        """`TimeStamper`."""
        return self.token(Request("sha256", sha256))


def openssl(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Run openssl in a folder."""
    return subprocess.run(["openssl", *command], cwd=folder, capture_output=True, check=check, timeout=60)


def write_pem(path: Path, *items: Any) -> None:
    """Certificates and private keys as PEM."""
    path.write_bytes(b"".join(
        item.public_bytes(Encoding.PEM) if isinstance(item, x509.Certificate) else item.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for item in items
    ))


def openssl_response(folder: Path, authority: Authority, request: bytes) -> bytes:
    """What `openssl ts` answers to a request, with the authority's key, by the machine's clock."""
    (folder / "ts.conf").write_text(CONFIGURATION.format(folder=folder))
    (folder / "serial").write_text("1234\n")
    (folder / "query.tsq").write_bytes(request)
    write_pem(folder / "tsa.pem", authority.certificate)
    write_pem(folder / "tsa.key", authority.key)
    openssl(folder, "ts", "-reply", "-config", "ts.conf", "-queryfile", "query.tsq", "-out", "reply.tsr")
    return (folder / "reply.tsr").read_bytes()


def over(content: bytes, **changes: Any) -> Request:
    """A request over the SHA-256 of a content."""
    return replace(Request("sha256", hashlib.sha256(content).digest()), **changes)
