"""A system from its registration to its suspension, at a Wardgate that runs: each step counts at the gateway at once, on open connections too."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ECHO = "/spine-demo/echo"
FLAG_READ = "urn:nhs:names:services:raflags:Flag.read:1"
NATIONAL, EPR = "200000000120", "200000000115"
FQDN = "registered.example.thirdparty.nhs.uk"
LIMIT_SECONDS = 5.0
"""The promise is one second; a loaded machine gets five before a test fails, and the figure is printed."""


def certificate(wardgate: Any, asid: str, name: str, directory: Path) -> tuple[Path, Path]:
    """Issue a certificate for a system as its operator does; return chain and key."""
    directory.mkdir()
    key = rsa.generate_private_key(65537, 2048)
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).sign(key, hashes.SHA256())
    (directory / "request.csr").write_bytes(csr.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    wardgate.done("cert", "issue", "--csr", directory / "request.csr", "--system", asid, "--out", directory)
    return directory / "chain.pem", directory / "key.pem"


def headers(asid: str) -> dict[str, str]:
    """Return the headers of a call to the demo's echo."""
    return {"fromASID": asid, "toASID": NATIONAL, "interactionID": FLAG_READ, "traceID": "09a01679-2564-0fb4-5129-aecc81ea2706"}


def seconds_until(status: int, ask: Callable[[], httpx2.Response]) -> float:
    """Return how long it takes until the answer has this status."""
    began = time.monotonic()
    while (found := ask()).status_code != status:
        assert time.monotonic() - began < LIMIT_SECONDS, found.text
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture
def register(wardgate: Any) -> Iterator[Callable[[str], str]]:
    """Register systems by name, which have evidence and are not approved; they are gone after the test."""
    made: list[str] = []

    def one(fqdn: str) -> str:
        asid = str(wardgate.done("system", "register", "--organisation", "Z9X01", "--message-set", "raflags", "--fqdn", fqdn)["asid"])
        wardgate.done("system", "evidence", asid, "--kind", "scal", "--reference", "SCAL 1")
        made.append(asid)
        return asid

    yield one
    for asid in made:
        wardgate.cli("system", "suspend", asid, "--why", "the test is over")
        wardgate.done("system", "remove", asid)


def test_each_step_counts_at_the_gateway(wardgate: Any, register: Callable[[str], str], tmp_path: Path) -> None:
    """Approved is not live; live may call; suspended may not, and is not found; resumed may again. One connection sees it all."""
    registered = register(FQDN)
    with wardgate.client(mutual_tls=certificate(wardgate, registered, FQDN, tmp_path / "own")) as client:
        def ask() -> httpx2.Response:
            return client.get(ECHO, headers=headers(registered))

        wardgate.done("system", "approve", registered)
        unknown = ask()
        assert (unknown.status_code, "fromASID HTTP Header is missing" in unknown.text) == (400, True), unknown.text
        wardgate.done("system", "go-live", registered)
        seconds_until(200, ask)
        assert "Flag.read:1" in str(wardgate.done("system", "interactions", registered)["sends"])
        wardgate.done("system", "suspend", registered, "--why", "a test", "--wait", "0")
        print(f"\nsuspended after {seconds_until(400, ask):.2f} s")
        assert ask().json()["issue"] == unknown.json()["issue"]
        assert wardgate.cli("directory", "search", f"(uniqueIdentifier={registered})").code == 1
        wardgate.done("system", "resume", registered)
        seconds_until(200, ask)
        assert client.get(ECHO, headers=headers(EPR)).status_code == 401


def test_another_name_is_another_certificate(wardgate: Any, register: Callable[[str], str], tmp_path: Path) -> None:
    """Once a system has another name, the old certificate is not its own any more; the new one is."""
    registered = register(FQDN)
    for step in ("approve", "go-live"):
        wardgate.done("system", step, registered)
    new = "renamed.example.thirdparty.nhs.uk"
    with wardgate.client(mutual_tls=certificate(wardgate, registered, FQDN, tmp_path / "old")) as client:
        seconds_until(200, lambda: client.get(ECHO, headers=headers(registered)))
        wardgate.done("system", "name", registered, new)
        seconds_until(401, lambda: client.get(ECHO, headers=headers(registered)))
    with wardgate.client(mutual_tls=certificate(wardgate, registered, new, tmp_path / "new")) as client:
        assert client.get(ECHO, headers=headers(registered)).status_code == 200


def test_a_system_of_the_manifest_is_suspended_too(wardgate: Any, tmp_path: Path) -> None:
    """Its entry is the manifest's; its standing is the store's."""
    with wardgate.client(mutual_tls=certificate(wardgate, EPR, "epr.example.thirdparty.nhs.uk", tmp_path / "epr")) as client:
        def ask() -> httpx2.Response:
            return client.get(ECHO, headers=headers(EPR))

        seconds_until(200, ask)
        wardgate.done("system", "suspend", EPR, "--why", "a test")
        try:
            seconds_until(400, ask)
        finally:
            wardgate.done("system", "resume", EPR)
        seconds_until(200, ask)
