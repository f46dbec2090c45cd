"""The token endpoint of a stand-in: shapes compared whole, and every refusal (user-restricted 11.4, 12.4, 12.5)."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256, sha512
from typing import Any

import httpx2
import pytest

from flows.standins.cast import CALLBACK, CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, ORIGIN, PLAIN_ORIGIN, returned
from wardgate.demo.keys import private_pem
from wardgate.jose import SigningJWK, UnverifiedJWT, sign
from wardgate.keystores.client_secrets import RELYING_PARTIES, client_key, own_secret
from wardgate.keystores.rsa import signing_key
from wardgate.oauth.users import ProviderKind
from wardgate.standins.id_token import half_hash
from wardgate.standins.surfaces import Endpoint

INVALID_GRANT = {"error": "invalid_grant", "error_description": "The provided access grant is invalid, expired, or revoked."}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MOMENT = 1_772_442_000


def _half(text: str, digest: Any) -> str:
    made = digest(text.encode()).digest()
    return urlsafe_b64encode(made[: len(made) // 2]).rstrip(b"=").decode()


def test_a_cis2_answer_and_its_id_token(browser: Any, world: Any) -> None:
    """Numbers are numbers; the header has alg, typ and kid; every claim of user-restricted 11.4."""
    code = returned(browser.sign_in(CIS2, "656005750107", scope="openid profile nationalrbacaccess selectedrole"))["code"]
    answer = browser.token(CIS2, code)
    assert (answer.status_code, answer.headers["cache-control"], answer.headers["pragma"]) == (200, "no-store", "no-cache")
    body = answer.json()
    access, id_token = body["access_token"], body.pop("id_token")
    assert body == {"access_token": access, "refresh_token": body["refresh_token"], "scope": "openid profile nationalrbacaccess selectedrole",
                    "token_type": "Bearer", "expires_in": 3599}
    token = world.verified(CIS2, id_token)
    assert dict(token.header) == {"alg": "RS256", "typ": "JWT", "kid": token.kid}
    random = {name: token.claims[name] for name in ("auditTrackingId", "sid", "jti")}
    assert token.claims == random | {
        "at_hash": _half(access, sha256), "sub": "656005750107", "amr": ["N3_SMARTCARD"], "iss": ORIGIN + CIS2.base, "tokenName": "id_token",
        "aud": "test-client-cis2", "azp": "test-client-cis2", "c_hash": _half(code, sha256), "s_hash": _half("state-1", sha256),
        "acr": "AAL3_N3_SMARTCARD", "nonce": "nonce-1", "auth_time": MOMENT, "realm": "/NHSIdentity/Healthcare", "iat": MOMENT,
        "exp": MOMENT + 3600, "tokenType": "JWTToken", "id_assurance_level": "3", "authentication_assurance_level": "3",
        "selected_roleid": "555254242105"}


def test_an_nhs_login_answer_and_its_tokens(browser: Any, world: Any) -> None:
    """The access token is a JWT of five minutes (12.5); `bearer` is lower case there (12.4)."""
    body = browser.tokens(MOCK_LOGIN, "9912003071")
    assert {name: value for name, value in body.items() if not name.endswith("_token")} == {
        "scope": "openid profile", "token_type": "bearer", "expires_in": 300}
    assert sorted(body) == ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]
    who = {"iss": ORIGIN + MOCK_LOGIN.base, "sub": "49f470a1-0000-4000-8000-5a1cb6a0b1c1", "aud": "test-client-nhs-login", "iat": MOMENT,
           "auth_time": MOMENT, "vot": "P9.Cp.Cd", "vtm": ORIGIN + MOCK_LOGIN.base + "/trustmark/gateway.example.nhs.uk"}
    token = world.verified(MOCK_LOGIN, body["id_token"])
    assert dict(token.header) == {"alg": "RS512", "typ": "JWT", "kid": token.kid}
    assert token.claims == who | {
        "exp": MOMENT + 3600, "jti": token.claims["jti"], "nonce": "nonce-1", "nhs_number": "9912003071", "family_name": "EXAMPLE",
        "surname": "EXAMPLE", "birthdate": "1970-01-01", "identity_proofing_level": "P9", "id_status": "verified", "token_use": "id"}
    access = world.verified(MOCK_LOGIN, body["access_token"]).claims
    assert access == who | {
        "exp": MOMENT + 300, "jti": access["jti"], "scope": "openid profile", "client_id": "test-client-nhs-login", "version": 0,
        "reason_for_request": "patientaccess", "requesting_patient": "9912003071", "token_use": "access"}
    assert access["jti"] != token.claims["jti"]


@pytest.mark.parametrize(("scope", "claims"), [
    ("openid", set()),
    ("openid basic_demographics", {"family_name", "surname", "birthdate", "identity_proofing_level", "id_status"}),
    ("openid profile", {"nhs_number", "family_name", "surname", "birthdate", "identity_proofing_level", "id_status"})])
def test_what_nhs_logins_id_token_says_by_scope(browser: Any, world: Any, scope: str, claims: set[str]) -> None:
    """Without `profile` there is no NHS number (user-restricted 3.4); mock realms tell it always."""
    page = browser.submit(browser.authorize(LOGIN, scope=scope), -1, username="9912003071", consent="given")
    token = world.verified(LOGIN, browser.token(LOGIN, returned(page)["code"]).json()["id_token"])
    assert set(token.claims) - {"iss", "sub", "aud", "iat", "exp", "auth_time", "jti", "nonce", "vot", "vtm", "token_use"} == claims


def test_a_level_that_is_not_proved_says_only_so(browser: Any, world: Any) -> None:
    """P0: the level alone (12.6)."""
    page = browser.submit(browser.authorize(LOGIN, vtr='["P0.Cp.Cd"]'), -1, username="9912003073", consent="given")
    claims = world.verified(LOGIN, browser.token(LOGIN, returned(page)["code"]).json()["id_token"]).claims
    assert {name: claims.get(name) for name in ("identity_proofing_level", "id_status", "nhs_number", "family_name")} == {
        "identity_proofing_level": "P0", "id_status": "unverified", "nhs_number": None, "family_name": None}


def test_each_address_is_its_own_issuer(world: Any) -> None:
    """Whoever comes by another of our addresses gets tokens of that issuer."""
    with world.client(PLAIN_ORIGIN) as plain:
        token = plain.tokens(MOCK_CIS2, "656005750104")["id_token"]
    assert world.verified(MOCK_CIS2, token).claims["iss"] == PLAIN_ORIGIN + MOCK_CIS2.base


def test_claims_that_the_manifest_replaces(browser: Any, world: Any) -> None:
    """For meeting malformed tokens: replaced, or left out where it says null."""
    user = world.identities.users["656005750104"]
    changed = user.model_copy(update={"id_token_claims": {"authentication_assurance_level": 3, "sid": None, "extra": "x"}})
    world.identities = type(world.identities)(world.identities.providers, world.identities.relying_parties, {changed.username: changed})
    claims = world.verified(MOCK_CIS2, browser.tokens(MOCK_CIS2, "656005750104")["id_token"]).claims
    assert (claims["authentication_assurance_level"], claims["extra"]) == (3, "x")
    assert "sid" not in claims


# --- codes

REFUSED_CODES = [
    ({"code": "unknown"}, INVALID_GRANT), ({"code": "x" * 300}, INVALID_GRANT),
    ({"code": None}, {"error": "invalid_request", "error_description": "code is missing"}),
    ({"redirect_uri": None}, INVALID_GRANT), ({"redirect_uri": "https://google.com"}, INVALID_GRANT),
    ({"code_verifier": "x" * 43}, INVALID_GRANT),
    ({"grant_type": None}, {"error": "invalid_request", "error_description": "grant_type is missing"}),
    ({"grant_type": "password"}, {"error": "unsupported_grant_type", "error_description": "grant_type is not supported"}),
    ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"},
     {"error": "unsupported_grant_type", "error_description": "grant_type is not supported"}),
]


@pytest.mark.parametrize(("changes", "body"), REFUSED_CODES)
def test_a_code_that_is_refused(browser: Any, changes: dict[str, str | None], body: dict[str, str]) -> None:
    """400 in CIS2's words (user-restricted 11.4); a wrong attempt does not use the code up."""
    code = returned(browser.sign_in(MOCK_CIS2, "656005750104"))["code"]
    answer = browser.token(MOCK_CIS2, code, **changes)
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (400, body, "no-store")
    assert browser.token(MOCK_CIS2, code).status_code == 200


def test_a_code_is_used_once_and_in_time(browser: Any, world: Any) -> None:
    """Twice: refused. After 300 s at CIS2, 600 s at NHS login: refused (RFC 6749 section 4.1.2)."""
    code = returned(browser.sign_in(MOCK_CIS2, "656005750104"))["code"]
    assert browser.token(MOCK_CIS2, code).status_code == 200
    assert browser.token(MOCK_CIS2, code).json() == INVALID_GRANT
    for surface, seconds, username in ((MOCK_CIS2, 300, "656005750104"), (MOCK_LOGIN, 600, "9912003071")):
        back = browser.authorize(surface)
        back = browser.submit(back, username=username) if back.status_code == 200 else back
        world.now += timedelta(seconds=seconds)
        assert browser.token(surface, returned(back)["code"]).json() == INVALID_GRANT


def test_a_code_of_another_client_or_realm(browser: Any, world: Any) -> None:
    """Bound to both; and still good for its own client."""
    code = returned(browser.sign_in(MOCK_CIS2, "656005750104"))["code"]
    assert browser.token(CIS2, code).json() == INVALID_GRANT
    other = world.identities.relying_parties["test-client-cis2"].model_copy(update={"client_id": "another"})
    world.identities.relying_parties["another"] = other
    assert browser.token(MOCK_CIS2, code, client_id="another", client_secret=_made_secret(world, "another")).json() == INVALID_GRANT
    assert browser.token(MOCK_CIS2, code).status_code == 200


def _made_secret(world: Any, client_id: str) -> str:
    return own_secret(world.stores.values, RELYING_PARTIES, client_id)


def test_of_many_redemptions_at_once_one_succeeds(make_world: Any) -> None:
    """On two nodes of one database."""
    nodes = [make_world(), make_world()]
    with nodes[0].client() as browser:
        code = returned(browser.sign_in(MOCK_CIS2, "656005750104"))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "test-client-cis2",
            "client_secret": "test-client-cis2-not-a-secret"}

    async def race() -> list[int]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=nodes[0].app)) as one, \
                httpx2.AsyncClient(transport=httpx2.ASGITransport(app=nodes[1].app)) as other:
            asked = [client.post(MOCK_CIS2.url(ORIGIN, Endpoint.TOKEN), data=form) for client in (one, other) * 4]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert sorted(asyncio.run(race())) == [200] + [400] * 7


VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(("verifier", "status"), [(VERIFIER, 200), (VERIFIER[:-1] + "x", 400), (None, 400), ("short", 400)])
def test_pkce(browser: Any, verifier: str | None, status: int) -> None:
    """RFC 7636 appendix B's pair; anything else, and nothing, is refused."""
    back = browser.sign_in(CIS2, "656005750104", code_challenge=CHALLENGE, code_challenge_method="S256")
    assert browser.token(CIS2, returned(back)["code"], code_verifier=verifier).status_code == status


# --- refresh

def test_refreshing(browser: Any, world: Any) -> None:
    """A new pair each time, only the latest good; no nonce again; CIS2 gives an ID token, NHS login does not (12.4)."""
    first = browser.tokens(CIS2, "656005750104")
    world.now += timedelta(minutes=10)

    def refresh(surface: Any, token: str, **more: str) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "test-client-cis2",
                "client_secret": "test-client-cis2-not-a-secret"} | more
        return browser.post(surface.url(ORIGIN, Endpoint.TOKEN), data=form)

    second = refresh(CIS2, first["refresh_token"]).json()
    claims = world.verified(CIS2, second["id_token"]).claims
    assert claims["auth_time"] == MOMENT
    assert claims["iat"] == MOMENT + 600
    assert not {"nonce", "c_hash", "s_hash"} & set(claims)
    assert refresh(CIS2, first["refresh_token"]).json() == INVALID_GRANT
    assert refresh(MOCK_CIS2, second["refresh_token"]).json() == INVALID_GRANT
    less = refresh(CIS2, second["refresh_token"], scope="openid").json()
    assert less["scope"] == "openid"
    assert refresh(CIS2, less["refresh_token"], scope="openid profile").json()["error"] == "invalid_scope"
    login = {"client_id": "test-client-nhs-login", "client_secret": "test-client-nhs-login-not-a-secret"}
    patient = browser.tokens(MOCK_LOGIN, "9912003071")
    again = refresh(MOCK_LOGIN, patient["refresh_token"], **login).json()
    assert sorted(again) == ["access_token", "expires_in", "refresh_token", "scope", "token_type"]


def test_a_refresh_period_counts_from_the_sign_in(browser: Any, world: Any) -> None:
    """12 hours at CIS2, however often it is refreshed."""
    token = browser.tokens(MOCK_CIS2, "656005750104")["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": "test-client-cis2", "client_secret": "test-client-cis2-not-a-secret"}
    for hours, status in ((6, 200), (5, 200), (1, 400)):
        world.now += timedelta(hours=hours)
        answer = browser.post(MOCK_CIS2.url(ORIGIN, Endpoint.TOKEN), data=form | {"refresh_token": token})
        assert answer.status_code == status
        token = answer.json().get("refresh_token")


def test_cis2_gives_a_refresh_token_on_request(browser: Any, world: Any) -> None:
    """To a client of the manifest that asks for it, or by the scope `offline_access`; mock realms always (11.4)."""
    party = world.identities.relying_parties["test-client-cis2"]
    world.identities.relying_parties["test-client-cis2"] = party.model_copy(update={"refresh_tokens": False})
    assert "refresh_token" not in browser.tokens(CIS2, "656005750104")
    back = browser.authorize(CIS2, scope="openid offline_access")
    assert "refresh_token" in browser.token(CIS2, returned(back)["code"]).json()
    assert "refresh_token" in browser.tokens(MOCK_CIS2, "656005750104")


# --- who asks

WRONG_CLIENTS = [
    {"client_id": None}, {"client_id": "nobody"}, {"client_secret": None}, {"client_secret": "wrong"},
    {"client_id": "test-client-nhs-login", "client_secret": "test-client-nhs-login-not-a-secret"}, {"client_id": "test-client-signed-cis2"},
]


@pytest.mark.parametrize("changes", WRONG_CLIENTS)
def test_a_client_that_does_not_prove_itself(browser: Any, changes: dict[str, str | None]) -> None:
    """The same answer whatever is wrong; the code stays good."""
    code = returned(browser.sign_in(MOCK_CIS2, "656005750104"))["code"]
    answer = browser.token(MOCK_CIS2, code, **changes)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client", "error_description": "Client authentication failed"})
    assert browser.token(MOCK_CIS2, code).status_code == 200


def test_nhs_login_refuses_with_400(browser: Any) -> None:
    """RFC 6749's words, always 400 (user-restricted 12.4)."""
    code = returned(browser.sign_in(MOCK_LOGIN, "9912003071"))["code"]
    assert browser.token(MOCK_LOGIN, code, client_secret="wrong").status_code == 400


@pytest.mark.parametrize(("headers", "content", "text"), [
    ({"content-type": "application/json"}, b"{}", "The content type must be application/x-www-form-urlencoded"),
    ({"content-type": "application/x-www-form-urlencoded"}, b"a=1&a=2", "none of them twice"),
    ({"content-type": "application/x-www-form-urlencoded"}, b"a=" + b"x" * 70_000, "more than 65536 bytes")])
def test_a_body_that_cannot_be_read(browser: Any, headers: dict[str, str], content: bytes, text: str) -> None:
    """`invalid_request`."""
    answer = browser.post(MOCK_CIS2.url(ORIGIN, Endpoint.TOKEN), headers=headers, content=content)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert text in answer.json()["error_description"]


def test_parameters_in_the_address(browser: Any) -> None:
    """They would be in logs (RFC 6749 section 2.3.1)."""
    answer = browser.post(MOCK_CIS2.url(ORIGIN, Endpoint.TOKEN) + "?client_secret=x", data={"grant_type": "authorization_code"})
    assert answer.json() == {"error": "invalid_request", "error_description": "Parameters are sent in the body, not in the address"}


DEMO_KEY = signing_key(private_pem("demo-1"), "RS512")
KEY = SigningJWK("demo-1", DEMO_KEY.algorithm, DEMO_KEY.key)
OTHER = signing_key(private_pem("unpublished"), "RS512")


def _assertion(surface: Any, client_id: str, key: SigningJWK = KEY, **claims: Any) -> str:
    good = {"iss": client_id, "sub": client_id, "aud": surface.url(ORIGIN, Endpoint.TOKEN), "jti": f"jti-{surface.base}-{claims}",
            "exp": MOMENT + 300}
    return sign({name: value for name, value in (good | claims).items() if value is not None}, key)


def _with(browser: Any, surface: Any, client_id: str, assertion: str, **changes: str | None) -> httpx2.Response:
    page = browser.authorize(surface, client_id=client_id)
    username = "656005750104" if surface.kind == "nhs-cis2" else "9912003071"
    back = browser.submit(page, -1, username=username, **({} if surface.kind == "nhs-cis2" else {"consent": "given"})) if "kc-form-login" in page.text else page
    form = {"client_id": None, "client_secret": None, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | changes
    answer: httpx2.Response = browser.token(surface, returned(back)["code"], **form)
    return answer


@pytest.mark.parametrize(("surface", "claims"), [
    (CIS2, {}), (CIS2, {"aud": ORIGIN + CIS2.base}), (CIS2, {"aud": ["https://x.example", CIS2.url(ORIGIN, Endpoint.TOKEN)]}),
    (LOGIN, {}), (LOGIN, {"jti": None}), (LOGIN, {"exp": MOMENT + 3600, "jti": None}), (LOGIN, {"iat": MOMENT, "nbf": MOMENT})])
def test_a_client_with_a_key(browser: Any, surface: Any, claims: dict[str, Any]) -> None:
    """`private_key_jwt` by the client's published key; NHS login takes an hour and no `jti` (user-restricted 4.3)."""
    client_id = "test-client-signed-cis2" if surface is CIS2 else "test-client-signed-nhs-login"
    assert _with(browser, surface, client_id, _assertion(surface, client_id, **claims)).status_code == 200


BAD_ASSERTIONS = [
    {"exp": MOMENT}, {"exp": MOMENT + 311}, {"exp": str(MOMENT + 60)}, {"exp": None}, {"iss": "another"}, {"sub": "nobody"}, {"sub": None},
    {"aud": "https://elsewhere.example/token"}, {"aud": None}, {"aud": MOCK_CIS2.url(ORIGIN, Endpoint.TOKEN)}, {"jti": None}, {"jti": 7},
    {"jti": "x" * 300}, {"nbf": MOMENT + 60}, {"iat": "now"}, {"sub": "test-client-cis2", "iss": "test-client-cis2"},
]


@pytest.mark.parametrize("claims", BAD_ASSERTIONS, ids=str)
def test_an_assertion_that_is_refused(browser: Any, claims: dict[str, Any]) -> None:
    """`JWT is not valid`, whatever is wrong (user-restricted 11.4)."""
    answer = _with(browser, CIS2, "test-client-signed-cis2", _assertion(CIS2, "test-client-signed-cis2", **claims))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client", "error_description": "JWT is not valid"})


def test_an_assertion_by_another_key_or_algorithm(browser: Any) -> None:
    """A key that is not published, one that poses as the published one, `none`, HMAC with the public key, RS256 at NHS login."""
    client_id = "test-client-signed-nhs-login"
    posing = SigningJWK("demo-1", OTHER.algorithm, OTHER.key)
    rs256 = signing_key(private_pem("demo-1"), "RS256")
    good = _assertion(LOGIN, client_id)
    head, payload, signature = good.split(".")
    none = urlsafe_b64encode(b'{"alg":"none","typ":"JWT","kid":"demo-1"}').rstrip(b"=").decode()
    hmac = urlsafe_b64encode(b'{"alg":"HS512","typ":"JWT","kid":"demo-1"}').rstrip(b"=").decode()
    bad = [_assertion(LOGIN, client_id, OTHER), _assertion(LOGIN, client_id, posing), f"{none}.{payload}.", f"{hmac}.{payload}.{signature}",
           _assertion(LOGIN, client_id, SigningJWK("demo-1", rs256.algorithm, rs256.key)), good[:-4] + "AAAA", head, "", "a.b.c"]
    for assertion in bad:
        answer = _with(browser, LOGIN, client_id, assertion or "-")
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client", "error_description": "JWT is not valid"})


def test_an_assertion_is_used_once(browser: Any) -> None:
    """The second time it is refused."""
    assertion = _assertion(CIS2, "test-client-signed-cis2")
    assert _with(browser, CIS2, "test-client-signed-cis2", assertion).status_code == 200
    assert _with(browser, CIS2, "test-client-signed-cis2", assertion).status_code == 401


def test_two_proofs_are_one_too_many(browser: Any) -> None:
    """RFC 6749 section 2.3: one method in a request."""
    answer = _with(browser, CIS2, "test-client-signed-cis2", _assertion(CIS2, "test-client-signed-cis2"), client_secret="x")
    assert answer.json()["error"] == "invalid_request"
    answer = _with(browser, CIS2, "test-client-signed-cis2", _assertion(CIS2, "test-client-signed-cis2"), client_assertion_type="x")
    assert answer.json()["error"] == "invalid_request"


def test_the_platform_signs_with_the_key_made_for_it(browser: Any, world: Any) -> None:
    """An assertion of an hour without a `jti`, by the key in our store (user-restricted 4.3)."""
    page = browser.authorize(LOGIN, client_id="wardgate", redirect_uri=f"{ORIGIN}/oauth2/callback", nonce=None)
    back = browser.submit(page, -1, username="9912003071", consent="given")
    assertion = sign({"iss": "wardgate", "sub": "wardgate", "aud": LOGIN.url(ORIGIN, Endpoint.TOKEN), "exp": MOMENT + 3600},
                     client_key(world.stores.values, "nhs-login"))
    form = {"grant_type": "authorization_code", "code": returned(back)["code"], "redirect_uri": f"{ORIGIN}/oauth2/callback",
            "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    answer = browser.post(LOGIN.url(ORIGIN, Endpoint.TOKEN), data=form)
    assert answer.status_code == 200
    assert "nonce" not in UnverifiedJWT.parse(answer.json()["id_token"]).claims


def test_half_hashes_of_nhs_login_would_be_sha512() -> None:
    """OpenID Connect Core section 3.1.3.6: the hash of the signature's algorithm."""
    assert half_hash("x", ProviderKind.NHS_LOGIN) == _half("x", sha512)
