"""What anybody may read of a stand-in: compared whole."""

import re
from datetime import timedelta
from typing import Any

import pytest

from flows.standins.cast import CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, ORIGIN, PLAIN_ORIGIN
from wardgate.identities.provider import REALM_ENVIRONMENTS
from wardgate.oidc.authenticators import ACR_VALUES
from wardgate.oidc.discovery import CIS2_CLAIMS, NHS_LOGIN_CLAIMS
from wardgate.standins.published import asset_address
from wardgate.standins.surfaces import SURFACES, Endpoint

COMMON = {
    "response_types_supported": ["code"], "response_modes_supported": ["query"], "subject_types_supported": ["public"],
    "code_challenge_methods_supported": ["S256"], "request_parameter_supported": False, "request_uri_parameter_supported": False,
    "claims_parameter_supported": False,
}


def test_the_discovery_document_of_a_cis2_mock_realm(browser: Any) -> None:
    """Keycloak's paths below the realm; the issuer is the realm's URL (user-restricted 15.1)."""
    base = ORIGIN + "/realms/Cis2-mock-internal-dev"
    assert browser.get(base + "/.well-known/openid-configuration").json() == COMMON | {
        "issuer": base, "authorization_endpoint": base + "/protocol/openid-connect/auth", "token_endpoint": base + "/protocol/openid-connect/token",
        "userinfo_endpoint": base + "/protocol/openid-connect/userinfo", "jwks_uri": base + "/protocol/openid-connect/certs",
        "end_session_endpoint": base + "/protocol/openid-connect/logout", "authorization_response_iss_parameter_supported": False,
        "grant_types_supported": ["authorization_code", "refresh_token"], "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS512", "RS256"], "acr_values_supported": list(ACR_VALUES),
        "scopes_supported": ["openid", "profile", "email", "nhsperson", "nationalrbacaccess", "associatedorgs",
                             "organisationalmemberships", "professionalmemberships", "selectedrole", "changedrole"],
        "claims_supported": list(CIS2_CLAIMS), "prompt_values_supported": ["none", "login"],
        "backchannel_logout_supported": True, "backchannel_logout_session_supported": True,
    }


def test_the_discovery_document_of_nhs_logins_own_paths(browser: Any) -> None:
    """NHS login's paths (user-restricted 12.1); no end of session, because it has none (12.7)."""
    base = ORIGIN + "/standins/nhs-login"
    found = browser.get(base + "/.well-known/openid-configuration").json()
    assert found == COMMON | {
        "issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token", "userinfo_endpoint": base + "/userinfo",
        "jwks_uri": base + "/.well-known/jwks.json", "authorization_response_iss_parameter_supported": False,
        "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "id_token_signing_alg_values_supported": ["RS512"], "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS512"],
        "scopes_supported": ["basic_demographics", "client_metadata", "delegation", "email", "gp_integration_credentials",
                             "gp_registration_details", "landline", "nhs_app_credentials", "openid", "phone", "profile", "profile_extended"],
        "claims_supported": list(NHS_LOGIN_CLAIMS),
        "vectors_of_trust_supported": ["P0.Cp", "P0.Cp.Cd", "P0.Cp.Ck", "P0.Cm", "P5.Cp", "P5.Cp.Cd", "P5.Cp.Ck", "P5.Cm",
                                       "P9.Cp", "P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm"],
    }


def test_cis2s_own_paths(browser: Any) -> None:
    """ForgeRock's path names (user-restricted 11.1), and `iss` in the response (RFC 9207)."""
    found = browser.get(CIS2.url(ORIGIN, Endpoint.DISCOVERY)).json()
    base = ORIGIN + "/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare"
    assert {name: value for name, value in found.items() if str(value).startswith("https://")} == {
        "issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/access_token",
        "userinfo_endpoint": base + "/userinfo", "jwks_uri": base + "/connect/jwk_uri", "end_session_endpoint": base + "/connect/endSession"}
    assert found["authorization_response_iss_parameter_supported"] is True


def test_every_surface_names_itself(browser: Any) -> None:
    """Eight mock realms of each kind and two providers' own: each issuer's document has that issuer."""
    assert len(SURFACES) == 2 * len(REALM_ENVIRONMENTS) + 2 == 18
    for base in SURFACES:
        assert browser.get(f"{ORIGIN}{base}/.well-known/openid-configuration").json()["issuer"] == ORIGIN + base


def test_the_host_only_chooses_among_our_addresses(world: Any) -> None:
    """Another of our addresses gives that issuer; a Host header of nobody's gives our first."""
    with world.client(PLAIN_ORIGIN) as plain:
        assert plain.get(MOCK_CIS2.url(PLAIN_ORIGIN, Endpoint.DISCOVERY)).json()["issuer"] == PLAIN_ORIGIN + MOCK_CIS2.base
        forged = plain.get(MOCK_CIS2.url(PLAIN_ORIGIN, Endpoint.DISCOVERY), headers={"host": "evil.example.org"})
        assert forged.json()["issuer"] == ORIGIN + MOCK_CIS2.base


@pytest.mark.parametrize(("surface", "alg"), [(MOCK_CIS2, "RS256"), (CIS2, "RS256"), (MOCK_LOGIN, "RS512"), (LOGIN, "RS512")])
def test_the_key_set_has_two_keys_and_turns_over(world: Any, browser: Any, surface: Any, alg: str) -> None:
    """The next key is published a whole period before it signs; the last stays as long as its tokens (user-restricted 15.2)."""
    def kids() -> list[str]:
        keys = browser.get(surface.url(ORIGIN, Endpoint.JWKS)).json()["keys"]
        assert {(key["alg"], key["use"], key["kty"]) for key in keys} == {(alg, "sig", "RSA")}
        assert all(set(key) == {"kty", "n", "e", "kid", "use", "alg"} for key in keys)
        return [key["kid"] for key in keys]

    first = kids()
    assert len(first) == len(set(first)) == 2
    username = "656005750105" if surface.kind == "nhs-cis2" else "9912003071"
    old = browser.tokens(MOCK_CIS2 if surface.kind == "nhs-cis2" else MOCK_LOGIN, username)["id_token"]
    period = 30 * 86_400
    world.now += timedelta(seconds=period - world.now.timestamp() % period)
    second = kids()
    assert second[0] == first[1]
    assert second[2] == first[0]
    assert world.verified(surface, old).kid == first[0]
    world.now += timedelta(hours=3)
    assert kids() == second[:2]


def test_two_nodes_publish_the_same_keys(make_world: Any) -> None:
    """They agree through the store."""
    one, other = make_world(), make_world()
    with one.client() as first, other.client() as second:
        assert first.get(LOGIN.url(ORIGIN, Endpoint.JWKS)).json() == second.get(LOGIN.url(ORIGIN, Endpoint.JWKS)).json()


def test_the_trustmark(browser: Any) -> None:
    """User-restricted 12.3."""
    assert browser.get(ORIGIN + "/standins/nhs-login/trustmark/gateway.example.nhs.uk").json() == {
        "idp": ORIGIN + LOGIN.base, "trustmark_provider": ORIGIN + LOGIN.base,
        "P": ["P0", "P3", "P5", "P6", "P7", "P9"], "C": ["Cp", "Cd", "Ck", "Cm"]}


def test_the_mock_clients_credentials(browser: Any, world: Any) -> None:
    """As the platform serves them to its test tools (user-restricted 15.1)."""
    assert browser.get(ORIGIN + "/mock-jwks/keycloak-client-credentials", headers={"apikey": "any"}).json() == {
        "cis2": {"client_id": "test-client-cis2", "client_secret": "test-client-cis2-not-a-secret"},
        "nhs-login": {"client_id": "test-client-nhs-login", "client_secret": "test-client-nhs-login-not-a-secret"}}
    world.identities = type(world.identities)()
    assert browser.get(ORIGIN + "/mock-jwks/keycloak-client-credentials").status_code == 404


@pytest.mark.parametrize("path", [
    "/realms/Cis2-mock-prod/protocol/openid-connect/auth", "/realms/Cis2-mock-internal-dev", "/realms/Cis2-mock-internal-dev/account",
    "/standins/nhs-login/trustmark", "/standins/nhs-login/trustmark/a/b", "/standins/assets/", "/standins/assets/../app.py",
    "/standins/assets/LICENSE", "/standins/",
])
def test_unknown_paths(browser: Any, path: str) -> None:
    """404, and nothing else."""
    answer = browser.get(ORIGIN + path)
    assert (answer.status_code, answer.json()) == (404, {"error": "invalid_request", "error_description": "Not Found"})


def test_without_stand_ins_there_is_nothing(world: Any, browser: Any) -> None:
    """A live environment has none: every path is 404, its pages included."""
    world.identities = type(world.identities)()
    for surface in (MOCK_CIS2, MOCK_LOGIN, CIS2, LOGIN):
        for endpoint in surface.paths:
            assert browser.get(surface.url(ORIGIN, endpoint)).status_code == 404


@pytest.mark.parametrize(("endpoint", "method", "allow"), [
    (Endpoint.TOKEN, "GET", "POST"), (Endpoint.AUTHORIZE, "PUT", "GET, POST"), (Endpoint.USERINFO, "PATCH", "GET, POST"),
    (Endpoint.JWKS, "POST", "GET"), (Endpoint.SIGN_IN, "DELETE", "GET, POST")])
def test_methods(browser: Any, endpoint: Endpoint, method: str, allow: str) -> None:
    """405 names what is taken."""
    answer = browser.request(method, MOCK_CIS2.url(ORIGIN, endpoint))
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


def test_head_is_get_without_a_body(browser: Any) -> None:
    """The same headers, no body."""
    got, head = (browser.request(method, MOCK_CIS2.url(ORIGIN, Endpoint.DISCOVERY)) for method in ("GET", "HEAD"))
    assert head.content == b""
    assert dict(head.headers) == dict(got.headers)


def test_assets_are_our_own(browser: Any) -> None:
    """The style sheet and each icon it names are served here, and it names nothing on another host."""
    sheet = browser.get(ORIGIN + "/standins/assets/nhsuk-frontend-10.6.1.min.css")
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "http:" not in sheet.text
    assert "https:" not in sheet.text
    own = browser.get(ORIGIN + asset_address("stand-in.css"))
    assert (own.headers["content-type"], own.headers["cache-control"]) == ("text/css; charset=utf-8", "public, max-age=86400")
    assert re.fullmatch(r"/standins/assets/stand-in\.css\?[0-9a-f]{12}", asset_address("stand-in.css"))
    assert "http" not in browser.get(ORIGIN + "/standins/assets/stand-in.css").text
    assert browser.get(ORIGIN + "/standins/assets/images/stand-in.svg").headers["content-type"] == "image/svg+xml"
    for icon in ("arrow-down", "arrow-up", "arrow-up-down", "cross"):
        assert f"images/nhsuk-icon-{icon}.svg" in sheet.text
        assert browser.get(f"{ORIGIN}/standins/assets/images/nhsuk-icon-{icon}.svg").headers["content-type"] == "image/svg+xml"
