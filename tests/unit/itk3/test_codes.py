"""The code tables: what goes with a code on the wire is what is published, to the letter."""

import pytest

from wardgate.itk3 import EVENTS, RESPONSE_CODE_ROWS, WORKFLOWS, definition_of, response_workflow
from wardgate.itk3.codes import DEFINITIONS, definition_parts

PROCESSING, FATAL = ("processing",), "fatal-error"
REGISTRATION = "GP Registration - Application "
HEADER = ("invalid", "structure", "required", "value", "processing", "code-invalid", "extension")
DECEASED = "i.e. patient record current in GP practice system at time of patient\u2019s death and deduction subsequently occurred for this reason"
TABLE = (
    ("10001", "Handling Specification Error", False, PROCESSING),
    ("10002", "Infrastructure Level Response Value - Processing Error", False, PROCESSING),
    ("10003", "Business Level Response Value - Processing Error", False, PROCESSING),
    ("10004", "Message Definition Value - Processing Error", False, PROCESSING),
    ("10005", "Message Definition Version Value - Processing Error", False, PROCESSING),
    ("10007", "Sender Reference Value - Processing Error", False, PROCESSING),
    ("10008", "Handling Specification Business Rule Error", False, PROCESSING),
    ("10009", "Unreadable message received", False, PROCESSING),
    ("10010", "Recipient Type - Processing Error", False, PROCESSING),
    ("20001", "Unrecognised Recipient Person", False, ("not-found",)),
    ("20002", "Unrecognised Recipient Organisation", False, ("not-found",)),
    ("20003", "Unrecognised Sender", False, ("not-found",)),
    ("20004", "Non-Approved file type received as an attachment", False, ("security",)),
    ("20005", "Unsupported file type received as an attachment", False, ("security",)),
    ("20006", "ITK header validation failure", False, HEADER),
    ("20007", "Duplicate Message received", False, ("duplicate",)),
    ("20008", "Duplicate Document received", False, ("duplicate",)),
    ("20009", "Payload validation failure", False, (*HEADER, "invariant", "not-supported", "business-rule")),
    ("20010", "Unrecognised Payload Recipient Organisation", False, ("not-found",)),
    ("20011", "Unrecognised Payload Recipient Person", False, ("not-found",)),
    ("20012", "Unauthorised Sender", False, ("security",)),
    ("20013", "Success", True, ("informational",)),
    ("20014", "Unable to Process Replacement Document", False, PROCESSING),
    ("20015", "Message too large", False, PROCESSING),
    ("30001", "Patient known here. (e.g. Patient is registered here)", True, ("informational",)),
    ("30002", "Patient not known here. (aka 'patient record not present in system')", False, ("not-found",)),
    ("30003", "Patient no longer at this clinical setting", False, ("business-rule",)),
    ("30004", f"Patient known here and recently deceased ({DECEASED})", True, ("informational",)),
    ("30005", "Referral open", None, ()),
    ("30006", "Referral completed", None, ()),
    ("30007", "Referral escalated back to GP", None, ()),
    ("30008", "Signposting to GP (non-urgent)", None, ()),
    ("30009", "Clinical escalation to UTC/111/GPOOH", None, ()),
    ("30010", "Clinical escalation to A&E or 999", None, ()),
    ("30011", "Advised to go elsewhere/self-referral", None, ()),
    ("30012", "Unable to contact the patient", None, ()),
    ("30013", "Closure (service not needed)", None, ()),
    ("30014", "Closure (service not accepted)", None, ()),
    ("30015", "Closure (duplicate referral)", None, ()),
    ("30016", "Referral accepted", None, ()),
    ("30017", "Referral rejected", None, ()),
    ("30018", "Did Not Attend", None, ()),
    ("30019", f"{REGISTRATION}accepted", None, ()),
    ("30020", f"{REGISTRATION}pending (contact practice)", None, ()),
    ("30021", f"{REGISTRATION}rejected (patient already registered)", None, ()),
    ("30022", f"{REGISTRATION}rejected (at capacity)", None, ()),
    ("30023", f"{REGISTRATION}rejected (out of boundary)", None, ()),
    ("30024", f"{REGISTRATION}rejected (Previously removed from this practice)", None, ()),
    ("30025", f"{REGISTRATION}rejected (Previously removed from another practice)", None, ()),
)  # fmt: skip


def test_the_response_codes_are_those_of_the_code_system() -> None:
    """Every code, and no other; 10006 went with the priority flag."""
    assert list(RESPONSE_CODE_ROWS) == [code for code, *_ in TABLE]
    assert len(TABLE) == 49


@pytest.mark.parametrize(("code", "display", "ok", "issues"), TABLE, ids=[code for code, *_ in TABLE])
def test_a_response_code(code: str, display: str, ok: bool | None, issues: tuple[str, ...]) -> None:
    """Its display, outcome, severity and issue codes."""
    row = RESPONSE_CODE_ROWS[code]
    severity = {True: "information", False: "fatal", None: None}[ok]
    assert (row.display, row.ok, row.severity, row.issues) == (display, ok, severity, issues)
    assert row.is_business is (code >= "30000")


def test_events_and_workflows() -> None:
    """Twelve events, and the workflows of FHIR messages."""
    assert len(EVENTS) == 12
    assert EVENTS["ITK008M"] == "ITK Response"
    assert EVENTS["ITK010D"] == "ITK Digital Medicine Emergency Supply Document"
    assert len(set(WORKFLOWS)) == len(WORKFLOWS) == 11


def test_every_event_has_a_definition_that_is_known() -> None:
    """What is built with an event's usual definition is accepted by those who read it."""
    for event in EVENTS:
        name, version = definition_parts(definition_of(event)) or ("", 0)
        assert version in DEFINITIONS[name]


def test_definitions_are_read_in_both_spellings() -> None:
    """With and without Instance; nothing else is one of the national service."""
    base = "https://fhir.nhs.uk/STU3/MessageDefinition/"
    assert definition_parts(f"{base}ITK-GPConnectSendDocument-MessageDefinition-1") == ("GPConnectSendDocument", 1)
    assert definition_parts(f"{base}ITK-GPConnectSendDocument-MessageDefinition-Instance-1") == ("GPConnectSendDocument", 1)
    assert definition_parts(f"{base}ITK-OPL-MessageDefinition-4") == ("OPL", 4)
    for other in ("https://example.org/ITK-OPL-MessageDefinition-4", f"{base}ITK-OPL-MessageDefinition-", f"{base}OPL-MessageDefinition-4", ""):
        assert definition_parts(other) is None


def test_responses_travel_on_a_workflow_of_their_own() -> None:
    """With _ACK; nobody answers a response, or an event that everybody gets."""
    assert response_workflow("GPCONNECT_SEND_DOCUMENT") == "GPCONNECT_SEND_DOCUMENT_ACK"
    assert response_workflow("GPCONNECT_SEND_DOCUMENT_ACK") is None
    assert response_workflow("DEATHNOTIFICATION_1") is None
