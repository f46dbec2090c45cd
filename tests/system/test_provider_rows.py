"""Every refusal of the stand-in providers, met on the wire as a client or a person meets it, through Envoy (user-restricted 11, 12, 14)."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from system.running import assertion
from system.stand_in_browser import CALLBACK, CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, Visitor, told
from user_rows.bad_input import ADDRESSES
from wardgate.demo import source
from wardgate.refusals import CATALOGUE, Area
from wardgate.standins.surfaces import Endpoint

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
AAL3, TWO_ROLES, AAL2, PATIENT, P5 = "656005750107", "656005750104", "656005750109", "9912003071", "9912003072"
ROLE = "656014452102"
ONLY_ASKED_FOR = {
    "idp-invalid-request-uri", "idp-invalid-request-object", "idp-unauthorized-client", "idp-account-selection-required", "idp-server-error",
    "idp-temporarily-unavailable", "idp-token-unauthorized-client", "idp-down", "idp-stronger-login-required", "idp-token-without-openid",
}
"""Documented errors that never arise by themselves here: faults ask for them."""
ELSEWHERE = {
    "idp-busy": "flows/standins/test_lock_out: every thread at work on passwords",
    "idp-signed-out-meanwhile": "flows/standins/test_sessions: between the last question and the code",
    "idp-unexpected": "test_a_store_that_is_away, here",
}
Case = Callable[[Visitor], httpx2.Response]


def _asked(surface: Any, **changes: Any) -> Case:
    return lambda v: v.begin(surface, **changes)


def _raw(query: str) -> Case:
    return lambda v: v.http.get(v.url(MOCK_CIS2, Endpoint.AUTHORIZE) + "?" + query)


def _after(username: str, surface: Any, first: dict[str, Any], **then: Any) -> Case:
    """The request of somebody who is signed in."""
    def case(v: Visitor) -> httpx2.Response:
        assert told(v.sign_in(surface, username, **first))["code"]
        return v.begin(surface, **then)
    return case


def _redeemed(surface: Any, username: str, **changes: Any) -> Case:
    return lambda v: v.redeem(surface, told(v.sign_in(surface, username))["code"], **changes)


def _twice(v: Visitor) -> httpx2.Response:
    code = told(v.sign_in(MOCK_CIS2, AAL3))["code"]
    assert v.redeem(MOCK_CIS2, code).status_code == 200
    return v.redeem(MOCK_CIS2, code)


def _refreshed_twice(v: Visitor) -> httpx2.Response:
    token = v.tokens(MOCK_CIS2, AAL3)["refresh_token"]
    assert v.refresh(MOCK_CIS2, token).status_code == 200
    return v.refresh(MOCK_CIS2, token)


def _by_assertion(**claims: Any) -> Case:
    """NHS CIS2's client with a key, at its own paths."""
    def case(v: Visitor) -> httpx2.Response:
        name = "test-client-signed-cis2"
        code = told(v.sign_in(CIS2, AAL3, client_id=name))["code"]
        good = {"iss": name, "sub": name, "aud": v.url(CIS2, Endpoint.TOKEN), "exp": int(time.time()) + 60}
        return v.redeem(CIS2, code, client_id=None, client_secret=None, client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                        client_assertion=assertion("x", "x", **(good | claims)))
    return case


def _exchanged(form: dict[str, Any], username: str = PATIENT) -> Case:
    def case(v: Visitor) -> httpx2.Response:
        good = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
                "subject_token": v.tokens(MOCK_LOGIN, username)["id_token"], "redirect_uri": None, "requested_subject": "9912003074"}
        return v.redeem(MOCK_LOGIN, None, **(good | form))
    return case


def _metadata(scope: str, content: bytes) -> Case:
    return lambda v: v.userinfo(MOCK_LOGIN, v.tokens(MOCK_LOGIN, PATIENT, scope=scope)["access_token"], "PATCH", content=content)


def _without(section: str, key: str, name: str) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        manifest[section] = [one for one in manifest[section] if one[key] != name]
    return change


def _gone_meanwhile(v: Visitor) -> httpx2.Response:
    page = v.begin(MOCK_CIS2, client_id="leaving-client")
    v.apply(_without("relying_parties", "client_id", "leaving-client"))
    return v.submit(page, username=AAL3)


def _person_gone(v: Visitor) -> httpx2.Response:
    page = v.sign_in(CIS2, TWO_ROLES, scope="openid selectedrole")
    v.apply(_without("users", "username", TWO_ROLES))
    return v.submit(page, 'name="choice"', choice=ROLE)


def _session_ended(v: Visitor) -> httpx2.Response:
    page = v.sign_in(CIS2, TWO_ROLES, scope="openid selectedrole")
    gone = v.http.get(v.url(CIS2, Endpoint.LOGOUT))
    assert "signed out" in v.submit(gone, 'value="sign-out"', choice="sign-out").text
    return v.submit(page, 'name="choice"', choice=ROLE)


def _another_browser(v: Visitor) -> httpx2.Response:
    page = v.begin(MOCK_CIS2)
    v.http.cookies.clear()
    return v.submit(page, username=AAL3)


# fmt: off
CASES: list[tuple[str, str, Case]] = [
    ("a parameter twice", "idp-parameters-malformed", _raw("client_id=a&client_id=b")),
    ("half an escape", "idp-parameters-malformed", _raw("client_id=%4")),
    ("no client_id", "idp-client-id-missing", _asked(MOCK_CIS2, client_id=None)),
    ("an unknown client", "idp-client-unknown", _asked(CIS2, client_id="nobody", redirect_uri="https://evil.example/")),
    ("the other provider's client", "idp-client-unknown", _asked(MOCK_CIS2, client_id="test-client-nhs-login")),
    ("no redirect_uri", "idp-redirect-uri-missing", _asked(LOGIN, redirect_uri=None)),
    ("another redirect_uri", "idp-redirect-uri-invalid", _asked(MOCK_LOGIN, redirect_uri="https://evil.example/")),
    ("a request object", "idp-request-not-supported", _asked(MOCK_CIS2, request="eyJ")),
    ("a request_uri", "idp-request-uri-not-supported", _asked(LOGIN, request_uri="https://example.org/r")),
    ("a registration", "idp-registration-not-supported", _asked(MOCK_CIS2, registration="{}")),
    ("no response_type", "idp-response-type-missing", _asked(MOCK_CIS2, response_type=None)),
    ("a token", "idp-response-type-invalid", _asked(LOGIN, response_type="token")),
    ("a form_post", "idp-response-mode-invalid", _asked(MOCK_CIS2, response_mode="form_post")),
    ("no state", "idp-state-missing", _asked(CIS2, state=None)),
    ("a state of 2,001 characters", "idp-state-too-long", _asked(MOCK_CIS2, state="x" * 2_001)),
    ("no nonce", "idp-nonce-missing", _asked(LOGIN, nonce=None)),
    ("no openid", "idp-scope-openid-missing", _asked(MOCK_CIS2, scope="profile")),
    ("a scope that is not registered", "idp-scope-not-registered", _asked(LOGIN, client_id="narrow-client", scope="openid phone")),
    ("GP credentials", "idp-scope-not-registered", _asked(LOGIN, scope="openid gp_integration_credentials")),
    ("two scopes that exclude each other", "idp-scope-exclusive", _asked(LOGIN, scope="openid profile basic_demographics")),
    ("an unknown prompt", "idp-prompt-unknown", _asked(MOCK_CIS2, prompt="create")),
    ("none and login", "idp-prompt-none-not-alone", _asked(LOGIN, prompt="none login")),
    ("a hologram", "idp-display-unknown", _asked(MOCK_CIS2, display="hologram")),
    ("max_age soon", "idp-max-age-invalid", _asked(CIS2, max_age="soon")),
    ("vtr that is no list", "idp-vtr-malformed", _asked(LOGIN, vtr="P9")),
    ("vtr that is not registered", "idp-vtr-not-registered", _asked(LOGIN, client_id="narrow-client", scope="openid profile", vtr='["P9.Cm"]')),
    ("a method alone", "idp-challenge-method-alone", _asked(MOCK_CIS2, code_challenge_method="S256")),
    ("plain", "idp-challenge-invalid", _asked(MOCK_CIS2, code_challenge=CHALLENGE, code_challenge_method="plain")),
    ("none, and nobody there", "idp-login-required", _asked(MOCK_LOGIN, prompt="none")),
    ("a hand-over of nobody", "idp-sso-login-required", _asked(LOGIN, asserted_login_identity="x.y.z", prompt="none")),
    ("none, and a check of identity", "idp-interaction-required", _after(P5, LOGIN, {"vtr": '["P5.Cp.Cd"]'}, prompt="none", vtr='["P9.Cp.Cd"]')),
    ("none, and a role to choose", "idp-interaction-required", _after(AAL3, CIS2, {}, prompt="none", scope="openid changedrole")),
    ("none, and consent to ask", "idp-consent-required", _after(PATIENT, LOGIN, {}, prompt="none", client_id="narrow-client")),
    ("AAL3 of an AAL2 worker", "idp-acr-out-of-reach", lambda v: v.sign_in(CIS2, AAL2, acr_values="AAL3_ANY")),
    ("AAL2 where AAL3 is asked", "idp-acr-unmet", lambda v: v.submit(
        v.begin(CIS2, acr_values="AAL3_ANY"), 'value="pretend"', username=AAL3, authenticator="TOTP")),
    ("a password where a passkey is asked", "idp-vtr-unmet", lambda v: v.submit(
        v.begin(LOGIN, vtr='["P9.Cm"]'), 'value="pretend"', username=PATIENT, consent="given", credential="Cp.Cd")),
    ("somebody who went", "idp-person-gone", _person_gone),
    ("no consent, beforehand", "idp-consent-refused", lambda v: v.submit(v.begin(LOGIN), 'value="pretend"', username=PATIENT, consent="refused")),
    ("no consent", "idp-consent-refused", lambda v: v.submit(v.submit(v.begin(LOGIN), username=PATIENT), 'name="choice"', choice="refuse")),
    ("a check that fails", "idp-identity-check-failed", lambda v: v.submit(v.sign_in(LOGIN, P5), 'name="choice"', choice="failed")),
    ("a page of no sign-in", "idp-sign-in-over", lambda v: v.http.get(v.url(MOCK_CIS2, Endpoint.SIGN_IN) + "?session_code=guessed")),
    ("another browser", "idp-sign-in-over", _another_browser),
    ("a page of a sign-in that cannot be", "idp-sign-in-over", lambda v: v.http.get(v.url(MOCK_LOGIN, Endpoint.SIGN_IN) + "?session_code=" + "x" * 201)),
    ("a form without its token, of the list", "idp-form-foreign", lambda v: v.submit(v.begin(MOCK_CIS2), 'value="pretend"', username=AAL3, csrf="guessed")),
    ("a form without its token, of consent", "idp-form-foreign", lambda v: v.submit(
        v.submit(v.begin(LOGIN), username=PATIENT), 'name="choice"', choice="agree", csrf="guessed")),
    ("a form without its token, of identity", "idp-form-foreign", lambda v: v.submit(v.sign_in(LOGIN, P5), 'name="choice"', choice="passed", csrf="")),
    ("a form without its token, of roles", "idp-form-foreign", lambda v: v.submit(
        v.sign_in(CIS2, TWO_ROLES, scope="openid selectedrole"), 'name="choice"', choice=ROLE, csrf="guessed")),
    ("a client that went", "idp-client-gone", _gone_meanwhile),
    ("a session that ended", "idp-not-signed-in", _session_ended),
    ("parameters in the address", "idp-parameters-in-address", lambda v: v.http.post(v.url(MOCK_CIS2, Endpoint.TOKEN) + "?code=x", data={"a": "b"})),
    ("JSON", "idp-form-malformed", lambda v: v.http.post(v.url(MOCK_CIS2, Endpoint.TOKEN), json={})),
    ("code twice", "idp-form-malformed", lambda v: v.http.post(v.url(CIS2, Endpoint.TOKEN), content=b"code=a&code=b",
                                                                    headers={"content-type": "application/x-www-form-urlencoded"})),
    ("another secret", "idp-client-authentication", _redeemed(MOCK_CIS2, AAL3, client_secret="wrong")),
    ("no secret", "idp-client-authentication", _redeemed(MOCK_CIS2, AAL3, client_secret=None)),
    ("another secret at NHS login", "idp-client-authentication", _redeemed(MOCK_LOGIN, PATIENT, client_secret="wrong")),
    ("an assertion for another server", "idp-assertion-invalid", _by_assertion(aud="https://elsewhere.example/")),
    ("an assertion that is over", "idp-assertion-invalid", _by_assertion(exp=1)),
    ("a secret and an assertion", "idp-two-proofs", _redeemed(MOCK_CIS2, AAL3, client_assertion="a.b.c")),
    ("no grant_type", "idp-grant-type-missing", _redeemed(MOCK_CIS2, AAL3, grant_type=None)),
    ("a password grant", "idp-grant-type-unknown", _redeemed(MOCK_CIS2, AAL3, grant_type="password")),
    ("no code", "idp-code-missing", lambda v: v.redeem(MOCK_CIS2, None)),
    ("an unknown code", "idp-grant-invalid", lambda v: v.redeem(MOCK_CIS2, "x")),
    ("a code twice", "idp-grant-invalid", _twice),
    ("a code for another address", "idp-grant-invalid", _redeemed(MOCK_CIS2, AAL3, redirect_uri="https://google.com")),
    ("a code at another realm", "idp-grant-invalid", lambda v: v.redeem(CIS2, told(v.sign_in(MOCK_CIS2, AAL3))["code"])),
    ("a verifier without a challenge", "idp-grant-invalid", _redeemed(MOCK_CIS2, AAL3, code_verifier="x" * 43)),
    ("a used refresh token", "idp-grant-invalid", _refreshed_twice),
    ("no refresh_token", "idp-refresh-token-missing", lambda v: v.refresh(MOCK_CIS2, None)),
    ("more scopes at a refresh", "idp-refresh-scope", lambda v: v.refresh(
        MOCK_CIS2, v.tokens(MOCK_CIS2, AAL3)["refresh_token"], scope="openid profile nationalrbacaccess")),
    ("no token to exchange", "idp-exchange-parameters", _exchanged({"subject_token": None})),
    ("another token to exchange", "idp-exchange-token", _exchanged({"subject_token": "a.b.c"})),
    ("a patient of somebody else", "idp-exchange-denied", _exchanged({}, "9912003072")),
    ("no access token", "idp-token-invalid", lambda v: v.userinfo(MOCK_CIS2, None)),
    ("another access token", "idp-token-invalid", lambda v: v.userinfo(MOCK_LOGIN, "x")),
    ("an access token of another realm", "idp-token-invalid", lambda v: v.userinfo(CIS2, v.tokens(MOCK_CIS2, AAL3)["access_token"])),
    ("a note without its scope", "idp-token-without-metadata", _metadata("openid profile", b'{"client_user_metadata":"x"}')),
    ("a note that is no object", "idp-metadata-not-object", _metadata("openid client_metadata", b"[]")),
    ("a note of half a character", "idp-metadata-not-object", _metadata("openid client_metadata", b'{"client_user_metadata":"\\ud800"}')),
    ("a note that is too long", "idp-metadata-invalid", _metadata("openid client_metadata", b'{"client_user_metadata":"' + b"x" * 1_025 + b'"}')),
    ("a hint that is none", "idp-hint-invalid", lambda v: v.sign_out(id_token_hint="x.y.z")),
    ("a hint for another client", "idp-hint-of-another-client", lambda v: v.sign_out(
        id_token_hint=v.tokens(MOCK_CIS2, AAL3)["id_token"], client_id="test-client-signed-cis2")),
    ("an address after signing out", "idp-logout-address", lambda v: v.sign_out(
        client_id="test-client-cis2", post_logout_redirect_uri="https://evil.example/")),
]
# fmt: on


@pytest.fixture(scope="module")
def demo(new_wardgate: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Callable[[Any], None]]]:
    """A Wardgate with two more clients, and how to change its manifest; None puts it back."""
    with new_wardgate() as one:
        path: Path = tmp_path_factory.mktemp("manifests") / "manifest.yaml"
        text = source(f"http://127.0.0.1:{one.demo_port}").content
        changes = 0

        def apply(change: Callable[[dict[str, Any]], None] | None) -> None:
            nonlocal changes
            if change is None and changes == 0:
                return
            manifest = yaml.safe_load(text)
            manifest["relying_parties"] += [
                {"client_id": "narrow-client", "kind": "nhs-login", "redirect_uris": [CALLBACK], "scopes": ["openid", "profile"], "vtr": ["P9.Cp.Cd"]},
                {"client_id": "leaving-client", "kind": "nhs-cis2", "redirect_uris": [CALLBACK]},
            ]
            changes = 0
            if change is not None:
                change(manifest)
                changes = 1
            path.write_text(yaml.safe_dump(manifest))
            one.done("manifest", "apply", path, "--yes")

        apply(lambda _manifest: None)
        changes = 0
        yield one, apply


@pytest.fixture
def visitor(demo: Any) -> Iterator[Visitor]:
    """A new browser."""
    found = Visitor(*demo)
    yield found
    found.http.close()
    found.apply(None)


@pytest.mark.parametrize(("name", "code", "case"), CASES, ids=[f"{name}: {code}" for name, code, _ in CASES])
def test_each_refusal_of_a_provider(visitor: Visitor, name: str, code: str, case: Case) -> None:
    """Its words, where they belong: on a page, in JSON, or with the browser; and its reason in the record."""
    answer = case(visitor)
    row = CATALOGUE[code]
    assert answer.headers["cache-control"] == "no-store"
    if row.status == 302:
        assert answer.headers["location"].startswith(CALLBACK + "?")
        found = told(answer)
        found.pop("iss", None)
        state = {} if code == "idp-state-missing" else {"state": found.get("state")}
        assert found == {"error": row.error, "error_description": row.text, **state}
    elif answer.headers["content-type"].startswith("text/html"):
        assert answer.status_code == row.status
        assert row.text.replace("{problem}.", "") in answer.text.replace("&#39;", "'")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "evil" not in answer.text
        assert "location" not in answer.headers
    else:
        _check_json(name, row, answer)
    _check_record(visitor, row, code)


def _check_json(name: str, row: Any, answer: httpx2.Response) -> None:
    at_login = row.status == 401 and "NHS login" in name  # user-restricted 12.4: always 400 there
    assert answer.status_code == (400 if at_login else row.status), answer.text
    found = answer.json()
    if row.error in {"invalid_token", "insufficient_scope"}:
        assert f'error="{row.error}"' in answer.headers["www-authenticate"]
        assert found["error"] == row.error
        return
    assert sorted(found) == ["error", "error_description"]
    assert found["error"] == row.error
    assert row.text == "{problem}" or found["error_description"] == row.text


def _check_record(visitor: Visitor, row: Any, code: str) -> None:
    lines = visitor.wardgate.cli("audit", "tail", "-n", "20", "--output", "json").out.splitlines()
    events = [event for event in map(json.loads, lines) if event["type"] == "StandInRefused"]
    assert events[-1]["reason"] == code
    assert (events[-1]["outcome"], events[-1]["details"]["error"]) == ("refused", row.error)
    for person in (AAL3, TWO_ROLES, AAL2, PATIENT, P5):
        assert person not in str(events[-1])


def test_every_refusal_of_the_providers_is_met() -> None:
    """A row that is added to the catalogue fails here until somebody meets it."""
    codes = {row.code for row in CATALOGUE.values() if row.area is Area.PROVIDERS}
    met = {code for _, code, _ in CASES}
    assert codes
    assert codes - met - ONLY_ASKED_FOR - set(ELSEWHERE) == set()
    assert not met & ONLY_ASKED_FOR


def test_a_store_that_is_away(visitor: Visitor) -> None:
    """Nobody is sent anywhere, and nothing is given."""
    row = CATALOGUE["idp-unexpected"]
    database = sqlite3.connect(visitor.wardgate.data / "wardgate.db", isolation_level=None)
    with contextlib.closing(database):
        database.execute("BEGIN IMMEDIATE")
        answer = visitor.begin(MOCK_CIS2)
        database.execute("ROLLBACK")
    assert (answer.status_code, answer.json()) == (row.status, {"error": row.error, "error_description": row.text})


@pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
def test_nobody_is_redirected_to_what_only_looks_registered(visitor: Visitor, address: str) -> None:
    """Neither when a sign-in begins nor when one ends."""
    begun = visitor.begin(MOCK_CIS2, redirect_uri=address)
    ended = visitor.sign_out(client_id="test-client-cis2", post_logout_redirect_uri=address)
    for answer in (begun, ended):
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("text/html")
        assert "location" not in answer.headers
        assert "evil.example" not in answer.text


def test_nobody_is_signed_out_by_a_form_of_somebody_else(visitor: Visitor) -> None:
    """Without the form's own token the person is asked again, and stays signed in."""
    assert told(visitor.sign_in(MOCK_CIS2, AAL3))["code"]
    logout = visitor.url(MOCK_CIS2, Endpoint.LOGOUT)
    for csrf in ({}, {"csrf": ""}, {"csrf": "guessed"}):
        answer = visitor.http.post(logout, data={"choice": "sign-out", **csrf})
        assert 'value="sign-out"' in answer.text
    assert visitor.http.get(logout, params={"choice": "sign-out"}).text.count('name="csrf"') == 1
    assert told(visitor.begin(MOCK_CIS2, prompt="none"))["code"]


def test_a_session_is_not_what_the_browser_brought(visitor: Visitor) -> None:
    """Whoever planted a cookie has no session afterwards, and nobody had one by it before."""
    begun = visitor.begin(MOCK_CIS2)
    brought = [name for name in visitor.http.cookies if "session" not in name]
    assert brought
    page = visitor.sign_in(MOCK_CIS2, AAL3)
    assert told(page)["code"]
    own = {name: value for name, value in visitor.http.cookies.items() if "session" in name}
    assert own
    attacker = Visitor(visitor.wardgate, visitor.apply)
    for name in own:
        attacker.http.cookies.set(name, "planted", domain="localhost.local", path=MOCK_CIS2.base)
    assert told(attacker.begin(MOCK_CIS2, prompt="none"))["error"] == "login_required"
    assert told(attacker.sign_in(MOCK_CIS2, AAL3))["code"]
    values = {value for name, value in attacker.http.cookies.items() if name in own}
    assert values - {"planted"}
    assert not values & set(own.values())
    attacker.http.close()
    assert begun.status_code == 200
