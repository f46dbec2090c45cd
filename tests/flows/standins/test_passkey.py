"""Passkeys at the stand-ins: registering and signing in with a software authenticator, and every way in which that is refused."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from flows.standins.cast import CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, ORIGIN, PLAIN_ORIGIN, forms, returned
from simulators import authenticator as software
from wardgate.audit import EventType
from wardgate.audit.model import Personal
from wardgate.jose import base64url
from wardgate.standins.methods.passkey import _PROBLEMS, CHALLENGE_SECONDS, MOST_PASSKEYS
from wardgate.standins.published import asset_address
from wardgate.standins.surfaces import Endpoint

FLAG, VERIFIED, LIES, FIELDS = software.FLAG, software.VERIFIED, software.lies(ORIGIN), software.FIELDS
WORKER, PATIENT = "656005750105", "9912003071"
USED = "was used already"


def method_url(page: Any, **more: str) -> str:
    """Return the address of the passkey's pages in the sign-in of a page."""
    return software.method_url(page.text, **more)


def options(page: Any) -> dict[str, Any]:
    """Return what the page's script is to ask the browser."""
    return software.options_of(page.text)


def answer(browser: Any, page: Any, fields: dict[str, str]) -> Any:
    """Send the form as the script does."""
    action, hidden = software.form_of(page.text)
    return browser.post(action, data=hidden | fields)


def register(browser: Any, surface: Any, username: str, authenticator: Any, **how: Any) -> Any:
    """Register a passkey and return the page that follows: signing in with it."""
    begun = browser.authorize(surface)
    page = browser.get(method_url(begun, do="register", username=username))
    return answer(browser, page, authenticator.register(options(page), **how) | {"label": "Blue key"})


@pytest.fixture
def authenticator() -> Any:
    """A browser's authenticator."""
    return software.Authenticator(ORIGIN)


@pytest.fixture
def registered(browser: Any, authenticator: Any, world: Any) -> Any:
    """The page to sign in on, after a worker registered a passkey."""
    page = register(browser, CIS2, WORKER, authenticator)
    world.events.clear()
    return page


@pytest.mark.parametrize("make", [software.es256, software.eddsa, software.rs256])
def test_a_worker_registers_and_signs_in(browser: Any, world: Any, authenticator: Any, make: Any) -> None:
    """AAL3 by FIDO2, in the ID token and the record; the passkey is kept once, and its counter moves."""
    page = register(browser, CIS2, WORKER, authenticator, make=make)
    assert page.status_code == 200
    assert "The passkey is registered." in page.text
    back = returned(answer(browser, page, authenticator.sign_in(options(page))))
    claims = world.verified(CIS2, browser.token(CIS2, back["code"]).json()["id_token"]).claims
    assert (claims["sub"], claims["acr"], claims["amr"], claims["authentication_assurance_level"]) == (WORKER, "AAL3_FIDO2", ["FIDO2"], "3")
    (kept,) = world.stores.passkeys.of(WORKER)
    assert (kept.label, kept.rp_id, kept.sign_count, kept.used) == ("Blue key", "gateway.example.nhs.uk", 2, world.now)
    signed_in = next(event for event in world.events if event.type is EventType.STAND_IN_SIGNED_IN)
    assert (signed_in.details["method"], signed_in.details["user"]) == ("passkey", Personal(WORKER))
    (event,) = [record for record in world.stores.audit.last(50) if '"PasskeyRegistered"' in record.body]
    assert WORKER not in event.body
    assert json.loads(event.body)["details"]["passkey"]


def test_any_passkey_without_a_name(browser: Any, world: Any, authenticator: Any, registered: Any) -> None:
    """A discoverable credential says itself whose it is, by a handle that tells nobody else."""
    page = browser.get(method_url(browser.authorize(CIS2)))
    assert "allowCredentials" not in options(page)
    assert returned(answer(browser, page, authenticator.sign_in(options(page))))["code"]
    assert WORKER.encode() not in authenticator.credentials[0].user_handle
    assert len(authenticator.credentials[0].user_handle) == 32


def test_a_security_key_that_does_not_say_whose_it_is(browser: Any, authenticator: Any, registered: Any) -> None:
    """With the user name first, its passkeys are named to the browser and no handle is needed."""
    page = browser.get(method_url(browser.authorize(CIS2), username=WORKER))
    assert [one["id"] for one in options(page)["allowCredentials"]] == [base64url.encode(authenticator.credentials[0].id)]
    assert returned(answer(browser, page, authenticator.sign_in(options(page), with_handle=False)))["code"]


@pytest.mark.parametrize("surface", [LOGIN, MOCK_LOGIN])
def test_a_patient_signs_in_with_a_passkey(browser: Any, world: Any, authenticator: Any, surface: Any) -> None:
    """NHS login calls it `Cm` (user-restricted 12.3), which alone is enough for P9."""
    page = register(browser, surface, PATIENT, authenticator)
    back = answer(browser, page, authenticator.sign_in(options(page)))
    back = back if surface is MOCK_LOGIN else browser.submit(back, choice="agree")
    claims = world.verified(surface, browser.token(surface, returned(back)["code"]).json()["id_token"]).claims
    assert (claims["vot"], claims["identity_proofing_level"]) == ("P9.Cm", "P9")


def test_another_node_knows_the_passkey(make_world: Any, authenticator: Any) -> None:
    """Registered at one, used at another: handles and keys are the installation's."""
    first, second = make_world(), make_world()
    with first.client() as browser:
        register(browser, CIS2, WORKER, authenticator)
    with second.client() as browser:
        page = browser.get(method_url(browser.authorize(CIS2)))
        assert returned(answer(browser, page, authenticator.sign_in(options(page))))["code"]


def test_a_synced_passkey_has_no_counter(browser: Any) -> None:
    """Two zeros are no regression."""
    synced = software.Authenticator(ORIGIN, counts=False)
    page = register(browser, CIS2, WORKER, synced)
    for _ in range(2):
        assert returned(answer(browser, page, synced.sign_in(options(page), flags=VERIFIED | FLAG.BE | FLAG.BS)))["code"]
        page = browser.get(method_url(browser.authorize(CIS2, prompt="login")))


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_lies_in_one_place(browser: Any, world: Any, authenticator: Any, registered: Any, lie: str) -> None:
    """Each is refused on the page, recorded with the reason, and counts for nothing; a good answer to the new page is taken."""
    refused = answer(browser, registered, authenticator.sign_in(options(registered), **LIES[lie]))
    assert refused.status_code == 400
    assert "There is a problem" in refused.text
    (event,) = world.events
    assert (event.type, event.details["error"], event.details["method"]) == (EventType.STAND_IN_REFUSED, "sign-in-failed", "passkey")
    assert event.details["why"]
    assert world.stores.passkeys.of(WORKER)[0].used is None
    assert returned(answer(browser, refused, authenticator.sign_in(options(refused))))["code"]


def test_an_answer_is_good_once(browser: Any, authenticator: Any, registered: Any) -> None:
    """Replayed after success, and after failure; nor is the challenge of an older page any good."""
    good = authenticator.sign_in(options(registered))
    assert returned(answer(browser, registered, good))["code"]
    page = browser.get(method_url(browser.authorize(CIS2, prompt="login")))
    replayed = answer(browser, page, good)
    assert (replayed.status_code, USED in replayed.text) == (400, True)
    fresh = authenticator.sign_in(options(page))
    assert USED in answer(browser, page, fresh).text


def test_a_challenge_is_claimed_before_it_is_believed(browser: Any, world: Any, authenticator: Any, registered: Any) -> None:
    """Of two equal answers that arrive at once, on two nodes, the second finds the challenge used even though the page is the same."""
    transaction = re.search(r"session_code=([^&\"]+)", registered.text)
    assert transaction is not None
    entry = world.stores.kept.get(f"transaction/{transaction[1]}", world.now)
    assert entry is not None
    good = authenticator.sign_in(options(registered))
    assert "There is a problem" in answer(browser, registered, good | {"signature": base64url.encode(b"x" * 70)}).text
    world.stores.kept.put([entry])  # as the other node still sees it
    assert USED in answer(browser, registered, good).text


def test_a_challenge_ends(browser: Any, world: Any, authenticator: Any, registered: Any) -> None:
    """After five minutes, though the sign-in goes on."""
    good = authenticator.sign_in(options(registered))
    world.now += timedelta(seconds=CHALLENGE_SECONDS)
    assert USED in answer(browser, registered, good).text


def test_an_answer_in_another_browser_or_sign_in(world: Any, browser: Any, authenticator: Any, registered: Any) -> None:
    """The challenge belongs to the sign-in, which belongs to the browser."""
    good = authenticator.sign_in(options(registered))
    with world.client() as other:
        assert answer(other, registered, good).status_code == 400
        page = other.get(method_url(other.authorize(CIS2)))
        assert USED in answer(other, page, good).text


def test_a_copy_of_an_authenticator(browser: Any, world: Any, authenticator: Any, registered: Any) -> None:
    """A counter that does not rise is refused, also at a later sign-in, and the stored one stays."""
    answer(browser, registered, authenticator.sign_in(options(registered), sign_count=10))
    for count in (10, 9, 0):
        page = browser.get(method_url(browser.authorize(CIS2, prompt="login")))
        refused = answer(browser, page, authenticator.sign_in(options(page), sign_count=count))
        assert (refused.status_code, "there is a copy of it" in refused.text) == (400, True)
    assert world.stores.passkeys.of(WORKER)[0].sign_count == 10


def test_a_passkey_of_somebody_else(browser: Any, authenticator: Any, world: Any, registered: Any) -> None:
    """Named first, only that person's passkeys count; a handle that is not its owner's is refused; without any it cannot be told."""
    everybody = world.identities
    user = everybody.users["656005750106"]
    as_well = user.model_copy(update={"worker": user.worker.model_copy(update={"authenticators": everybody.users[WORKER].worker.authenticators})})
    world.identities = replace(everybody, users={**everybody.users, "656005750106": as_well})
    other = software.Authenticator(ORIGIN)
    register(browser, CIS2, "656005750106", other)
    page = browser.get(method_url(browser.authorize(CIS2), username=WORKER))
    assert answer(browser, page, other.sign_in({**options(page), "allowCredentials": []})).status_code == 400
    for lie in ({"user_handle": other.credentials[0].user_handle}, {"with_handle": False}):
        page = browser.get(method_url(browser.authorize(CIS2)))
        assert answer(browser, page, authenticator.sign_in(options(page), **lie)).status_code == 400


def test_a_signature_by_another_key(browser: Any, authenticator: Any, registered: Any) -> None:
    """The credential ID alone proves nothing."""
    own = authenticator.credentials[0]
    thief = replace(own, sign=software.es256()[1])
    assert answer(browser, registered, authenticator.sign_in(options(registered), credential=thief)).status_code == 400


def test_a_passkey_that_is_not_registered(browser: Any, authenticator: Any, world: Any, registered: Any) -> None:
    """Unknown, removed, of another provider, of a person who is gone, or who may not use one any more."""
    stranger = replace(authenticator.credentials[0], id=b"unknown")
    assert answer(browser, registered, authenticator.sign_in(options(registered), credential=stranger)).status_code == 400
    page = browser.get(method_url(browser.authorize(LOGIN)))
    assert answer(browser, page, authenticator.sign_in(options(page))).status_code == 400
    everybody = world.identities
    worker = everybody.users[WORKER].worker
    without = everybody.users[WORKER].model_copy(update={"worker": worker.model_copy(update={"authenticators": ("TOTP",)})})
    for users in ({}, {WORKER: without}):
        page = browser.get(method_url(browser.authorize(CIS2)))
        world.identities = replace(everybody, users=users)
        assert answer(browser, page, authenticator.sign_in(options(page))).status_code == 400
        world.identities = everybody


@pytest.mark.parametrize("name", ["credential_id", "client_data", "authenticator_data", "signature"])
@pytest.mark.parametrize("value", FIELDS)
def test_fields_that_are_no_answer(browser: Any, authenticator: Any, registered: Any, name: str, value: str) -> None:
    """Refused on the page, whatever is in them."""
    fields = authenticator.sign_in(options(registered)) | {name: FIELDS[value]}
    refused = answer(browser, registered, fields)
    assert (refused.status_code, "There is a problem" in refused.text) == (400, True)


@pytest.mark.parametrize("name", ["credential_id", "client_data", "attestation"])
@pytest.mark.parametrize("value", FIELDS)
def test_registrations_that_are_no_answer(browser: Any, authenticator: Any, world: Any, name: str, value: str) -> None:
    """Refused on the page, and nothing is kept."""
    page = browser.get(method_url(browser.authorize(CIS2), do="register", username=WORKER))
    refused = answer(browser, page, authenticator.register(options(page)) | {"label": "key", name: FIELDS[value]})
    assert (refused.status_code, "There is a problem" in refused.text) == (400, True)
    assert list(world.stores.passkeys.of(WORKER)) == []


def weak_rsa() -> Any:
    """An RSA key that is too short."""
    return software.rs256(1024)


def off_curve() -> Any:
    """A point that is not on P-256."""
    cose, sign = software.es256()
    return type(cose)({**cose, -3: b"\x01" * 32}), sign


def other_algorithm() -> Any:
    """A key of an algorithm that was not asked for."""
    cose, sign = software.es256()
    return software.CoseKey.for_alg(-47)({**cose, 3: -47, -1: 8}), sign


REGISTRATIONS = LIES | {
    "an answer of the other ceremony": {"client": {"type": "webauthn.get"}},
    "a short RSA key": {"make": weak_rsa}, "a point off the curve": {"make": off_curve}, "an algorithm not asked for": {"make": other_algorithm},
    "no credential": {"attested": False},
}


@pytest.mark.parametrize("lie", REGISTRATIONS)
def test_a_registration_that_lies_in_one_place(browser: Any, world: Any, authenticator: Any, lie: str) -> None:
    """Refused, recorded, and nothing is kept; the page can be used again."""
    refused = register(browser, CIS2, WORKER, authenticator, **REGISTRATIONS[lie])
    assert (refused.status_code, "There is a problem" in refused.text) == (400, True)
    assert world.events[-1].details["why"]
    assert list(world.stores.passkeys.of(WORKER)) == []
    again = answer(browser, refused, authenticator.register(options(refused)) | {"label": "key"})
    assert "The passkey is registered." in again.text


def test_a_registration_is_for_the_person_of_the_page(browser: Any, world: Any, authenticator: Any) -> None:
    """What the form says of the person is not believed."""
    page = browser.get(method_url(browser.authorize(CIS2), do="register", username=WORKER))
    answer(browser, page, authenticator.register(options(page)) | {"label": "key", "username": "656005750106"})
    assert len(world.stores.passkeys.of(WORKER)) == 1
    assert list(world.stores.passkeys.of("656005750106")) == []


@pytest.mark.parametrize("username", ["nobody", PATIENT, "656005750104", "<script>", "x" * 300])
def test_who_may_not_have_a_passkey(browser: Any, username: str) -> None:
    """Nobody, a patient at CIS2, a worker without FIDO2 in the manifest: one answer for all."""
    begun = browser.authorize(CIS2)
    page = browser.get(method_url(begun, do="register", username=username))
    assert "Nobody who may use a passkey has this user name here." in page.text
    assert "data-options" not in page.text
    assert "<script>" not in page.text
    assert "Nobody who may use a passkey" in browser.get(method_url(begun, username=username)).text


def test_an_authenticator_is_registered_once_and_nobody_has_too_many(browser: Any, world: Any, authenticator: Any) -> None:
    """A known credential ID is refused, also for somebody else; the browser is told of those a person has."""
    register(browser, CIS2, WORKER, authenticator, credential_id=b"one")
    page = browser.get(method_url(browser.authorize(CIS2), do="register", username=WORKER))
    assert [one["id"] for one in options(page)["excludeCredentials"]] == [base64url.encode(b"one")]
    assert "registered already" in register(browser, CIS2, WORKER, authenticator, credential_id=b"one").text
    for number in range(MOST_PASSKEYS - 1):
        register(browser, CIS2, WORKER, authenticator, credential_id=f"more-{number}".encode())
    assert "cannot have more" in register(browser, CIS2, WORKER, authenticator).text
    assert len(world.stores.passkeys.of(WORKER)) == MOST_PASSKEYS


@pytest.mark.parametrize("label", ["", "   ", "x" * 61, "two\nlines"])
def test_a_passkey_has_a_name(browser: Any, world: Any, authenticator: Any, label: str) -> None:
    """One line of at most 60 characters."""
    page = browser.get(method_url(browser.authorize(CIS2), do="register", username=WORKER))
    refused = answer(browser, page, authenticator.register(options(page)) | {"label": label})
    assert "Enter a name of at most 60 characters" in refused.text
    assert list(world.stores.passkeys.of(WORKER)) == []


def test_the_pages_have_one_script_and_a_policy_for_it(browser: Any) -> None:
    """Our own file and nothing within the page; without JavaScript it says so; the other pages still have no script at all."""
    begun = browser.authorize(CIS2)
    assert "script-src" not in begun.headers["content-security-policy"]
    for page in (browser.get(method_url(begun)), browser.get(method_url(begun, do="register", username=WORKER))):
        policy = f"{begun.headers['content-security-policy']}; script-src {ORIGIN}/standins/assets/passkey.js"
        assert page.headers["content-security-policy"] == policy
        assert re.findall(r"<script\b[^>]*>[^<]*", page.text) == [f'<script src="{asset_address("passkey.js")}" defer>']
        assert "This page needs JavaScript." in page.text
        assert "This browser has no passkeys (WebAuthn)" in page.text
        assert not re.search(r" (on\w+|style)=", page.text)
    script = browser.get(ORIGIN + "/standins/assets/passkey.js")
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")


def test_the_script_asks_and_fills_what_the_pages_have(browser: Any) -> None:
    """Every element the script looks for is there, and every binary field of the form is one it fills."""
    script = browser.get(ORIGIN + "/standins/assets/passkey.js").text
    begun = browser.authorize(CIS2)
    for page in (browser.get(method_url(begun)), browser.get(method_url(begun, do="register", username=WORKER))):
        ids = set(re.findall(r'id="([^"]+)"', page.text))
        assert {"passkey", "passkey-start", *(f"passkey-{word}" for word in ("unsupported", "cancelled", "known", "failed"))} <= ids
        _, hidden = software.form_of(page.text)
        assert all(f"{name}:" in script for name in hidden if name not in {"csrf", "method", "do", "username"})


def test_where_passkeys_are_offered(browser: Any, world: Any) -> None:
    """Where they can satisfy the request: not for AAL2 alone, not for a smartcard, not for a vector of passwords; and not by address."""
    def offered(surface: Any, **asked: str) -> bool:
        return "method=passkey" in browser.authorize(surface, **asked).text

    assert offered(CIS2)
    assert offered(CIS2, acr_values="AAL2_OR_AAL3_ANY")
    assert not offered(CIS2, acr_values="AAL2_ANY")
    assert not offered(CIS2, acr_values="AAL3_SMARTCARD")
    assert offered(LOGIN)
    assert not offered(LOGIN, vtr='["P9.Cp.Cd"]')
    assert offered(MOCK_CIS2)
    assert offered(MOCK_LOGIN, vtr='["P9.Cp.Cd"]')
    world.deps = replace(world.deps, origins=lambda: ("https://127.0.0.1:8443",))
    world.app = type(world.app)(world.deps)
    with world.client("https://127.0.0.1:8443") as other:
        page = other.authorize(CIS2)
        assert "method=passkey" not in page.text
        unavailable = other.get(method_url(page))
        assert "Passkeys need a host name" in unavailable.text


def test_on_loopback_without_tls(world: Any) -> None:
    """Browsers count localhost as secure, so passkeys work there; they are other ones than those of our name."""
    local = software.Authenticator(PLAIN_ORIGIN)
    with world.client(PLAIN_ORIGIN) as browser:
        page = register(browser, CIS2, WORKER, local)
        assert returned(answer(browser, page, local.sign_in(options(page))))["code"]
    assert [one.rp_id for one in world.stores.passkeys.of(WORKER)] == ["localhost"]
    with world.client() as browser:
        page = browser.get(method_url(browser.authorize(CIS2), username=WORKER))
        assert "has no passkey for this address yet" in page.text


def test_a_form_without_a_page(browser: Any, authenticator: Any, registered: Any) -> None:
    """An answer to a question of another way to sign in is none to ours; the form's token is needed."""
    good = authenticator.sign_in(options(registered))
    action, hidden = software.form_of(registered.text)
    assert browser.post(action, data={**hidden, **good, "csrf": "x"}).status_code == 403
    begun = browser.authorize(CIS2)
    csrf = next(fields["csrf"] for _, fields in forms(begun) if "csrf" in fields)
    url = begun.text.split('action="')[1].split('"')[0]
    assert USED in browser.post(unescape(url), data={**good, "method": "passkey", "csrf": csrf}).text


def test_every_problem_is_said_in_words() -> None:
    """The table is not empty and ends in sentences."""
    assert len(_PROBLEMS) > 5
    assert all(text.endswith(".") for text in _PROBLEMS.values())
    assert Endpoint.SIGN_IN in CIS2.paths
