"""OperationOutcome in the forms of Spine: whole bodies, JSON and XML (spine 8)."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.refusals import CATALOGUE, Area, Refusal, reason
from wardgate.refusals.dialects import FORMS, Dialect, body, profile_of, xml_body
from wardgate.refusals.operation_outcome import DIRECTORY, SPINE_EARLY, SPINE_STU3, Issue, as_xml, outcome
from wardgate.refusals.spine_codes import OF_GP_CONNECT, OF_NRL, SPINE_CODES, same_code

NS = "{http://hl7.org/fhir}"
ID = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90"
STU3 = "https://fhir.nhs.uk/STU3"


def refusal_of(code: str, **values: str) -> Refusal:
    """Return a refusal with its values."""
    return Refusal(reason(code), values=values)


def test_the_published_json() -> None:
    """Spine 8.1, to the letter."""
    found = refusal_of("interaction-not-granted", asid="200000100001", interaction="urn:nhs:names:services:raflags:Flag.write:1")
    assert body(Dialect.SPINE, found.reason, found.fill, ID) == {
        "resourceType": "OperationOutcome", "id": ID, "meta": {"profile": [f"{STU3}/StructureDefinition/Spine-OperationOutcome-1"]},
        "issue": [{"severity": "error", "code": "forbidden", "details": {"coding": [{
            "system": f"{STU3}/CodeSystem/Spine-ErrorOrWarningCode-1", "code": "ASID_CHECK_FAILED",
            "display": "The sender or receiver's ASID is not authorised for this interaction"}]},
            "diagnostics": "ASID 200000100001 has no urn:nhs:names:services:raflags:Flag.write:1"}]}


def test_the_published_xml() -> None:
    """Spine 8.1, the same elements in the same order."""
    found = refusal_of("spine-jwt-missing")
    assert ET.canonicalize(xml_body(Dialect.SPINE, found.reason, found.fill, ID)) == ET.canonicalize(
        f'<OperationOutcome xmlns="http://hl7.org/fhir"><id value="{ID}"/>'
        f'<meta><profile value="{STU3}/StructureDefinition/Spine-OperationOutcome-1"/></meta>'
        '<issue><severity value="error"/><code value="structure"/><details><coding>'
        f'<system value="{STU3}/CodeSystem/Spine-ErrorOrWarningCode-1"/>'
        '<code value="MISSING_OR_INVALID_HEADER"/><display value="There is a required header missing or invalid"/></coding></details>'
        '<diagnostics value="The Authorisation header must be supplied"/></issue></OperationOutcome>')


def test_the_published_answer_of_the_proxy() -> None:
    """Spine 8.3: the coding's code is the status, and there is no profile."""
    found = refusal_of("ssp-sender-not-accredited", sender="200000100001")
    text = "ASID_CHECK_FAILED_MESSAGESENDER_200000100001"
    assert body(Dialect.SECURE_PROXY, found.reason, found.fill, ID) == {
        "resourceType": "OperationOutcome", "id": ID, "issue": [{"code": "forbidden", "severity": "error", "details": {"coding": [{
            "code": "403", "display": text, "system": "http://fhir.nhs.net/ValueSet/gpconnect-schedule-response-code-1-0"}]}, "diagnostics": text}]}


def test_the_proxy_of_another_method() -> None:
    """405 is fatal, in a system of its own."""
    found = refusal_of("ssp-method-not-allowed")
    (issue,) = body(Dialect.SECURE_PROXY, found.reason, found.fill, ID)["issue"]
    assert (issue["severity"], issue["details"]["coding"]) == ("fatal", [
        {"system": "https://fhir.nhs.uk/StructureDefinition/spine-operationoutcome-1", "code": "405", "display": "405: Method Not Allowed"}])


@pytest.mark.parametrize(("code", "values", "status", "text"), [
    ("ssp-receiver-lacks-interaction", {"receiver": "200000100002"}, 403, "PARTYKEY_INTERACTION_CHECK_FAILED_MESSAGERECEIVER_200000100002"),
    ("ssp-no-sharing-rule", {"sender": "1", "receiver": "2"}, 403, "FOT_CHECK_FAILED_MESSAGESENDER_1_MESSAGERECEIVER_2"),
    ("ssp-endpoint-varies", {"registered": "https://a", "cpa": "S1", "target": "https://b"}, 400, "ENDPOINT_https://a_CPAID_S1_VARIES_FROM_TARGETURL_https://b"),
    ("ssp-endpoint-unreachable", {"url": "https://a"}, 502, "ERROR_COMMUNICATING_TO_ENDPOINT_URL_https://a"), ("ssp-media-type", {}, 415, "Unsupported_Media_Type"),
])
def test_the_words_of_the_proxy(code: str, values: dict[str, str], status: int, text: str) -> None:
    """Spine 4.4 and 8.3."""
    found = refusal_of(code, **values)
    assert (found.reason.status, found.fill(found.reason.text)) == (status, text)


@pytest.mark.parametrize(("code", "status", "spine_code", "issue", "text"), [
    ("from-asid-missing", 400, "MISSING_OR_INVALID_HEADER", "invalid", "fromASID HTTP Header is missing"), ("from-asid-unknown", 400, "MISSING_OR_INVALID_HEADER", "invalid", "fromASID HTTP Header is missing"),
    ("to-asid-missing", 400, "MISSING_OR_INVALID_HEADER", "invalid", "toASID HTTP Header is missing"), ("to-asid-not-ours", 400, "MISSING_OR_INVALID_HEADER", "invalid", "toASID HTTP Header is missing"),
    ("interaction-not-granted-reference", 403, "ACCESS_DENIED", "invalid", "Invalid Client Connection."), ("interaction-not-granted-internet", 401, "ACCESS_DENIED", "forbidden", None),
    ("certificate-not-of-asid", 401, "ACCESS_DENIED", "forbidden", None), ("spine-tls-unacceptable", 403, "ACCESS_DENIED_SSL", "forbidden", "SSL Protocol or Cipher requirements not met"),
    ("custodian-not-of-asid", 400, "INVALID_RESOURCE", "invalid", "The Custodian ODS code is not affiliated with the sender ASID."),
])
def test_accreditation(code: str, status: int, spine_code: str, issue: str, text: str | None) -> None:
    """Spine 4.4, row by row."""
    found = reason(code)
    assert (found.status, found.fhir_code, found.fhir_issue) == (status, spine_code, issue)
    assert text is None or found.text == text


@pytest.mark.parametrize(("code", "status", "spine_code", "text"), [
    ("ra-access-token-invalid", 401, "ACCESS_DENIED", "Access token is invalid or expired"), ("ra-request-id-invalid", 400, "BAD_REQUEST", "x-request-id is missing or invalid"),
    ("ra-session-urid-invalid", 400, "BAD_REQUEST", "nhsd-session-urid is missing or invalid"), ("ra-content-type-invalid", 400, "BAD_REQUEST", "content-type must be set to application/fhir+json"),
    ("ra-payload-missing", 400, "BAD_REQUEST", "requires payload"), ("ra-query-invalid", 404, "BAD_REQUEST", "required query parameters are missing or have empty values"),
    ("ra-resource-not-found", 404, "BAD_REQUEST", "Resource Not Found"), ("ra-if-match-invalid", 400, "MISSING_OR_INVALID_HEADER", "if-match is missing or invalid"),
    ("ra-asid-not-configured", 500, "BAD_REQUEST", "An internal server error occurred. Missing ASID. Contact us for assistance diagnosing this issue: https://digital.nhs.uk/developer/help-and-support quoting Message ID"),
    ("ra-ods-not-configured", 500, "BAD_REQUEST", "An internal server error occurred. Missing ODS. Contact us for assistance diagnosing this issue: https://digital.nhs.uk/developer/help-and-support quoting Message ID"),
])
def test_the_internet_gateway(code: str, status: int, spine_code: str, text: str) -> None:
    """Spine 8.4, in the R4 form."""
    found = refusal_of(code)
    assert (found.reason.status, found.reason.text) == (status, text)
    (issue,) = body(Dialect.FHIR, found.reason, found.fill, ID)["issue"]
    assert (issue["details"]["coding"][0]["system"], issue["details"]["coding"][0]["code"]) == ("https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode", spine_code)


def _json_of(element: ET.Element) -> dict[str, Any]:
    """Return FHIR XML as the JSON it came from: profile, issue and coding are the lists."""
    found: dict[str, Any] = {}
    for child in element:
        name = child.tag.removeprefix(NS)
        value: Any = child.attrib["value"] if "value" in child.attrib else _json_of(child)
        if name in {"profile", "issue", "coding"}:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


ROWS = [row for row in CATALOGUE.values() if row.area in {Area.SPINE, Area.SECURE_PROXY, Area.GP_CONNECT}]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
@pytest.mark.parametrize("dialect", FORMS)
def test_xml_and_json_say_the_same(row: Any, dialect: Dialect) -> None:
    """Every row of Spine, in every form; in XML the elements are in FHIR's order."""
    found = Refusal(row, values={name: f"<{name} &\"'>" for name in row.placeholders})
    root = ET.fromstring(xml_body(dialect, row, found.fill, ID))  # noqa: S314 - what we wrote ourselves
    assert root.tag == NS + "OperationOutcome"
    assert {"resourceType": "OperationOutcome"} | _json_of(root) == body(dialect, row, found.fill, ID)
    issue = root.find(NS + "issue")
    assert issue is not None
    assert [child.tag.removeprefix(NS) for child in issue] == ["severity", "code", "details", "diagnostics"]


@given(st.text(st.characters(), min_size=1, max_size=60))
def test_no_value_breaks_out(text: str) -> None:
    """Whatever is repeated stays one attribute; what XML cannot hold is replaced, and the bytes are UTF-8."""
    root = ET.fromstring(as_xml(outcome(SPINE_STU3, (Issue("error", "invalid", "BAD_REQUEST", "Bad request", text),), ID)))  # noqa: S314 - what we wrote ourselves
    said = root.find(f"{NS}issue/{NS}diagnostics")
    assert said is not None
    assert len(list(root.iter())) == 13
    assert len(said.attrib["value"]) == len(text)
    assert all(one in {other, "\ufffd"} for one, other in zip(said.attrib["value"], text, strict=True))


def test_other_forms() -> None:
    """The directory's id is the correlation id; what comes before the API layer has its own profile; a create says its text."""
    issue = Issue("information", "informational", "RESOURCE_CREATED", "New resource created", text="91370360-d667-4bc8-bebe-f223560ff90e")
    assert outcome(DIRECTORY, (issue,), ID) == {"resourceType": "OperationOutcome", "id": ID, "issue": [{
        "severity": "information", "code": "informational", "details": {
            "coding": [{"system": f"{STU3}/ValueSet/Spine-ErrorOrWarningCode-1", "code": "RESOURCE_CREATED", "display": "New resource created"}],
            "text": "91370360-d667-4bc8-bebe-f223560ff90e"}}]}
    early = outcome(SPINE_EARLY, (issue, issue), "")
    assert early["meta"]["profile"] == ["https://fhir.nhs.uk/StructureDefinition/spine-operationoutcome-1-0"]
    assert ("id" in early, len(early["issue"]), "diagnostics" in early["issue"][0]) == (False, 2, False)
    assert b"<text value=" in as_xml(early)


@pytest.mark.parametrize("resource", [
    {"resourceType": "X", "contained": [{"resourceType": "Y"}]}, {"resourceType": "X", "text": {"div": "<div/>"}}, {"resourceType": "X", "_id": {}}, {"resourceType": "X", "a": None},
    {"resourceType": "X", "a": 1.5},
])
def test_what_the_writer_does_not_know(resource: dict[str, Any]) -> None:
    """It refuses rather than write something else."""
    with pytest.raises(ValueError, match="not a"):
        as_xml(resource)


def test_primitives() -> None:
    """As FHIR writes them."""
    assert as_xml({"resourceType": "Bundle", "total": 0, "active": True, "off": False}) == (
        b'<Bundle xmlns="http://hl7.org/fhir"><total value="0" /><active value="true" /><off value="false" /></Bundle>')


@pytest.mark.parametrize(("code", "table", "status", "issue"), [
    ("INVALID_RESOURCE", SPINE_CODES, 422, "invalid"), ("INVALID_RESOURCE", OF_NRL, 400, "invalid"), ("INVALID_PARAMETER", OF_NRL, 400, "invalid"), ("INVALID_NHS_NUMBER", SPINE_CODES, 400, "value"),
    ("INVALID_NHS_NUMBER", OF_NRL, 400, "invalid"), ("ORGANISATION_NOT_FOUND", SPINE_CODES, 404, "not-found"), ("ORGANISATION_NOT_FOUND", OF_NRL, 400, "not-found"),
    ("DUPLICATE_REJECTED", SPINE_CODES, 422, "duplicate"), ("DUPLICATE_REJECTED", OF_NRL, 400, "duplicate"), ("DUPLICATE_REJECTED", OF_GP_CONNECT, 409, "duplicate"),
    ("MSG_RESOURCE_ID_FAIL", SPINE_CODES, 405, "forbidden"), ("PRECONDITION_FAILED", SPINE_CODES, 412, "conflict"), ("CONFLICT", SPINE_CODES, 409, "forbidden"),
    ("AUTHOR_CREDENTIALS_ERROR", SPINE_CODES, 401, "forbidden"), ("RESOURCE_CREATED", SPINE_CODES, 201, "informational"), ("NOT_IMPLEMENTED", SPINE_CODES, 501, "not-supported"),
])
def test_the_codes(code: str, table: Any, status: int, issue: str) -> None:
    """Spine 8.2: where the services differ, each has its own."""
    assert (table[code].status, table[code].issue) == (status, issue)
    assert table.keys() == SPINE_CODES.keys()


def test_severities() -> None:
    """Credentials of an author are fatal, success informs, everything else is an error."""
    assert {row.severity for row in SPINE_CODES.values() if row.status < 300} == {"information"}
    assert {code for code, row in SPINE_CODES.items() if row.severity == "fatal"} == {"AUTHOR_CREDENTIALS_ERROR"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_rows_use_the_codes(row: Any) -> None:
    """A row's display is its code's; the proxy has statuses for codes."""
    if row.area is Area.SECURE_PROXY:
        assert row.fhir_code == str(row.status)
    else:
        assert row.fhir_display == SPINE_CODES[row.fhir_code].display


def test_spellings() -> None:
    """Clients compare the code as the services spell it (spine 8.1)."""
    assert same_code("ACCESS DENIED", "ACCESS_DENIED")
    assert same_code("NO_ORGANISATION_CONSENT", "NO_ORGANISATIONAL_CONSENT")
    assert not same_code("ACCESS_DENIED", "ACCESS_DENIED_SSL")


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=lambda row: row.code)
def test_shapes_with_a_profile_differ_in_nothing_else(row: Any) -> None:
    """Envoy has one body for them, and takes the profile from the route."""
    profiled = [dialect for dialect in Dialect if profile_of(dialect) is not None]
    assert profiled == [Dialect.SPINE, Dialect.GP_CONNECT]
    one, other = (body(dialect, row, str, ID) for dialect in profiled)
    assert (one.pop("meta"), other.pop("meta")) == ({"profile": [profile_of(Dialect.SPINE)]}, {"profile": [profile_of(Dialect.GP_CONNECT)]})
    assert one == other
