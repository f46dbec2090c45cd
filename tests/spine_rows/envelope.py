"""The whole body of an answer, as spine 8.1, 8.3 and 8.4 print it, in JSON and in XML."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from spine_rows.row import Said

STU3: Final = "https://fhir.nhs.uk/STU3"
CODES: Final = f"{STU3}/CodeSystem/Spine-ErrorOrWarningCode-1"
PROFILES: Final = {"spine": f"{STU3}/StructureDefinition/Spine-OperationOutcome-1", "gp-connect": f"{STU3}/StructureDefinition/GPConnect-OperationOutcome-1"}
SYSTEMS: Final = {
    "spine": CODES, "gp-connect": CODES, "proxy": "http://fhir.nhs.net/ValueSet/gpconnect-schedule-response-code-1-0",
    "proxy-405": "https://fhir.nhs.uk/StructureDefinition/spine-operationoutcome-1", "internet": "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode",
}
DISPLAYS: Final = {
    "MISSING_OR_INVALID_HEADER": "There is a required header missing or invalid", "BAD_REQUEST": "Bad request",
    "ACCESS_DENIED": "Access has been denied to process this request",
    "ASID_CHECK_FAILED": "The sender or receiver's ASID is not authorised for this interaction", "INVALID_RESOURCE": "Invalid validation of resource",
    "INVALID_REQUEST_MESSAGE": "Invalid request message", "MESSAGE_NOT_WELL_FORMED": "Message not well formed", "INVALID_PARAMETER": "Invalid parameter",
    "INVALID_NHS_NUMBER": "Invalid NHS number", "NO_RECORD_FOUND": "No record found", "ORGANISATION_NOT_FOUND": "Organisation not found",
    "PATIENT_NOT_FOUND": "Patient not found", "INVALID_IDENTIFIER_SYSTEM": "Invalid identifier system", "REFERENCE_NOT_FOUND": "Reference not found",
    "DUPLICATE_REJECTED": "Create would lead to creation of a duplicate resource", "MSG_RESOURCE_ID_FAIL": "Client is not permitted to assign an id",
    "AUTHOR_CREDENTIALS_ERROR": "Author credentials error", "UNSUPPORTED_MEDIA_TYPE": "Unsupported media type", "PRECONDITION_FAILED": "Precondition failed",
    "CONFLICT": "Conflict", "NOT_IMPLEMENTED": "Not implemented", "RESOURCE_CREATED": "New resource created",
    "RESOURCE_UPDATED": "Resource has been successfully updated", "RESOURCE_DELETED": "Resource removed",
}
"""Of each code (spine 8.2); where the sheet has none, the name of the code in words."""


def body(said: Said, identifier: str) -> dict[str, Any]:
    """Return the outcome with this id."""
    display = said.diagnostics if said.form.startswith("proxy") else said.display or DISPLAYS[said.code]
    version = {"version": "1"} if said.form == "internet" else {}
    coding = {"system": SYSTEMS[said.form], **version, "code": str(said.status) if said.form.startswith("proxy") else said.code, "display": display}
    issue: dict[str, Any] = {"severity": said.severity, "code": said.issue, "details": {"coding": [coding]}}
    if said.text is not None:
        issue["details"]["text"] = said.text
    if said.diagnostics is not None:
        issue["diagnostics"] = said.diagnostics
    meta = {"meta": {"profile": [PROFILES[said.form]]}} if said.form in PROFILES else {}
    return {"resourceType": "OperationOutcome", **({} if said.form == "internet" else {"id": identifier}), **meta, "issue": [issue]}


def xml(resource: Mapping[str, Any]) -> str:
    """Return a resource of simple elements in FHIR's XML."""
    inner = "".join(_elements({name: value for name, value in resource.items() if name != "resourceType"}))
    return f'<{resource["resourceType"]} xmlns="http://hl7.org/fhir">{inner}</{resource["resourceType"]}>'


def _elements(members: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members.items():
        for one in value if isinstance(value, list) else [value]:
            yield f"<{name}>{''.join(_elements(one))}</{name}>" if isinstance(one, dict) else f"<{name} value={quoteattr(one)}/>"
