"""Fetching key sets from real sockets on loopback: what a host may do to us, and what we send it."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wardgate.outbound import FetchRules, JWKSUnavailable, KeySetSettings, KeySetSource
from wardgate.outbound.addresses import LOOPBACK
from wardgate.outbound.errors import HostDown, NotAKeySet

RULES = FetchRules(timeout_seconds=0.5, allowed_networks=LOOPBACK, plain_http_networks=LOOPBACK)
Host = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _answers(head: str, body: bytes = b"", *, hold: bool = False) -> tuple[Host, list[bytes]]:
    requests: list[bytes] = []

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + body)
        try:
            await writer.drain()
            if hold:
                await asyncio.sleep(2)
        except ConnectionError:
            pass
        finally:
            writer.close()

    return host, requests


def _fetch(host: Host, url: str = "http://127.0.0.1:{port}/jwks.json", rules: FetchRules = RULES, tls: ssl.SSLContext | None = None) -> Any:
    async def run() -> Any:
        server = await asyncio.start_server(host, "127.0.0.1", 0, ssl=tls)
        source = KeySetSource(KeySetSettings(fetch=rules), lambda: datetime.now(UTC))
        try:
            return await source.get(url.format(port=server.sockets[0].getsockname()[1]))
        except JWKSUnavailable as fault:
            return fault
        finally:
            await source.aclose()
            server.close()

    return asyncio.run(run())


@pytest.fixture
def body(developer: Any) -> bytes:
    """A good key set."""
    return json.dumps(developer.JWKS).encode()


def test_a_good_host_is_asked_as_the_platform_asks(body: bytes) -> None:
    """application-restricted 6.2: GET with `User-Agent: APIM`; no cookies, no credentials."""
    host, requests = _answers(f"200 OK\r\nContent-Length: {len(body)}", body)
    assert set(_fetch(host).keys) == {"test-1", "ps-1", "es-1", "ed-1"}
    lines = requests[0].decode().lower().split("\r\n")
    assert lines[0] == "get /jwks.json http/1.1"
    assert "user-agent: apim" in lines
    assert "accept-encoding: identity" in lines
    assert any(line.startswith("host: 127.0.0.1:") for line in lines)
    assert not any(line.startswith(("cookie", "authorization")) for line in lines)


@pytest.mark.parametrize(("head", "content", "error", "received"), [
    ("301 Moved\r\nLocation: http://127.0.0.1:1/", b"", NotAKeySet, "status 301"),
    ("404 Not Found", b"", NotAKeySet, "status 404"),
    ("500 Oops", b"", HostDown, "status 500"),
    ("429 Slow Down", b"", HostDown, "status 429"),
    ("200 OK", b"<html></html>", NotAKeySet, "13 bytes that are not JSON"),
    ("200 OK", b"x" * 10_000_000, NotAKeySet, "more"),
    ("200 OK\r\nContent-Encoding: gzip", b"\x1f\x8b", NotAKeySet, "a compressed one"),
    ("200 OK\r\nTransfer-Encoding: chunked", b"zzz\r\n", HostDown, "RemoteProtocolError"),
    ("200 OK\r\nContent-Length: 100", b"{", HostDown, "RemoteProtocolError"),
])
def test_a_bad_host_is_named(head: str, content: bytes, error: type[Exception], received: str) -> None:
    """Redirects, errors, nonsense, ten megabytes, compression and broken HTTP are refused, each by name."""
    host, _ = _answers(head, content)
    fault = _fetch(host)
    assert (type(fault), fault.received) == (error, received)


def test_a_slow_host_is_given_up() -> None:
    """The time limit covers the whole answer, not each read."""
    host, _ = _answers("200 OK\r\nContent-Length: 100", b"{", hold=True)
    fault = _fetch(host)
    assert (type(fault), fault.received) == (HostDown, "none in time")


@pytest.mark.parametrize(("url", "rules", "error"), [
    ("http://127.0.0.1:{port}/k", FetchRules(), NotAKeySet),
    ("https://127.0.0.1:{port}/k", FetchRules(), NotAKeySet),
    ("http://127.0.0.1:{port}/k", FetchRules(allowed_networks=LOOPBACK), NotAKeySet),
    ("https://localhost:{port}/k", FetchRules(), NotAKeySet),
    ("https://[::ffff:127.0.0.1]:{port}/k", FetchRules(), NotAKeySet),
    ("https://2130706433:{port}/k", FetchRules(), NotAKeySet),
    ("https://169.254.169.254/latest/meta-data", FetchRules(), NotAKeySet),
    ("https://user:secret@127.0.0.1:{port}/k", RULES, NotAKeySet),
    ("ftp://127.0.0.1:{port}/k", RULES, NotAKeySet),
    ("file:///etc/passwd", RULES, NotAKeySet),
    ("no url", RULES, NotAKeySet),
    ("https://127.0.0.1:1/k", RULES, HostDown),
])
def test_addresses_of_our_own_are_never_asked(url: str, rules: FetchRules, error: type[Exception]) -> None:
    """Only https and public addresses, unless the operator allows more; every spelling of loopback is loopback."""
    host, requests = _answers("200 OK", b"{}")
    fault = _fetch(host, url, rules)
    assert type(fault) is error
    assert requests == []
    assert "secret" not in str(fault)


def _certificate(name: str, folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_tls_is_verified_by_name_although_we_connect_by_address(body: bytes, tmp_path: Path) -> None:
    """The address is pinned after the check; the certificate must still be the name's, from a trusted root."""
    host, _ = _answers(f"200 OK\r\nContent-Length: {len(body)}", body)
    good, other = _certificate("localhost", tmp_path), _certificate("elsewhere.example", tmp_path)
    trusting = FetchRules(timeout_seconds=2, allowed_networks=LOOPBACK, ca_file=str(tmp_path / "localhost.pem"))
    both = FetchRules(timeout_seconds=2, allowed_networks=LOOPBACK, ca_file=str(tmp_path / "elsewhere.example.pem"))
    url = "https://localhost:{port}/jwks.json"
    assert "test-1" in _fetch(host, url, trusting, good).keys
    for rules, tls in ((both, other), (RULES, good)):
        fault = _fetch(host, url, rules, tls)
        assert (type(fault), fault.received) == (HostDown, "a certificate that does not verify")
