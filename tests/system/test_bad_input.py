"""Input that is too much, too slow, or not what it claims to be, against a whole Wardgate that must go on serving."""

import contextlib
import json
import resource
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from system.running import resident_kib
from wardgate.cli.context import World
from wardgate.demo import source

OPEN = "/hello-world/hello/world"
TOKEN = "/oauth2/token"


# --- key sets

class KeySetHost:
    """A host that answers every request for a key set in one bad way, on a port of its own."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._answer = answer
        self._open = True
        self._thread = threading.Thread(target=self._serve)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/jwks.json"

    def _serve(self) -> None:
        while self._open:
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(10)
                    connection.recv(65536)
                    self._answer(connection)

    def __enter__(self) -> "KeySetHost":  # noqa: PYI034 - never inherited
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._listener.close()


LONGEST_SECONDS = 9.5
"""The limit is five; these hosts would go on for ten and more."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _drip(connection: socket.socket) -> None:
    """One byte each 0.2 s: never idle, never done."""
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
    for _ in range(60):
        connection.sendall(b" ")
        time.sleep(0.2)


def _endless(connection: socket.socket) -> None:
    """No length, no end."""
    connection.sendall(HEAD + b'\r\n{"keys":[')
    while True:
        connection.sendall(b" " * 65536)


def _silent(connection: socket.socket) -> None:
    """Takes the connection and says nothing."""
    connection.settimeout(10)
    connection.recv(1)


def _redirect(connection: socket.socket) -> None:
    """To a place inside."""
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("how", [_drip, _endless, _silent, _redirect], ids=lambda value: value.__name__)
def test_a_bad_key_set_host_costs_its_client_only(wardgate: Any, client: httpx2.Client, how: Any) -> None:
    """Each is row 21 within the time limit; other clients get their tokens meanwhile; memory does not grow."""
    name = f"bad{how.__name__}-{uuid.uuid4().hex[:6]}".replace("_", "-")
    with KeySetHost(how) as host:
        made = wardgate.done("app", "create", name, "--organisation", "Z9X01", "--product", "hello-world", "--jwks-url", host.url)
        before = resident_kib(wardgate.process.pid)
        text = wardgate.assertion(iss=made["api_key"], sub=made["api_key"])
        answers: list[httpx2.Response] = []
        with wardgate.client() as other:
            thread = threading.Thread(target=lambda: answers.append(other.post(TOKEN, data=wardgate.form(client_assertion=text))))
            began = time.monotonic()
            thread.start()
            wardgate.token(client)
            meanwhile = time.monotonic() - began
            thread.join()
            took = time.monotonic() - began
    assert answers[0].headers["x-wardgate-reason"] == "jwks-unreachable"
    assert took < LONGEST_SECONDS
    assert meanwhile < LONGEST_SECONDS / 2
    assert resident_kib(wardgate.process.pid) - before < 10 * 1024
    wardgate.done("app", "revoke", name)


def test_ten_megabytes_of_keys_are_not_read(wardgate: Any, client: httpx2.Client) -> None:
    """The demo's huge key set is refused at its limit, not after ten megabytes."""
    before = resident_kib(wardgate.process.pid)
    answer = client.post(TOKEN, data=wardgate.form("huge-jwks-app"))
    (event,) = wardgate.done("explain", answer.json()["message_id"])["events"]
    assert (event["refusal"]["expected"], event["refusal"]["received"]) == ("at most 65536 bytes", "more")
    # the sample backend itself, in the same process, builds the ten megabytes that it sends
    assert resident_kib(wardgate.process.pid) - before < 40 * 1024


# --- requests

def test_a_megabyte_of_assertion_is_refused_quickly(wardgate: Any, client: httpx2.Client) -> None:
    """Twenty of them at once neither hurt nor grow anything."""
    before = resident_kib(wardgate.process.pid)
    form = wardgate.form(client_assertion="a" * 1_000_000)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(wardgate.client()) for _ in range(20)]
        codes: list[int] = []
        threads = [threading.Thread(target=lambda one=one: codes.append(one.post(TOKEN, data=form).status_code)) for one in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [413] * 20
    assert wardgate.token(client)
    assert resident_kib(wardgate.process.pid) - before < 60 * 1024


def _raw(wardgate: Any, data: bytes) -> bytes:
    """Send bytes on a TLS connection; return the first of the answer."""
    plain = socket.create_connection(("127.0.0.1", wardgate.port), 20)
    with wardgate.trust().wrap_socket(plain, server_hostname="localhost") as stream:
        stream.sendall(data)
        return bytes(stream.recv(65536))


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01 not http\r\n\r\n",
    b"GET /hello-world/hello/world HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /hello-world/hello/world HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
    b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
], ids=["no HTTP", "two lengths", "a space in a name", "a length below nothing"])
def test_what_is_no_http_is_refused(wardgate: Any, data: bytes) -> None:
    """Envoy answers 400 and nothing gets through."""
    assert _raw(wardgate, data).startswith(b"HTTP/1.1 400 ")


def test_a_caller_cannot_spoil_its_record(wardgate: Any, client: httpx2.Client) -> None:
    """Bytes that are no text, quotes and line ends in what is logged leave a whole record, and no lost one."""
    request_id = str(uuid.uuid4())
    nasty = b'x"\\\xff\xfe\xe2\x80\xa8{"at":1}'
    request = b"GET /hello-world/hello/world HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %b\r\nX-Correlation-ID: %b\r\n\r\n"
    assert b"200 OK" in _raw(wardgate, request % (request_id.encode(), nasty))
    (event,) = wardgate.done("explain", request_id)["events"]
    assert (event["type"], event["request_id"]) == ("CallAllowed", request_id)
    lines = wardgate.cli("audit", "tail", "--lines", 1000, "--output", "json").out.splitlines()
    assert not [line for line in lines if json.loads(line)["type"] == "RecordsLost"]


def test_identity_headers_from_outside_reach_nobody(wardgate: Any, client: httpx2.Client) -> None:
    """Only the gateway says who calls."""
    spoofed = {"NHSD-Application": "admin", "NHSD-ASID": "1", "X-Wardgate-Client": "admin", "X-Forwarded-Client-Cert": "Hash=00",
               "apikey": "demo-app-key-not-a-secret"}
    seen = client.get("/hello-world/echo/application", headers=spoofed).json()["headers"]
    assert (seen["nhsd-application"], seen["nhsd-asid"]) == ("demo-app", "200000000115")
    assert not {"x-wardgate-client", "x-forwarded-client-cert", "apikey"} & seen.keys()


# --- certificates

@pytest.fixture
def strangers(wardgate: Any, tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """Make a certificate for tls-app's name that is wrong in one way."""
    name = "tls-app.example.thirdparty.nhs.uk"

    def made(how: str) -> tuple[Path, Path]:
        key = rsa.generate_private_key(65537, 2048)
        now = datetime.now(UTC)
        issuer, issuing_key, chain = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A stranger")]), key, ""
        if how != "foreign":
            with World(wardgate.data, None) as world:
                authority = next(found for found in world.stores.certificates.authorities() if found.parent is not None)
            loaded = load_pem_private_key(authority.private_pem.encode(), None)
            assert isinstance(loaded, rsa.RSAPrivateKey)
            issuer, issuing_key = x509.load_pem_x509_certificate(authority.certificate_pem.encode()).subject, loaded
            chain = authority.certificate_pem
        end = now - timedelta(minutes=5) if how == "expired" else now + timedelta(days=1)
        certificate = (
            x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=2))
            .not_valid_after(end).add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key()), critical=False)
            .sign(issuing_key, hashes.SHA256())
        )
        files = tmp_path / f"{how}.pem", tmp_path / f"{how}.key"
        files[0].write_text(certificate.public_bytes(Encoding.PEM).decode() + chain)
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    return made


@pytest.mark.parametrize(("how", "reason"), [("expired", "certificate-expired"), ("foreign", "certificate-untrusted")])
def test_a_wrong_certificate_is_refused_and_recorded(wardgate: Any, strangers: Any, until: Any, how: str, reason: str) -> None:
    """The caller sees a TLS alert (spec README rule 25); the record has the reason."""
    pair = strangers(how)
    with wardgate.client(mutual_tls=pair) as client, pytest.raises(httpx2.TransportError):
        client.get("/tls-demo/hello")
    fingerprint = x509.load_pem_x509_certificate(pair[0].read_bytes()).fingerprint(hashes.SHA256()).hex()

    def recorded() -> list[Any]:
        lines = wardgate.cli("audit", "tail", "--lines", 100, "--output", "json").out.splitlines()
        found = [json.loads(line) for line in lines]
        return [event for event in found if event["type"] == "HandshakeRefused" and event["details"].get("fingerprint") == fingerprint]

    (event,) = until(recorded, what="the record")
    assert event["reason"] == reason


def test_no_certificate_is_refused_and_recorded(wardgate: Any, until: Any) -> None:
    """The mutual-TLS port wants one."""
    with httpx2.Client(verify=wardgate.trust(), trust_env=False) as client, pytest.raises(httpx2.TransportError):
        client.get(f"{wardgate.mtls_url}/tls-demo/hello")

    def recorded() -> bool:
        lines = wardgate.cli("audit", "tail", "--lines", 50, "--output", "json").out.splitlines()
        return any(event["type"] == "HandshakeRefused" and event.get("reason") == "certificate-missing" for event in map(json.loads, lines))

    until(recorded, what="the record")


def test_the_chain_and_the_registered_name_are_what_counts(wardgate: Any, strangers: Any, certified: Any) -> None:
    """A certificate needs no record of ours, but its name must be an application's that may call the API."""
    with wardgate.client(mutual_tls=strangers("unrecorded")) as client:
        assert client.get("/tls-demo/hello").json() == {"message": "Hello TLS-MA!"}
    with wardgate.client(mutual_tls=certified("wrong-product-app")) as client:
        answer = client.get("/tls-demo/hello")
        assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (403, "certificate-wrong-product")


# --- manifests through the command line

@pytest.mark.parametrize(("change", "said"), [
    (("products:\n", "producs:\n"), "producs"),
    (("pattern: open-access", "patern: open-access"), "did you mean `pattern`"),
    (("- {ods: Z9X02, name: Example Pathology Service}", "- {ods: Z9X01, name: Example Pathology Service}"), "Z9X01"),
    (("{path: /echo/open, pattern: open-access}", "{path: /hello/world, pattern: api-key}"), "/hello/world"),
    (("base_path: /tls-demo", "base_path: /hello-world"), "/hello-world"),
    (("products: [fhir-demo-write]", "products: [no-such-product]"), "no-such-product"),
])
def test_a_bad_manifest_changes_nothing(wardgate: Any, tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """File, line and key are named; neither `check` nor `apply` takes it; the generation stays."""
    text = source(f"http://127.0.0.1:{wardgate.demo_port}").content.decode()
    assert change[0] in text
    path = tmp_path / "manifest.yaml"
    path.write_text(text.replace(*change, 1))
    with World(wardgate.data, None) as world:
        before = world.stores.generation.current()
        for command in (("manifest", "check", path), ("manifest", "apply", path, "--yes"), ("manifest", "diff", path)):
            result = wardgate.cli(*command)
            assert result.code == 1
            assert f"{path}:" in result.out + result.err
            assert said in result.out + result.err
        assert world.stores.generation.current() == before


# --- a disk that fills up

@pytest.fixture
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of one test."""
    with new_wardgate() as one:
        yield one


def test_a_disk_that_fills_up_issues_nothing_and_loses_nothing(own: Any, until: Any) -> None:
    """What cannot be recorded is not answered; with room again, it is; and the chain is whole."""
    with own.client() as client:
        own.token(client)
        own.done("audit", "verify")
        pid = own.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
        refused = client.post(TOKEN, data=own.form())
        assert (refused.status_code, refused.headers["x-wardgate-reason"]) == (500, "oauth-unexpected"), refused.text
        assert client.get(OPEN).status_code == 200, "rules that are in force need no disk"
        request_id = client.get(OPEN).headers["x-request-id"]
        own.done("app", "revoke", "limited-app", "--wait", 0)
        time.sleep(1.5)  # the change cannot be validated now; what is in force stays
        assert own.process.poll() is None, own.said()
        limited = {"apikey": "limited-app-key-not-a-secret"}
        assert client.get("/hello-world/hello/application", headers=limited).status_code == 200
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        until(lambda: client.post(TOKEN, data=own.form()).status_code == 200, what="a token")
        until(lambda: client.get("/hello-world/hello/application", headers=limited).status_code == 401, what="the change")
    assert own.done("explain", request_id, "--wait", 10)["events"][0]["type"] == "CallAllowed"
    assert own.done("audit", "verify")["intact"]
