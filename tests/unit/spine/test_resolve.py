"""From method and path to the interaction, and ids that disagree (spine 4.3)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.refusals import Refusal
from wardgate.spine.errors import SpineRefused
from wardgate.spine.interaction_catalogue import INTERACTIONS
from wardgate.spine.interactions import PREFIX
from wardgate.spine.resolve import (
    GP_REQUESTS,
    REQUIRED_PARAMETERS,
    RULES,
    SEARCHED_BY,
    Service,
    check_parameters,
    resolve,
    settle,
    settle_gp_connect,
    shape_of,
)

RA, NRL, GP, BOOK, SUB, PUB = (Service.REASONABLE_ADJUSTMENTS, Service.NRL, Service.GP_CONNECT, Service.BOOKINGS, Service.NEMS_SUBSCRIBE, Service.NEMS_PUBLISH)
GPC = PREFIX + "gpconnect:fhir:"
EVENT = PREFIX + "events:birth-notification-1.Write"

RESOLVED = (
    (RA, "GET", "/Consent", "raflags:Consent.read:1"), (RA, "GET", "/Flag", "raflags:Flag.read:1"), (RA, "GET", "/Flag/f-1", "raflags:Flag.read:1"),
    (RA, "POST", "/Flag", "raflags:Flag.write:1"), (RA, "PUT", "/Consent/1", "raflags:Consent.write:1"), (RA, "DELETE", "/List/1", "raflags:List.write:1"),
    (RA, "GET", "/Condition/1", "raflags:Condition.read:1"), (RA, "GET", "/UnderlyingConditionList", "raflags:List.read:1"), (RA, "POST", "/UnderlyingConditionList", "raflags:List.write:1"),
    (RA, "GET", "/ThresholdCode", "raflags:Condition.read:1"), (RA, "POST", "/$removerarecord", "raflags:removerarecord.write:1 raflags:removeflag.write:1"),
    (NRL, "GET", "/DocumentReference/1", "nrl:DocumentReference.read"), (NRL, "GET", "/DocumentReference", "nrl:DocumentReference.search"),
    (NRL, "POST", "/DocumentReference", "nrl:DocumentReference.create"), (NRL, "PATCH", "/DocumentReference/1", "nrl:DocumentReference.update"),
    (NRL, "DELETE", "/DocumentReference/1", "nrl:DocumentReference.delete"), (NRL, "DELETE", "/DocumentReference", "nrl:DocumentReference.delete"),
    (BOOK, "GET", "/metadata", "careconnect:fhir:rest:read:metadata"), (BOOK, "GET", "/Slot", "careconnect:fhir:rest:search:slot"),
    (BOOK, "POST", "/Appointment", "careconnect:fhir:rest:create:appointment"), (BOOK, "GET", "/Appointment", "careconnect:fhir:rest:search:appointment"),
    (BOOK, "GET", "/Appointment/1", "careconnect:fhir:rest:read:appointment"), (BOOK, "PUT", "/Appointment/1", "careconnect:fhir:rest:update:appointment"),
    (SUB, "POST", "/Subscription", "clinicals-sync:SubscriptionsApiPost"), (SUB, "GET", "/Subscription/1", "clinicals-sync:SubscriptionsApiGet"),
    (SUB, "DELETE", "/Subscription/1", "clinicals-sync:SubscriptionsApiDelete"), (PUB, "POST", "/$process-message", "events:birth-notification-1.Write"),
    (GP, "GET", "/metadata", "gpconnect:fhir:rest:read:metadata-1 gpconnect:structured:fhir:rest:read:metadata-1 gpconnect:documents:fhir:rest:read:metadata-1 gpconnect:fhir:rest:read:metadata"),
    (GP, "GET", "/Patient", "gpconnect:fhir:rest:search:patient-1 gpconnect:documents:fhir:rest:search:patient-1"),
    (GP, "PUT", "/Appointment/1", "gpconnect:fhir:rest:update:appointment-1 gpconnect:fhir:rest:cancel:appointment-1"),
)
UNRESOLVED = (
    (NRL, "PUT", "/DocumentReference/1"), (NRL, "HEAD", "/DocumentReference"), (NRL, "get", "/DocumentReference"), (NRL, "GET", "/documentreference"),
    (NRL, "GET", "/DocumentReference/"), (NRL, "GET", "//DocumentReference"), (NRL, "GET", "/DocumentReference/%31"), (NRL, "GET", "/DocumentReference%2F1"),
    (NRL, "GET", "/DocumentReference/../DocumentReference"), (NRL, "GET", "/DocumentReference/.."), (NRL, "GET", "/DocumentReference/1/_history"), (NRL, "GET", "/DocumentReference;a=b/1"),
    (NRL, "GET", "/DocumentReference/1?x"), (NRL, "GET", "/DocumentReference\\1"), (NRL, "POST", "/DocumentReference/_search"), (NRL, "GET", "/DocumentReference/a b"), (NRL, "GET", ""),
    (NRL, "GET", "/"), (NRL, "GET", "/Doc\u0443mentReference"), (NRL, "GET", "/DocumentReference/" + "1" * 65), (NRL, "GET", "/DocumentReference/1/2/3"), (NRL, "POST", "/DocumentReference/1"),
    (RA, "POST", "/$removerarecord/1"), (RA, "GET", "/$removerarecord"), (RA, "POST", "/Flag/$removerarecord"), (RA, "PATCH", "/Flag/1"), (RA, "POST", "/ThresholdCode"), (RA, "GET", "/$Flag"),
    (RA, "GET", "/Flag/$1"), (RA, "GET", "/Flag/$1/x"), (PUB, "GET", "/$process-message"), (PUB, "POST", "/Bundle"), (SUB, "PUT", "/Subscription/1"), (BOOK, "DELETE", "/Appointment/1"),
)


@pytest.mark.parametrize(("service", "method", "path", "names"), RESOLVED)
def test_what_a_request_is(service: Service, method: str, path: str, names: str) -> None:
    """Every interaction that fits, the one to derive first; each of them agrees when it is supplied."""
    ids = [PREFIX + name for name in names.split()]
    assert [row.id for row in resolve(service, method, path, EVENT)] == ids
    if service is not GP:
        assert [[row.id for row in settle(service, method, path, one)] for one in ids] == [[one] for one in ids]


@pytest.mark.parametrize(("service", "method", "path"), UNRESOLVED)
def test_what_a_request_is_not(service: Service, method: str, path: str) -> None:
    """Other methods, other spellings, escapes and tricks with dots are no interaction: 403."""
    assert resolve(service, method, path, EVENT) == ()
    with pytest.raises(SpineRefused) as caught:
        settle(service, method, path, EVENT if service is PUB else PREFIX + "nrl:DocumentReference.read")
    found = caught.value.refusal.reason
    assert (found.code, found.status, found.fhir_code) == ("interaction-unresolved", 403, "ASID_CHECK_FAILED")


def settled(*args: Any) -> Refusal:
    """Return the refusal of a request."""
    with pytest.raises(SpineRefused) as caught:
        settle(*args)
    return caught.value.refusal


@pytest.mark.parametrize("supplied", [PREFIX + "nrl:DocumentReference.search", PREFIX + "nrl:documentreference.read", "", " ", "x" * 10_000, PREFIX + "nrl:DocumentReference.read "])
def test_one_that_disagrees(supplied: str) -> None:
    """400, in header words; what came is not repeated."""
    found = settled(NRL, "GET", "/DocumentReference/1", supplied)
    assert (found.reason.code, found.reason.status, found.reason.fhir_code, found.reason.fhir_issue) == ("interaction-disagrees", 400, "MISSING_OR_INVALID_HEADER", "invalid")
    assert (found.expected, found.received) == (PREFIX + "nrl:DocumentReference.read", "another interaction")


def test_nrl_needs_no_header() -> None:
    """There it is derived; elsewhere it is asked for."""
    assert [row.id for row in settle(NRL, "GET", "/DocumentReference", None)] == [PREFIX + "nrl:DocumentReference.search"]
    for service in set(Service) - {NRL}:
        found = settled(service, "GET", "/Flag", None)
        assert (found.reason.code, found.fill(found.reason.text)) == ("spine-header-missing", "InteractionID HTTP Header is missing")


@pytest.mark.parametrize("supplied", [PREFIX + "raflags:Flag.read:1", "birth-notification-1", PREFIX + "events:.Write"])
def test_an_event_is_named_by_the_header(supplied: str) -> None:
    """Nothing else is published."""
    assert settled(PUB, "POST", "/$process-message", supplied).reason.code == "interaction-disagrees"


def test_every_rule_names_a_known_interaction() -> None:
    """No table is empty, and none names what the catalogue has not."""
    assert set(RULES) == {RA, NRL, BOOK, SUB}
    assert all(name in INTERACTIONS for rules in RULES.values() for names in rules.values() for name in names)


@pytest.mark.parametrize(("path", "query", "holds"), [
    ("/Flag", {"patient": ["1"], "status": ["active"], "category": ["NRAF"]}, True), ("/Flag", {"patient": ["1"], "status": ["active"]}, False),
    ("/Flag", {"patient": ["1"], "status": [""], "category": ["NRAF"]}, False), ("/Flag", {"patient": ["1"], "status": [], "category": ["NRAF"]}, False), ("/Flag/1", {}, True),
    ("/List", {"patient": ["1"], "status": ["active"], "category": ["NRAF"]}, False), ("/List", {"patient": ["1"], "status": ["current"], "code": ["x"]}, True), ("/Condition", {}, True),
    ("/%46lag", {}, True),
])
def test_parameters_of_a_search(path: str, query: dict[str, list[str]], holds: bool) -> None:
    """404, as the internet gateway says it."""
    if holds:
        check_parameters("GET", path, query)
        return
    check_parameters("POST", path, query)
    with pytest.raises(SpineRefused) as caught:
        check_parameters("GET", path, query)
    assert (caught.value.refusal.reason.status, caught.value.refusal.reason.text) == (404, "required query parameters are missing or have empty values")
    assert set(REQUIRED_PARAMETERS) == {"Consent", "Flag", "List"}


@pytest.mark.parametrize(("method", "path", "query", "supplied", "row"), [
    ("GET", "/Patient/1", {}, GPC + "rest:read:patient-1", None),
    ("GET", "/Patient", {"identifier": [SEARCHED_BY["Patient"] + "|9990000018"]}, GPC + "rest:search:patient-1", None),
    ("POST", "/Patient/$gpc.getstructuredrecord", {}, GPC + "operation:gpc.getstructuredrecord-1", None),
    ("GET", "/Patient/1/Appointment", {}, GPC + "rest:search:patient_appointments-1", None),
    ("GET", "/Patient/1/DocumentReference", {}, PREFIX + "gpconnect:documents:fhir:rest:search:documentreference-1", None),
    ("GET", "/Binary/1", {}, PREFIX + "gpconnect:documents:fhir:rest:migrate:binary-1", None),
    ("GET", "/metadata", {}, PREFIX + "gpconnect:structured:fhir:rest:read:metadata-1", None), ("GET", "/Slot", {}, GPC + "rest:search:slot-1", None),
    ("PUT", "/Appointment/1", {}, GPC + "rest:cancel:appointment-1", None), ("POST", "/Appointment", {}, GPC + "rest:create:appointment-1", None),
    ("GET", "/Patient/1", {}, None, "missing"), ("GET", "/Patient/1", {}, "", "missing"), ("GET", "/Patient/1", {}, PREFIX + "nrl:DocumentReference.read", "unknown"),
    ("POST", "/Patient/1", {}, GPC + "rest:read:patient-1", "method"), ("GET", "/Practitioner/1", {}, GPC + "rest:read:patient-1", "resource"),
    ("POST", "/Patient/$gpc.registerpatient", {}, GPC + "operation:gpc.getstructuredrecord-1", "operation"), ("GET", "/Patient", {}, GPC + "rest:read:patient-1", "id-segment"),
    ("GET", "/Patient/1", {}, GPC + "rest:search:patient_appointments-1", "contained"), ("GET", "/Patient/1/DocumentReference", {}, GPC + "rest:search:patient_appointments-1", "contained"),
    ("GET", "/Patient/..", {}, GPC + "rest:read:patient-1", "resource"), ("GET", "/Patient", {}, GPC + "rest:search:patient-1", "identifier"),
    ("GET", "/Patient", {"identifier": ["9990000018"]}, GPC + "rest:search:patient-1", "identifier"),
    ("GET", "/Practitioner", {"identifier": [SEARCHED_BY["Patient"] + "|1"]}, GPC + "rest:search:practitioner-1", "identifier"),
    ("GET", "/Organization", {"identifier": [SEARCHED_BY["Organization"] + "|A", SEARCHED_BY["Organization"] + "|B"]}, GPC + "rest:search:organization-1", "identifier"),
    ("GET", "/Organization", {"identifier": [SEARCHED_BY["Organization"] + "|"]}, GPC + "rest:search:organization-1", "identifier"),
])
def test_gp_connect(method: str, path: str, query: dict[str, list[str]], supplied: str | None, row: str | None) -> None:
    """The header names the interaction, and everything of the request fits it, or it is 400 BAD_REQUEST."""
    if row is None:
        assert supplied is not None
        assert settle_gp_connect(method, path, query, supplied) is INTERACTIONS[supplied]
        return
    with pytest.raises(SpineRefused) as caught:
        settle_gp_connect(method, path, query, supplied)
    found = caught.value.refusal.reason
    assert (found.code, found.status, found.fhir_code) == (f"gp-connect-interaction-{row}", 400, "BAD_REQUEST")


def test_every_interaction_of_gp_connect_has_a_request() -> None:
    """25 of them."""
    assert len(GP_REQUESTS) == 25


@given(st.text(max_size=30))
def test_any_path(path: str) -> None:
    """A path has a shape or none; only plain names and ids have one."""
    found = shape_of(path)
    assert found is None or all(char.isascii() and (char.isalnum() or char in "/.$-") for char in path)
