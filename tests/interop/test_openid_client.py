"""npm `openid-client` as an unmodified client, with every check it has, of both stand-ins and of our authorisation server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wardgate.demo.keys import private_pem

WORKER, PATIENT = "656005750104", "9912003071"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEY = {"pem": private_pem("demo-1"), "kid": "demo-1", "alg": "RS512"}
CIS2 = {"client_id": "test-client-cis2", "secret": "test-client-cis2-not-a-secret", "id_token_alg": "RS256",
        "scope": "openid profile nationalrbacaccess", "fields": {"username": WORKER}}
LOGIN = {"client_id": "test-client-signed-nhs-login", "key": KEY, "id_token_alg": "RS512", "scope": "openid profile",
         "fields": {"username": PATIENT}}
STAND_INS = {
    "CIS2, own paths": ("/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare", CIS2),
    "CIS2, mock realm": ("/realms/Cis2-mock-internal-dev", CIS2),
    "NHS login, own paths": ("/standins/nhs-login", LOGIN),
    "NHS login, mock realm": ("/realms/NHS-Login-mock-internal-dev", LOGIN),
}
REFUSED = {"code_again": "invalid_grant", "wrong_state": "OAUTH_INVALID_RESPONSE", "wrong_verifier": "invalid_grant",
           "wrong_issuer": "OAUTH_INVALID_RESPONSE"}


@pytest.mark.parametrize("name", STAND_INS)
def test_a_stand_in(wardgate: Any, run: Callable[..., Any], told_at: int, name: str) -> None:
    """Discovery, code with PKCE and nonce, userinfo of the same person, refresh; where there is a sign-out, it comes back and is told."""
    path, client = STAND_INS[name]
    back = f"http://127.0.0.1:{wardgate.demo_port}"
    signs_out = path != "/standins/nhs-login"  # NHS login has no logout (user-restricted 12.7)
    sign_out = {"post_logout_redirect_uri": f"{back}/signed-out", "told_at": told_at} if signs_out else {}
    seen = run("relying_party.mjs", wardgate.ca, issuer=wardgate.url + path, redirect_uri=f"{back}/callback", nonce=True, **client, **sign_out)
    assert seen["issuer"] == wardgate.url + path
    assert {"code", "state"} <= set(seen["returned"])
    assert {name: seen[name] for name in REFUSED} == REFUSED
    assert {"access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"} <= set(seen["tokens"])
    assert {"iss", "aud", "sub", "exp", "iat", "auth_time", "nonce"} <= set(seen["claims"])
    assert "sub" in seen["userinfo"]
    assert seen["userinfo_of_another"] == "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED"
    assert {"access_token", "expires_in", "token_type"} <= set(seen["renewed"])
    assert seen["is_new"]
    if signs_out:
        # ID tokens of NHS login name no session (user-restricted 12.5): there the client goes by `sub`.
        assert seen["signed_out"] == {"state": "signed-out"}
        assert seen["told"] == {"alg": client["id_token_alg"], "events": {LOGOUT_EVENT: {}}, "same_session": None if client is LOGIN else True}
        assert seen["refresh_after"] == "invalid_grant"
        assert seen["userinfo_after"] not in {"taken", None}


@pytest.mark.parametrize(("scope", "person", "route"), [("nhs-cis2", WORKER, "worker"), ("nhs-login", PATIENT, "patient")])
@pytest.mark.parametrize("base", ["/oauth2", "/oauth2-mock"])
def test_our_authorisation_server(wardgate: Any, run: Callable[..., Any], base: str, scope: str, person: str, route: str) -> None:
    """Discovered as RFC 8414 says: code with PKCE, userinfo of a worker, refresh, and a call of a user-restricted API with the new token."""
    seen = run(
        "relying_party.mjs", wardgate.ca, issuer=wardgate.url + base, algorithm="oauth2", client_id="demo-app-key-not-a-secret",
        secret="demo-app-client-secret", redirect_uri=f"http://127.0.0.1:{wardgate.demo_port}/callback", scope=scope, sub=person,
        fields={"username": person}, no_userinfo=scope == "nhs-login", call=f"{wardgate.url}/user-demo/echo/{route}",
        content_type="application/x-www-form-urlencoded",  # the platform takes no parameter here, and Node adds one
    )
    assert seen["issuer"] == wardgate.url + base
    assert seen["returned"] == ["code", "state"]
    assert {name: seen[name] for name in REFUSED} == REFUSED
    assert seen["tokens"] == ["access_token", "expires_in", "refresh_count", "refresh_token", "refresh_token_expires_in", "token_type"]
    assert 0 < seen["expires_in"] <= 599  # the client counts it down from the answer's 599
    assert seen["renewed"] == seen["tokens"]
    assert seen["is_new"]
    assert seen["call"] == 200
    if scope == "nhs-cis2":
        assert "nhsid_nrbac_roles" in seen["userinfo"]
        assert seen["userinfo_of_another"] == "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED"


def test_a_content_type_with_a_parameter_is_refused_as_by_the_platform(wardgate: Any, run: Callable[..., Any]) -> None:
    """Spec README rule 7: what Node makes of a form, left as it is, meets 415 in the profile `nhs`. `strict` takes it."""
    with pytest.raises(AssertionError, match="Content-Type header must be application/x-www-form-urlencoded"):
        run("relying_party.mjs", wardgate.ca, issuer=f"{wardgate.url}/oauth2", algorithm="oauth2", client_id="demo-app-key-not-a-secret",
            secret="demo-app-client-secret", redirect_uri=f"http://127.0.0.1:{wardgate.demo_port}/callback", scope="nhs-cis2",
            fields={"username": WORKER})


@pytest.fixture(scope="module")
def strict(start: Callable[..., Any]) -> Iterator[Any]:
    """A demo whose whole environment is of the profile `strict`."""
    with start(lambda manifest: manifest["environment"].update(profile="strict")) as one:
        yield one


@pytest.mark.parametrize(("kid", "alg"), [("strict-ps256", "PS256"), ("strict-es256", "ES256"), ("strict-eddsa", "EdDSA")])
def test_the_strict_profile(strict: Any, run: Callable[..., Any], kid: str, alg: str) -> None:
    """Its metadata are enough: the request is pushed (RFC 9126), the answer names its issuer (RFC 9207), the client proves itself by a key."""
    seen = run(
        "relying_party.mjs", strict.ca, issuer=f"{strict.url}/oauth2", algorithm="oauth2", client_id="strict-app-key-not-a-secret",
        key={"pem": private_pem(kid), "kid": kid, "alg": alg}, redirect_uri=f"http://127.0.0.1:{strict.demo_port}/callback",
        scope="nhs-cis2", sub=WORKER, fields={"username": WORKER}, pushed=True, call=f"{strict.url}/user-demo/echo/worker", call_after_reuse=True,
    )
    assert seen["asked"] == ["client_id", "request_uri"]
    assert (seen["call_after_reuse"], seen["refresh_after_reuse"]) == (401, "invalid_grant")  # a code used twice ends the sign-in (RFC 9700)
    assert seen["returned"] == ["code", "iss", "state"]
    assert {name: seen[name] for name in REFUSED} == REFUSED
    assert seen["is_new"]
    assert seen["call"] == 200
