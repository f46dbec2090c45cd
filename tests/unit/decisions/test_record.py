"""What is recorded of a decision about a call between systems."""

from datetime import UTC, datetime
from typing import Any

import pytest

from wardgate.audit.body import stored_body
from wardgate.audit.model import EventType, Outcome, Patient, Personal
from wardgate.catalogue import API
from wardgate.catalogue.paths import Found, RouteMatcher
from wardgate.decisions.record import event_of, handed_on
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts, Listener, PresentedCertificate
from wardgate.security_patterns.system_call import Relay, SystemCall
from wardgate.spine.stated import Stated
from wardgate.spine.variants import CallerKind, VariantName

ROLE = "https://fhir.nhs.uk/Id/sds-role-profile-id|555000000101"
STATED = Stated(VariantName.SPINE_CORE, CallerKind.PROFESSIONAL, "https://ehr.example", "https://api.example", ROLE, "directcare",
                ("patient/DocumentReference.read",), "200000000115", "Z9X01", ROLE, "555000000101", "9990000018")
CALL = SystemCall("200000000115", "200000000124", "urn:nhs:names:services:nrl:DocumentReference.read", "trace-1", ("Z9X01", "Z9X02"), STATED)
DOCUMENT: dict[str, Any] = {
    "name": "nrl", "base_path": "/nrl", "backend": "http://127.0.0.1:9", "spine": {"service": "nrl", "asid": "200000000124"},
    "routes": [{"path": "/DocumentReference", "pattern": "asid-interaction", "spine_jwt": "nrl"}, {"path": "/open", "pattern": "open-access"}],
}
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SYSTEMS = {"from_asid": "200000000115", "to_asid": "200000000124", "interaction": "urn:nhs:names:services:nrl:DocumentReference.read", "trace": "trace-1"}


def found(path: str = "/nrl/DocumentReference") -> Found:
    """The route of a path."""
    one = RouteMatcher((API.model_validate(DOCUMENT),)).find("GET", path)
    assert isinstance(one, Found)
    return one


def facts(query: str = "", path: str = "/nrl/DocumentReference") -> Facts:
    """A request with a client certificate."""
    return Facts(Listener.MTLS, "GET", path, {}, NOW, PresentedCertificate("f" * 64, "epr.example.thirdparty.nhs.uk"), query)


def test_everybody_in_a_call_is_recorded() -> None:
    """Systems, organisation, purpose and certificate are in clear; user, role and patient are not."""
    decision = Decision(True, "asid-interaction", call=CALL, api="nrl", route="/DocumentReference")
    details = handed_on(decision, facts("subject=x"), found())
    assert details == {
        **SYSTEMS, "certificate_name": "epr.example.thirdparty.nhs.uk", "ods": "Z9X01", "caller_kind": "professional", "reason_for_request": "directcare",
        "scope": "patient/DocumentReference.read", "user": Personal(ROLE), "role": Personal("555000000101"), "patient": Patient("9990000018"),
    }
    event = event_of(decision, facts(), found())
    assert (event.type, event.outcome) == (EventType.CALL_DECIDED, Outcome.ALLOWED)
    assert details.items() <= event.details.items()
    body = stored_body(event, b"key")
    assert "9990000018" not in body
    assert "555000000101" not in body


def test_a_refused_call_is_recorded_as_fully() -> None:
    """What is known by then is there, the patient of the query and what was expected too."""
    refusal = Refusal(reason("from-asid-unknown"), expected="an ASID of the directory", received="another")
    details = handed_on(Decision(False, refusal=refusal, call=None), facts("subject%3Aidentifier=https://fhir.nhs.uk/Id/nhs-number%7C9990000026"), found())
    assert details == {
        "certificate_name": "epr.example.thirdparty.nhs.uk", "patient": Patient("9990000026"),
        "expected": "an ASID of the directory", "received": "another",
    }


def test_patients_of_token_and_query_are_told_apart() -> None:
    """A call that names another patient than its token is about both."""
    details = handed_on(Decision(True, call=CALL), facts("subject=9990000026&patient=9990000018"), found())
    assert (details["patient"], details["patient_2"]) == (Patient("9990000018"), Patient("9990000026"))


def test_what_gp_connect_states_besides_is_kept_as_hashes() -> None:
    """Device, organisation and practitioner by name are a caller's free text, and may name people."""
    stated = Stated(VariantName.GP_CONNECT_1, CallerKind.PROFESSIONAL, "i", "a", "s", "directcare", (), extra={"device": "EPR 1", "practitioner": "A B"})
    details = handed_on(Decision(True, call=SystemCall(stated=stated)), facts(), found())
    assert (details["stated_device"], details["stated_practitioner"]) == (Personal("EPR 1"), Personal("A B"))


def test_a_relayed_call_says_where_to() -> None:
    """Through the secure proxy: the endpoint of the directory, not the target."""
    call = SystemCall("200000000115", "200000000124", relay=Relay("gp.example.nhs.uk", "/Patient/9990000018", "S1"))
    details = handed_on(Decision(True, call=call), facts(path="/nrl/DocumentReference"), found())
    assert (details["endpoint"], details["host"]) == ("S1", "gp.example.nhs.uk")
    assert "/Patient/9990000018" not in str(details)


@pytest.mark.parametrize("decision", [Decision(True), Decision(False, refusal=Refusal(reason("api-key-missing")))])
def test_other_routes_hand_nothing_on(decision: Decision) -> None:
    """On a route that is not between systems no patient is looked for, and an answer says nothing more."""
    assert handed_on(decision, facts("patient=9990000018", "/nrl/open"), found("/nrl/open")) == {}
    assert "patient" not in event_of(decision, facts("patient=9990000018", "/nrl/open"), found("/nrl/open")).details
