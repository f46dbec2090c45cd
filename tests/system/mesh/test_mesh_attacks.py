"""Hostile callers of the mailboxes of a whole Wardgate: other certificates, other ports, other paths, other octets; and what is left in files."""

import hashlib
import secrets
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mesh_rows.place import BASE, V2, certificate
from system import running as system
from system.mesh_post import MeshPost

ALICES_NAME = "pc1.z9x01.api.mesh-client.nhs.uk"


def reason(answer: httpx2.Response) -> tuple[int, str | None]:
    """Return what was said."""
    return answer.status_code, answer.headers.get("x-wardgate-reason")


def raw(post: MeshPost, mailbox: str, request: bytes) -> bytes:
    """Send octets over a mailbox's certificate, and return those that come."""
    context = post.wardgate.trust()
    context.load_cert_chain(*post.certificates[mailbox])
    with system.socket.create_connection(("127.0.0.1", post.wardgate.mtls_port), 20) as plain, context.wrap_socket(plain, server_hostname="localhost") as wrapped:
        wrapped.sendall(request)
        found = b""
        try:
            while piece := wrapped.recv(65_536):
                found += piece
                head, ended, _ = found.partition(b"\r\n\r\n")
                if ended and (b"content-length: 0" in head or len(found) > len(head) + 4):
                    break
        except (ssl.SSLError, ConnectionError):
            pass
        return found


def request(post: MeshPost, line: str, *headers: bytes, token: str | None = None) -> bytes:
    """Return a request with headers as they are."""
    lines = [line.encode("latin-1"), b"Host: localhost", b"Authorization: " + (token or post.token("ALICE")).encode(), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


SPOOFED = ("X-Forwarded-Client-Cert", "x-forwarded-client-cert", "X-FORWARDED-CLIENT-CERT")


@pytest.mark.parametrize("name", SPOOFED)
@pytest.mark.parametrize("value", [certificate("ALICE"), f'By=spiffe://a;{certificate("ALICE")}', f'{certificate("BOB")},{certificate("ALICE")}', ""])
def test_a_certificate_cannot_be_told(mesh_post: MeshPost, name: str, value: str) -> None:
    """What a caller says of its certificate is not heard, however often it says it."""
    told = [("Authorization", mesh_post.token("ALICE")), (name, value), (name, certificate("ALICE"))]
    answer = mesh_post.client("BOB").request("GET", f"{BASE}/ALICE/inbox", headers=told)
    assert reason(answer) == (403, "mesh-certificate-of-another")
    own = mesh_post.client("ALICE").request("GET", f"{BASE}/ALICE/inbox", headers=[("Authorization", mesh_post.token("ALICE")), (name, certificate("BOB"))])
    assert own.status_code == 200


def test_other_ports_have_no_mailboxes(mesh_post: MeshPost) -> None:
    """Neither with a good token nor with a certificate that is told."""
    wardgate, found = mesh_post.wardgate, []
    addresses = [wardgate.url, f"http://127.0.0.1:{wardgate.http_port}", wardgate.smartcard_url, f"http://127.0.0.1:{wardgate.demo_port}"]
    for address in addresses:
        for path in (f"{BASE}/ALICE/inbox", f"{BASE}/_ping", f"{BASE}/admin/reset"):
            told = {"Authorization": mesh_post.token("ALICE"), "X-Forwarded-Client-Cert": certificate("ALICE")}
            try:
                with httpx2.Client(verify=wardgate.trust(), trust_env=False) as client:
                    answer = client.get(address + path, headers=told)
            except httpx2.TransportError:
                continue
            found.append((answer.status_code >= 400, "messages" not in answer.text, not (answer.headers.get("x-wardgate-reason") or "").startswith("mesh-")))
    assert len(found) >= 3
    assert set(found) == {(True, True, True)}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Certificates with ALICE's name: one by another environment's authority, one by itself."""
    directory = tmp_path_factory.mktemp("foreign")
    now = datetime.now(UTC)
    authority = ec.generate_private_key(ec.SECP256R1())

    def made(kind: str, issuer: str, signer: Any, key: Any) -> tuple[Path, Path]:
        builder = x509.CertificateBuilder(
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]), subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ALICES_NAME)]),
            public_key=key.public_key(), serial_number=x509.random_serial_number(), not_valid_before=now - timedelta(days=1), not_valid_after=now + timedelta(days=9),
        ).add_extension(x509.SubjectAlternativeName([x509.DNSName(ALICES_NAME)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        chain, private = directory / f"{kind}.pem", directory / f"{kind}.key"
        chain.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return chain, private

    own = ec.generate_private_key(ec.SECP256R1())
    return {"another authority": made("other", "Wardgate test CA", authority, ec.generate_private_key(ec.SECP256R1())), "itself": made("self", ALICES_NAME, own, own)}


@pytest.mark.parametrize("by", ["another authority", "itself", None])
def test_certificates_of_others(mesh_post: MeshPost, foreign: dict[str, tuple[Path, Path]], by: str | None) -> None:
    """TLS ends before anything is asked."""
    context = mesh_post.wardgate.trust()
    if by is not None:
        context.load_cert_chain(*foreign[by])
    with httpx2.Client(base_url=mesh_post.wardgate.mtls_url, verify=context, trust_env=False) as client, pytest.raises(httpx2.TransportError):
        client.get(f"{BASE}/ALICE/inbox", headers={"Authorization": mesh_post.token("ALICE")})


def test_a_revoked_certificate(mesh_post: MeshPost, tmp_path: Path) -> None:
    """It speaks for no mailbox, on its open connection either."""
    shown = system.certificate(mesh_post.wardgate, "dave", tmp_path)
    with mesh_post.wardgate.client(mutual_tls=shown) as client:
        def asked() -> tuple[int, str | None]:
            try:
                return reason(client.get(f"{BASE}/DAVE/inbox", headers={"Accept": V2, "Authorization": mesh_post.token("DAVE")}))
            except httpx2.TransportError:  # a new connection: TLS says no
                return 495, "certificate-revoked"

        assert asked() == (403, "mesh-mailbox-inactive")
        fingerprint = x509.load_pem_x509_certificates(shown[0].read_bytes())[0].fingerprint(hashes.SHA256()).hex()
        mesh_post.wardgate.done("cert", "revoke", "--fingerprint", fingerprint, "--reason", "keyCompromise")
        system.until(lambda: asked() == (495, "certificate-revoked"), what="the revocation")


@pytest.mark.parametrize(("method", "path"), [
    ("DELETE", "/messageexchange/admin/reset"), ("DELETE", "/messageexchange/admin/reset/ALICE"), ("POST", "/messageexchange/admin/report"), ("DELETE", "/admin/reset"),
    ("DELETE", "/messageexchange/../admin/reset"), ("DELETE", "/messageexchange/%2e%2e/admin/reset"), ("DELETE", "/messageexchange/x/..%2f..%2fadmin/reset"),
    ("DELETE", "//messageexchange//admin//reset"), ("GET", "/messageexchange/ALICE/inbox/..%2f..%2fBOB/inbox"), ("GET", "/messageexchange/ALICE/../BOB/inbox"),
    ("GET", "/messageexchange/ALICE/inbox%00"), ("GET", "/messageexchange/ALICE%00/inbox"), ("GET", "/messageexchange/BOB%2finbox"), ("GET", "/MESSAGEEXCHANGE/ALICE/inbox"),
    ("GET", "/messageexchange/ALICE/..;/BOB/inbox"), ("GET", "/messageexchange"), ("CONNECT", "/messageexchange/ALICE/inbox"), ("TRACE", "/messageexchange/ALICE/inbox"),
])
def test_other_paths(mesh_post: MeshPost, method: str, path: str) -> None:
    """None is another's mailbox, a route of tests, or a fault."""
    answered = raw(mesh_post, "ALICE", request(mesh_post, f"{method} {path} HTTP/1.1", b"Content-Length: 0"))
    status = int(answered.split(b" ", 2)[1])
    assert 400 <= status < 500, answered
    assert b"mesh-failed" not in answered


TWO = ("{good}, {other}", "{other}, {good}", "{good} ", "{good}\t", " {good}", "{good}:", "NHSMESH  {rest}", "nhsmesh {rest}", "NHSMESH\t{rest}", "NHSMESH {rest}\x0b", "Basic {rest}")


@pytest.mark.parametrize("form", TWO)
def test_tokens_in_other_forms(mesh_post: MeshPost, form: str) -> None:
    """Spaces around a header are none of it; everything else is another token."""
    good, other = mesh_post.token("ALICE"), mesh_post.token("BOB")
    told = form.format(good=good, other=other, rest=good.removeprefix("NHSMESH "))
    answered = raw(mesh_post, "ALICE", request(mesh_post, "GET /messageexchange/ALICE/inbox HTTP/1.1", token=told))
    assert answered.split(b" ", 2)[1] == (b"200" if told.strip(" \t") == good else b"400" if "\x0b" in told else b"403"), answered


def test_two_headers_are_no_choice(mesh_post: MeshPost) -> None:
    """Of two tokens neither counts, in either order."""
    for first, second in (("ALICE", "BOB"), ("BOB", "ALICE")):
        extra = f"Authorization: {mesh_post.token(second)}".encode()
        answered = raw(mesh_post, "ALICE", request(mesh_post, "GET /messageexchange/ALICE/inbox HTTP/1.1", extra, token=mesh_post.token(first)))
        assert answered.split(b" ", 2)[1] == b"403", answered


def test_a_token_is_for_one_request(mesh_post: MeshPost) -> None:
    """Wherever it is used again, and in whatever letters."""
    token = mesh_post.token("ALICE")
    assert mesh_post.call("ALICE", "GET", "ALICE/inbox", Authorization=token).status_code == 200
    head, _, made = token.rpartition(":")
    for written in (token, f"{head}:{made.upper()}"):
        for method, path in (("GET", "ALICE/inbox"), ("GET", "alice/count"), ("GET", "workflowsearch/LETTERS"), ("PUT", "ALICE/inbox/M1/status/acknowledged")):
            assert reason(mesh_post.call("ALICE", method, path, Authorization=written)) == (403, "mesh-token-used")
    assert reason(mesh_post.call("BOB", "GET", "BOB/inbox", Authorization=token)) == (403, "mesh-token-of-another-mailbox")


@pytest.mark.parametrize("value", [b"a\r\nMex-From: BOB", b"a\nMex-From: BOB", b"a\rb", b"a\x00b", b"a\x1bb", b"a\x7fb", b"a\r\n folded"])
def test_texts_that_would_be_headers(mesh_post: MeshPost, value: bytes) -> None:
    """None comes out as another header than it went in."""
    told = (b"Mex-To: BOB", b"Mex-WorkflowID: LETTERS", b"Mex-Subject: " + value, b"Content-Length: 5")
    answered = raw(mesh_post, "ALICE", request(mesh_post, "POST /messageexchange/ALICE/outbox HTTP/1.1", *told) + b"hello")
    status = int(answered.split(b" ", 2)[1])
    assert status in {202, 400, 417}, answered  # NOTE: 417 for a second Mex-From, which is another's; 202 where Envoy makes spaces of what was folded.
    if status == 202:
        sent = answered.rpartition(b'"messageID":"')[2].partition(b'"')[0].decode()
        read = mesh_post.call("BOB", "GET", f"BOB/inbox/{sent}")
        assert (read.headers["mex-from"], read.headers["mex-subject"].isprintable()) == ("ALICE", True)


def test_octets_that_are_no_ascii(mesh_post: MeshPost) -> None:
    """They go out as they came in."""
    subject = "Ünïcode 漢字".encode() + b" \x85\x9b31m\xff"
    told = (b"Mex-To: BOB", b"Mex-WorkflowID: LETTERS", b"Mex-Subject: " + subject, b"Content-Length: 5", b"Accept: application/vnd.mesh.v2+json")
    answered = raw(mesh_post, "ALICE", request(mesh_post, "POST /messageexchange/ALICE/outbox HTTP/1.1", *told) + b"hello")
    assert b" 202 " in answered.partition(b"\r\n")[0], answered
    sent = answered.rpartition(b'"message_id":"')[2].partition(b'"')[0].decode()
    read = mesh_post.call("BOB", "GET", f"BOB/inbox/{sent}")
    assert dict(read.headers.raw)[b"mex-subject"] == subject


@pytest.mark.parametrize("headers", [[b"Mex-A%d: b" % number for number in range(10_000)], [b"Mex-Subject: " + b"a" * 1_000_000]], ids=["many", "large"])
def test_headers_without_end(mesh_post: MeshPost, headers: list[bytes]) -> None:
    """They are Envoy's to refuse."""
    answered = raw(mesh_post, "ALICE", request(mesh_post, "GET /messageexchange/ALICE/inbox HTTP/1.1", *headers))
    assert answered == b"" or answered.split(b" ", 2)[1] == b"431", answered


def test_pages_of_others(mesh_post: MeshPost) -> None:
    """The name of a place in one inbox is none in another, nor is one that was changed."""
    for _ in range(11):
        mesh_post.sent()
    page = mesh_post.call("BOB", "GET", "BOB/inbox?max_results=10").json()["links"]["next"]
    place = page.partition("continue_from=")[2]
    assert mesh_post.call("BOB", "GET", f"BOB/inbox?continue_from={place}").status_code == 200
    forged = [place[:-1] + ("0" if place[-1] != "0" else "1"), "0" * 16 + place[16:], place + "0", place.upper().replace("A", "G"), "f" * 32, "-" + place[1:], "%F0%9F%92%A9" * 24]
    told = [("ALICE", place), *(("BOB", one) for one in forged)]
    for who, one in told:
        assert reason(mesh_post.call(who, "GET", f"{who}/inbox?continue_from={one}")) == (400, "mesh-parameter-value"), one


@pytest.mark.parametrize("stated", ["' OR 1=1 --", "LETTERS' --", "%%", "__", ".*", "(a+)+$", "*%*", "a*b", "**", "!!A", "*_ETTERS*", "\u212a\u212a"])
def test_filters_are_no_language(mesh_post: MeshPost, stated: str) -> None:
    """Beside the stars nothing in them means anything."""
    mesh_post.sent()
    answer = mesh_post.client("BOB").get(f"{BASE}/BOB/inbox", params={"workflow_filter": stated}, headers={"Authorization": mesh_post.token("BOB")})
    assert (answer.status_code, answer.json().get("messages", [])) in [(200, []), (400, [])]


def test_what_is_left_in_files(mesh_post: MeshPost) -> None:
    """No text, content or token is in any file in the clear: not in the database, its log, the bodies, Envoy's log, or the process's."""
    needles = {name: f"needle-{name}-{secrets.token_hex(8)}" for name in ("subject", "local", "file", "partner", "small", "large", "path", "query", "password")}
    token = mesh_post.token("ALICE")
    texts = {"Mex_Subject": needles["subject"], "Mex_LocalID": needles["local"], "Mex_FileName": needles["file"], "Mex_PartnerID": needles["partner"]}
    for body in (needles["small"], needles["large"] * 10_000):
        message_id = mesh_post.sent(body.encode(), **texts)
    assert mesh_post.call("ALICE", "GET", "ALICE/inbox", Authorization=token).status_code == 200
    assert mesh_post.call("ALICE", "GET", f"ALICE/outbox/tracking/{needles['path']}").status_code == 404
    assert mesh_post.call("ALICE", "GET", f"ALICE/outbox/tracking?messageID={needles['query']}").status_code == 404
    assert mesh_post.call("ALICE", "POST", "ALICE/outbox", b"x", Mex_To="GPPROVIDER_9990000018_09011955_NEEDLESMITH", Mex_WorkflowID="LETTERS").status_code == 417
    mesh_post.wardgate.done("mesh", "mailbox", "password", "CAROL", "-", stdin=needles["password"])
    read = mesh_post.call("BOB", "GET", f"BOB/inbox/{message_id}")
    assert hashlib.sha256(read.content).digest() == hashlib.sha256((needles["large"] * 10_000).encode()).digest()
    wanted = [*needles.values(), "NEEDLESMITH", "9990000018", token.rpartition(":")[2], "BackBone"]
    found = {(text, path.name) for path in _files(mesh_post) for text in wanted if text.encode() in path.read_bytes()}
    assert found <= {("BackBone", "shared.key")}
    bodies = list((mesh_post.wardgate.data / "mesh").rglob("*"))
    assert any(path.is_file() for path in bodies)
    assert {path.stat().st_mode & 0o077 for path in bodies} == {0}


def _files(post: MeshPost) -> Iterator[Path]:
    yield post.wardgate.log
    yield from (path for path in post.wardgate.data.rglob("*") if path.is_file())
