"""Who asked about a patient, from the records."""

from datetime import UTC, datetime
from typing import Any

import pytest

from wardgate.audit.accesses import COLUMNS, Asked, accesses
from wardgate.audit.model import Event, EventType, Outcome, Patient, Personal
from wardgate.audit.redact import personal_hash, redact

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY = b"key"
PARTIES = {
    "from_asid": "200000000115", "to_asid": "200000000124", "interaction": "urn:nhs:names:services:nrl:DocumentReference.read", "ods": "Z9X01",
    "certificate_name": "epr.example", "caller_kind": "professional", "reason_for_request": "directcare", "scope": "patient/*.read", "trace": "t-1",
    "user": Personal("555000000101"), "role": Personal("R"), "patient": Patient("9990000018"),
}


def record(kind: EventType, outcome: Outcome, **more: Any) -> dict[str, Any]:
    """The stored body of a call about the patient."""
    details = {"api": "nrl", "route": "/DocumentReference", "method": "GET"} | PARTIES | more.pop("details", {})
    return redact(Event(kind, more.pop("at", NOW), outcome, message_id=more.pop("message_id", "m-1"), details=details, **more), KEY)


def test_a_row_says_everything() -> None:
    """When, which system, organisation, user, route, outcome and reason."""
    (one,) = accesses([(7, record(EventType.CALL_REFUSED, Outcome.REFUSED, reason="interaction-not-granted", request_id="r", details={"status": 403}))], Asked())
    assert one.row == dict(zip(COLUMNS, [
        7, "2026-11-21T09:30:00.000000Z", "refused", "interaction-not-granted", "200000000115", "Z9X01", "", "epr.example", "professional",
        personal_hash("555000000101", KEY), personal_hash("R", KEY), "directcare", "200000000124", "urn:nhs:names:services:nrl:DocumentReference.read",
        "patient/*.read", "nrl", "/DocumentReference", "GET", "403", "t-1", "m-1", "r",
    ], strict=True))


def test_a_decision_and_its_outcome_are_one_row() -> None:
    """On an `audit: before` route; what only the decision knows stays, the status comes from the outcome."""
    decided = record(EventType.CALL_DECIDED, Outcome.ALLOWED, application="demo-app")
    bare = {"type": "CallAllowed", "at": "2026-11-21T09:30:01.000000Z", "outcome": "allowed", "message_id": "m-1", "details": {"status": 200}}
    (one,) = accesses([(7, decided), (9, bare)], Asked())
    assert (one.seq, one.status, one.user, one.application) == (9, "200", personal_hash("555000000101", KEY), "demo-app")


def test_other_events_are_no_accesses() -> None:
    """A search in the record is not an access to the patient's."""
    assert accesses([(1, redact(Event(EventType.AUDIT_SEARCHED, NOW, details={"patient": Patient("9990000018")}), KEY))], Asked()) == []


@pytest.mark.parametrize(("asked", "seen"), [
    (Asked(), ["a", "b", "c"]),
    (Asked(start=datetime(2026, 11, 2, tzinfo=UTC)), ["b", "c"]),
    (Asked(end=datetime(2026, 11, 2, tzinfo=UTC)), ["a"]),
    (Asked(datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)), ["b"]),
    (Asked(organisation="z9x02"), ["c"]),
    (Asked(organisation="Z9X"), []),
])
def test_only_what_is_asked_for(asked: Asked, seen: list[str]) -> None:
    """The first moment counts, the last one does not; an organisation is found among those that a system acts for."""
    records = [
        (number, record(EventType.CALL_ALLOWED, Outcome.ALLOWED, at=datetime(2026, 11, day, tzinfo=UTC), message_id=name, details={"ods": ods}))
        for number, (name, day, ods) in enumerate([("a", 1, "Z9X01"), ("b", 2, "Z9X01"), ("c", 3, "Z9X01,Z9X02")])
    ]
    assert [access.message_id for access in accesses(records, asked)] == seen
