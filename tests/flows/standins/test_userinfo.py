"""Userinfo of the stand-ins: shapes compared whole, and every refusal (user-restricted 11.6 and 12.6)."""

from datetime import timedelta
from typing import Any

import pytest

from flows.standins.cast import CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, ORIGIN, returned
from wardgate.standins.surfaces import Endpoint

EVERY_CIS2 = "openid profile email nhsperson nationalrbacaccess associatedorgs organisationalmemberships professionalmemberships"
EVERY_LOGIN = "openid profile profile_extended email phone landline gp_registration_details client_metadata delegation"


def _ask(browser: Any, surface: Any, token: str | None, method: str = "GET", **more: Any) -> Any:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return browser.request(method, surface.url(ORIGIN, Endpoint.USERINFO), headers=headers, **more)


def test_a_worker_with_every_scope(browser: Any) -> None:
    """The whole of user-restricted 11.6, in its order; what the person has not is left out."""
    token = browser.tokens(CIS2, "656005750105", scope=EVERY_CIS2)["access_token"]
    answer = _ask(browser, CIS2, token)
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json().items()) == list({
        "sub": "656005750105", "nhsid_useruid": "656005750105", "uid": "656005750105", "name": "Bryn Probert", "given_name": "Bryn",
        "family_name": "Probert", "middle_names": "Quinn", "initials": "Q", "title": "Mr", "display_name": "Bryn Probert",
        "email": "bryn.probert@example.nhs.net", "idassurancelevel": "3",
        "nhsid_org_memberships": [{"person_orgid": "555254242003", "org_code": "Z9X01", "org_name": "Example Hospital", "gnc": "GNC123"}],
        "nhsid_org_roles": [{"person_orgid": "555254242003", "org_name": "Example Hospital", "org_code": "Z9X01"}],
        "nhsid_user_orgs": [{"org_name": "Example Hospital", "org_code": "Z9X01"}],
        "nhsid_nrbac_roles": [{
            "person_orgid": "555254242003", "person_roleid": "555254242103", "org_code": "Z9X01",
            "role_name": '"Clinical":"Clinical Provision":"Clinical Practitioner Access Role"', "role_code": "S8000:G8000:R8000",
            "activities": ["Perform Detailed Health Record"], "activity_codes": ["B0380"],
            "workgroups": ["Example Group"], "workgroups_codes": ["555254242903"],
            "aow": ['"Medicine":"Respiratory Medicine":"Respiratory Medicine"'], "aow_codes": ["P0010:Q0050:T0210"]}],
        "gmc_id": "C1234567", "nmc_id": "12A3456E", "gphc_id": "2012345",
    }.items())


@pytest.mark.parametrize(("scope", "members"), [
    ("openid", ["sub"]),
    ("openid profile", ["sub", "uid", "name", "given_name", "family_name"]),
    ("openid email", ["sub", "email"]),
    ("openid nationalrbacaccess", ["sub", "nhsid_useruid", "name", "nhsid_nrbac_roles"]),
    ("openid associatedorgs", ["sub", "nhsid_user_orgs"]),
    ("openid organisationalmemberships", ["sub", "nhsid_org_memberships", "nhsid_org_roles"]),
    ("openid professionalmemberships", ["sub", "gmc_id", "nmc_id", "gphc_id"]),
    ("openid nhsperson", ["sub", "nhsid_useruid", "middle_names", "initials", "title", "display_name", "idassurancelevel"])])
def test_each_scope_of_cis2(browser: Any, scope: str, members: list[str]) -> None:
    """User-restricted 11.5."""
    token = browser.tokens(CIS2, "656005750105", scope=scope)["access_token"]
    assert list(_ask(browser, CIS2, token).json()) == members


@pytest.mark.parametrize(("username", "roles"), [
    ("Aal3", None), ("Aal5", "malformed"),
    ("Aal4", [{"person_orgid": "555254242005", "person_roleid": "", "org_code": "Z9X01", "role_name": "", "role_code": ""}])])
def test_workers_whose_roles_are_missing_or_wrong(browser: Any, username: str, roles: Any) -> None:
    """The platform's mock users for the role faults (user-restricted 8, 15.1)."""
    token = browser.tokens(MOCK_CIS2, username, scope="openid nationalrbacaccess")["access_token"]
    assert _ask(browser, MOCK_CIS2, token).json().get("nhsid_nrbac_roles") == roles


def test_a_patient_with_every_scope(browser: Any) -> None:
    """User-restricted 12.6, with `iss`, `aud` and the same `sub` as the ID token."""
    token = browser.tokens(MOCK_LOGIN, "9912003071", scope=EVERY_LOGIN)["access_token"]
    assert _ask(browser, MOCK_LOGIN, token).json() == {
        "iss": ORIGIN + MOCK_LOGIN.base, "aud": "test-client-nhs-login", "sub": "49f470a1-0000-4000-8000-5a1cb6a0b1c1",
        "nhs_number": "9912003071", "birthdate": "1970-01-01", "family_name": "EXAMPLE", "identity_proofing_level": "P9", "given_name": "Nia",
        "email": "nia.example@example.com", "email_verified": True, "phone_number": "+447700900071", "phone_number_verified": True,
        "phone_number_pds_matched": True, "landline_number": "01632960071", "landline_number_verified": True,
        "gp_registration_details": {"gp_ods_code": "Z9X01"},
        "delegations": [{"sub": "49f470a1-0000-4000-8000-5a1cb6a0b1c4", "nhs_number": "9912003074", "given_name": "Rhys",
                         "family_name": "EXAMPLE", "birthdate": "2015-03-09"}]}


def test_a_patient_whose_identity_is_not_proved(browser: Any) -> None:
    """P0: only what needs no proof, and the level."""
    token = browser.tokens(MOCK_LOGIN, "9912003073", scope=EVERY_LOGIN)["access_token"]
    assert _ask(browser, MOCK_LOGIN, token).json() == {
        "iss": ORIGIN + MOCK_LOGIN.base, "aud": "test-client-nhs-login", "sub": "49f470a1-0000-4000-8000-5a1cb6a0b1c3",
        "identity_proofing_level": "P0", "email": "priya.example@example.com", "email_verified": True, "phone_number": "+447700900073",
        "phone_number_verified": True, "phone_number_pds_matched": True}


def test_im1_credentials_are_for_im1_clients(browser: Any, world: Any) -> None:
    """`gp_integration_credentials` at P9 (12.6)."""
    party = world.identities.relying_parties["test-client-nhs-login"]
    world.identities.relying_parties["test-client-nhs-login"] = party.model_copy(update={"im1": True})
    token = browser.tokens(MOCK_LOGIN, "9912003071", scope="openid gp_integration_credentials")["access_token"]
    assert _ask(browser, MOCK_LOGIN, token).json()["gp_integration_credentials"] == {
        "gp_user_id": "1071", "gp_linkage_key": "example-linkage-key", "gp_ods_code": "Z9X01"}


@pytest.mark.parametrize(("surface", "username"), [(MOCK_CIS2, "656005750104"), (MOCK_LOGIN, "9912003071")])
def test_a_token_that_is_not_good(browser: Any, world: Any, surface: Any, username: str) -> None:
    """401 `invalid_token` with a challenge: none, unknown, too long, of another realm, an ID token, expired."""
    found = browser.tokens(surface, username)
    other = MOCK_LOGIN if surface is MOCK_CIS2 else MOCK_CIS2
    wrong = [_ask(browser, surface, token) for token in (None, "", "unknown", "x" * 9_000, found["id_token"])]
    wrong += [_ask(browser, other, found["access_token"]), _ask(browser, surface, None, "POST", data={"access_token": found["access_token"]})]
    assert _ask(browser, surface, found["access_token"], "POST").status_code == 200
    world.now += timedelta(seconds=3599)
    wrong.append(_ask(browser, surface, found["access_token"]))
    for answer in wrong:
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_token"
        assert answer.headers["www-authenticate"] == (
            'Bearer error="invalid_token", error_description="The access token is missing, expired or revoked"')


def test_cis2_says_the_word_only(browser: Any) -> None:
    """`{"error":"invalid_token"}` (user-restricted 11.6)."""
    assert _ask(browser, MOCK_CIS2, "unknown").json() == {"error": "invalid_token"}


def test_a_clients_own_note_about_a_patient(browser: Any) -> None:
    """PATCH: set, made, cleared; told by userinfo (12.6)."""
    token = browser.tokens(MOCK_LOGIN, "9912003071", scope="openid client_metadata")["access_token"]
    told = lambda: _ask(browser, MOCK_LOGIN, token).json().get("client_user_metadata")  # noqa: E731 - asked four times, here only
    assert told() is None
    assert _ask(browser, MOCK_LOGIN, token, "PATCH", json={"client_user_metadata": "x" * 1024}).status_code == 204
    assert told() == "x" * 1024
    assert _ask(browser, MOCK_LOGIN, token, "PATCH", json={"client_user_metadata": "auto"}).status_code == 204
    assert len(told()) == 36
    assert _ask(browser, MOCK_LOGIN, token, "PATCH", json={"client_user_metadata": ""}).status_code == 204
    assert told() is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"client_user_metadata":1}', b'{"client_user_metadata":"x","other":1}',
                                  b'{"client_user_metadata":"a","client_user_metadata":"b"}', b"x" * 20_000,
                                  b'{"client_user_metadata":"' + b"x" * 1025 + b'"}'])
def test_a_note_that_is_refused(browser: Any, body: bytes) -> None:
    """400 `invalid_request`; without the scope 403."""
    token = browser.tokens(MOCK_LOGIN, "9912003071", scope="openid client_metadata")["access_token"]
    answer = _ask(browser, MOCK_LOGIN, token, "PATCH", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_note_needs_its_scope(browser: Any) -> None:
    """403 `insufficient_scope`."""
    token = browser.tokens(MOCK_LOGIN, "9912003071")["access_token"]
    answer = _ask(browser, MOCK_LOGIN, token, "PATCH", json={"client_user_metadata": "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_the_native_paths_answer_alike(browser: Any) -> None:
    """NHS login's own path, with its own issuer."""
    page = browser.submit(browser.authorize(LOGIN), -1, username="9912003071", consent="given")
    token = browser.token(LOGIN, returned(page)["code"]).json()["access_token"]
    assert _ask(browser, LOGIN, token).json()["iss"] == ORIGIN + LOGIN.base
