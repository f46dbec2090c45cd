"""User-restricted routes: whose token is enough, what another one is told, and what is recorded (user-restricted 5, 9; spec README rules 1, 2, 14)."""

from typing import Any

import pytest

from wardgate.catalogue import API, Route
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.token_kind import levels_of, scopes_of, ways

CIS2, OLD, LOGIN = "user-nhs-cis2", "user-nhs-id", "user-nhs-login"
APPLICATION = "urn:nhsd:apim:app:level3:users"

CASES: tuple[tuple[str, str, str | None, dict[str, Any]], ...] = (
    ("a worker at the strongest level", "/users/worker", None, {}),
    ("under the old name of the family", "/users/worker", None, {"family": OLD}),
    ("a worker at the second level where the third is the least", "/users/worker", "scope-insufficient", {"level": "aal2"}),
    ("a worker at the second level where that is the least", "/users/worker2", None, {"level": "aal2"}),
    ("a worker at the third where the second is the least", "/users/worker2", None, {"level": "aal3"}),
    ("a worker at the first where the second is the least", "/users/worker2", "scope-insufficient", {"level": "aal1"}),
    ("a worker on a patient's route", "/users/patient", "scope-insufficient", {}),
    ("a patient at the strongest level", "/users/patient", None, {"family": LOGIN, "level": "P9"}),
    ("a patient at P5 where P9 is the least", "/users/patient", "scope-insufficient", {"family": LOGIN, "level": "P5"}),
    ("a patient at P0 where P5 is the least", "/users/patient5", "scope-insufficient", {"family": LOGIN, "level": "P0"}),
    ("a patient at P5 where P5 is the least", "/users/patient5", None, {"family": LOGIN, "level": "P5"}),
    ("a patient at P9 where P5 is the least", "/users/patient5", None, {"family": LOGIN, "level": "P9"}),
    ("a patient on a worker's route", "/users/worker", "scope-insufficient", {"family": LOGIN, "level": "P9"}),
    ("the wrong kind where that is 401", "/users/kind", "access-token-wrong-kind", {}),
    ("the wrong level where that is 401", "/users/kind", "access-token-wrong-kind", {"family": LOGIN, "level": "P5"}),
    ("a patient acted for", "/users/patient", None, {"family": LOGIN, "level": "P9", "actor": "9912003072"}),
    ("without a scope", "/users/worker", "scope-insufficient", {"scope": ""}),
    ("the scope of another API", "/users/worker", "scope-insufficient", {"scope": "urn:nhsd:apim:user-nhs-cis2:aal3:user"}),
    ("the scope of a level the sign-in had not", "/users/worker", "scope-insufficient", {"level": "aal2", "scope": f"urn:nhsd:apim:{CIS2}:aal3:users"}),
    ("a patient with a worker's scope", "/users/worker", "scope-insufficient", {"family": LOGIN, "level": "P9", "scope": f"urn:nhsd:apim:{CIS2}:aal3:users"}),
    ("a level nobody knows", "/users/worker", "scope-insufficient", {"level": "aal4", "scope": f"urn:nhsd:apim:{CIS2}:aal3:users"}),
    ("the application's scope in a user's token", "/users/worker", "scope-insufficient", {"scope": APPLICATION}),
    ("stated scopes are enough at any level of theirs", "/users/scoped", None, {"level": "aal2", "scope": "x:aal2:one"}),
    ("stated scopes and not one of them", "/users/scoped", "scope-insufficient", {"scope": f"urn:nhsd:apim:{CIS2}:aal3:users"}),
    ("stated scopes and too low a level", "/users/scoped3", "scope-insufficient", {"level": "aal2", "scope": "x:aal2:one"}),
    ("stated scopes and the least level", "/users/scoped3", None, {"scope": "x:aal3:one"}),
    ("of several: the worker", "/users/all", None, {}),
    ("of several: the patient", "/users/all", None, {"family": LOGIN, "level": "P9"}),
    ("of several: none for this level", "/users/all", "scope-insufficient", {"family": LOGIN, "level": "P5"}),
    ("whose sign-in has ended", "/users/worker", "access-token-revoked", {"grant": "ended-grant"}),
    ("whose sign-in has ended, and of the wrong kind", "/users/patient", "access-token-revoked", {"grant": "ended-grant"}),
    ("that was revoked itself", "/users/worker", "access-token-revoked", {"claims": {"jti": "revoked-jti"}}),
    ("whose credential was revoked", "/users/worker", "access-token-revoked", {"claims": {"credential": "revoked-credential"}}),
    ("of an application that waits", "/users/worker", "access-token-revoked", {"application": "pending"}),
    ("of an application with other products", "/users/worker", "access-token-wrong-product", {"application": "elsewhere"}),
    ("of an application without products", "/users/worker", "access-token-wrong-product", {"application": "without"}),
    ("of an application that is gone", "/users/worker", "access-token-revoked", {"application": "nobody"}),
    ("that is over", "/users/worker", "access-token-expired", {"claims": {"lasts": -5}}),
    ("of another issuer", "/users/worker", "access-token-unknown", {"claims": {"issuer": "https://elsewhere/oauth2"}}),
    ("bound to a certificate that is not there", "/users/worker", "access-token-not-bound", {"claims": {"bound": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}),
    ("with a sign-in that is no text", "/users/worker", "access-token-unknown", {"grant": 5}),
)


def code_of(decision: Decision) -> str | None:
    """Return why it was refused, or None."""
    return decision.refusal.reason.code if decision.refusal else None


@pytest.mark.parametrize(("path", "expected", "token"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_token_of_a_user(path: str, expected: str | None, token: dict[str, Any], book: Any) -> None:
    """The token gets this reason, or lets its user in."""
    decision = book.ask(path, token=book.user_token(**token))
    assert code_of(decision) == expected


@pytest.mark.parametrize(("path", "authorization", "expected"), [
    ("/users/worker", None, "authorization-missing"), ("/users/worker", "", "authorization-empty"), ("/users/patient", "Basic x", "token-type-invalid"),
    ("/users/patient", "Bearer", "access-token-missing"), ("/users/worker", "Bearer opaque", "access-token-unknown"),
    ("/users/user-first", None, "authorization-missing"),
])
def test_without_a_token(path: str, authorization: str | None, expected: str, book: Any) -> None:
    """The header is read as on other routes, and the first pattern of tokens is recorded."""
    decision = book.ask(path, authorization=authorization)
    assert (code_of(decision), decision.pattern, decision.user) == (expected, "user-restricted", None)


@pytest.mark.parametrize(("path", "expected", "pattern"), [
    ("/users/worker", "scope-insufficient", "user-restricted"), ("/users/kind", "access-token-wrong-kind", "user-restricted"),
    ("/users/all", None, "signed-jwt"), ("/users/user-first", None, "signed-jwt"),
])
def test_the_token_of_an_application(path: str, expected: str | None, pattern: str, book: Any) -> None:
    """An application by itself is no user; a route may take it as well."""
    decision = book.ask(path, token=book.token(scope=APPLICATION))
    assert (code_of(decision), decision.pattern) == (expected, pattern)


def test_an_application_with_the_scope_of_a_user(book: Any) -> None:
    """The pattern says who is behind the call: a scope alone makes no user, nor a user an application."""
    assert code_of(book.ask("/users/worker", token=book.token(scope=f"urn:nhsd:apim:{CIS2}:aal3:users"))) == "scope-insufficient"
    assert code_of(book.ask("/hello/jwt", token=book.user_token(scope="urn:nhsd:apim:app:level3:hello"))) == "scope-insufficient"


@pytest.mark.parametrize(("token", "pattern"), [
    ({}, "user-restricted"), ({"level": "aal2"}, "user-restricted"), ({"level": "aal9", "scope": "x"}, "signed-jwt"),
])
def test_which_pattern_is_recorded(token: dict[str, Any], pattern: str, book: Any) -> None:
    """The one for callers of the token's kind, allowed or not; without such a one, the first for tokens."""
    assert book.ask("/users/all", token=book.user_token(**token)).pattern == pattern


def test_a_good_key_beside_a_wrong_token(book: Any) -> None:
    """The key and the token are two credentials; the token is one, however many alternatives read it."""
    assert book.ask("/users/all", key="key-good", token=book.user_token(level="aal1")).pattern == "api-key"
    assert code_of(book.ask("/users/all", key="no", token=book.user_token(level="aal1"))) == "scope-insufficient"


def test_what_a_wrong_token_is_told(book: Any) -> None:
    """Every scope that would do, of all alternatives for tokens; the record says who came instead, at which level."""
    refusal = book.ask("/users/all", token=book.user_token(family=LOGIN, level="P5")).refusal
    wanted = f"{APPLICATION} urn:nhsd:apim:{CIS2}:aal3:users urn:nhsd:apim:{OLD}:aal3:users urn:nhsd:apim:{LOGIN}:P9:users"
    assert refusal.fill(refusal.reason.text) == f"Required scope(s): {wanted}"
    assert refusal.received == f"urn:nhsd:apim:{LOGIN}:P5:users (patient at p5)"


def test_what_is_proved_names_no_user(book: Any) -> None:
    """The explanation says how strongly somebody signed in, never who; neither does the text of a decision."""
    decision = book.ask("/users/patient", token=book.user_token(family=LOGIN, level="P9"))
    assert decision.proved == ("token jti was issued to good", "good is approved for users", "a patient signed in at p9")
    assert decision.user.user == "9912003071"
    assert "9912003071" not in repr(decision)


def test_the_alternatives_of_tokens_are_one_way() -> None:
    """In the place of the first of them."""
    route = Route.model_validate({"path": "/", "any_of": [
        {"pattern": "api-key"}, {"pattern": "user-restricted", "access_mode": "patient"}, {"pattern": "tls-ma"}, {"pattern": "signed-jwt"}]})
    assert [[str(found.pattern) for found in way] for way in ways(route)] == [["api-key"], ["user-restricted", "signed-jwt"], ["tls-ma"]]


def test_generated_scopes() -> None:
    """Each level from the least up, each spelling of a worker's family; stated scopes in their place."""
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [
        {"path": "/", "any_of": [{"pattern": "user-restricted", "access_mode": "healthcare-worker", "minimum_level": "aal2"},
                                 {"pattern": "user-restricted", "access_mode": "patient", "scopes": ["one"]}]}]})
    worker, patient = api.routes[0].alternatives
    assert scopes_of(api, worker) == tuple(f"urn:nhsd:apim:{family}:{level}:x" for level in ("aal2", "aal3") for family in (CIS2, OLD))
    assert (scopes_of(api, patient), levels_of(patient)) == (("one",), ("P0", "P5", "P9"))
    assert levels_of(worker) == ("aal2", "aal3")
