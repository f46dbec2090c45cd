"""Smartcards at the stand-in NHS CIS2: certificates of our own authority, told of as Envoy tells, and every way in which one is refused.

The handshake itself, and that nobody but Envoy can tell of a certificate, is tested against a real Envoy (tests/system).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from flows.standins.cast import CALLBACK, CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, ORIGIN, forms, returned
from wardgate.audit import EventType
from wardgate.audit.model import Personal
from wardgate.ca import CASettings, CertificateAuthority
from wardgate.ca.keys import Randomness, new_rsa_key
from wardgate.ca.records import SubjectKind
from wardgate.standins.methods.smartcard_certificate import AUTHORITY, CHECKS, USER
from wardgate.standins.methods.smartcard_reader import PROOF_SECONDS
from wardgate.standins.surfaces import SURFACES, Endpoint
from wardgate.stores.ports import IssuedCertificate

WORKER, OTHER = "656005750104", "656005750106"
CARDS = "https://wardgate.test:8445"
KEYS: dict[int, list[Any]] = {2048: [], 4096: []}


def kept_key(bits: int) -> Any:
    """Keys that are made once for all tests: one for roots, one for issuing authorities."""
    if not KEYS[bits]:
        KEYS[bits].append(new_rsa_key(bits))
    return KEYS[bits][0]


def request_for(name: str) -> bytes:
    """A certificate request of a new key."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def authority(world: Any) -> CertificateAuthority:
    """The installation's certification authority, at the test's time."""
    settings = CASettings("http://localhost:8080/pki", trust_lead_seconds=0)
    made = CertificateAuthority(world.stores.certificates, world.stores.values, settings, Randomness(new_key=kept_key))
    made.ensure("test", world.now)
    return made


@pytest.fixture
def card(world: Any, authority: CertificateAuthority) -> IssuedCertificate:
    """The smartcard of a worker."""
    return issue(world, authority, WORKER)


def issue(world: Any, authority: CertificateAuthority, username: str, **how: Any) -> IssuedCertificate:
    """Issue a certificate, a person's unless it is said otherwise."""
    good = {"subject_kind": SubjectKind.USER, "subject": username, "expected_name": username, "person": "Amara Osei"}
    return authority.issue_from_csr(request_for(username), **(good | how), now=world.now).certificate


def told(*fingerprints: str, listener: str | None = "smartcard") -> list[tuple[str, str]]:
    """What Envoy's smartcard listener says of a request."""
    subject = "CN=Amara Osei (smartcard),UID=656005750104,OU=People,O=Wardgate"
    certificate = [("x-forwarded-client-cert", f'Hash={one};Subject="{subject}"') for one in fingerprints]
    return certificate + ([("x-wardgate-listener", listener)] if listener is not None else [])


def reader_url(browser: Any, surface: Any = CIS2, **asked: str) -> str:
    """Begin a sign-in, choose the smartcard, and return the address of the page that asks for it."""
    begun = browser.authorize(surface, **asked)
    chosen = browser.get(forms(begun)[0][0] + "&method=smartcard")
    assert chosen.status_code == 200
    link = next(part for part in chosen.text.split('"') if part.startswith(CARDS))
    return str(link)


def present(browser: Any, url: str, *fingerprints: str, **how: Any) -> Any:
    """Ask for the reader's page as Envoy sends the request on."""
    return browser.get(url, headers=told(*fingerprints, **how))


def signed_in(browser: Any, surface: Any, card: IssuedCertificate, **asked: str) -> Any:
    """Sign in with a card, to the redirect back to the client."""
    back = present(browser, reader_url(browser, surface, **asked), card.fingerprint)
    assert back.status_code == 303, back.text
    return browser.submit(browser.get(back.headers["location"]))


def test_a_worker_signs_in_with_a_card(browser: Any, world: Any, card: IssuedCertificate) -> None:
    """AAL3 by the kind of card the worker has, in the ID token and the record."""
    claims = world.verified(CIS2, browser.token(CIS2, returned(signed_in(browser, CIS2, card))["code"]).json()["id_token"]).claims
    assert (claims["sub"], claims["acr"], claims["amr"], claims["authentication_assurance_level"]) == (
        WORKER, "AAL3_N3_SMARTCARD", ["N3_SMARTCARD"], "3")
    event = next(one for one in world.events if one.type is EventType.STAND_IN_SIGNED_IN)
    assert (event.details["method"], event.details["user"]) == ("smartcard", Personal(WORKER))


@pytest.mark.parametrize(("asked", "acr"), [("AAL3_ANY", "AAL3_ANY"), ("AAL3_CIS2_SMARTCARD", "AAL3_CIS2_SMARTCARD"),
                                            ("AAL2_TOTP AAL3_SMARTCARD", "AAL3_SMARTCARD"), ("AAL2_OR_AAL3_ANY", "AAL3_ANY")])
def test_what_acr_values_ask_for(browser: Any, world: Any, authority: CertificateAuthority, asked: str, acr: str) -> None:
    """The name that the card satisfies (user-restricted 11.3)."""
    card = issue(world, authority, OTHER)
    claims = world.verified(CIS2, browser.token(CIS2, returned(signed_in(browser, CIS2, card, acr_values=asked))["code"]).json()["id_token"]).claims
    assert (claims["acr"], claims["amr"]) == (acr, ["CIS2_SMARTCARD"])


def test_at_a_mock_realm(browser: Any, card: IssuedCertificate) -> None:
    """The same under the realm's paths."""
    assert returned(signed_in(browser, MOCK_CIS2, card))["code"]


def test_the_way_there_and_back(browser: Any, card: IssuedCertificate) -> None:
    """The reader is at another address, which gets no cookie and sets none; the person says who they are before anything happens."""
    url = reader_url(browser)
    assert url.startswith(f"{CARDS}{CIS2.base}/login-actions/smartcard?session_code=")
    back = present(browser, url, card.fingerprint)
    assert "set-cookie" not in back.headers
    assert back.headers["cache-control"] == "no-store"
    assert back.headers["location"].startswith(f"{ORIGIN}{CIS2.base}/login-actions/authenticate?session_code=")
    page = browser.get(back.headers["location"])
    assert "The smartcard of Amara Osei (656005750104) was read." in page.text
    assert "Continue as Amara Osei" in page.text


@pytest.mark.parametrize("listener", [None, "https", "mtls", "http", "SMARTCARD", "smartcard,https", ""])
def test_on_no_other_port(browser: Any, world: Any, card: IssuedCertificate, listener: str | None) -> None:
    """A certificate that is told of anywhere else is none: the page does not exist there, and nothing is proved."""
    url = reader_url(browser)
    answer = present(browser, url.replace(CARDS, ORIGIN), card.fingerprint, listener=listener)
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert not [event for event in world.events if event.details.get("method") == "smartcard"]


def test_a_listener_that_is_named_twice(browser: Any, card: IssuedCertificate) -> None:
    """Envoy names it once."""
    headers = [*told(card.fingerprint), ("x-wardgate-listener", "smartcard")]
    assert browser.get(reader_url(browser), headers=headers).status_code == 404


def refused(answer: Any, world: Any, why: str) -> Any:
    """Check that a card was refused on a page of its own, for a reason that is recorded."""
    assert answer.status_code == 403
    assert "The smartcard cannot be used" in answer.text
    assert "Go back to the sign-in page" in answer.text
    event = world.events[-1]
    assert (event.type, event.details["error"], event.details["method"], event.details["why"]) == (
        EventType.STAND_IN_REFUSED, "sign-in-failed", "smartcard", why)
    return event


def test_no_certificate(browser: Any, world: Any) -> None:
    """A page that says what to do."""
    answer = present(browser, reader_url(browser))
    refused(answer, world, "certificate-missing")
    assert "The browser presented no certificate." in answer.text


@pytest.mark.parametrize("header", ["", "Hash=xyz", "Hash=" + "0" * 63, "Subject=x", "Hash=" + "0" * 64 + ",Hash=" + "1" * 64, "Hash=" + "A" * 64, "x" * 20_000])
def test_what_envoy_would_not_write(browser: Any, world: Any, header: str) -> None:
    """No certificate, or several, or nonsense: refused."""
    answer = browser.get(reader_url(browser), headers=[("x-wardgate-listener", "smartcard"), ("x-forwarded-client-cert", header)])
    refused(answer, world, "certificate-unreadable")


def test_two_headers(browser: Any, world: Any, card: IssuedCertificate) -> None:
    """Envoy writes one."""
    refused(present(browser, reader_url(browser), card.fingerprint, card.fingerprint), world, "certificate-unreadable")


def test_a_certificate_that_is_not_ours(browser: Any, world: Any, card: IssuedCertificate) -> None:
    """Even with a subject like ours: only the fingerprint counts."""
    event = refused(present(browser, reader_url(browser), "0" * 64), world, "certificate-unknown")
    assert event.details["fingerprint"] == "0" * 64


@pytest.mark.parametrize("kind", [SubjectKind.SYSTEM, SubjectKind.APPLICATION, SubjectKind.SERVER])
def test_a_certificate_of_no_person(browser: Any, world: Any, authority: CertificateAuthority, kind: SubjectKind) -> None:
    """Neither of a system nor of an application nor of a server, whoever it is issued to."""
    found = issue(world, authority, "epr.example.nhs.uk", subject_kind=kind, subject=WORKER)
    refused(present(browser, reader_url(browser), found.fingerprint), world, "certificate-not-a-person")


def test_the_authority_itself(browser: Any, world: Any, authority: CertificateAuthority) -> None:
    """Is no person."""
    issuing = next(one for one in authority.certificates() if one.subject_kind == SubjectKind.AUTHORITY)
    refused(present(browser, reader_url(browser), issuing.fingerprint), world, "certificate-not-a-person")


@pytest.mark.parametrize("reason", ["keyCompromise", "cessationOfOperation", "unspecified"])
def test_a_revoked_card(browser: Any, world: Any, authority: CertificateAuthority, card: IssuedCertificate, reason: str) -> None:
    """Refused from the moment of its revocation, and the record says why it was revoked."""
    url = reader_url(browser)
    authority.revoke(fingerprint=card.fingerprint, reason=reason, now=world.now)
    answer = present(browser, url, card.fingerprint)
    event = refused(answer, world, "certificate-revoked")
    assert event.details["revocation_reason"] == reason
    assert "The smartcard was revoked." in answer.text


def test_a_card_revoked_after_it_was_read(browser: Any, world: Any, authority: CertificateAuthority, card: IssuedCertificate) -> None:
    """It is judged again when the person goes on, and when the page is loaded before that."""
    back = present(browser, reader_url(browser), card.fingerprint).headers["location"]
    page = browser.get(back)
    authority.revoke(fingerprint=card.fingerprint, reason="keyCompromise", now=world.now)
    answer = browser.submit(page)
    assert (answer.status_code, "The smartcard was revoked." in answer.text) == (400, True)
    assert (world.events[-1].details["why"], world.events[-1].details["revocation_reason"]) == ("certificate-revoked", "keyCompromise")
    again = present(browser, reader_url(browser), card.fingerprint)
    assert again.status_code == 403
    assert "The smartcard was read too long ago" in browser.get(back).text


def test_an_authority_that_was_retired(browser: Any, world: Any, authority: CertificateAuthority, card: IssuedCertificate) -> None:
    """Its cards are no good any more, without being on a list."""
    authority.rotate_issuing_ca("test", world.now)
    authority.retire_issuing_ca(card.authority, world.now, force=True)
    refused(present(browser, reader_url(browser), card.fingerprint), world, "issuer-retired")


def test_the_time_of_a_card(browser: Any, world: Any, card: IssuedCertificate) -> None:
    """From the first second to the last, by our clock."""
    world.now = card.not_before - timedelta(seconds=1)
    refused(present(browser, reader_url(browser), card.fingerprint), world, "certificate-not-yet-valid")
    world.now = card.not_before
    assert present(browser, reader_url(browser), card.fingerprint).status_code == 303
    world.now = card.not_after - timedelta(seconds=1)
    assert present(browser, reader_url(browser), card.fingerprint).status_code == 303
    world.now = card.not_after
    refused(present(browser, reader_url(browser), card.fingerprint), world, "certificate-expired")


def test_a_holder_who_is_gone(browser: Any, world: Any, card: IssuedCertificate) -> None:
    """Removed from the manifest, or without a smartcard there any more."""
    url = reader_url(browser)
    everybody = world.identities
    worker = everybody.users[WORKER].worker
    without = everybody.users[WORKER].model_copy(update={"worker": worker.model_copy(update={"authenticators": ("TOTP",)})})
    world.identities = replace(everybody, users={name: user for name, user in everybody.users.items() if name != WORKER})
    refused(present(browser, url, card.fingerprint), world, "person-unknown")
    world.identities = replace(everybody, users={**everybody.users, WORKER: without})
    refused(present(browser, url, card.fingerprint), world, "person-without-smartcard")


def test_a_proof_is_good_once_and_for_a_while(browser: Any, world: Any, card: IssuedCertificate) -> None:
    """Used up by signing in; over after two minutes."""
    back = present(browser, reader_url(browser), card.fingerprint).headers["location"]
    page = browser.get(back)
    assert returned(browser.submit(page))["code"]
    assert browser.submit(page).status_code == 400
    back = present(browser, reader_url(browser, prompt="login"), card.fingerprint).headers["location"]
    page = browser.get(back)
    world.now += timedelta(seconds=PROOF_SECONDS)
    assert "read too long ago" in browser.submit(page).text
    assert "read too long ago" in browser.get(back).text


def test_a_proof_belongs_to_one_sign_in_in_one_browser(world: Any, browser: Any, card: IssuedCertificate) -> None:
    """Who is lured into presenting a card signs nobody in: not themselves, and not the one who lured them."""
    url = reader_url(browser)
    back = urlsplit(present(browser, url, card.fingerprint).headers["location"])
    with world.client() as victim:
        assert victim.get(back.geturl()).status_code == 400
        own = victim.authorize(CIS2)
        stolen = victim.get(forms(own)[0][0] + "&method=smartcard&" + back.query.rpartition("&")[2])
        assert "read too long ago, or for another sign-in" in stolen.text
    assert "Present your smartcard" in browser.get(back.geturl().rpartition("&")[0]).text


@pytest.mark.parametrize("proof", ["x", "", "x" * 3000, "smartcard/x"])
def test_a_proof_that_is_none(browser: Any, proof: str) -> None:
    """Made up: the page to begin with, and nothing to go on with."""
    begun = browser.authorize(CIS2)
    page = browser.get(f"{forms(begun)[0][0]}&method=smartcard&proof={proof}")
    assert "Present your smartcard" in page.text
    assert "Continue as" not in page.text
    csrf = next(fields["csrf"] for _, fields in forms(begun) if "csrf" in fields)
    answer = browser.post(forms(begun)[0][0], data={"method": "smartcard", "csrf": csrf, "proof": proof})
    assert (answer.status_code, "read too long ago" in answer.text) == (400, True)


@pytest.mark.parametrize("query", ["", "?session_code=x", "?session_code=" + "x" * 300, "?session_code=a&session_code=b"])
def test_a_reader_without_a_sign_in(browser: Any, card: IssuedCertificate, query: str) -> None:
    """A page that says that it is over; and no redirect to anywhere."""
    answer = browser.get(f"{CARDS}{CIS2.base}/login-actions/smartcard{query}", headers=told(card.fingerprint))
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_the_sign_in_of_another_provider(browser: Any, card: IssuedCertificate) -> None:
    """A reader serves the sign-ins of its own provider."""
    url = reader_url(browser).replace(CIS2.base, MOCK_CIS2.base)
    assert present(browser, url, card.fingerprint).status_code == 400


def test_where_smartcards_are_offered(browser: Any, world: Any) -> None:
    """At NHS CIS2 alone, where a smartcard is strong enough, and where there is a port for it."""
    def offered(surface: Any, **asked: str) -> bool:
        return "method=smartcard" in browser.authorize(surface, **asked).text

    assert offered(CIS2)
    assert offered(MOCK_CIS2, acr_values="AAL2_ANY")
    assert not offered(CIS2, acr_values="AAL2_ANY")
    assert not offered(CIS2, acr_values="AAL3_FIDO2")
    assert not offered(LOGIN)
    assert not offered(MOCK_LOGIN)
    assert [surface for surface in SURFACES.values() if Endpoint.SMARTCARD in surface.paths and surface.kind is LOGIN.kind] == []
    world.deps = replace(world.deps, smartcard_origin=None)
    world.app = type(world.app)(world.deps)
    with world.client() as other:
        page = other.authorize(CIS2)
        assert "method=smartcard" not in page.text
        assert "This Wardgate has no port that asks for smartcards." in other.get(forms(page)[0][0] + "&method=smartcard").text


def test_a_login_page_asked_for_a_card_at_nhs_login(browser: Any) -> None:
    """There is none: the page says so and nothing breaks."""
    begun = browser.authorize(LOGIN)
    assert "no port that asks for smartcards" in browser.get(forms(begun)[0][0] + "&method=smartcard").text
    assert browser.get(f"{CARDS}{LOGIN.base}/login-actions/smartcard", headers=told("0" * 64)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_reader_is_read(browser: Any, card: IssuedCertificate, method: str) -> None:
    """GET alone."""
    assert browser.request(method, reader_url(browser), headers=told(card.fingerprint)).status_code == 405


def test_the_refusal_page_is_like_every_page(browser: Any) -> None:
    """Strict policy, no script, never cached, and it repeats nothing of the request but its own query, escaped."""
    answer = present(browser, reader_url(browser) + "&x=%22%3E%3Cscript%3E")
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_table_refuses_and_speaks() -> None:
    """It is not empty, its words are the certification authority's, and every problem is a sentence."""
    assert len(CHECKS) == 8
    assert (USER, AUTHORITY) == (SubjectKind.USER, SubjectKind.AUTHORITY)
    assert all(problem.endswith(".") for _, problem, _ in CHECKS)
    assert CALLBACK
