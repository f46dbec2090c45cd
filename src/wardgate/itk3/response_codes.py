"""Every code of ITK-ResponseCodes-1 1.5.0, with the text that goes with it on the wire (itk3-messaging 1.8)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wardgate.itk3.model import ResponseCode

_PROCESSING: Final = ("processing",)
_NOT_FOUND: Final = ("not-found",)
_SECURITY: Final = ("security",)
_HEADER: Final = ("invalid", "structure", "required", "value", "processing", "code-invalid", "extension")
_PAYLOAD: Final = (*_HEADER, "invariant", "not-supported", "business-rule")

_FATAL: Final = (
    ("10001", "Handling Specification Error", _PROCESSING),
    ("10002", "Infrastructure Level Response Value - Processing Error", _PROCESSING),
    ("10003", "Business Level Response Value - Processing Error", _PROCESSING),
    ("10004", "Message Definition Value - Processing Error", _PROCESSING),
    ("10005", "Message Definition Version Value - Processing Error", _PROCESSING),
    ("10007", "Sender Reference Value - Processing Error", _PROCESSING),
    ("10008", "Handling Specification Business Rule Error", _PROCESSING),
    ("10009", "Unreadable message received", _PROCESSING),
    ("10010", "Recipient Type - Processing Error", _PROCESSING),
    ("20001", "Unrecognised Recipient Person", _NOT_FOUND),
    ("20002", "Unrecognised Recipient Organisation", _NOT_FOUND),
    ("20003", "Unrecognised Sender", _NOT_FOUND),
    ("20004", "Non-Approved file type received as an attachment", _SECURITY),
    ("20005", "Unsupported file type received as an attachment", _SECURITY),
    ("20006", "ITK header validation failure", _HEADER),
    ("20007", "Duplicate Message received", ("duplicate",)),
    ("20008", "Duplicate Document received", ("duplicate",)),
    ("20009", "Payload validation failure", _PAYLOAD),
    ("20010", "Unrecognised Payload Recipient Organisation", _NOT_FOUND),
    ("20011", "Unrecognised Payload Recipient Person", _NOT_FOUND),
    ("20012", "Unauthorised Sender", _SECURITY),
    ("20014", "Unable to Process Replacement Document", _PROCESSING),
    ("20015", "Message too large", _PROCESSING),
    ("30002", "Patient not known here. (aka 'patient record not present in system')", _NOT_FOUND),
    ("30003", "Patient no longer at this clinical setting", ("business-rule",)),
)
_DECEASED: Final = (
    "i.e. patient record current in GP practice system at time of patient\u2019s death and deduction subsequently occurred for this reason"
)
_GOOD: Final = (
    ("20013", "Success"),
    ("30001", "Patient known here. (e.g. Patient is registered here)"),
    ("30004", f"Patient known here and recently deceased ({_DECEASED})"),
)
_REFERRALS: Final = (
    "Referral open", "Referral completed", "Referral escalated back to GP", "Signposting to GP (non-urgent)", "Clinical escalation to UTC/111/GPOOH",
    "Clinical escalation to A&E or 999", "Advised to go elsewhere/self-referral", "Unable to contact the patient", "Closure (service not needed)",
    "Closure (service not accepted)", "Closure (duplicate referral)", "Referral accepted", "Referral rejected", "Did Not Attend",
)
_REGISTRATIONS: Final = (
    "accepted", "pending (contact practice)", "rejected (patient already registered)", "rejected (at capacity)", "rejected (out of boundary)",
    "rejected (Previously removed from this practice)", "rejected (Previously removed from another practice)",
)
_PER_PAYLOAD: Final = (*_REFERRALS, *(f"GP Registration - Application {outcome}" for outcome in _REGISTRATIONS))
"""30005 and what follows: whether they are good or bad is for the payload's specification to say."""


def _rows() -> list[ResponseCode]:
    fatal = [ResponseCode(code, display, ok=False, severity="fatal", issues=issues) for code, display, issues in _FATAL]
    good = [ResponseCode(code, display, ok=True, severity="information", issues=("informational",)) for code, display in _GOOD]
    open_ = [ResponseCode(str(code), display, ok=None, severity=None, issues=()) for code, display in enumerate(_PER_PAYLOAD, 30005)]
    return sorted([*fatal, *good, *open_], key=lambda row: row.code)


RESPONSE_CODE_ROWS: Final[Mapping[str, ResponseCode]] = MappingProxyType({row.code: row for row in _rows()})
SUCCESS: Final = "20013"
