"""The FHIR R4 form of events, against the resource's structure."""

from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from wardgate.audit import Event, EventType, Outcome, Personal
from wardgate.audit.fhir import FORM, audit_event
from wardgate.audit.redact import redact

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _many(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": item}


TEXT = {"type": "string", "pattern": r"[^\s]"}
CODING = _object(["system", "code"], system={"type": "string", "pattern": r"^\S+$"}, code={"type": "string", "pattern": r"^\S+$"}, display=TEXT)
REFERENCE = _object([], type=TEXT, identifier=_object(["value"], system=TEXT, value=TEXT), display=TEXT) | {"minProperties": 1}
AUDIT_EVENT = _object(
    ["resourceType", "type", "recorded", "agent", "source"],
    resourceType={"const": "AuditEvent"},
    id={"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"},
    type=CODING,
    subtype=_many(CODING),
    action={"enum": ["C", "R", "U", "D", "E"]},
    recorded={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
    outcome={"enum": ["0", "4", "8", "12"]},
    outcomeDesc=TEXT,
    agent=_many(_object(["requestor"], type=_object([], coding=_many(CODING)), role=_many(_object([], coding=_many(CODING))), who=REFERENCE, name=TEXT,
                        requestor={"type": "boolean"})),
    purposeOfEvent=_many(_object(["text"], coding=_many(CODING), text=TEXT)),
    source=_object(["observer"], site=TEXT, observer=REFERENCE, type=_many(CODING)),
    entity=_many(_object([], what=REFERENCE, type=CODING, role=CODING, detail=_many(_object(["type", "valueString"], type=TEXT, valueString=TEXT)))),
)
"""hl7.org/fhir/R4/auditevent.html: required members, cardinality, code sets; no member that is not there."""


def form(event: Event) -> dict[str, Any]:
    """The AuditEvent of an event."""
    return audit_event(12, redact(event, b"k"), site="demo", observer="wardgate")


@pytest.mark.parametrize("outcome", [None, *Outcome])
@pytest.mark.parametrize("kind", EventType)
def test_every_event_is_valid(kind: EventType, outcome: Outcome | None) -> None:
    """With everything, and with nothing but type and time."""
    details = {"path": "/x", "status": 401, "native": True, "patient": Personal("x"), "empty": "", "none": None}
    for event in (
        Event(kind, NOW, outcome, "api-key-missing", "demo-app", "m", "r", "c", details),
        Event(kind, NOW, outcome),
    ):
        jsonschema.Draft202012Validator(AUDIT_EVENT).validate(form(event))


def test_every_type_has_a_form() -> None:
    """A new event cannot be exported by accident as something else."""
    assert set(FORM) == set(EventType)


def test_whole_form_of_a_refused_call() -> None:
    """Who asked, how it ended and why, where, and on what."""
    event = Event(EventType.CALL_REFUSED, NOW, Outcome.REFUSED, "api-key-revoked", "demo-app", "m-1", "r-1",
                  details={"caller": Personal("9990000001"), "status": 401})
    found = form(event)
    assert found["type"]["code"] == "rest"
    assert (found["action"], found["outcome"], found["outcomeDesc"]) == ("E", "4", "api-key-revoked")
    assert found["agent"][0]["who"]["identifier"] == {"system": "urn:wardgate:application", "value": "demo-app"}
    assert found["agent"][0]["requestor"] is True
    assert found["source"]["site"] == "demo"
    (entity,) = found["entity"]
    assert entity["what"]["identifier"]["value"] == "m-1"
    shown = {detail["type"]: detail["valueString"] for detail in entity["detail"]}
    assert shown["audit_seq"] == "12"
    assert shown["request_id"] == "r-1"
    assert shown["caller"].startswith("hmac-sha256:")
    assert "9990000001" not in str(found)


def test_unknown_type_is_refused() -> None:
    """A record of a newer version is not guessed at."""
    with pytest.raises(ValueError, match="Unheard"):
        audit_event(1, {"type": "Unheard", "at": "x"}, site="s", observer="o")
