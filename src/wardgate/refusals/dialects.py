"""What a refusal looks like on the wire, by dialect (application-restricted 6.7, 9, 11; RFC 9457).

The same functions serve Wardgate's own answers and the compiled error mappers of Envoy: the caller passes the
values of placeholders, or Envoy's format operators in their place.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from wardgate.refusals.reason import Reason

SPINE_CODES: Final = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"


class Dialect(StrEnum):
    """The shape of an API's errors: a route's `errors:` in the manifest."""

    FAULT = "fault"
    FHIR = "fhir"
    PROBLEM = "problem"
    OAUTH = "oauth"


CONTENT_TYPES: Final[Mapping[Dialect, str]] = {
    Dialect.FAULT: "application/json",
    Dialect.FHIR: "application/fhir+json",
    Dialect.PROBLEM: "application/problem+json",
    Dialect.OAUTH: "application/json",
}

Fill = Callable[[str], str]


def body(dialect: Dialect, reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    """Return the JSON body of `reason`; `fill` substitutes the reason's placeholders in a text."""
    return _BODIES[dialect](reason, fill, message_id)


def _oauth(reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    return {"error": fill(reason.error), "error_description": fill(reason.text), "message_id": message_id}


def _fault(reason: Reason, fill: Fill, _message_id: str) -> dict[str, Any]:
    if reason.code == "application-no-products":  # the enhanced key check has a flat body (application-restricted 5.3)
        return {"error": reason.error, "error_description": fill(reason.text)}
    return {"fault": {"faultstring": fill(reason.text), "detail": {"errorcode": fill(reason.error)}}}


def _operation_outcome(reason: Reason, fill: Fill, _message_id: str) -> dict[str, Any]:
    coding = {"system": SPINE_CODES, "version": "1", "code": reason.fhir_code, "display": reason.fhir_display}
    diagnostics = fill(reason.diagnostics if reason.diagnostics is not None else reason.text)
    issue: dict[str, Any] = {"severity": "error", "code": reason.fhir_issue, "details": {"coding": [coding]}}
    return {"resourceType": "OperationOutcome", "issue": [issue | {"diagnostics": diagnostics}]}


def _problem(reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    detail = fill(reason.diagnostics if reason.diagnostics is not None else reason.text)
    return {"type": f"urn:wardgate:refusal:{reason.code}", "title": reason.check, "status": reason.status,
            "detail": detail, "instance": f"urn:wardgate:message:{message_id}"}


_BODIES: Final = {
    Dialect.OAUTH: _oauth,
    Dialect.FAULT: _fault,
    Dialect.FHIR: _operation_outcome,
    Dialect.PROBLEM: _problem,
}


def rate_limit_body(
    message: str, *, scope: str, policy: str, limit: int, interval: int, timeunit: str, expiry_ms: int, message_id: str
) -> dict[str, Any]:
    """Return the platform's eight-member 429 body (application-restricted 9). `expiry_ms` is epoch milliseconds."""
    return {"message": message, "scope": scope, "policy": policy, "limit": limit, "interval": interval,
            "timeunit": timeunit, "ratelimiting_expiry_time_ms": expiry_ms, "message_id": message_id}
