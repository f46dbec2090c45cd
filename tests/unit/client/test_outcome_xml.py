"""FHIR XML read into the form of JSON, and nothing else read at all."""

import httpx2
import pytest

from wardgate.client import api_error
from wardgate.client.outcome_xml import MAX_DEPTH, MAX_ELEMENTS, looks_like_xml, read_outcome
from wardgate.refusals.operation_outcome import SPINE_STU3, Issue, as_xml, outcome

ISSUE = Issue("error", "structure", "MISSING_OR_INVALID_HEADER", "There is a required header missing or invalid", "The <header> & more")
NAMESPACE = b'xmlns="http://hl7.org/fhir"'


def test_what_the_server_writes_is_read_back() -> None:
    """The XML of an outcome is read into the JSON it was made of."""
    made = outcome(SPINE_STU3, [ISSUE, ISSUE], "an-id")
    assert read_outcome(as_xml(made)) == made
    one = outcome(SPINE_STU3, [ISSUE], "an-id")
    assert read_outcome(b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n" + as_xml(one)) == one


def test_a_narrative_is_left_out() -> None:
    """Elements of another namespace are no members."""
    body = b"<OperationOutcome " + NAMESPACE + b'><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">hello</div></text></OperationOutcome>'
    assert read_outcome(body) == {"resourceType": "OperationOutcome", "text": {"status": "generated"}}


@pytest.mark.parametrize("body", [
    b"", b"<", b"<OperationOutcome/>", b"<OperationOutcome " + NAMESPACE + b">", b"<Patient " + NAMESPACE + b"/>",
    b"<html><body><h1>500: Internal Server Error</h1></body></html>",
    b'<!DOCTYPE a [<!ENTITY x "y">]><OperationOutcome ' + NAMESPACE + b'><id value="&x;"/></OperationOutcome>',
    b'<!DOCTYPE OperationOutcome SYSTEM "file:///etc/passwd"><OperationOutcome ' + NAMESPACE + b"/>",
    b"<OperationOutcome " + NAMESPACE + b">" + b"<issue>" * MAX_DEPTH + b"</issue>" * MAX_DEPTH + b"</OperationOutcome>",
    b"<OperationOutcome " + NAMESPACE + b">" + b"<issue/>" * MAX_ELEMENTS + b"</OperationOutcome>",
    b"<OperationOutcome " + NAMESPACE + b">" + b" " * 1_000_000 + b"</OperationOutcome>",
    b"<OperationOutcome " + NAMESPACE + b'><id value="\xff"/></OperationOutcome>',
], ids=["empty", "begun", "no namespace", "not closed", "other resource", "html", "entity", "external", "deep", "many", "large", "not utf-8"])
def test_other_documents_are_no_outcome(body: bytes) -> None:
    """Anything else, entities and what is too large among it, is told as no outcome, without an error."""
    assert read_outcome(body) is None


def test_xml_is_told_from_json() -> None:
    """The first character that is not blank tells."""
    assert looks_like_xml(b"\n <a/>")
    assert not looks_like_xml(b'{"a": "<"}')
    assert not looks_like_xml(b"")


def test_every_error_of_the_sdk_reads_it(clock: object) -> None:
    """`api_error` finds code and diagnostics in XML as in JSON, whatever the content type says."""
    error = api_error(httpx2.Response(400, content=as_xml(outcome(SPINE_STU3, [ISSUE], "i"))), clock.now())  # type: ignore[attr-defined]
    assert (error.shape, error.code, error.text) == ("operation-outcome", "MISSING_OR_INVALID_HEADER", "The <header> & more")
