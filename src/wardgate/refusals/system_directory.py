"""Refusals of the directory's FHIR API, an OperationOutcome whose id is the correlation id (spine 7.5).

In the order of its checks: path, method, correlation id, query, accepted types, then what goes wrong behind it. The 400s of
the query are wrapped as the platform wraps them.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason
from wardgate.refusals.spine_codes import SPINE_CODES

_ORGANISATION: Final = "organization=https://fhir.nhs.uk/Id/ods-organization-code|value"
_INTERACTION: Final = "identifier=https://fhir.nhs.uk/Id/nhsServiceInteractionId|value"
_PARTY_KEY: Final = "identifier=https://fhir.nhs.uk/Id/nhsMhsPartyKey|value"


def _row(code: str, status: int, issue: str, spine_code: str, text: str, check: str, advice: str, placeholders: tuple[str, ...] = (), **more: Any) -> Reason:
    return Reason(f"directory-{code}", Area.DIRECTORY, status, "", text, check, advice, placeholders=placeholders, source="spine 7.5",
                  fhir_code=spine_code, fhir_display=SPINE_CODES[spine_code].display, fhir_issue=issue, **more)


def _query(code: str, text: str, check: str, advice: str, placeholders: tuple[str, ...] = ()) -> Reason:
    return _row(code, 400, "required", "BAD_REQUEST", f"HTTP 400: Bad Request ({text})", check, advice, placeholders)


_ASK: Final = "see the parameters of the path in the reference"

# fmt: off
DIRECTORY: Final = (
    _row("path", 404, "not-found", "NO_RECORD_FOUND", "HTTP endpoint not found", "the path is /Device or /Endpoint", "ask for one of the two"),
    _row("method", 405, "not-supported", "NOT_IMPLEMENTED", "HTTP operation not supported", "the method is GET", "use GET", headers=(("Allow", "GET"),)),
    _row("correlation-id", 400, "required", "BAD_REQUEST", "HTTP 400: Invalid X-Correlation-ID header. Should be an UUIDv4 matching regex '{rule}'",
         "X-Correlation-ID, where there is one, is a UUID and there once", "send a UUID, or none", ("rule",)),
    _query("query-too-long", "The query has at most {limit} bytes and {parameters} parameters", "the query is within the limits", "send fewer parameters", ("limit", "parameters")),
    _query("parameter-unknown", "Illegal query parameter '{name}'", "every parameter is one of the path's", _ASK, ("name",)),
    _query("parameter-wrong", "Missing or invalid '{name}' query parameter. Should be '{name}={system}|value'", "the parameter is there, with its system and a value",
           _ASK, ("name", "system")),
    _query("identifier-wrong", f"Missing or invalid 'identifier' query parameter. Should be one or both of: ['{_INTERACTION}', '{_PARTY_KEY}'",
           "every identifier is in one of the two systems", _ASK),
    _query("parameters-too-few",
           "Missing or invalid query parameters. Should one of following combinations: ["
           f"'{_ORGANISATION}&{_INTERACTION}&{_PARTY_KEY}''{_ORGANISATION}&{_INTERACTION}''{_ORGANISATION}&{_PARTY_KEY}''{_INTERACTION}&{_PARTY_KEY}']",
           "two of organisation, interaction and party key are there", "add one"),
    _row("accept", 406, "not-supported", "MISSING_OR_INVALID_HEADER", "Accept type not supported", "Accept is application/fhir+json, application/json or */*",
         "accept one of them"),
    _row("too-many", 500, "exception", "INTERNAL_SERVER_ERROR", "More than {limit} resources match", "what matches fits into one answer", "ask for less at once", ("limit",)),
    _row("failed", 500, "exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "this Wardgate has no fault", "report the correlation id", fixer=Fixer.OPERATOR),
    _row("unavailable", 502, "exception", "INTERNAL_SERVER_ERROR", "Invalid LDAP response received", "the directory answers", "try again later", fixer=Fixer.OPERATOR),
    _row("timeout", 504, "timeout", "INTERNAL_SERVER_ERROR", "LDAP request timed out", "the directory answers in time", "try again later", fixer=Fixer.OPERATOR),
)
# fmt: on
