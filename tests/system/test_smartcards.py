"""Smartcards against a real Envoy: the key in SoftHSM, the handshake through PKCS#11, the code through our own /authorize.

And what nobody may do: tell of a certificate oneself, on whatever port.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from simulators.smartcards import HardwareCard, curl, in_files, in_softhsm
from wardgate.oauth.users import ProviderKind
from wardgate.standins.surfaces import surface_of

WORKER = "656005750104"
CALLBACK = "https://example.org/callback"
SECRET = {"client_id": "demo-app-key-not-a-secret", "client_secret": "demo-app-client-secret"}
READER = "/login-actions/smartcard"
OWN = surface_of(ProviderKind.CIS2, None).base


@pytest.fixture(scope="module")
def card(wardgate: Any, tmp_path_factory: pytest.TempPathFactory) -> HardwareCard:
    """A worker's smartcard: nobody can read its key."""
    return in_softhsm(wardgate, WORKER, tmp_path_factory.mktemp("cards"))


@pytest.fixture(scope="module")
def files(wardgate: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Issue a card whose key is in a file."""
    directory = tmp_path_factory.mktemp("files")
    return lambda username: in_files(wardgate, username, directory)


@pytest.fixture
def browser(wardgate: Any) -> Iterator[httpx2.Client]:
    """A browser: it keeps cookies, and is asked before it follows a redirect to another host."""
    with wardgate.client() as one:
        yield one


def begin(browser: httpx2.Client, wardgate: Any, base: str = "/oauth2", **asked: str) -> str:
    """Begin at our authorization endpoint, choose the smartcard, and return the address of the reader's page."""
    parameters = {"client_id": SECRET["client_id"], "redirect_uri": CALLBACK, "response_type": "code", "state": "state-1", **asked}
    sent = browser.get(f"{base}/authorize", params=parameters)
    page = browser.get(sent.headers["location"])
    assert page.status_code == 200, page.text
    link = re.search(r'href="([^"]*method=smartcard[^"]*)"', page.text)
    assert link is not None, page.text
    chosen = browser.get(unescape(link[1]))
    reader = re.search(rf'href="({re.escape(wardgate.smartcard_url)}[^"]*)"', chosen.text)
    assert reader is not None, chosen.text
    return unescape(reader[1])


def finish(browser: httpx2.Client, back: str) -> dict[str, str]:
    """Go back with the proof, press the button, and follow to the client; return the parameters it gets."""
    page = browser.get(back)
    form = re.search(r'<form action="([^"]*)" method="post">(.*?)</form>', page.text, re.DOTALL)
    assert form is not None, page.text
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', form[2]))
    answer = browser.post(unescape(form[1]), data=fields)
    while not answer.headers["location"].startswith(CALLBACK):
        answer = browser.get(answer.headers["location"])
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.mark.parametrize("base", ["/oauth2", "/oauth2-mock"])
def test_a_key_in_softhsm_opens_an_aal3_route(wardgate: Any, browser: httpx2.Client, card: HardwareCard, base: str) -> None:
    """/authorize with AAL3, the handshake signed in the token, a code, a token that opens the AAL3 route and no other."""
    status, headers, _ = card.curl(begin(browser, wardgate, base, acr_values="AAL3_ANY"))
    assert status == 303
    assert "set-cookie" not in headers
    got = finish(browser, headers["location"])
    assert got["state"] == "state-1"
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": got["code"], **SECRET}
    token = browser.post(f"{base}/token", data=form).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    statuses = {level: browser.get(f"/user-demo/test-auth/nhs-cis2/{level}", headers=bearer).status_code for level in ("aal1", "aal2", "aal3")}
    assert statuses == {"aal1": 403, "aal2": 403, "aal3": 200}
    told = browser.get(f"{base}/userinfo", headers=bearer).json()
    assert told["nhsid_useruid"] == WORKER


def test_the_records_say_how(wardgate: Any, browser: httpx2.Client, card: HardwareCard) -> None:
    """The sign-in names its method, and nobody's identifier is in clear."""
    _, headers, _ = card.curl(begin(browser, wardgate))
    finish(browser, headers["location"])
    events = recorded(wardgate)
    signed_in = [event for event in events if event["type"] == "StandInSignedIn"][-1]
    assert signed_in["details"]["method"] == "smartcard"
    issued = [event for event in events if event["type"] == "CertificateIssued" and event["details"]["subject_kind"] == "user"]
    assert len(issued) >= 1
    assert all(WORKER not in str(event) for event in [signed_in, *issued])


def recorded(wardgate: Any) -> list[dict[str, Any]]:
    """Return the bodies of the newest records, oldest first."""
    lines = wardgate.cli("audit", "tail", "--lines", 1000, "--output", "json").out.splitlines()
    return [found.get("body", found) for found in map(json.loads, lines)]


def test_without_a_certificate_there_is_a_page(wardgate: Any, browser: httpx2.Client) -> None:
    """Whatever the TLS-MA profile is: this port asks, and takes no for an answer."""
    status, headers, body = curl(begin(browser, wardgate), wardgate.ca)
    assert (status, headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "The browser presented no certificate." in body


def test_another_authoritys_certificate(wardgate: Any, browser: httpx2.Client, tmp_path: Path) -> None:
    """With the worker's identifier as its subject: a page, and no sign-in."""
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", tmp_path / "key.pem",
                           "-out", tmp_path / "cert.pem", "-subj", f"/O=Wardgate/OU=People/UID={WORKER}/CN=Amara Osei (smartcard)"],
                          capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    status, _, body = curl(begin(browser, wardgate), wardgate.ca, "--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    assert status == 403
    assert "The certificate was not issued by this Wardgate." in body


@pytest.mark.parametrize("name", [
    '";Hash={0};Subject="', 'a\\\\";Hash={0};Subject="', '",Hash={0};Subject="UID={1}', "a,Hash={0}", ";Hash={0};", "a\\nHash={0}", "{1}é\u202e",
], ids=["quote", "backslash and quote", "another element", "comma", "semicolons", "escape", "not ASCII"])
def test_a_subject_that_tells_of_another_certificate(
    wardgate: Any, browser: httpx2.Client, card: HardwareCard, tmp_path: Path, name: str
) -> None:
    """This port takes certificates that anybody made: what a subject says stays within the subject, and the fingerprint is the one of TLS."""
    fingerprint = next(entry["fingerprint"] for entry in wardgate.done("cert", "list") if entry["subject"] == WORKER)
    key = rsa.generate_private_key(65537, 2048)
    told = name.format(fingerprint, WORKER)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x"), x509.NameAttribute(NameOID.SERIAL_NUMBER, "1"),
                         x509.NameAttribute(NameOID.PSEUDONYM, told)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1).not_valid_before(
        now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(key, SHA256())
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    status, headers, body = curl(begin(browser, wardgate), wardgate.ca, "--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    assert (status, "location" in headers) == (403, False)
    assert "The certificate was not issued by this Wardgate." in body
    refused = [event for event in recorded(wardgate) if event["type"] == "StandInRefused"][-1]
    assert refused["details"]["fingerprint"] == made.fingerprint(SHA256()).hex()


def test_an_applications_certificate(wardgate: Any, browser: httpx2.Client, new_certificate: Callable[..., tuple[Path, Path]]) -> None:
    """Good at the mutual-TLS port, and of no person."""
    chain, key = new_certificate(wardgate, "tls-app")
    status, _, body = curl(begin(browser, wardgate), wardgate.ca, "--cert", str(chain), "--key", str(key))
    assert (status, "not of a person" in body) == (403, True)


def test_a_persons_certificate_opens_nothing_else(wardgate: Any, files: Callable[[str], tuple[Path, Path]]) -> None:
    """At the mutual-TLS port its chain is good and it is nobody's application."""
    with wardgate.client(mutual_tls=files(WORKER)) as client:
        answer = client.get("/tls-demo/hello")
        assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (403, "certificate-not-registered")
        assert client.get(f"{OWN}{READER}").status_code == 404


def test_a_card_is_renewed(wardgate: Any, browser: httpx2.Client, files: Callable[[str], tuple[Path, Path]], tmp_path: Path) -> None:
    """For the same person and key; both sign in until the old one ends."""
    chain, key = files("787807429512")
    made = wardgate.done("cert", "renew", "--name", "787807429512", "--early", "--out", tmp_path)
    assert (made["subject_kind"], made["subject"]) == ("user", "787807429512")
    for one in (chain, tmp_path / "chain.pem"):
        assert curl(begin(browser, wardgate), wardgate.ca, "--cert", str(one), "--key", str(key))[0] == 303


@pytest.mark.parametrize("reason", ["keyCompromise", "cessationOfOperation"])
def test_a_revoked_card(wardgate: Any, browser: httpx2.Client, files: Callable[[str], tuple[Path, Path]], reason: str) -> None:
    """Refused with the next request after the command, and the record says why it was revoked."""
    chain, key = files("656005750107")
    reader, how = begin(browser, wardgate), ("--cert", str(chain), "--key", str(key))
    assert curl(reader, wardgate.ca, *how)[0] == 303
    wardgate.done("cert", "revoke", "--name", "656005750107", "--reason", reason)
    status, _, body = curl(reader, wardgate.ca, *how)
    assert (status, "The smartcard was revoked." in body) == (403, True)
    refused = [event for event in recorded(wardgate) if event["type"] == "StandInRefused"][-1]
    assert (refused["details"]["why"], refused["details"]["revocation_reason"]) == ("certificate-revoked", reason)


FORGED = {"x-wardgate-listener": "smartcard", "X-Wardgate-Listener": "smartcard"}


@pytest.mark.parametrize("port", ["url", "mtls_url", "http"])
def test_a_certificate_cannot_be_told_of_elsewhere(
    wardgate: Any, browser: httpx2.Client, card: HardwareCard, new_certificate: Callable[..., tuple[Path, Path]], port: str
) -> None:
    """The door's header and Envoy's are replaced on every port: what a caller says of them leads nowhere."""
    reader = begin(browser, wardgate)
    fingerprint = next(entry["fingerprint"] for entry in wardgate.done("cert", "list") if entry["subject"] == WORKER)
    forged = {**FORGED, "x-forwarded-client-cert": f'Hash={fingerprint};Subject="UID={WORKER}"'}
    target = reader.removeprefix(wardgate.smartcard_url)
    how = {"mutual_tls": new_certificate(wardgate, "tls-app")} if port == "mtls_url" else {}
    with wardgate.client(**how) as caller:
        base = f"http://localhost:{wardgate.http_port}" if port == "http" else ""
        answer = caller.get(base + target, headers=forged)
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_a_certificate_cannot_be_told_of_at_the_reader(wardgate: Any, browser: httpx2.Client, card: HardwareCard, files: Any) -> None:
    """Where Envoy tells of the one presented, or of none, a caller's word is dropped: once, twice, in any case of letters."""
    fingerprint = next(entry["fingerprint"] for entry in wardgate.done("cert", "list") if entry["subject"] == WORKER)
    claim = f'Hash={fingerprint};Subject="UID={WORKER}"'
    chain, key = files("656005750108")
    for name in ("X-Forwarded-Client-Cert", "x-forwarded-client-cert"):
        said = ("--header", f"{name}: {claim}", "--header", f"{name}: {claim}")
        assert curl(begin(browser, wardgate), wardgate.ca, *said)[0] == 403
        status, headers, _ = curl(begin(browser, wardgate), wardgate.ca, *said, "--cert", str(chain), "--key", str(key))
        assert status == 303
        assert "Esme Adeyemi" in browser.get(headers["location"]).text


def test_the_reader_is_all_there_is_at_its_port(wardgate: Any) -> None:
    """No API, no token endpoint, no sign-in page: what only this port may do cannot be reached through it either way."""
    for path in ("/", "/oauth2/token", "/hello-world/hello/world", f"{OWN}/authorize", f"{OWN}/login-actions/authenticate", "/pki/ocsp", "/refusal",
                 "/standins/nhs-login/login-actions/smartcard", f"{OWN}{READER}/", f"{OWN}{READER}/..%2fauthorize"):
        assert curl(wardgate.smartcard_url + path, wardgate.ca)[0] in {400, 404}, path
    status, headers, _ = curl(wardgate.smartcard_url + "/standins/assets/stand-in.css", wardgate.ca)
    assert (status, headers["content-type"], headers["connection"]) == (200, "text/css; charset=utf-8", "close")


def test_browsers_are_asked_on_this_port_only(wardgate: Any) -> None:
    """The ordinary port's handshake asks for no certificate; this one's names our authorities, so that others are not offered."""
    def handshake(port: int) -> str:
            return subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", str(wardgate.ca)], input="", capture_output=True,
                              text=True, check=False, timeout=30).stdout

    assert "No client certificate CA names sent" in handshake(wardgate.port)
    asked = handshake(wardgate.smartcard_port)
    assert "Acceptable client certificate CA names" in asked
    assert "Authentication" in asked


def test_a_reader_at_another_host(new_wardgate: Callable[..., Any], tmp_path: Path) -> None:
    """No cookie comes along to it, and none is needed: the proof comes back in the address."""
    with new_wardgate(start=False) as own:
        own.environ = {"WARDGATE_SMARTCARD_URL": f"https://127.0.0.1:{own.smartcard_port}"}
        own.start()
        chain, key = in_files(own, WORKER, tmp_path)
        with own.client() as browser:
            parameters = {"client_id": SECRET["client_id"], "redirect_uri": CALLBACK, "response_type": "code", "state": "state-1"}
            page = browser.get(browser.get("/oauth2/authorize", params=parameters).headers["location"])
            chosen = browser.get(unescape(re.findall(r'href="([^"]*method=smartcard[^"]*)"', page.text)[0]))
            (reader,) = re.findall(rf'href="(https://127\.0\.0\.1:{own.smartcard_port}[^"]*)"', chosen.text)
            status, headers, _ = curl(unescape(reader), own.ca, "--cert", str(chain), "--key", str(key))
            assert status == 303
            assert headers["location"].startswith(own.url)
            assert finish(browser, headers["location"])["code"]
