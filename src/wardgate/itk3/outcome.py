"""The OperationOutcome of a response (itk3-messaging 1.2, 1.8)."""

from typing import Any, Final

from wardgate.itk3.model import Issue
from wardgate.itk3.names import OPERATION_OUTCOME, RESPONSE_CODES
from wardgate.itk3.report import HEADER, Report
from wardgate.itk3.response_codes import RESPONSE_CODE_ROWS

CODES: Final = ("ok", "transient-error", "fatal-error")
"""The values of `MessageHeader.response.code`."""


def read_issues(resource: dict[str, Any], where: str, report: Report) -> tuple[Issue, ...]:
    """Return the issues of a response's OperationOutcome; less of them after a fault."""
    found = []
    for place, issue in enumerate(resource.get("issue", [])):
        at = f"{where}.issue[{place}]"
        codings = issue.get("details", {}).get("coding", [])
        if len(codings) != 1 or codings[0].get("system") != RESPONSE_CODES or not {"code", "display"} <= set(codings[0]):
            report.fault(HEADER, f"{at}.details.coding", "one coding of ITK-ResponseCodes-1, with code and display", "structure")
        elif codings[0]["code"] not in RESPONSE_CODE_ROWS:
            report.fault(HEADER, f"{at}.details.coding[0].code", "no response code", "code-invalid")
        elif not {"severity", "code"} <= set(issue):
            report.fault(HEADER, at, "an issue has a severity and a code", "required")
        else:
            found.append(Issue(codings[0]["code"], codings[0]["display"], issue["severity"], issue["code"]))
    if not resource.get("issue"):
        report.fault(HEADER, f"{where}.issue", "a response has an issue", "required")
    return tuple(found)


def write_outcome(issues: tuple[Issue, ...], of: str) -> dict[str, Any]:
    """Return the resource, with this id."""
    return {"resourceType": "OperationOutcome", "id": of, "meta": {"profile": [OPERATION_OUTCOME]}, "issue": [
        {"severity": one.severity, "code": one.issue, "details": {"coding": [{"system": RESPONSE_CODES, "code": one.code, "display": one.display}]}}
        for one in issues
    ]}  # fmt: skip
