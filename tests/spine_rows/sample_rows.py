"""The rows of spine 8.2 that an API behind the gateway answers: pointers, reasonable adjustments, and a surgery through the secure proxy."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

from flows.samples import test_adjustments as adjustments
from flows.samples import test_pointers as pointers
from flows.samples.test_practice import STRUCTURED
from flows.samples.test_practice import asked as record_of
from spine_rows.calls import ASID, AT_SURGERY, FLAG, NEW_POINTER, ODS, POINTER, SEARCH_PATIENT, USER, relayed
from spine_rows.place import PROVIDER, URN
from spine_rows.row import Call, Row, Said

ISSUES: Final = {
    "INVALID_RESOURCE": "invalid", "INVALID_PARAMETER": "invalid", "MSG_RESOURCE_ID_FAIL": "forbidden", "INVALID_NHS_NUMBER": "value", "REFERENCE_NOT_FOUND": "invalid",
    "ORGANISATION_NOT_FOUND": "not-found", "NO_RECORD_FOUND": "not-found", "BAD_REQUEST": "invalid", "PATIENT_NOT_FOUND": "not-found",
    "INVALID_IDENTIFIER_SYSTEM": "value", "DUPLICATE_REJECTED": "duplicate", "PRECONDITION_FAILED": "conflict", "CONFLICT": "forbidden",
    "UNSUPPORTED_MEDIA_TYPE": "invalid", "MESSAGE_NOT_WELL_FORMED": "structure", "INVALID_REQUEST_MESSAGE": "value", "NOT_IMPLEMENTED": "not-supported",
}
OF_NRL: Final = {**ISSUES, "INVALID_NHS_NUMBER": "invalid"}
NRL: Final = "/nrl/STU3/DocumentReference"
NUMBER: Final = "The NHS number does not conform to the NHS Number format: "
MASTER: Final = {"masterIdentifier": {"system": "urn:rows", "value": "1"}}


def _row(name: str, call: Call, status: int, code: str, diagnostics: str | None, issues: dict[str, str] = ISSUES, **more: Any) -> Row:
    return Row(name, None, call, Said(status, code, more.pop("issue", None) or issues[code], diagnostics, **more))


def new_pointer(**more: Any) -> Call:
    """Return the call that makes a pointer."""
    return NEW_POINTER.but(body=pointers.pointer(**more))


def as_other(call: Call) -> Call:
    """Return a call of a system of another organisation."""
    return call.but(who="other", headers={"FromASID": PROVIDER},
                    claims={"sub": ASID + PROVIDER, "requesting_system": ASID + PROVIDER, "requesting_organization": f"{ODS}Z9X02"})


def _searched(**parameters: Any) -> Call:
    return POINTER.but(path=f"{NRL}?{urlencode(parameters, doseq=True)}")


def _pointers() -> Iterator[Row]:
    for number, (resource, (status, (severity, issue, code, text))) in enumerate(pointers.REFUSED):
        yield _row(f"pointers: {number}, {text}", NEW_POINTER.but(body=resource), status, code, text, issue=issue, severity=severity)
    for number, (parameters, code, text) in enumerate(pointers.INVALID_SEARCHES):
        yield _row(f"pointers: search {number}, {text}", _searched(**parameters), 400, code, text, OF_NRL)
    yield _row("pointers: no such one", POINTER, 404, "NO_RECORD_FOUND", "No record found for supplied DocumentReference identifier - none.")
    yield _row("pointers: one that was replaced", POINTER.but(path=f"{NRL}/{{replaced}}"), 400, "BAD_REQUEST", pointers.NOT_CURRENT)
    yield _row("pointers: to replace one that was replaced", new_pointer(relatesTo=[{"code": "replaces", "target": {"reference": f"{NRL}/{{replaced}}"}}]),
               400, "BAD_REQUEST", pointers.NOT_CURRENT)
    yield _row("pointers: a master identifier twice", new_pointer(**MASTER), 400, "DUPLICATE_REJECTED", "Duplicate masterIdentifier value: 1 system: urn:rows")
    delete = NEW_POINTER.but(path=f"{NRL}/{{foreign}}", method="DELETE", body=None)
    yield _row("pointers: to remove somebody else's", delete, 400, "INVALID_RESOURCE", pointers.NOT_OURS)
    yield _row("pointers: to remove none", delete.but(path=f"{NRL}/none"), 404, "NO_RECORD_FOUND", "No record found for supplied DocumentReference identifier - none.")
    yield _row("pointers: to remove another version", delete.but(path=f"{NRL}/{{current}}", headers={"If-Match": 'W/"7"'}), 409, "CONFLICT",
               "If-Match is not the version of the pointer")
    yield _row("pointers: removed", delete.but(path=f"{NRL}/{{doomed for form}}"), 200, "RESOURCE_DELETED", "Successfully removed resource DocumentReference",
               issue="informational", severity="information")
    yield _row("pointers: made", new_pointer(), 201, "RESOURCE_CREATED", "Successfully created resource DocumentReference", issue="informational", severity="information", text="")
    yield _row("pointers: no JSON", NEW_POINTER.but(body=b"{"), 400, "INVALID_REQUEST_MESSAGE", "Invalid Request Message")
    yield _row("pointers: plain text", NEW_POINTER.but(headers={"Content-Type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE",
               "Content-Type is application/fhir+json or application/fhir+xml")


def written(resource: dict[str, Any], method: str = "POST", path: str = "", **headers: str) -> Call:
    """Return the call that writes to the record of reasonable adjustments."""
    kind = resource["resourceType"]
    return FLAG.but(path=f"/raflags/STU3/{path or kind}", method=method, body=resource, headers={"InteractionID": f"{URN}raflags:{kind}.write:1", **headers},
                    claims={"scope": f"user/{kind}.write"})


def _found(**parameters: Any) -> Call:
    return FLAG.but(path=f"/raflags/STU3/Flag?{urlencode(parameters, quote_via=quote, doseq=True)}")


def _adjustments() -> Iterator[Row]:
    for number, (resource, status, code, text) in enumerate(adjustments.REFUSED):
        yield _row(f"adjustments: {number}, {text}", written(resource), status, code, text)
    yield _row("adjustments: a second active consent", written(adjustments.consent()), 422, "DUPLICATE_REJECTED", "The patient already has an active consent")
    changed = adjustments.inactive(adjustments.flag(id="{flag}"))
    update = written(changed, "PUT", "Flag/{flag}")
    yield _row("adjustments: no If-Match", update, 412, "PRECONDITION_FAILED", "If-Match is missing")
    yield _row("adjustments: another version", update.but(headers={"If-Match": 'W/"7"'}), 409, "CONFLICT", "If-Match is not the version of the resource")
    missing = written(adjustments.inactive(adjustments.flag(id="none")), "PUT", "Flag/none", **{"If-Match": 'W/"1"'})
    yield _row("adjustments: to change none", missing, 404, "NO_RECORD_FOUND", "There is no Flag with this id")
    yield _row("adjustments: no such flag", FLAG, 404, "NO_RECORD_FOUND", "There is no Flag with this id")
    given = {"patient": "9000000009", "status": "active", "category": "NRAF"}
    for name, wrong in (("no status", {"patient": "9000000009"}), ("an unknown parameter", given | {"x": "1"}), ("a status twice", given | {"status": ["a", "b"]})):
        yield _row(f"adjustments: search, {name}", _found(**wrong), 422, "INVALID_PARAMETER",
                   "A search has patient, status, category, each once and with a value, and nothing else")
    yield _row("adjustments: search, no number", _found(**given | {"patient": "1"}), 400, "INVALID_NHS_NUMBER", NUMBER + "1")
    removal = FLAG.but(path="/raflags/STU3/$removerarecord", method="POST", headers={"InteractionID": f"{URN}raflags:removerarecord.write:1"},
                       claims={"scope": "user/Consent.write user/Flag.write user/List.write"})
    yield _row("adjustments: to remove nobody's record", removal.but(body=adjustments.parameters("9000000025")), 404, "NO_RECORD_FOUND",
               "The patient has no record of reasonable adjustments that is active")
    yield _row("adjustments: no comment", removal.but(body=adjustments.parameters(comment=" ")), 422, "INVALID_RESOURCE", "supportingComment is mandatory")
    yield _row("adjustments: no JSON", written({"resourceType": "Flag"}).but(body=b"{"), 400, "MESSAGE_NOT_WELL_FORMED", "The body is not well-formed FHIR JSON or XML")
    yield _row("adjustments: plain text", written({"resourceType": "Flag"}, **{"Content-Type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE",
               "Content-Type is application/fhir+json or application/fhir+xml")
    gone = written({"resourceType": "Flag"}, "DELETE", "Flag/{flag}")
    yield _row("adjustments: a method that there is not", gone, 501, "NOT_IMPLEMENTED", "This sample does not do that")
    unknown = FLAG.but(claims={"sub": f"{USER}999999999999", "requesting_user": f"{USER}999999999999"})
    yield _row("adjustments: a role that nobody has", unknown, 401, "AUTHOR_CREDENTIALS_ERROR", "The role profile of the token is not in the directory",
               issue="forbidden", severity="fatal")
    yield _row("adjustments: made", written(adjustments.flag(), Prefer="return=OperationOutcome"), 201, "RESOURCE_CREATED", None, issue="informational", severity="information")
    yield _row("adjustments: taken off", written(adjustments.inactive(adjustments.flag(id="{doomed flag for form}")), "PUT", "Flag/{doomed flag for form}", **{
        "If-Match": 'W/"1"', "Prefer": "return=OperationOutcome"}), 200, "RESOURCE_UPDATED", None, issue="informational", severity="information")


def _surgery() -> Iterator[Row]:
    def row(name: str, call: Call, status: int, code: str, text: str) -> Row:
        return _row(f"surgery: {name}", call, status, code, text, form="gp-connect", headers={"cache-control": "no-store"})

    yield row("no such patient", relayed("/Patient/99", AT_SURGERY.headers["Ssp-InteractionID"] or ""), 404, "PATIENT_NOT_FOUND", "There is no Patient with this id")
    search = relayed("/Patient?identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C1", SEARCH_PATIENT)
    yield row("a number that is none", search, 400, "INVALID_NHS_NUMBER", NUMBER + "1")
    yield row("the path of another interaction", relayed("/metadata", SEARCH_PATIENT), 400, "BAD_REQUEST", "InteractionID does not match the resource")
    for name, body, status, code, text in (
        ("nobody's record", record_of("9990000018"), 404, "PATIENT_NOT_FOUND", "The patient is not registered here"),
        ("another system", record_of(system="urn:x"), 400, "INVALID_IDENTIFIER_SYSTEM", "The system of patientNHSNumber is https://fhir.nhs.uk/Id/nhs-number"),
        ("no number", b'{"resourceType": "Parameters"}', 422, "INVALID_PARAMETER", "patientNHSNumber is mandatory"),
        ("no JSON", b"{", 400, "BAD_REQUEST", "The body is not well-formed FHIR JSON or XML"),
    ):  # fmt: skip
        call = relayed("/Patient/$gpc.getstructuredrecord", STRUCTURED, "POST", body=body)
        yield row(name, call, status, code, text)


def prepare(place: Any) -> None:
    """Make what the rows are about."""
    place.make("replaced", new_pointer())
    place.make("current", new_pointer(relatesTo=[{"code": "replaces", "target": {"reference": f"{NRL}/{place.kept['replaced']}"}}]))
    place.make("named", new_pointer(**MASTER))
    place.make("doomed", new_pointer(), for_each_form=True)
    place.make("foreign", as_other(new_pointer(custodian="Z9X02")))
    place.make("consent", written(adjustments.consent()))
    place.make("flag", written(adjustments.flag()))
    place.make("doomed flag", written(adjustments.flag()), for_each_form=True)


SAMPLE_ROWS: Final = (*_pointers(), *_adjustments(), *_surgery())
