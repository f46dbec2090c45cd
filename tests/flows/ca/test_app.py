"""The public endpoints over HTTP, as OpenSSL and browsers use them."""

import base64
import http.client
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from cryptography import x509
from cryptography.x509 import ocsp as library


def status_by_openssl(world: Any, server: str, issued: Any, *options: str) -> str:
    """What `openssl ocsp` says of a certificate."""
    world.write("leaf.pem", issued.certificate_pem)
    bundle = world.ca.trust_bundle()
    world.write("ca.pem", bundle)
    issuer = bundle.split("-----END CERTIFICATE-----\n")[1] + "-----END CERTIFICATE-----\n"
    world.write("issuer.pem", issuer)
    done = world.openssl("ocsp", *options, "-issuer", "issuer.pem", "-cert", "leaf.pem", "-url", f"{server}/pki/ocsp", "-CAfile", "ca.pem")
    assert "Response verify OK" in done.stderr, done.stderr
    return str(done.stdout).splitlines()[0].removeprefix("leaf.pem: ")


def test_openssl_ocsp(world: Any, server: str) -> None:
    """Good, then revoked with its reason; with and without a nonce; the issuer named with SHA-1 and SHA-256."""
    issued, _ = world.client()
    assert status_by_openssl(world, server, issued) == "good"
    assert status_by_openssl(world, server, issued, "-no_nonce") == "good"
    assert status_by_openssl(world, server, issued, "-sha256") == "good"
    world.ca.revoke(fingerprint=issued.certificate.fingerprint, reason="keyCompromise", now=world.now)
    assert status_by_openssl(world, server, issued) == "revoked"


def test_openssl_asks_about_several_certificates(world: Any, server: str) -> None:
    """One request, an answer for each: good, revoked, and a serial number that was never issued."""
    issued, _ = world.client()
    revoked, _ = world.client("gone.nhs.uk")
    world.ca.revoke(name="gone.nhs.uk", reason="superseded", now=world.now)
    status_by_openssl(world, server, issued)
    done = world.openssl(
        "ocsp", "-issuer", "issuer.pem", "-serial", f"0x{issued.certificate.serial}", "-serial", f"0x{revoked.certificate.serial}",
        "-serial", "0x123456789abcdef0123", "-url", f"{server}/pki/ocsp", "-CAfile", "ca.pem",
    )  # fmt: skip
    answers = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("0x")]
    assert answers == ["good", "revoked", "unknown"], done.stderr


def test_the_issuing_authority_can_be_asked_about(world: Any, server: str) -> None:
    """The root answers for the authority it certified."""
    authority = next(c for c in world.ca.certificates() if c.name == "authentication-1")
    world.write("issuing.pem", authority.certificate_pem)
    world.write("root.pem", world.ca.roots())
    done = world.openssl("ocsp", "-issuer", "root.pem", "-cert", "issuing.pem", "-url", f"{server}/pki/ocsp", "-CAfile", "root.pem")
    assert done.stdout.splitlines()[0] == "issuing.pem: good", done.stderr


def request_for(world: Any, issued: Any) -> bytes:
    """An OCSP request without a nonce."""
    world.write("one.pem", issued.certificate_pem)
    world.write("all.pem", "".join(issued.chain_pem.partition("-----END CERTIFICATE-----\n")[2:]))
    done = world.openssl("ocsp", "-issuer", "all.pem", "-cert", "one.pem", "-no_nonce", "-reqout", "one.req")
    assert done.returncode == 0, done.stderr
    return bytes((world.directory / "one.req").read_bytes())


def test_ocsp_by_get_may_be_cached(world: Any, server: str) -> None:
    """RFC 6960 appendix A: base64 in the path, escaped or not; RFC 5019: headers say for how long."""
    issued, _ = world.client()
    encoded = base64.b64encode(request_for(world, issued)).decode()
    for path in (quote(encoded, safe=""), encoded):
        answer = httpx2.get(f"{server}/pki/ocsp/{path}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/ocsp-response"
        assert answer.headers["cache-control"] == "max-age=300, public, no-transform, must-revalidate"
        read = library.load_der_ocsp_response(answer.content)
        assert read.certificate_status is library.OCSPCertStatus.GOOD
        assert answer.headers["expires"] == f"{read.next_update_utc:%a, %d %b %Y %H:%M:%S GMT}"


@pytest.mark.parametrize(("path", "status"), [("", 405), ("AAAA", 200), ("not base64!", 200), ("A" * 6000, 414)])
def test_ocsp_by_get_refused(server: str, path: str, status: int) -> None:
    """What is not a request gets `malformedRequest`, which nobody may cache; what is too long gets 414."""
    answer = httpx2.get(f"{server}/pki/ocsp" + (f"/{path}" if path else ""))
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["cache-control"] == "no-store"
        read = library.load_der_ocsp_response(answer.content)
        assert read.response_status is library.OCSPResponseStatus.MALFORMED_REQUEST


def test_ocsp_by_post_refused(world: Any, server: str) -> None:
    """Wrong content type 415, too large 413 whether declared or not, an issuer that is not ours `unauthorized`."""
    url, kind = f"{server}/pki/ocsp", {"content-type": "application/ocsp-request"}
    assert httpx2.post(url, content=b"x", headers={"content-type": "text/plain"}).status_code == 415
    assert httpx2.post(url, content=b"x" * 4097, headers=kind).status_code == 413
    assert httpx2.post(url, content=iter([b"x" * 3000] * 2), headers=kind).status_code == 413
    malformed = httpx2.post(url, content=b"x" * 4096, headers=kind)
    assert library.load_der_ocsp_response(malformed.content).response_status is library.OCSPResponseStatus.MALFORMED_REQUEST
    world.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=foreign", "-keyout", "f.key", "-out", "f.pem")
    world.openssl("ocsp", "-issuer", "f.pem", "-cert", "f.pem", "-reqout", "f.req")
    foreign = httpx2.post(url, content=(world.directory / "f.req").read_bytes(), headers=kind)
    assert foreign.status_code == 200
    assert library.load_der_ocsp_response(foreign.content).response_status is library.OCSPResponseStatus.UNAUTHORIZED


def test_a_body_that_never_comes(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request must arrive in time."""
    monkeypatch.setattr("wardgate.ca.app.BODY_TIMEOUT_SECONDS", 0.2)
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=10)
    connection.putrequest("POST", "/pki/ocsp")
    connection.putheader("content-type", "application/ocsp-request")
    connection.putheader("content-length", "100")
    connection.endheaders()
    connection.send(b"0")
    assert connection.getresponse().status == 408
    connection.close()


def test_lists_and_certificates(world: Any, server: str) -> None:
    """DER of each authority's list and certificate, at the addresses that certificates carry; PEM of the roots."""
    issued, _ = world.client()
    leaf = x509.load_pem_x509_certificate(issued.certificate_pem.encode())
    point = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0].full_name[0].value
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    addresses = {a.access_method._name: urlsplit(a.access_location.value).path for a in access}
    assert addresses["OCSP"] == "/pki/ocsp"
    crl = httpx2.get(server + urlsplit(point).path)
    assert crl.headers["content-type"] == "application/pkix-crl"
    assert crl.headers["etag"] == '"1"'
    loaded = x509.load_der_x509_crl(crl.content)
    issuer = httpx2.get(server + addresses["caIssuers"])
    assert issuer.headers["content-type"] == "application/pkix-cert"
    certificate = x509.load_der_x509_certificate(issuer.content)
    assert loaded.is_signature_valid(certificate.public_key())
    leaf.verify_directly_issued_by(certificate)
    roots = httpx2.get(f"{server}/pki/ca.pem")
    assert roots.headers["content-type"].startswith("application/pem-certificate-chain")
    assert roots.text == world.ca.roots()


@pytest.mark.parametrize("path", ["crl/nobody.crl", "ca/nobody.crt", "crl/root-1", "crl/..%2froot-1.crl", "ca", ""])
def test_what_is_not_there(server: str, path: str) -> None:
    """404, without a hint."""
    assert httpx2.get(f"{server}/pki/{path}").status_code == 404


def test_a_retired_authoritys_list_stays_published(world: Any, server: str) -> None:
    """Others may still hold its certificates."""
    world.ca.rotate_issuing_ca(world.environment, world.now)
    world.ca.retire_issuing_ca("authentication-1", world.now)
    assert httpx2.get(f"{server}/pki/crl/authentication-1.crl").status_code == 200
    published = world.ca.publish_crls(world.now + timedelta(hours=13))
    assert {crl.authority for crl in published} == {"root-1", "authentication-1", "authentication-2"}


def test_a_store_that_does_not_answer(world: Any, server: str) -> None:
    """503 on lists; `tryLater` from the responder, never `good`."""
    issued, _ = world.client()
    request = request_for(world, issued)
    (world.directory.parent / "wardgate.db").rename(world.directory.parent / "gone.db")
    world.stores.close()
    (world.directory.parent / "wardgate.db").mkdir()
    assert httpx2.get(f"{server}/pki/crl/root-1.crl").status_code == 503
    answer = httpx2.post(f"{server}/pki/ocsp", content=request, headers={"content-type": "application/ocsp-request"})
    assert library.load_der_ocsp_response(answer.content).response_status is library.OCSPResponseStatus.TRY_LATER
