"""What a refusal looks like, pinned to the letter (application-restricted 5.3, 6.7, 7, 10, 11; RFC 9457)."""

from typing import Any

import pytest

from wardgate.refusals import CATALOGUE, Area, Refusal, reason
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect, body
from wardgate.refusals.mesh import SHAPES, Shape

SPINE = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"


def outcome(issue: str, code: str, display: str, diagnostics: str) -> dict[str, Any]:
    """Return an OperationOutcome as the platform's APIs write it."""
    coding = {"system": SPINE, "version": "1", "code": code, "display": display}
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": issue, "details": {"coding": [coding]}, "diagnostics": diagnostics}]}


def fault(text: str, code: str) -> dict[str, Any]:
    """Return the gateway's native body."""
    return {"fault": {"faultstring": text, "detail": {"errorcode": code}}}


DENIED = ("forbidden", "ACCESS_DENIED", "Access Denied - Unauthorised")
FAULTS = (
    ("api-key-missing", {}, fault("Failed to resolve API Key variable request.header.apikey", "steps.oauth.v2.FailedToResolveAPIKey")),
    ("api-key-unknown", {}, fault("Invalid ApiKey", "oauth.v2.InvalidApiKey")),
    ("api-key-revoked", {}, fault("ApiKey not approved", "keymanagement.service.invalid_client-app_not_approved")),
    ("api-key-wrong-product", {}, fault("Invalid ApiKey for given resource", "oauth.v2.InvalidApiKeyForGivenResource")),
    ("application-no-products", {}, {"error": "no_products", "error_description": "The application has no approved products"}),
    ("api-key-expired", {}, fault("API key has expired", "keymanagement.service.consumer_key_expired")),
    ("authorization-missing", {}, fault("Invalid access token", "oauth.v2.InvalidAccessToken")),
    ("access-token-unknown", {}, fault("Invalid Access Token", "keymanagement.service.invalid_access_token")),
    ("access-token-expired", {}, fault("Access Token expired", "keymanagement.service.access_token_expired")),
    ("access-token-revoked", {}, fault("Access Token not approved", "keymanagement.service.access_token_not_approved")),
    ("access-token-wrong-product", {}, fault("Invalid API call as no apiproduct match found", "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound")),
    ("scope-insufficient", {"scopes": "a b"}, fault("Required scope(s): a b", "steps.oauth.v2.InsufficientScope")),
)
OUTCOMES = (
    ("authorization-missing", {}, outcome(*DENIED, "Missing Authorization header")),
    ("authorization-empty", {}, outcome(*DENIED, "Empty Authorization header")),
    ("access-token-missing", {}, outcome(*DENIED, "Missing access token")),
    ("token-type-invalid", {"scheme": "Basic"}, outcome(*DENIED, "Invalid token type 'Basic', must be 'Bearer'")),
    ("access-token-unknown", {}, outcome(*DENIED, "Invalid Access Token")),
    ("scope-insufficient", {"scopes": "a"}, outcome("forbidden", "ACCESS_DENIED", "Access Denied", "Required scope(s): a")),
    ("request-id-invalid", {"value": "x"}, outcome("value", "INVALID_VALUE", "Provided value is invalid", "Invalid value - 'x' in header 'X-Request-ID'")),
    ("request-id-missing", {}, outcome("required", "MISSING_VALUE", "Required value is missing", "Missing value in header 'X-Request-ID'")),
)


@pytest.mark.parametrize(("code", "values", "expected"), FAULTS, ids=[row[0] for row in FAULTS])
def test_the_native_body(code: str, values: dict[str, str], expected: dict[str, Any]) -> None:
    """The gateway's own words."""
    assert body(Dialect.FAULT, reason(code), Refusal(reason(code), values=values).fill, "m") == expected


@pytest.mark.parametrize(("code", "values", "expected"), OUTCOMES, ids=[row[0] for row in OUTCOMES])
def test_the_fhir_body(code: str, values: dict[str, str], expected: dict[str, Any]) -> None:
    """PDS's diagnostics (spec README rule 15)."""
    assert body(Dialect.FHIR, reason(code), Refusal(reason(code), values=values).fill, "m") == expected


def test_the_problem_body() -> None:
    """RFC 9457: the type names the reason, the instance the message."""
    found = body(Dialect.PROBLEM, reason("token-type-invalid"), Refusal(reason("token-type-invalid"), values={"scheme": "Basic"}).fill, "m-1")
    assert found == {"type": "urn:wardgate:refusal:token-type-invalid", "title": "the scheme of the Authorization header is Bearer, spelled so",
                     "status": 401, "detail": "Invalid token type 'Basic', must be 'Bearer'", "instance": "urn:wardgate:message:m-1"}


def test_the_token_endpoint_body() -> None:
    """Three members (application-restricted 6.7)."""
    assert body(Dialect.OAUTH, reason("grant-type-missing"), str, "m-1") == {
        "error": "invalid_request", "error_description": "grant_type is missing", "message_id": "m-1"}


def test_only_placeholders_are_filled() -> None:
    """Braces in a value, or of no placeholder, stay what they are."""
    found = Refusal(reason("request-id-invalid"), values={"value": "{value} {scheme}"})
    assert found.fill("{value} {other}") == "{value} {scheme} {other}"
    assert Refusal(reason("request-id-invalid")).fill("<{value}>") == "<>"


@pytest.mark.parametrize("found", CATALOGUE.values(), ids=lambda found: found.code)
def test_a_reason_is_whole(found: Any) -> None:
    """A status of an error, what had to be true, what to do, where it comes from; every placeholder is used and none is forgotten."""
    redirects = {302: {Area.SIGN_IN, Area.PROVIDERS}, 300: {Area.MESH}}
    assert 400 <= found.status <= 599 or found.area in redirects[found.status]
    assert found.check
    assert found.advice
    assert found.source
    said = found.text + found.error + (found.diagnostics or "") + "".join(value for _, value in found.headers)
    said += "{place}{name}" if SHAPES.get(found.code) is Shape.PARAMETER else ""
    for name in found.placeholders:
        assert "{" + name + "}" in said
    for dialect in Dialect:
        if found.text:
            text = str(body(dialect, found, Refusal(found, values=dict.fromkeys(found.placeholders, "v")).fill, "m"))
            assert "{" not in text.replace("{'", "").replace(": {", ""), "a placeholder was left"
    if found.area is Area.GATEWAY and found.status == 401 and "access_token" in found.error:
        assert any(name == "WWW-Authenticate" for name, _ in found.headers)


def test_every_dialect_has_a_content_type() -> None:
    """The tables are whole."""
    assert set(CONTENT_TYPES) == set(Dialect)
