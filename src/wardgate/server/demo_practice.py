"""The demo's surgery on the network: its certificate, whom it lets in, and the port it listens on (spine 5.1, 5.2)."""

import asyncio
import ssl
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wardgate.ca import CertificateAuthority
from wardgate.ca.records import SubjectKind
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.demo.samples import PRACTICE, PRACTICE_FQDN

KEY_BITS: Final = 2048
AHEAD: Final = timedelta(days=60)
"""How long before its end a certificate is made anew."""


class PracticeTLS:
    """What the surgery shows and whom it trusts. Its key and certificate are in a directory of their own account."""

    def __init__(self, directory: Path, authority: CertificateAuthority) -> None:
        self._directory = directory
        self._authority = authority
        self._seen: tuple[str, str, str] | None = None
        self._current: ssl.SSLContext | None = None

    def reload(self, material: TLSMaterial, now: datetime) -> None:
        """Take other authorities and lists, and a new certificate when it is time. Blocking. Raises `OSError`, `ssl.SSLError` and what issuing does."""
        chain = self._certificate(material.trust_pem, now)
        wanted = (chain, material.trust_pem, material.crl_pem)
        if wanted != self._seen:
            self._current, self._seen = self._made(*wanted), wanted

    def context(self) -> ssl.SSLContext:
        """Return the context to listen with: at each handshake it is exchanged for the newest one. Raises `LookupError` before the first `reload`."""
        if self._seen is None:
            raise LookupError("no certificate yet")
        outer = self._made(*self._seen)

        def newest(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._current

        outer.sni_callback = newest
        return outer

    @property
    def _key(self) -> Path:
        return self._directory / "practice-key.pem"

    @property
    def _chain(self) -> Path:
        return self._directory / "practice-chain.pem"

    def _certificate(self, trust: str, now: datetime) -> str:
        """Return the chain, made when there is none, its issuer is trusted no more, or it ends soon."""
        if self._chain.exists() and self._key.exists():
            chain = self._chain.read_text(encoding="ascii")
            leaf, issuer = x509.load_pem_x509_certificates(chain.encode("ascii"))
            if leaf.not_valid_after_utc - now > AHEAD and issuer in x509.load_pem_x509_certificates(trust.encode("ascii")):
                return chain
        key = rsa.generate_private_key(65537, KEY_BITS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PRACTICE_FQDN)])
        asked = x509.CertificateSigningRequestBuilder().subject_name(name)
        asked = asked.add_extension(x509.SubjectAlternativeName([x509.DNSName(PRACTICE_FQDN)]), critical=False)
        csr = asked.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        issued = self._authority.issue_from_csr(csr, subject_kind=SubjectKind.SYSTEM, subject=PRACTICE.asid, expected_name=PRACTICE_FQDN, now=now)
        _keep(self._key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        _keep(self._chain, issued.chain_pem.encode("ascii"))
        return issued.chain_pem

    def _made(self, _chain: str, trust: str, lists: str) -> ssl.SSLContext:
        """NOTE: lists are only taken from files; this one is gone at once, and nobody else can read it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
        context.load_cert_chain(self._chain, self._key)
        with tempfile.NamedTemporaryFile("w", dir=self._directory) as file:
            file.write(trust + lists)
            file.flush()
            context.load_verify_locations(cafile=file.name)
        return context


def _keep(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)


def only_from(name: str) -> type[asyncio.Protocol]:
    """Return a protocol that hangs up on everybody whose certificate has another name than `name`, or further ones (spine 5.1)."""

    class FromOne(HttpToolsProtocol):
        """HTTP for one caller."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above has it
            super().connection_made(transport)
            shown = transport.get_extra_info("peercert") or {}
            if [value for _, value in shown.get("subjectAltName", ())] != [name]:
                transport.abort()

    return FromOne
