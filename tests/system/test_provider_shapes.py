"""What the stand-in providers publish and give, on the wire and whole: discovery, keys, tokens, ID tokens, details (user-restricted 11, 12, 14, 15)."""

import re
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from system.stand_in_browser import CALLBACK, CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, Visitor, told
from wardgate.identities.provider import REALM_ENVIRONMENTS
from wardgate.jose import KeyRules, UnverifiedJWT, VerifiedJWT, base64url, parse_jwk_set, verify
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import ACR_VALUES
from wardgate.oidc.discovery import CIS2_CLAIMS, NHS_LOGIN_CLAIMS
from wardgate.standins.surfaces import Endpoint, surface_of

WORKER, PATIENT, CHILD = "656005750107", "9912003071", "9912003074"
SUBJECT, CHILD_SUBJECT = "49f470a1-0000-4000-8000-5a1cb6a0b1c1", "49f470a1-0000-4000-8000-5a1cb6a0b1c4"
ROLE = "555254242105"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
COMMON = {
    "response_types_supported": ["code"], "response_modes_supported": ["query"], "subject_types_supported": ["public"],
    "code_challenge_methods_supported": ["S256"], "request_parameter_supported": False, "request_uri_parameter_supported": False,
    "claims_parameter_supported": False,
}
OF_CIS2 = COMMON | {
    "grant_types_supported": ["authorization_code", "refresh_token"], "id_token_signing_alg_values_supported": ["RS256"],
    "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["RS512", "RS256"], "acr_values_supported": list(ACR_VALUES),
    "scopes_supported": ["openid", "profile", "email", "nhsperson", "nationalrbacaccess", "associatedorgs", "organisationalmemberships",
                         "professionalmemberships", "selectedrole", "changedrole"],
    "claims_supported": list(CIS2_CLAIMS), "prompt_values_supported": ["none", "login"],
    "backchannel_logout_supported": True, "backchannel_logout_session_supported": True,
}
OF_LOGIN = COMMON | {
    "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
    "id_token_signing_alg_values_supported": ["RS512"], "token_endpoint_auth_signing_alg_values_supported": ["RS512"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
    "scopes_supported": ["basic_demographics", "client_metadata", "delegation", "email", "gp_integration_credentials", "gp_registration_details",
                         "landline", "nhs_app_credentials", "openid", "phone", "profile", "profile_extended"],
    "claims_supported": list(NHS_LOGIN_CLAIMS),
    "vectors_of_trust_supported": [f"{level}.{credential}" for level in ("P0", "P5", "P9") for credential in ("Cp", "Cp.Cd", "Cp.Ck", "Cm")],
}
REALM = {"authorization_endpoint": "auth", "token_endpoint": "token", "userinfo_endpoint": "userinfo", "jwks_uri": "certs", "end_session_endpoint": "logout"}
NEVER_CACHED = {"cache-control": "no-store", "pragma": "no-cache"}


@pytest.fixture
def visitor(wardgate: Any) -> Iterator[Visitor]:
    """A new browser of the shared Wardgate."""
    found = Visitor(wardgate, None)
    yield found
    found.http.close()


def _verified(visitor: Visitor, surface: Any, text: str) -> VerifiedJWT:
    keys = parse_jwk_set(visitor.http.get(visitor.url(surface, Endpoint.JWKS)).content, KeyRules())
    token = UnverifiedJWT.parse(text)
    return verify(token, keys.keys[token.header["kid"]])


def _half(text: str) -> str:
    return base64url.encode(sha256(text.encode()).digest()[:16])


@pytest.mark.parametrize("environment", REALM_ENVIRONMENTS)
@pytest.mark.parametrize("kind", ProviderKind)
def test_a_mock_realms_discovery(visitor: Visitor, kind: ProviderKind, environment: str) -> None:
    """Keycloak's paths below the realm (15.1); `issuer` is the realm's address exactly."""
    name = "Cis2-mock-" if kind is ProviderKind.CIS2 else "NHS-Login-mock-"
    base = f"{visitor.wardgate.url}/realms/{name}{environment}"
    answer = visitor.http.get(f"{base}/.well-known/openid-configuration")
    paths = {member: f"{base}/protocol/openid-connect/{path}" for member, path in REALM.items()}
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == (OF_CIS2 if kind is ProviderKind.CIS2 else OF_LOGIN) | paths | {
        "issuer": base, "authorization_response_iss_parameter_supported": False}


def test_the_providers_own_discovery(visitor: Visitor) -> None:
    """ForgeRock's paths (11.1) and NHS login's (12.1)."""
    base = f"{visitor.wardgate.url}/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare"
    assert visitor.http.get(f"{base}/.well-known/openid-configuration").json() == OF_CIS2 | {
        "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/access_token", "userinfo_endpoint": f"{base}/userinfo",
        "jwks_uri": f"{base}/connect/jwk_uri", "end_session_endpoint": f"{base}/connect/endSession", "authorization_response_iss_parameter_supported": True}
    base = f"{visitor.wardgate.url}/standins/nhs-login"
    assert visitor.http.get(f"{base}/.well-known/openid-configuration").json() == OF_LOGIN | {
        "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token", "userinfo_endpoint": f"{base}/userinfo",
        "jwks_uri": f"{base}/.well-known/jwks.json", "authorization_response_iss_parameter_supported": False}


@pytest.mark.parametrize(("surface", "alg"), [(MOCK_CIS2, "RS256"), (CIS2, "RS256"), (MOCK_LOGIN, "RS512"), (LOGIN, "RS512")])
def test_the_keys(visitor: Visitor, surface: Any, alg: str) -> None:
    """Two at least, so that clients meet a rotation (15.2); public members only."""
    found = visitor.http.get(visitor.url(surface, Endpoint.JWKS)).json()
    assert list(found) == ["keys"]
    assert len({key["kid"] for key in found["keys"]}) == len(found["keys"]) >= 2
    for key in found["keys"]:
        assert key == {"kty": "RSA", "n": key["n"], "e": "AQAB", "kid": key["kid"], "use": "sig", "alg": alg}


@pytest.mark.parametrize("surface", [MOCK_CIS2, CIS2])
def test_a_worker(visitor: Visitor, surface: Any) -> None:
    """11.4 and 11.6: what a browser brings back, the token answer, every claim of the ID token, and the details."""
    back = told(visitor.sign_in(surface, WORKER, scope="openid profile nationalrbacaccess selectedrole"))
    own = {"iss": surface.issuer(visitor.wardgate.url), "client_id": "test-client-cis2"} if surface is CIS2 else {"session_state": back.get("session_state")}
    assert back == {"code": back["code"], "state": "state-1", **own}
    answer = visitor.redeem(surface, back["code"])
    assert {name: answer.headers[name] for name in NEVER_CACHED} == NEVER_CACHED
    body = answer.json()
    assert body == {"access_token": body["access_token"], "refresh_token": body["refresh_token"], "id_token": body["id_token"],
                    "scope": "openid profile nationalrbacaccess selectedrole", "token_type": "Bearer", "expires_in": 3599}
    token = _verified(visitor, surface, body["id_token"])
    assert dict(token.header) == {"alg": "RS256", "typ": "JWT", "kid": token.kid}
    found, moment = dict(token.claims), token.claims["iat"]
    assert abs(moment - time.time()) < 30
    assert UUID.fullmatch(found["sid"])
    assert UUID.fullmatch(found["jti"])
    assert re.fullmatch(rf"{UUID.pattern}-{moment}", found["auditTrackingId"])
    assert found == {name: found[name] for name in ("sid", "jti", "auditTrackingId", "auth_time")} | {
        "at_hash": _half(body["access_token"]), "c_hash": _half(back["code"]), "s_hash": _half("state-1"), "sub": WORKER, "amr": ["N3_SMARTCARD"],
        "iss": surface.issuer(visitor.wardgate.url), "tokenName": "id_token", "aud": "test-client-cis2", "azp": "test-client-cis2",
        "acr": "AAL3_N3_SMARTCARD", "nonce": "nonce-1", "realm": surface.realm_name, "iat": moment, "exp": moment + 3600, "tokenType": "JWTToken",
        "id_assurance_level": "3", "authentication_assurance_level": "3", "selected_roleid": ROLE}
    assert moment - 30 <= found["auth_time"] <= moment
    details = visitor.userinfo(surface, body["access_token"])
    assert {name: details.headers[name] for name in NEVER_CACHED} == NEVER_CACHED
    assert details.json() == {
        "sub": WORKER, "nhsid_useruid": WORKER, "uid": WORKER, "name": "Dafydd Marchetti", "given_name": "Dafydd", "family_name": "Marchetti",
        "nhsid_nrbac_roles": [
            {"person_orgid": "555254242005", "person_roleid": ROLE, "org_code": "Z9X01", "role_code": "S8000:G8000:R8000",
             "role_name": '"Clinical":"Clinical Provision":"Clinical Practitioner Access Role"'},
            {"person_orgid": "555254242007", "person_roleid": "555254242107", "org_code": "Z9X02", "role_code": "S8000:G8000:R8001",
             "role_name": '"Clinical":"Clinical Provision":"Nurse Access Role"'}]}
    again = visitor.refresh(surface, body["refresh_token"]).json()
    assert again == body | {name: again[name] for name in ("access_token", "refresh_token", *(["id_token"] if "id_token" in again else []))}


@pytest.mark.parametrize("surface", [MOCK_LOGIN, LOGIN])
def test_a_patient(visitor: Visitor, surface: Any) -> None:
    """12.4 to 12.6: the token answer, both JWTs, the details; nothing is null."""
    back = told(visitor.sign_in(surface, PATIENT, scope="openid profile email phone"))
    own = {"session_state": back["session_state"]} if surface is MOCK_LOGIN else {}
    assert back == {"code": back["code"], "state": "state-1", **own}
    body = visitor.redeem(surface, back["code"]).json()
    assert body == {"access_token": body["access_token"], "refresh_token": body["refresh_token"], "id_token": body["id_token"],
                    "scope": "openid profile email phone", "token_type": "bearer", "expires_in": 300}
    token, access = (_verified(visitor, surface, body[name]) for name in ("id_token", "access_token"))
    assert dict(token.header) == dict(access.header) == {"alg": "RS512", "typ": "JWT", "kid": token.kid}
    issuer, moment = surface.issuer(visitor.wardgate.url), token.claims["iat"]
    who = {"iss": issuer, "sub": SUBJECT, "aud": "test-client-nhs-login", "iat": moment, "auth_time": token.claims["auth_time"], "vot": "P9.Cp.Cd",
           "vtm": f"{issuer}/trustmark/localhost"}
    assert dict(token.claims) == who | {
        "exp": moment + 3600, "jti": token.claims["jti"], "nonce": "nonce-1", "nhs_number": PATIENT, "family_name": "EXAMPLE", "surname": "EXAMPLE",
        "birthdate": "1970-01-01", "identity_proofing_level": "P9", "id_status": "verified", "token_use": "id"}
    assert dict(access.claims) == who | {
        "exp": moment + 300, "jti": access.claims["jti"], "scope": "openid profile email phone", "client_id": "test-client-nhs-login", "version": 0,
        "reason_for_request": "patientaccess", "requesting_patient": PATIENT, "token_use": "access"}
    assert visitor.userinfo(surface, body["access_token"]).json() == {
        "iss": issuer, "aud": "test-client-nhs-login", "sub": SUBJECT, "nhs_number": PATIENT, "birthdate": "1970-01-01", "family_name": "EXAMPLE",
        "identity_proofing_level": "P9", "email": "nia.example@example.com", "email_verified": True, "phone_number": "+447700900071",
        "phone_number_verified": True, "phone_number_pds_matched": True}
    again = visitor.refresh(surface, body["refresh_token"]).json()
    assert sorted(again) == ["access_token", "expires_in", "refresh_token", "scope", "token_type"]


def test_a_composite_token(visitor: Visitor) -> None:
    """14: the patient, and as `act.sub` the whole ID token of who acts; it is exchanged for a token of ours."""
    actor = visitor.tokens(MOCK_LOGIN, PATIENT)["id_token"]
    answer = visitor.redeem(MOCK_LOGIN, None, grant_type="urn:ietf:params:oauth:grant-type:token-exchange", redirect_uri=None, subject_token=actor,
                            subject_token_type="urn:ietf:params:oauth:token-type:id_token", requested_subject=CHILD)
    body = answer.json()
    assert body == {"access_token": body["id_token"], "id_token": body["id_token"], "token_type": "N_A", "expires_in": body["expires_in"],
                    "issued_token_type": "urn:ietf:params:oauth:token-type:id_token"}
    found = _verified(visitor, MOCK_LOGIN, body["id_token"]).claims
    assert (found["sub"], found["nhs_number"], found["act"]) == (CHILD_SUBJECT, CHILD, {"sub": actor})
    assert found["exp"] - found["iat"] == body["expires_in"] <= 3600
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "subject_token": body["id_token"], "client_assertion": visitor.wardgate.assertion(aud=f"{visitor.wardgate.url}/oauth2-mock/token"),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    ours = visitor.http.post("/oauth2-mock/token", data=form)
    assert ours.status_code == 200, ours.text
    claims = UnverifiedJWT.parse(ours.json()["access_token"]).claims
    assert (claims["sub"], claims["patient"], claims["act"]) == (CHILD, f"P9:{CHILD}", {"sub": PATIENT})


def test_the_mock_clients(visitor: Visitor) -> None:
    """As the platform serves them to its test tools (15.1)."""
    assert visitor.http.get("/mock-jwks/keycloak-client-credentials", headers={"apikey": "any"}).json() == {
        kind: {"client_id": f"test-client-{kind}", "client_secret": f"test-client-{kind}-not-a-secret"} for kind in ("cis2", "nhs-login")}


def test_a_sign_out_comes_back(visitor: Visitor) -> None:
    """RP-Initiated Logout section 3: to a registered address, with `state` and nothing else."""
    hint = visitor.tokens(MOCK_CIS2, WORKER)["id_token"]
    answer = visitor.sign_out(id_token_hint=hint, post_logout_redirect_uri="https://example.org/signed-out", state="s")
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://example.org/signed-out?state=s"
    assert "kc-form-login" in visitor.begin(surface_of(ProviderKind.CIS2, "internal-dev")).text
    assert CALLBACK not in answer.headers["location"]
