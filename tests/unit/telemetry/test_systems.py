"""Calls between systems, as Envoy's log tells of them."""

from collections.abc import Callable

import pytest

from wardgate.audit.body import stored_body
from wardgate.audit.model import Patient, Personal
from wardgate.dataplane.resources import log_format, systems
from wardgate.stores.errors import WrongStoreKey
from wardgate.telemetry.lines import event_of
from wardgate.telemetry.systems import Known

Line = Callable[..., bytes]
SEEN = {
    "from_asid": "200000000115", "to_asid": "200000000124", "interaction": "urn:nhs:names:services:nrl:DocumentReference.read",
    "trace": "60e0b220-8136-4ca5-ae46-1d97ef59d068", "certificate_name": "CN=epr.example.thirdparty.nhs.uk",
    "target": "/nrl/DocumentReference?subject=https://demographics.spineservices.nhs.uk/STU3/Patient/9990000018",
}
HANDED_ON = {"from_asid": "200000000115", "user": Personal("555000000101"), "patient": Patient("9990000018"), "expected": "this"}


def reveal(concealed: str) -> dict[str, object]:
    """The one text that was handed on."""
    if concealed != "sealed":
        raise WrongStoreKey("another")
    return dict(HANDED_ON)


KNOWN = Known(reveal, lambda asid: {"Z9X02", "Z9X01"} if asid == "200000000115" else None)


def test_a_call_that_envoy_judged(line: Line) -> None:
    """Systems, organisations and interaction are in clear, the patient of the path is found, and the path is not kept."""
    event = event_of(line(**SEEN), KNOWN)
    assert event is not None
    assert {name: event.details.get(name) for name in ("from_asid", "to_asid", "interaction", "trace", "certificate_name", "ods", "patient")} == {
        **{name: SEEN[name] for name in ("from_asid", "to_asid", "interaction", "trace")},
        "certificate_name": "epr.example.thirdparty.nhs.uk", "ods": "Z9X01,Z9X02", "patient": Patient("9990000018"),
    }
    assert "target" not in event.details
    assert "9990000018" not in stored_body(event, b"key")


@pytest.mark.parametrize("name", ["from_asid", "to_asid", "interaction", "trace", "certificate_name"])
@pytest.mark.parametrize("value", ["9990000018", "a patient's name", "", "urn:nhs:names:services:" + "x" * 500, "ü"])
def test_what_has_not_its_form_is_not_kept(line: Line, name: str, value: str) -> None:
    """A refused caller may write anything into its headers: only an identifier in its form is recorded."""
    event = event_of(line(**{**SEEN, name: value}, status=400, reason="from-asid-unknown"), KNOWN)
    assert event is not None
    assert name not in event.details or (name == "certificate_name" and value == "9990000018")
    assert event.details["patient"] == Patient("9990000018")


def test_two_patients_have_a_detail_each(line: Line) -> None:
    """A list of patients is recorded one by one."""
    event = event_of(line(**{**SEEN, "target": "/x?patient=9990000018,9990000026"}), KNOWN)
    assert event is not None
    assert (event.details["patient"], event.details["patient_2"]) == (Patient("9990000018"), Patient("9990000026"))


def test_a_call_that_the_decision_service_judged(line: Line) -> None:
    """What was handed on is recorded with the call, and says more than the line does."""
    event = event_of(line(record="sealed", status=403, reason="scope-insufficient", scopes="a", required_scopes="b"), KNOWN)
    assert event is not None
    assert event.details["api"] == "hello-world"
    assert {name: event.details[name] for name in HANDED_ON} == HANDED_ON


def test_what_cannot_be_read_does_not_lose_the_call(line: Line) -> None:
    """Of a call whose details were sealed with another key, the rest is recorded, and that there was more."""
    for known in (KNOWN, None):
        event = event_of(line(record="other"), known) if known is not None else event_of(line(record="other"))
        assert event is not None
        assert (event.message_id, event.details["handed_on"]) == ("m-1", "unreadable")


def test_other_calls_say_nothing_of_systems(line: Line) -> None:
    """Only lines of calls between systems have these members, and no other line has a path."""
    event = event_of(line(), KNOWN)
    assert event is not None
    assert not {"from_asid", "patient", "handed_on", "ods"} & set(event.details)
    for ordinary in (log_format.REQUEST_LINE, log_format.SUCCESS_LINE, log_format.DECIDED_LINE):
        assert "PATH" not in str(ordinary)


def test_the_log_asks_for_what_the_maps_leave() -> None:
    """The lines of calls between systems are chosen by the verdict of the last of their maps."""
    assert log_format.JUDGED_HERE[1] == f"{systems.GRANTS_PREFIX}enforced_effective_policy_id"
