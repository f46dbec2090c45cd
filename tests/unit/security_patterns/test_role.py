"""The role a healthcare worker acts in, row by row (user-restricted 8; spec README rule 10)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wardgate.applications import Profile
from wardgate.catalogue import API, Route
from wardgate.oauth.access_token import TokenUser
from wardgate.refusals import Reason, reason
from wardgate.refusals.dialects import Dialect
from wardgate.security_patterns.role import CODES, HEADER, URID, Wanted, choose, refuse, shape

WORKER, FIRST, SECOND, OTHER = "656005750104", "555254240100", "555254240101", "555254240199"
KNOWN = {WORKER: frozenset({FIRST, SECOND})}
SEVERAL = (FIRST, SECOND)


def user(*, separate: bool = False, level: str = "aal3", role: str | None = None, roles: tuple[str, ...] | None = None, who: str = WORKER) -> TokenUser:
    """Return a user as a token tells."""
    return TokenUser(who, "grant", "https://provider.example", level, separate, role=role, roles=roles)


ROWS: tuple[tuple[str, str, str | None, TokenUser | None, Profile], ...] = (
    # --- combined sign-in: the roles are known
    ("the header, one of the roles", SECOND, SECOND, user(roles=SEVERAL), Profile.NHS),
    ("the header goes before the claim", SECOND, SECOND, user(roles=SEVERAL, role=FIRST), Profile.NHS),
    ("the header, one of the roles, strict", SECOND, SECOND, user(roles=SEVERAL), Profile.STRICT),
    ("several roles, no header, no claim", "role-ambiguous", None, user(roles=SEVERAL), Profile.NHS),
    ("an empty header is none", "role-ambiguous", "", user(roles=SEVERAL), Profile.NHS),
    ("no roles", "role-none", None, user(roles=()), Profile.NHS),
    ("no roles, whatever the header", "role-none", FIRST, user(roles=()), Profile.NHS),
    ("a header that is none of the roles", "role-not-of-user", OTHER, user(roles=SEVERAL), Profile.NHS),
    ("a header beside the only role", "role-not-of-user", OTHER, user(roles=(FIRST,)), Profile.NHS),
    ("two headers", "role-not-of-user", f"{FIRST},{SECOND}", user(roles=SEVERAL), Profile.NHS),
    ("the claim", FIRST, None, user(roles=SEVERAL, role=FIRST), Profile.NHS),
    ("an empty claim", "role-claim-invalid", None, user(roles=SEVERAL, role=""), Profile.NHS),
    ("a claim that is no identifier", "role-claim-invalid", None, user(roles=SEVERAL, role="R8008"), Profile.NHS),
    ("the only role", FIRST, None, user(roles=(FIRST,)), Profile.NHS),
    ("one role told twice", FIRST, None, user(roles=(FIRST, FIRST)), Profile.NHS),
    ("an empty person_roleid", "role-list-invalid", None, user(roles=("",)), Profile.NHS),
    ("a malformed list, with a header of it", "role-list-invalid", FIRST, user(roles=(FIRST, "x")), Profile.NHS),
    ("the claim, though the list is malformed", FIRST, None, user(roles=("",), role=FIRST), Profile.NHS),
    ("roles that could not be had, with a header", "role-user-info-unavailable", FIRST, user(), Profile.NHS),
    ("roles that could not be had", "role-user-info-unavailable", None, user(), Profile.NHS),
    # --- separate: they are not
    ("after an exchange the header is taken unchecked", OTHER, OTHER, user(separate=True), Profile.NHS),
    ("but for its form", "role-not-of-user", "R8008", user(separate=True), Profile.NHS),
    ("sixteen digits are no role", "role-not-of-user", "1" * 16, user(separate=True), Profile.NHS),
    ("strict: in the directory", SECOND, SECOND, user(separate=True), Profile.STRICT),
    ("strict: not in the directory", "role-not-of-user", OTHER, user(separate=True), Profile.STRICT),
    ("strict: a user the directory does not know", "role-not-of-user", FIRST, user(separate=True, who="1"), Profile.STRICT),
    ("the claim after an exchange", FIRST, None, user(separate=True, role=FIRST), Profile.NHS),
    ("neither header nor claim after an exchange", "role-claim-missing", None, user(separate=True), Profile.NHS),
    # --- nobody's role
    ("a patient without a header", "role-claim-missing", None, user(level="P9"), Profile.NHS),
    ("a patient with a header", "role-user-info-unavailable", FIRST, user(level="P9"), Profile.NHS),
    ("a patient, whatever the token says", "role-claim-missing", None, user(level="P9", role=FIRST, roles=SEVERAL), Profile.NHS),
    ("an application by itself", "role-claim-missing", None, None, Profile.NHS),
    ("an application with a header", "role-user-info-unavailable", FIRST, None, Profile.NHS),
)


@pytest.mark.parametrize(("expected", "header", "who", "profile"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_row(expected: str, header: str | None, who: TokenUser | None, profile: Profile) -> None:
    """The role, or the reason why there is none."""
    found = choose(Wanted(header, who, profile, KNOWN))
    assert (found.code if isinstance(found, Reason) else found) == expected


def test_the_rows_cover_the_reasons() -> None:
    """Every reason is in a row, but for the two that stand for all on some routes."""
    assert CODES - {row[1] for row in ROWS} == {"role-header-missing", "role-header-invalid"}


TEXTS = {
    "role-ambiguous": (401, "multiple roles found in user info, please check NHSD-Session-URID"),
    "role-none": (401, "no userroles available, please check NHSD-Session-URID is valid"),
    "role-not-of-user": (401, "NHSD-Session-URID is invalid"),
    "role-claim-invalid": (401, "selected_roleid is misconfigured/invalid"),
    "role-list-invalid": (401, "nhsid_nrbac_roles is misconfigured/invalid"),
    "role-claim-missing": (401, "selected_roleid is missing in your token"),
    "role-user-info-unavailable": (500, "unable to retrieve user info"),
}


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_the_texts(code: str) -> None:
    """As the platform writes them."""
    assert (reason(code).status, reason(code).text) == TEXTS[code]


@given(st.one_of(st.none(), st.text(max_size=20)), st.one_of(st.none(), st.lists(st.text(max_size=16), max_size=4).map(tuple)),
       st.one_of(st.none(), st.text(max_size=16)), st.booleans(), st.sampled_from(Profile))
def test_what_is_chosen_is_a_role(header: str | None, roles: tuple[str, ...] | None, claim: str | None, separate: bool, profile: Profile) -> None:
    """Whatever is sent and told, the outcome is digits or a reason; with known roles and a header it is one of them."""
    found = choose(Wanted(header, user(separate=separate, role=claim, roles=roles), profile, KNOWN))
    assert isinstance(found, Reason) or URID.fullmatch(found)
    if isinstance(found, str) and header and not separate:
        assert found in (roles or ())


def route(**more: Any) -> Route:
    """Return a worker's route with a role."""
    return Route.model_validate({"path": "/", "pattern": "user-restricted", "access_mode": "healthcare-worker", "role": "required"} | more)


@pytest.mark.parametrize(("form", "header", "status", "text", "dialect"), [
    ("operation-outcome", "1", 401, "NHSD-Session-URID is invalid", Dialect.FHIR),
    ("plain-text", "1", 400, "nhsd-session-urid is invalid", None),
    ("header", "x" * 100, 400, f"Invalid value - '{'x' * 64}' in header 'NHSD-Session-URID'", Dialect.PROBLEM),
    ("header", None, 400, "Missing value in header 'NHSD-Session-URID'", Dialect.PROBLEM),
])
def test_the_three_forms(form: str, header: str | None, status: int, text: str, dialect: Dialect | None) -> None:
    """401 and an OperationOutcome whatever the API's shape, 400 and plain text, or 400 in the API's shape."""
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "errors": "problem", "routes": [{"path": "/", "pattern": "api-key"}]})
    refusal = refuse(reason("role-not-of-user"), route(role_errors=form), header, "app")
    assert (refusal.reason.status, refusal.fill(refusal.reason.text), shape(refusal, api, route(role_errors=form))) == (status, text, dialect)
    assert refusal.received is not None
    assert "x" * 64 not in refusal.received
    assert shape(refuse(reason("role-none"), route(), None, "a"), api, route()) is Dialect.FHIR


CALLS: tuple[tuple[str, str, str | None, dict[str, Any], str | None], ...] = (
    ("a worker with a role", "/users/role", None, {}, FIRST),
    ("a worker without one", "/users/role", "role-claim-missing", {}, None),
    ("a worker's claim", "/users/role", None, {"role": SECOND}, None),
    ("a patient on a route where every caller has a role", "/users/role", "role-user-info-unavailable", {"family": "user-nhs-login", "level": "P9"}, FIRST),
    ("a patient where only workers have one", "/users/maybe", None, {"family": "user-nhs-login", "level": "P9"}, FIRST),
    ("a worker there", "/users/maybe", "role-claim-missing", {}, None),
    ("the token is judged before the role", "/users/role", "scope-insufficient", {"level": "aal1"}, None),
    ("a strict application's user, not in the directory", "/users/role", "role-not-of-user", {"application": "strict"}, OTHER),
    ("a strict application's user, in the directory", "/users/role", None, {"application": "strict"}, FIRST),
)


@pytest.mark.parametrize(("path", "expected", "token", "header"), [case[1:] for case in CALLS], ids=[case[0] for case in CALLS])
def test_a_call(path: str, expected: str | None, token: dict[str, Any], header: str | None, book: Any) -> None:
    """The role is chosen after the token has been judged, where the route asks this caller for one."""
    decision = book.ask(path, token=book.user_token(**token), **({HEADER: header} if header else {}))
    assert (decision.refusal.reason.code if decision.refusal else None) == expected
    chosen = header or token.get("role")
    assert decision.role == (chosen if expected is None and token.get("family") is None else None)
    assert FIRST not in repr(decision)


def test_an_application_by_itself(book: Any) -> None:
    """It has no role: refused where every caller needs one, let in without one where only workers do."""
    refused = book.ask("/users/role", key="key-good")
    assert (refused.refusal.reason.code, refused.pattern) == ("role-claim-missing", "api-key")
    taken = book.ask("/users/maybe", token=book.token(scope="urn:nhsd:apim:app:level3:users"), **{HEADER: FIRST})
    assert (taken.allowed, taken.role) == (True, None)


@pytest.mark.parametrize(("more", "complaint"), [
    ({"pattern": "api-key", "access_mode": None}, "`role` needs the pattern user-restricted"),
    ({"access_mode": "patient"}, "`role` needs the pattern user-restricted"),
    ({"role": "none", "identity_headers": {"role": "X"}}, "`identity_headers.role` is told where"),
    ({"pattern": None, "access_mode": None, "any_of": [{"pattern": "open-access"}, {"pattern": "user-restricted", "access_mode": "healthcare-worker"}]},
     "open to everyone"),
])
def test_a_route_that_cannot_be(more: dict[str, Any], complaint: str) -> None:
    """A role is a healthcare worker's, and is told where it is chosen."""
    with pytest.raises(ValidationError, match=complaint):
        route(**more)
