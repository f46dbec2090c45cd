"""Every good answer about a user, on the wire and whole: tokens, what is in them, details, and what backends are told.

Only times, ids and tokens are not written out: they are checked by their form, or by what they follow from. user-restricted 3.5,
4.2 to 4.5, 6, 7, 8 and 10.1.
"""

import json
import re
import time
from typing import Any

import pytest

from user_rows.place import BASE, CALLBACK, STATE, TWIN, Answer
from wardgate.jose import KeyRules, UnverifiedJWT, parse_jwk_set, verify

SCOPES = {level: [f"urn:nhsd:apim:{family}:{level}:{api}" for api in apis] for level, family, apis in (
    ("aal1", "user-nhs-cis2", ["user-demo"]), ("aal2", "user-nhs-cis2", ["user-demo"]), ("aal3", "user-nhs-cis2", ["hello-world", "user-demo", "reasonable-adjustments"]),
    ("P0", "user-nhs-login", ["user-demo"]), ("P5", "user-nhs-login", ["user-demo"]), ("P9", "user-nhs-login", ["hello-world", "user-demo"]))}
EXCHANGED = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
WORKER, PATIENT, OTHER_PATIENT = "555000000101", "9912003071", "9912003072"
ROLE = "555000000201"
TOKEN_HEADERS = {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache",
                 "strict-transport-security": "max-age=31536000; includeSubDomains"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NOT_COMPARED = {"date", "content-length", "x-request-id"}


def check_answer(answer: Answer, life: str, count: str = "0", more: dict[str, str] | None = None) -> None:
    """Compare a token answer: all members are texts, and there are no others (user-restricted 3.5, 4.4, 4.5)."""
    assert answer.status == 200, answer.body
    assert {name: value for name, value in answer.headers.items() if name not in NOT_COMPARED} == TOKEN_HEADERS
    assert UUID.fullmatch(answer.headers["x-request-id"])
    body = answer.json
    assert body == {"access_token": body["access_token"], "expires_in": "599", "token_type": "Bearer", **(more or {}),
                    "refresh_token": body["refresh_token"], "refresh_token_expires_in": body["refresh_token_expires_in"], "refresh_count": count}
    assert int(life) - 30 <= int(body["refresh_token_expires_in"]) <= int(life)
    assert re.fullmatch(r"[A-Za-z0-9_-]{36}", body["refresh_token"])


def claims_of(place: Any, answer: Answer, level: str) -> dict[str, Any]:
    """Verify an access token with the published keys, check what is ordinary in it, and return the rest."""
    keys = parse_jwk_set(place.get("/jwks").body, KeyRules())
    token = UnverifiedJWT.parse(answer.json["access_token"])
    kid = token.header["kid"]
    assert dict(token.header) == {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    found = dict(verify(token, keys.keys[kid]).claims)
    moment = found["iat"]
    assert abs(moment - time.time()) < 30
    ordinary = {"iss": place.wardgate.url + BASE, "aud": place.wardgate.url, "iat": moment, "exp": moment + 600, "client_id": "demo-app",
                "org": "Z9X01", "asid": "200000000115", "level": level, "scope": " ".join(SCOPES[level])}
    assert {name: found.pop(name) for name in ordinary} in ({**ordinary, "exp": moment + 600}, {**ordinary, "exp": moment + 601})
    for name, form in (("jti", r"[A-Za-z0-9_-]{22}"), ("sess", r"[A-Za-z0-9_-]{22}"), ("cred", r"[0-9a-f]{16}")):
        assert re.fullmatch(form, found.pop(name))
    return found


@pytest.mark.parametrize(("claim", "level"), [("1", "aal1"), (2, "aal2"), ("3", "aal3")])
def test_an_exchange_of_a_worker(place: Any, claim: Any, level: str) -> None:
    """NHS CIS2, separate: the worker, the provider, the chosen role; no roles, because they are not known."""
    text = place.cis2.id_token(authentication_assurance_level=claim, selected_roleid=ROLE)
    answer = place.exchange(subject_token=text)
    check_answer(answer, "43199", more=EXCHANGED)
    assert claims_of(place, answer, level) == {"sub": WORKER, "idp": place.cis2.issuer, "separate": True, "role": ROLE}


@pytest.mark.parametrize("level", ["P0", "P5", "P9"])
def test_an_exchange_of_a_patient(place: Any, level: str) -> None:
    """NHS login, separate: level and NHS number, as backends get them."""
    answer = place.exchange(subject_token=place.nhs_login.id_token(identity_proofing_level=level))
    check_answer(answer, "3599", more=EXCHANGED)
    assert claims_of(place, answer, level) == {"sub": PATIENT, "idp": place.nhs_login.issuer, "separate": True, "patient": f"{level}:{PATIENT}"}


def test_an_exchange_for_somebody_else(place: Any) -> None:
    """user-restricted 14: the patient, and who acts."""
    text = place.nhs_login.id_token(act={"sub": place.nhs_login.id_token(nhs_number=OTHER_PATIENT)})
    answer = place.exchange(subject_token=text)
    check_answer(answer, "3599", more=EXCHANGED)
    assert claims_of(place, answer, "P9") == {
        "sub": PATIENT, "idp": place.nhs_login.issuer, "separate": True, "patient": f"P9:{PATIENT}", "act": {"sub": OTHER_PATIENT}}


@pytest.mark.parametrize(("scope", "life"), [(None, "43199"), ("nhs-cis2", "43199"), ("nhs-login", "3599")])
def test_a_sign_in_through_us(place: Any, scope: str | None, life: str) -> None:
    """Combined: away with exactly the platform's parameters, back with code and state alone, a token, two refreshes."""
    provider = place.nhs_login if scope == "nhs-login" else place.cis2
    away = place.authorize(scope=scope)
    asked = away.query
    assert (away.status, away.location, away.body) == (302, provider.issuer + "/authorize", b"")
    assert re.fullmatch(r"[A-Za-z0-9_-]{36}", asked.pop("state"))
    own = {"scope": "openid profile"} if provider is place.nhs_login else {"scope": "openid nationalrbacaccess", "acr_values": "AAL3_ANY"}
    assert asked == {"response_type": "code", "client_id": "wardgate", "redirect_uri": place.wardgate.url + BASE + "/callback", "max_age": "300", **own}
    ((name, value),) = away.cookies.items()
    assert away.headers["set-cookie"] == f"{name}={value}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
    assert re.fullmatch(r"__Host-wardgate-sign-in-[0-9a-f]{16}", name)
    back = place.come_back(away)
    code = back.query["code"]
    assert (back.status, back.body, back.headers["location"]) == (302, b"", f"{CALLBACK}?code={code}&state={STATE}")
    assert re.fullmatch(r"[A-Za-z0-9_-]{36}", code)
    answer = place.redeem(code)
    check_answer(answer, life)
    worker = {"sub": WORKER, "idp": provider.issuer, "separate": False, "roles": [ROLE]}
    patient = {"sub": PATIENT, "idp": provider.issuer, "separate": False, "patient": f"P9:{PATIENT}"}
    for count in ("1", "2"):
        assert claims_of(place, answer, "P9" if provider is place.nhs_login else "aal3") == (patient if provider is place.nhs_login else worker)
        answer = place.refresh(answer.json["refresh_token"])
        check_answer(answer, life, count)


def test_a_refresh_counts_from_the_first_sign_in(place: Any) -> None:
    """user-restricted 4.5: an hour later an hour less is left; at NHS login nothing."""
    worker, patient = place.tokens(), place.tokens(scope="nhs-login")
    place.age(1800)
    check_answer(place.refresh(worker["refresh_token"]), "41399", "1")
    check_answer(place.refresh(patient["refresh_token"]), "1799", "1")


def test_an_exchanged_tokens_refresh(place: Any) -> None:
    """By secret, and without `issued_token_type`."""
    answer = place.refresh(place.exchange().json["refresh_token"])
    check_answer(answer, "43199", "1")
    assert claims_of(place, answer, "aal3") == {"sub": WORKER, "idp": place.cis2.issuer, "separate": True}


def test_details_of_a_worker(place: Any) -> None:
    """user-restricted 7.1: what NHS CIS2 says, as it says it."""
    answer = place.userinfo(place.tokens()["access_token"])
    assert (answer.status, answer.json) == (200, place.cis2.userinfo)
    assert {name: value for name, value in answer.headers.items() if name not in NOT_COMPARED} == TOKEN_HEADERS


def test_a_sign_out(place: Any) -> None:
    """user-restricted 7.2: the body, and the end at the gateway and at the token endpoint."""
    tokens = place.tokens()
    answer = place.logout(place.cis2.logout_token())
    assert (answer.status, answer.json) == (200, {"success": True})
    assert {name: value for name, value in answer.headers.items() if name not in NOT_COMPARED} == TOKEN_HEADERS
    assert place.refresh(tokens["refresh_token"]).json["error_description"] == "refresh_token is invalid"
    assert place.userinfo(tokens["access_token"]).json == {
        "fault": {"faultstring": "Access Token not approved", "detail": {"errorcode": "keymanagement.service.access_token_not_approved"}}}


def test_a_sign_out_from_a_network_that_is_allowed(place: Any) -> None:
    """The provider's networks are in the manifest."""
    place.limit_logout("0.0.0.0/0")
    place.tokens()
    assert place.logout(place.cis2.logout_token()).status == 200


def test_a_pushed_request(place: Any) -> None:
    """RFC 9126 section 2.2, RFC 9207: numbers are numbers here, and the answer names the issuer."""
    pushed = place.push(standing="strict")
    assert pushed.status == 201
    assert pushed.json == {"request_uri": pushed.json["request_uri"], "expires_in": 60}
    assert re.fullmatch(r"urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{36}", pushed.json["request_uri"])
    back = place.come_back(place.authorize(standing="strict"))
    assert back.query == {"code": back.query["code"], "state": STATE, "iss": place.wardgate.url + BASE}
    check_answer(place.redeem(back.query["code"], standing="strict"), "43199")


def _echoed(place: Any, path: str, token: str, **headers: str) -> dict[str, str]:
    answer = place.get(path, "", authorization=f"Bearer {token}", **headers)
    assert answer.status == 200, answer.body
    return {name: value for name, value in json.loads(answer.body)["headers"].items() if name.startswith("nhsd-")}


BACKENDS = (
    ("an exchange", "/user-demo/echo/worker", lambda p: p.exchange().json, {}, {}),
    ("an exchange with a role in the header", "/user-demo/echo/role", lambda p: p.exchange().json, {"NHSD-Session-URID": "555254240109"},
     {"nhsd-session-urid": "555254240109"}),
    ("an exchange with a role in the token", "/user-demo/echo/role",
     lambda p: p.exchange(subject_token=p.cis2.id_token(selected_roleid=ROLE)).json, {}, {"nhsd-session-urid": ROLE}),
    ("a sign-in with one role", "/user-demo/echo/role", lambda p: p.tokens(), {}, {"nhsd-session-urid": ROLE}),
    ("a sign-in with that role in the header", "/user-demo/echo/role", lambda p: p.tokens(), {"NHSD-Session-URID": ROLE}, {"nhsd-session-urid": ROLE}),
)


@pytest.mark.parametrize(("path", "tokens", "sent", "more"), [row[1:] for row in BACKENDS], ids=[row[0] for row in BACKENDS])
def test_what_backends_learn_of_workers(place: Any, path: str, tokens: Any, sent: dict[str, str], more: dict[str, str]) -> None:
    """user-restricted 10.1: exactly these headers about the user, whatever the caller says of itself."""
    spoofed = {"NHSD-Identity-UUID": "spoofed", "NHSD-Identity-IdP": "spoofed", "NHSD-NHSLogin-User": "P9:spoofed"}
    seen = _echoed(place, path, tokens(place)["access_token"], **spoofed, **sent)
    trace = {name: seen[name] for name in ("nhsd-request-id", "nhsd-correlation-id")}
    assert seen == trace | {"nhsd-application": "demo-app", "nhsd-identity-uuid": WORKER, "nhsd-identity-idp": place.cis2.issuer} | more


@pytest.mark.parametrize("how", ["exchange", "code"])
def test_what_backends_learn_of_patients(place: Any, how: str) -> None:
    """user-restricted 10.1: level and NHS number."""
    tokens = place.exchange(subject_token=place.nhs_login.id_token()).json if how == "exchange" else place.tokens(scope="nhs-login")
    seen = _echoed(place, "/user-demo/echo/patient", tokens["access_token"], **{"NHSD-NHSLogin-User": "P9:spoofed"})
    trace = {name: seen[name] for name in ("nhsd-request-id", "nhsd-correlation-id")}
    assert seen == trace | {"nhsd-application": "demo-app", "nhsd-nhslogin-user": f"P9:{PATIENT}"}


def test_the_published_keys(place: Any) -> None:
    """Public members only."""
    keys = place.get("/jwks").json
    assert list(keys) == ["keys"]
    assert len(keys["keys"]) >= 1
    for key in keys["keys"]:
        assert key == {"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "kid": key["kid"], "use": "sig", "alg": "ES256"}


CORS = {"access-control-allow-origin": "https://app.example", "access-control-max-age": "600", "vary": "Origin",
        "access-control-allow-headers": "origin, x-requested-with, accept, content-type, authorization",
        "access-control-allow-methods": "GET, PUT, POST, DELETE"}


@pytest.mark.parametrize("path", ["/authorize", "/token", "/userinfo", "/callback", "/backchannel_logout", "/anything"])
def test_a_preflight(place: Any, path: str) -> None:
    """user-restricted 2.1: with both headers, on any path; the origin is echoed."""
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = place.ask(BASE + path, "OPTIONS", asked)
    assert (answer.status, answer.body) == (200, b"")
    ordinary = {name: value for name, value in TOKEN_HEADERS.items() if name != "content-type"}
    assert {name: value for name, value in answer.headers.items() if name not in NOT_COMPARED} == ordinary | CORS
    for missing in asked:
        refused = place.ask(BASE + path, "OPTIONS", {name: value for name, value in asked.items() if name != missing})
        assert refused.status in {404, 405}
        assert not [name for name in refused.headers if name.startswith("access-control")]


def test_a_page_may_read_the_answer_to_a_code_alone(place: Any) -> None:
    """user-restricted 2.1, and no other grant's answer."""
    code = place.post("/token", {"grant_type": "authorization_code", **place.proof(), "redirect_uri": CALLBACK, "code": place.sign_in()},
                      origin="https://app.example")
    assert {name: value for name, value in code.headers.items() if name not in NOT_COMPARED} == TOKEN_HEADERS | CORS
    refreshed = place.post("/token", {"grant_type": "refresh_token", **place.proof(), "refresh_token": code.json["refresh_token"]},
                           origin="https://app.example")
    for answer in (refreshed, place.post("/token", place.exchange_form(), origin="https://app.example")):
        assert answer.status == 200
        assert {name: value for name, value in answer.headers.items() if name not in NOT_COMPARED} == TOKEN_HEADERS


def test_the_state_of_the_providers(place: Any) -> None:
    """user-restricted 2.1: one check for each, whole; a provider that is down fails its own base path."""
    answer = place.get("/_status", apikey="demo-status-key-not-a-secret").json
    build = {name: answer[name] for name in ("version", "revision", "releaseId", "commitId")}
    well = {kind: {"status": "pass", "timeout": "false", "responseCode": 200, "outcome": "", "links": {"self": f"{issuer}/connect/jwk_uri"}}
            for kind, issuer in (("nhs-cis2", place.cis2.issuer), ("nhs-login", place.nhs_login.issuer))}
    assert {name: answer["checks"].get(name) for name in well} == well
    assert set(answer) == {"status", "checks", *build}
    down = place.get("/_status", TWIN, apikey="demo-status-key-not-a-secret").json
    assert down["status"] == "fail"
