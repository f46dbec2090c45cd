"""Providers, their clients and people: each rule, broken once."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from wardgate.manifest import Manifest, Problem
from wardgate.manifest.documents import secrets_of, to_documents
from wardgate.manifest.export import export
from wardgate.oauth.users import ProviderKind

HASH = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PEOPLE: dict[str, Any] = {
    "identity_providers": [
        {"name": "mock", "kind": "nhs-cis2", "base_path": "/oauth2-mock", "stand_in": True, "realm": "ref", "client_secret": "platform-secret-1"},
        {"name": "real", "kind": "nhs-login", "base_path": "/oauth2", "issuer": "https://auth.example.nhs.uk", "authentication": "private_key_jwt"},
    ],
    "relying_parties": [
        {"client_id": "party", "kind": "nhs-cis2", "redirect_uris": ["https://a.example/cb"], "client_secret": "party-secret-1"},
        {"client_id": "signed", "kind": "nhs-login", "redirect_uris": ["https://a.example/cb"], "authentication": "private_key_jwt",
         "jwks_url": "https://a.example/jwks", "vtr": ["P9.Cp.Cd"], "scopes": ["openid", "profile"]},
    ],
    "users": [
        {"username": "656005750104", "worker": {"roles": [{"person_roleid": "1", "person_orgid": "2", "org_code": "Z9X01", "role_code": "R8000", "role_name": "x"}]}},
        {"username": "9912003071", "patient": {"subject": "a", "nhs_number": "9912003071", "birthdate": "1970-01-31", "delegations": [{"for_user": "9912003072"}]}},
        {"username": "9912003072", "patient": {"subject": "b", "nhs_number": "9912003072"}},
    ],
}


@pytest.fixture
def people(base: dict[str, Any]) -> dict[str, Any]:
    """A manifest with people, free to be changed."""
    return base | copy.deepcopy(PEOPLE)


def _set(data: Any, path: str, value: Any) -> None:
    *parts, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parts:
        data = data[part]
    if value is None and isinstance(data, dict):
        del data[last]
    else:
        data[last] = value


def test_a_whole_one(people: dict[str, Any], accept: Callable[..., Manifest]) -> None:
    """Secrets are beside the documents and in no export."""
    manifest = accept(people)
    assert [user.kind for user in manifest.users] == [ProviderKind.CIS2, ProviderKind.NHS_LOGIN, ProviderKind.NHS_LOGIN]
    assert secrets_of(manifest).sign_in == {
        ("identity_providers", "mock"): "platform-secret-1", ("relying_parties", "party"): "party-secret-1"}
    assert "-secret-1" not in export(manifest)
    assert "-secret-1" not in str([document.body for document in to_documents(manifest)[0]])


def test_the_secret_of_one_time_codes(people: dict[str, Any], accept: Callable[..., Manifest]) -> None:
    """It is sealed beside the client secrets; the hash of the password is part of the document."""
    people["users"][1] |= {"password": HASH, "totp_secret": SECRET}
    manifest = accept(people)
    assert secrets_of(manifest).sign_in[("users", "9912003071")] == SECRET
    assert SECRET not in export(manifest)
    assert HASH in export(manifest)
    documents = str([document.body for document in to_documents(manifest)[0]])
    assert SECRET not in documents
    assert HASH in documents


ONE_MISTAKE = [
    ("identity_providers.0.realm", "prod", "identity_providers[0].realm", "must be internal-dev"),
    ("identity_providers.0.issuer", "https://x.example", "identity_providers[0]", "a stand-in has no `issuer`"),
    ("identity_providers.0.logout_networks", ["10.0.0.0/8"], "identity_providers[0]", "a stand-in has no `logout_networks`"),
    ("identity_providers.1.logout_networks", ["10.0.0.0/8", "10.1.2.3/8"], "identity_providers[1].logout_networks[1]", "10.1.2.3/8 has host bits set"),
    ("identity_providers.1.logout_networks", ["everybody"], "identity_providers[1].logout_networks[0]", "IPv4 or IPv6 network"),
    ("identity_providers.0.stand_in", False, "identity_providers[0]", "a provider has an `issuer`, or is a `stand_in`"),
    ("identity_providers.1.realm", "ref", "identity_providers[1]", "`realm` is for a provider that is a `stand_in`"),
    ("identity_providers.1.client_secret", "a-secret-of-mine", "identity_providers[1]", "`client_secret` is for the authentication client_secret_post"),
    ("identity_providers.1.base_path", "/oauth3", "identity_providers[1].base_path", "must be /oauth2 or /oauth2-mock"),
    ("identity_providers.1.issuer", "ftp://x", "identity_providers[1].issuer", "an http or https URL without a fragment"),
    ("identity_providers.0.client_id", "party", "identity_providers[0].client_id", "is a relying party of that stand-in"),
    ("relying_parties.0.redirect_uris", [], "relying_parties[0].redirect_uris", "must not be empty"),
    ("relying_parties.0.redirect_uris", ["https://a.example/cb", "https://a.example/cb"], "relying_parties[0].redirect_uris[1]", "already listed"),
    ("relying_parties.0.scopes", ["opneid"], "relying_parties[0].scopes[0]", "nhs-cis2 has no scope `opneid`"),
    ("relying_parties.0.vtr", ["P9"], "relying_parties[0].vtr", "`vtr` is for clients of nhs-login"),
    ("relying_parties.0.jwks_url", "https://a.example/jwks", "relying_parties[0]", "is for the authentication private_key_jwt"),
    ("relying_parties.1.jwks_url", None, "relying_parties[1]", "is for the authentication private_key_jwt, which needs one"),
    ("relying_parties.1.jwks", {"keys": []}, "relying_parties[1]", "`jwks_url` or `jwks`, not both"),
    ("relying_parties.1.client_secret", "a-secret-of-mine", "relying_parties[1]", "`client_secret` is for the authentication client_secret_post"),
    ("relying_parties.1.vtr", ["P8.Cp"], "relying_parties[1].vtr[0]", "a vector has at most one P0, P5 or P9"),
    ("relying_parties.1.client_id", "party", "relying_parties[1].client_id", "the client_id `party` is already used"),
    ("users.0.patient", {"subject": "x"}, "users[0]", "a user has either `worker` or `patient`"),
    ("users.0.worker", None, "users[0]", "a user has either `worker` or `patient`"),
    ("users.0.worker.authenticators", [], "users[0].worker.authenticators", "must not be empty"),
    ("users.0.worker.authenticators", ["FIDO"], "users[0].worker.authenticators[0]", "did you mean `FIDO2`?"),
    ("users.0.worker.identity_assurance_level", 4, "users[0].worker.identity_assurance_level", "must be at most 3"),
    ("users.0.worker.roles.0.person_roleid", 7, "users[0].worker.roles[0].person_roleid", "put it in quotes"),
    ("users.0.username", "9912003071", "users[1].username", "the username `9912003071` is already used"),
    ("users.1.password", "secret words", "users[1].password", "an Argon2id hash, which `wardgate user hash-password` makes"),
    ("users.1.password", HASH.replace("19456", "65537"), "users[1].password", "a hash has m=7168 to 65536"),
    ("users.0.password", HASH, "users[0]", "`password` is for somebody who can sign in with USERPASS or TOTP"),
    ("users.1.totp_secret", SECRET, "users[1]", "`totp_secret` is for somebody with a `password`"),
    ("users.1.totp_secret", "GEZDGNBVGY3TQOJQ", "users[1].totp_secret", "a secret in base32"),
    ("users.1.totp_secret", "A" * 30, "users[1].totp_secret", "a secret is base32"),
    ("users.1.patient.nhs_number", "9912003072", "users[2].patient.nhs_number", "another patient has this NHS number"),
    ("users.1.patient.subject", "B", "users[2].patient.subject", "another patient has this subject"),
    ("users.1.patient.birthdate", "1970-02-31", "users[1].patient.birthdate", "there is no such day"),
    ("users.1.patient.birthdate", "31/01/1970", "users[1].patient.birthdate", "a date such as 1970-01-31"),
    ("users.1.patient.delegations.0.for_user", "9912003071", "users[1].patient.delegations[0].for_user", "nobody acts for themselves"),
    ("users.1.patient.delegations.0.for_user", "656005750104", "users[1].patient.delegations[0].for_user", "is a worker; a patient acts for patients"),
    ("users.1.patient.delegations.0.for_user", "9912003079", "users[1].patient.delegations[0].for_user", "there is no user `9912003079`"),
]


@pytest.mark.parametrize(("path", "value", "key", "text"), ONE_MISTAKE, ids=[f"{row[0]}-{row[1]}"[:60] for row in ONE_MISTAKE])
def test_one_mistake(people: dict[str, Any], refuse: Callable[..., tuple[Problem, ...]], path: str, value: Any, key: str, text: str) -> None:
    """One problem, at its place, in plain words."""
    _set(people, path, value)
    (problem,) = refuse(people)
    assert problem.key == key
    assert text in str(problem)


@pytest.mark.parametrize("secret", ["short", "with a space in it", 987654321987])
def test_a_secret_is_never_repeated(people: dict[str, Any], refuse: Callable[..., tuple[Problem, ...]], secret: Any) -> None:
    """Nor is an NHS number."""
    people["identity_providers"][0]["client_secret"] = secret
    people["users"][1]["patient"]["nhs_number"] = "99120030711"
    text = "\n".join(map(str, refuse(people)))
    assert str(secret) not in text.replace("12 to 200", "")
    assert "99120030711" not in text


def test_two_roles_of_one_number(people: dict[str, Any], refuse: Callable[..., tuple[Problem, ...]]) -> None:
    """A role is chosen by its number."""
    people["users"][0]["worker"]["roles"] *= 2
    (problem,) = refuse(people)
    assert problem.key == "users[0].worker.roles[1].person_roleid"


def test_one_provider_of_a_kind_for_a_base_path(people: dict[str, Any], refuse: Callable[..., tuple[Problem, ...]]) -> None:
    """And one of an issuer, and one client of a stand-in."""
    people["identity_providers"] += [
        {"name": "again", "kind": "nhs-login", "base_path": "/oauth2", "issuer": "https://AUTH.example.nhs.uk"},
        {"name": "other", "kind": "nhs-cis2", "base_path": "/oauth2", "stand_in": True, "realm": "ref"},
    ]
    assert [(problem.key, problem.message) for problem in refuse(people)] == [
        ("identity_providers[2].base_path", "`real` is already the nhs-login provider of `/oauth2`"),
        ("identity_providers[2].issuer", "`real` has this issuer: an ID token must name one provider"),
        ("identity_providers[3].realm", "`mock` is the same client of the same stand-in")]


def test_a_live_environment_has_real_providers_only(people: dict[str, Any], refuse: Callable[..., tuple[Problem, ...]]) -> None:
    """No stand-in, none of their clients, nobody made up, no secret in a file, nothing without TLS."""
    live = {"environment": {"name": "live", "live": True}, "organisations": people["organisations"]} | copy.deepcopy(PEOPLE)
    live["identity_providers"][1]["token_endpoint"] = "http://auth.example.nhs.uk/token"
    assert [problem.key for problem in refuse(live)] == [
        "identity_providers[0].stand_in", "identity_providers[0].client_secret", "identity_providers[1].token_endpoint",
        "relying_parties[0].client_id", "relying_parties[1].client_id", "users[0].username", "users[1].username", "users[2].username"]
