"""Refusals of the internet gateway of Reasonable Adjustments, in its order (spine 8.4); its shape is `errors: fhir`."""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason

_HELP: Final = "Contact us for assistance diagnosing this issue: https://digital.nhs.uk/developer/help-and-support quoting Message ID"


def _row(code: str, status: int, text: str, check: str, advice: str, **more: Any) -> Reason:
    coding: dict[str, Any] = {"fhir_code": "BAD_REQUEST", "fhir_display": "Bad request", "fhir_issue": "value"} | more
    return Reason(f"ra-{code}", Area.SPINE, status, coding["fhir_code"], text, check, advice, source="spine 8.4", **coding)


# fmt: off
REASONABLE_ADJUSTMENTS: Final = (
    _row("access-token-invalid", 401, "Access token is invalid or expired", "the access token is of this environment and in force", "get a new token",
         headers=(("WWW-Authenticate", 'Bearer realm="null",error="invalid_token",error_description="Access token is invalid or expired"'),),  # RFC 6750 section 3
         fhir_code="ACCESS_DENIED", fhir_display="Access has been denied to process this request", fhir_issue="forbidden"),
    _row("request-id-invalid", 400, "x-request-id is missing or invalid", "X-Request-ID is a UUID", "send a new UUID in X-Request-ID"),
    _row("session-urid-invalid", 400, "nhsd-session-urid is missing or invalid", "NHSD-Session-URID is a role of the user", "send the identifier of a role of the user"),
    _row("content-type-invalid", 400, "content-type must be set to application/fhir+json", "a request that is no GET has Content-Type application/fhir+json", "send it"),
    _row("payload-missing", 400, "requires payload", "a request that is no GET has a body", "send it"),
    _row("asid-not-configured", 500, f"An internal server error occurred. Missing ASID. {_HELP}", "the application has an ASID",
         "set asid of the application in the manifest", fixer=Fixer.PRODUCER),
    _row("ods-not-configured", 500, f"An internal server error occurred. Missing ODS. {_HELP}", "the application's organisation has an ODS code",
         "set organisation of the application in the manifest", fixer=Fixer.PRODUCER),
    _row("query-invalid", 404, "required query parameters are missing or have empty values",
         "a search has patient and status, and category (Consent, Flag) or code (List)", "send the three parameters"),
    _row("resource-not-found", 404, "Resource Not Found", "the path is one of this API", "check the path"),
    _row("if-match-invalid", 400, "if-match is missing or invalid", "an update has If-Match with the version in quotes after W/", "send the version that you read",
         fhir_code="MISSING_OR_INVALID_HEADER", fhir_display="There is a required header missing or invalid"),
)
# fmt: on
