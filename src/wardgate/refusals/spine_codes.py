"""The Spine error and warning codes: status, issue type and display of each (spine 8.2), for APIs that answer with them.

Where the services disagree, the row is Spine Core's and `OF_NRL` or `OF_GP_CONNECT` says what differs there. Clients compare
the code only; of the two spellings of `ACCESS_DENIED` we write this one and `same_code` takes both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class SpineCode:
    """One code: its HTTP status and how an OperationOutcome spells it."""

    code: str
    status: int
    issue: str
    display: str
    severity: str = "error"


# fmt: off
_ROWS: Final = (
    SpineCode("MISSING_OR_INVALID_HEADER", 400, "invalid", "There is a required header missing or invalid"),
    SpineCode("BAD_REQUEST", 400, "invalid", "Bad request"),
    SpineCode("MESSAGE_NOT_WELL_FORMED", 400, "structure", "Message not well formed"),
    SpineCode("INVALID_REQUEST_MESSAGE", 400, "value", "Invalid request message"),
    SpineCode("INVALID_RESOURCE", 422, "invalid", "Invalid validation of resource"),
    SpineCode("INVALID_PARAMETER", 422, "invalid", "Invalid parameter"),
    SpineCode("INVALID_NHS_NUMBER", 400, "value", "Invalid NHS number"),
    SpineCode("INVALID_PATIENT_DEMOGRAPHICS", 400, "business-rule", "Invalid patient demographics"),
    SpineCode("INVALID_IDENTIFIER_SYSTEM", 400, "value", "Invalid identifier system"),
    SpineCode("INVALID_IDENTIFIER_VALUE", 400, "value", "Invalid identifier value"),
    SpineCode("INVALID_CODE_SYSTEM", 400, "code-invalid", "Invalid code system"),
    SpineCode("INVALID_CODE_VALUE", 400, "code-invalid", "Invalid code value"),
    SpineCode("INVALID_ELEMENT", 400, "value", "Invalid element"),
    SpineCode("NO_RECORD_FOUND", 404, "not-found", "No record found"),
    SpineCode("PATIENT_NOT_FOUND", 404, "not-found", "Patient not found"),
    SpineCode("PRACTITIONER_NOT_FOUND", 404, "not-found", "Practitioner not found"),
    SpineCode("ORGANISATION_NOT_FOUND", 404, "not-found", "Organisation not found"),
    SpineCode("REFERENCE_NOT_FOUND", 422, "invalid", "Reference not found"),
    SpineCode("DUPLICATE_REJECTED", 422, "duplicate", "Create would lead to creation of a duplicate resource"),
    SpineCode("REQUEST_UNMATCHED", 400, "invalid", "Request does not match authorisation token"),
    SpineCode("MSG_RESOURCE_ID_FAIL", 405, "forbidden", "Client is not permitted to assign an id"),
    SpineCode("NO_PATIENT_CONSENT", 403, "forbidden", "Patient has not provided consent to share data"),
    SpineCode("NO_ORGANISATIONAL_CONSENT", 403, "forbidden", "Organisation has not provided consent to share data"),
    SpineCode("NO_RELATIONSHIP", 403, "forbidden", "No legitimate relationship exists with this patient"),
    SpineCode("PATIENT_SENSITIVE", 403, "forbidden", "Patient sensitive"),
    SpineCode("ACCESS_DENIED", 403, "forbidden", "Access has been denied to process this request"),
    SpineCode("ACCESS_DENIED_SSL", 403, "forbidden", "SSL Protocol or Cipher requirements not met"),
    SpineCode("ASID_CHECK_FAILED", 403, "forbidden", "The sender or receiver's ASID is not authorised for this interaction"),
    SpineCode("AUTHOR_CREDENTIALS_ERROR", 401, "forbidden", "Author credentials error", "fatal"),
    SpineCode("UNSUPPORTED_MEDIA_TYPE", 415, "invalid", "Unsupported media type"),
    SpineCode("PRECONDITION_FAILED", 412, "conflict", "Precondition failed"),
    SpineCode("CONFLICT", 409, "forbidden", "Conflict"),
    SpineCode("NOT_IMPLEMENTED", 501, "not-supported", "Not implemented"),
    SpineCode("INTERNAL_SERVER_ERROR", 500, "processing", "Unexpected internal server error"),
    SpineCode("RESOURCE_CREATED", 201, "informational", "New resource created", "information"),
    SpineCode("RESOURCE_UPDATED", 200, "informational", "Resource has been successfully updated", "information"),
    SpineCode("RESOURCE_DELETED", 200, "informational", "Resource removed", "information"),
)
# fmt: on
SPINE_CODES: Final[Mapping[str, SpineCode]] = MappingProxyType({row.code: row for row in _ROWS})
"""Spine Core's and Reasonable Adjustments'."""


def _with(**differences: dict[str, object]) -> Mapping[str, SpineCode]:
    changed = {code: replace(SPINE_CODES[code], **fields) for code, fields in differences.items()}  # type: ignore[arg-type]  # fields of the rows below
    return MappingProxyType(dict(SPINE_CODES) | changed)


OF_NRL: Final = _with(
    INVALID_RESOURCE={"status": 400}, INVALID_PARAMETER={"status": 400}, INVALID_NHS_NUMBER={"issue": "invalid"},
    ORGANISATION_NOT_FOUND={"status": 400}, DUPLICATE_REJECTED={"status": 400},
)  # fmt: skip
"""The record locator's: faults of a resource or a parameter are 400 there."""
OF_GP_CONNECT: Final = _with(DUPLICATE_REJECTED={"status": 409})
"""GP Connect's."""
_SPELLINGS: Final[Mapping[str, str]] = {"ACCESS DENIED": "ACCESS_DENIED", "NO_ORGANISATION_CONSENT": "NO_ORGANISATIONAL_CONSENT"}


def same_code(one: str, other: str) -> bool:
    """Return whether two texts are the same Spine code, as different services spell it (spine 8.1)."""
    return _SPELLINGS.get(one, one) == _SPELLINGS.get(other, other)
