"""Whose record a request is about."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.audit.model import Patient
from wardgate.audit.patients import MAX_PATIENTS, MAX_TARGET_CHARACTERS, _decoded, patients_in, recorded
from wardgate.dataplane.resources import log_format
from wardgate.dataplane.resources.listeners import HEADERS_KB
from wardgate.spine.identifiers import NHS_NUMBER_SYSTEMS, nhs_number_holds
from wardgate.telemetry.tail import CHUNK_BYTES, MAX_LINE_BYTES

NUMBER = "9990000018"
OTHER = "9990000026"
NAMED = [
    ("/Patient/9990000018", ""),
    ("/fhir/Patient/9990000018/_history/1", ""),
    ("/Flag", "patient=9990000018&status=active"),
    ("/Flag", "patient=Patient/9990000018"),
    ("/Flag", "patient=Patient%2F9990000018"),
    ("/Flag", "patient:Patient=9990000018"),
    ("/Flag", "subject=9990000018"),
    ("/Flag", "patient=999%20000%200018"),
    ("/Flag", "patient=999+000+0018"),
    ("/Flag", "patient=%7C9990000018"),
    ("/Flag", "patient.identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018"),
    ("/DocumentReference", "subject=https%3A%2F%2Fdemographics.spineservices.nhs.uk%2FSTU3%2FPatient%2F9990000018"),
    ("/DocumentReference", "subject=https://demographics.spineservices.nhs.uk/STU3/Patient/9990000018&_count=1"),
    ("/DocumentReference", "subject:identifier=https://fhir.nhs.uk/Id/nhs-number%7C9990000018"),
    ("/DocumentReference", "subject%3Aidentifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C9990000018"),
    ("/Patient", "identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018"),
    ("/Patient", "identifier=https://fhir.nhs.uk/Id/nhs-number%7c9990000018"),
    ("/proxy/https://gp.example.nhs.uk/Z9X02/STU3/1/gpconnect/Patient", "identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018"),
    ("/proxy/" + quote("https://gp.example.nhs.uk/Z9X02/STU3/1/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018", safe=""), ""),
    ("/proxy/" + quote("https://gp.example.nhs.uk/Z9X02/Patient?identifier=" + quote("https://fhir.nhs.uk/Id/nhs-number|9990000018", safe=""), safe=""), ""),
    ("/lookup", "nhsNumber=9990000018"),
    ("/Patient", "identifier=9990000018"),
    ("/Patient", "_id=9990000018"),
    ("/Patient", "identifier=urn:oid:2.16.840.1.113883.2.1.4.1|9990000018"),
    ("/Flag", "patient=" + "," * 500 + "9990000018"),
    ("/Flag", "x=" + "a" * 50_000 + "&patient=9990000018"),
    ("/lookup", "nhs-number=9990000018"),
]
NOT_NAMED = [
    ("/Patient/9990000019", ""),
    ("/Patient/99900000180", ""),
    ("/NotPatient/9990000018", ""),
    ("/Flag", "patient=9990000019"),
    ("/Flag", "patient=123"),
    ("/Flag", "_id=9990000018"),
    ("/Flag", "patient=https://fhir.example.org/Id/hospital-number|9990000018"),
    ("/Flag", "patient=Encounter/9990000018"),
    ("/Flag", "inpatient=9990000018"),
    ("/Flag", "patient=\uff19\uff19\uff19\uff10\uff10\uff10\uff10\uff10\uff11\uff18"),
    ("/Flag/9990000018", ""),
    ("", ""),
]


@pytest.mark.parametrize(("path", "query"), NAMED)
def test_a_patient_is_found_in_every_form(path: str, query: str) -> None:
    """Every way in which the APIs name a patient in a target gives the one number."""
    assert patients_in(path, query) == (NUMBER,)


@pytest.mark.parametrize(("path", "query"), NOT_NAMED)
def test_other_digits_are_nobody(path: str, query: str) -> None:
    """A wrong check digit, another length, another naming system or an unrelated parameter names no patient."""
    assert patients_in(path, query) == ()


def test_several_patients_are_all_found() -> None:
    """A list, a repeated parameter and a path are all read, each patient once."""
    assert patients_in("/Patient/9990000018", f"patient={OTHER},{NUMBER}&subject={OTHER}") == (NUMBER, OTHER)


def test_of_a_long_list_it_is_said_how_many_are_left_out() -> None:
    """A record has room for so many patients, and says that there were more."""
    numbers = [str(number) for number in range(9990000000, 9990000400) if nhs_number_holds(str(number))]
    found = patients_in("/Flag", "patient=" + ",".join(numbers))
    assert found == tuple(numbers)
    kept = recorded(found)
    assert kept["patient"] == Patient(numbers[0])
    assert kept[f"patient_{MAX_PATIENTS}"] == Patient(numbers[MAX_PATIENTS - 1])
    assert (len(kept), kept["patients_left_out"]) == (MAX_PATIENTS + 1, len(numbers) - MAX_PATIENTS)
    assert recorded((*numbers[:3], numbers[0])) == {"patient": Patient(numbers[0]), "patient_2": Patient(numbers[1]), "patient_3": Patient(numbers[2])}


def test_what_comes_after_the_limit_is_not_read() -> None:
    """The work for one target has a bound."""
    assert patients_in("/" + "x" * MAX_TARGET_CHARACTERS, f"patient={NUMBER}") == ()


def test_all_that_a_request_can_have_is_read() -> None:
    """No target that Envoy lets in is longer than what it writes down and what is looked at."""
    assert HEADERS_KB * 1024 <= MAX_TARGET_CHARACTERS <= log_format.MAX_TARGET_CHARACTERS
    assert log_format.MAX_TARGET_CHARACTERS * 6 < MAX_LINE_BYTES < CHUNK_BYTES


@given(
    st.sampled_from([f"{system}|{NUMBER}" for system in NHS_NUMBER_SYSTEMS] + [NUMBER, f"Patient/{NUMBER}"]),
    st.sampled_from(["patient", "subject", "subject:identifier", "patient.identifier"]),
    st.integers(0, 2), st.text(max_size=30),
)
def test_encoding_hides_nobody(value: str, name: str, rounds: int, noise: str) -> None:
    """A patient is found under up to two rounds of percent-encoding, whatever stands before."""
    query = f"{name}={value}"
    for _ in range(rounds):
        query = quote(query, safe="=&:")
    assert NUMBER in patients_in("/Flag", f"x={quote(noise, safe='')}&{query}")


@given(st.text("%25aAfF0é+", max_size=60))
def test_decoding_is_everybody_s(text: str) -> None:
    """It gives what the library's own reader gives, of whatever text."""
    assert _decoded(text) == unquote(text)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_target_is_read(path: str, query: str) -> None:
    """No text breaks the reader, and what it gives are NHS numbers."""
    assert all(nhs_number_holds(number) for number in patients_in(path, query))
