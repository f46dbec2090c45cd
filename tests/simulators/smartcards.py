"""Smartcards for tests: a person's certificate with its key in a file, or with its key in SoftHSM, where nobody reads it.

    chain, key = in_files(wardgate, "656005750104", directory)        # for a browser or a Python client
    card = in_softhsm(wardgate, "656005750104", directory)            # for curl and openssl, through PKCS#11
    card.curl(url)

A missing program or module fails the test: `script/test` installs softhsm2, libengine-pkcs11-openssl and opensc.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

MODULES: Final = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so")
TOKEN: Final = "people"
PIN: Final = "246810"
SO_PIN: Final = "13579135"
SECONDS: Final = 60


def in_files(wardgate: Any, username: str, directory: Path) -> tuple[Path, Path]:
    """Issue a smartcard as its holder and the operator do; return chain and key in PEM."""
    made = Path(tempfile.mkdtemp(prefix="card-", dir=directory))
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, username)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    (made / "request.csr").write_bytes(request.public_bytes(Encoding.PEM))
    (made / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    wardgate.done("cert", "issue", "--csr", made / "request.csr", "--user", username, "--out", made)
    return made / "chain.pem", made / "key.pem"


@dataclass(frozen=True)
class HardwareCard:
    """A certificate in a file and its key in a token. `key` is the PKCS#11 address of the key, the PIN in it."""

    chain: Path
    key: str
    environ: dict[str, str]
    roots: Path

    def curl(self, url: str, *more: str) -> tuple[int, dict[str, str], str]:
        """Ask for a page, the handshake signed in the token; return status, headers in lower case, and body."""
        return curl(url, self.roots, *self.arguments(), *more, environ=self.environ)

    def arguments(self) -> list[str]:
        """Return what makes curl use the card."""
        return ["--engine", "pkcs11", "--cert", str(self.chain), "--key-type", "ENG", "--key", self.key]


def curl(url: str, roots: Path, *more: str, environ: dict[str, str] | None = None) -> tuple[int, dict[str, str], str]:
    """Ask with curl; return status, headers in lower case, and body. Fails when there is no answer."""
    command = ["curl", "--silent", "--show-error", "--include", "--http1.1", "--max-time", "30", "--cacert", str(roots), *more, url]
    said = run(command, environ or {}).replace("\r\n", "\n")
    head, _, body = said.partition("\n\n")
    lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


def in_softhsm(wardgate: Any, username: str, directory: Path) -> HardwareCard:
    """Make a token with a key that cannot leave it, have the key certified by a request it signed, and return the card."""
    made = Path(tempfile.mkdtemp(prefix="hsm-", dir=directory))
    (made / "tokens").mkdir()
    (made / "softhsm2.conf").write_text(f"directories.tokendir = {made / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    module = next((path for path in MODULES if Path(path).exists()), None)
    assert module is not None, "SoftHSM's module is not installed: apt-get install softhsm2"
    environ = {"SOFTHSM2_CONF": str(made / "softhsm2.conf"), "PKCS11_MODULE_PATH": module}
    run(["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", SO_PIN], environ)
    tool = ["pkcs11-tool", "--module", module, "--token-label", TOKEN, "--login", "--pin", PIN]
    run([*tool, "--keypairgen", "--key-type", "rsa:2048", "--label", username, "--id", "01", "--usage-sign"], environ)
    key = f"pkcs11:token={TOKEN};object={username};type=private;pin-value={PIN}"
    run(["openssl", "req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", key, "-sha256", "-subj", f"/CN={username}",
         "-out", str(made / "request.csr")], environ)
    wardgate.done("cert", "issue", "--csr", made / "request.csr", "--user", username, "--out", made)
    objects = run([*tool, "--list-objects", "--type", "privkey"], environ)
    assert "never extractable" in objects, objects
    assert not list(made.glob("*.key")), "the key is in the token only"
    return HardwareCard(made / "chain.pem", key, environ, wardgate.ca)


def run(command: list[str], environ: dict[str, str]) -> str:
    """Run a program that must succeed, and return what it says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env={**os.environ, **environ})
    except FileNotFoundError:
        raise AssertionError(f"{command[0]} is not installed; script/test installs what the tests need") from None
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stderr}"
    return done.stdout
