"""The story of an id."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from wardgate.audit import Event, EventType, Outcome, Personal
from wardgate.audit.explain import _SENTENCES, explain
from wardgate.audit.redact import redact
from wardgate.refusals import CATALOGUE

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def body(**fields: Any) -> dict[str, Any]:
    """A stored body."""
    return redact(Event(**{"type": EventType.CALL_REFUSED, "at": NOW, "outcome": Outcome.REFUSED} | fields), b"k")


def test_whole_story_of_a_refusal() -> None:
    """Asked, failed, expected, received, answered, who can fix it, where to read more."""
    details = {"method": "GET", "path": "/hello-world/hello/application", "expected": "a known key", "received": "key ending 7f"}
    story = explain("m-1", [(5, body(reason="api-key-unknown", application="demo-app", message_id="m-1", details=details))])
    reason = CATALOGUE["api-key-unknown"]
    assert story.found
    assert story.lines == (
        "m-1: 1 record",
        "",
        "A call was refused at 2026-11-21T09:30:00.000000Z (audit record 5)",
        "  application   demo-app",
        "  method        GET",
        "  path          /hello-world/hello/application",
        "  message_id    m-1",
        "  reason        api-key-unknown",
        f"  check         {reason.check}: this did not hold",
        "  expected      a known key",
        "  received      key ending 7f",
        "  answered      401 Invalid ApiKey",
        f"  who can fix   the {reason.fixer}",
        f"  what to do    {reason.advice}",
        "  read more     docs/reference/refusals.md#api-key-unknown",
    )
    assert story.data["events"][0]["refusal"] | {"expected": "a known key", "who_can_fix": reason.fixer.value} == story.data["events"][0]["refusal"]
    assert json.dumps(story.data)


def test_a_call_between_systems_tells_its_parties_first() -> None:
    """Which system of whom called which, for what, and which check failed."""
    details = {
        "api": "nrl", "to_asid": "200000000124", "interaction": "urn:nhs:names:services:nrl:DocumentReference.create", "from_asid": "200000000115",
        "ods": "Z9X01", "certificate_name": "epr.example", "user": Personal("x"), "reason_for_request": "directcare", "caller_kind": "professional",
        "expected": "a system with the interaction", "received": "ASID 200000000115, which has not been granted it", "status": 403,
    }
    lines = explain("m", [(5, body(reason="interaction-not-granted", details=details))]).lines
    reason = CATALOGUE["interaction-not-granted"]
    assert lines[3:8] == ("  from system   200000000115", "  certificate   epr.example", "  organisation  Z9X01", "  caller        professional", lines[7])
    assert lines[7].startswith("  user          (personal, keyed hash ")
    assert lines[8:13] == (
        "  purpose       directcare", "  to system     200000000124", "  interaction   urn:nhs:names:services:nrl:DocumentReference.create",
        "  api           nrl", "  status        403",
    )
    assert lines[13:] == (
        "  reason        interaction-not-granted", f"  check         {reason.check}: this did not hold", "  expected      a system with the interaction",
        "  received      ASID 200000000115, which has not been granted it", "  answered      403 ASID 200000000115 has no urn:nhs:names:services:nrl:DocumentReference.create", "  who can fix   the API producer",
        f"  what to do    {reason.advice}", f"  read more     {reason.anchor}",
    )


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_refusal_of_the_catalogue_has_a_story(code: str) -> None:
    """Each names its check, its advice, who can fix it and where to read more."""
    text = "\n".join(explain("x", [(1, body(reason=code))]).lines)
    reason = CATALOGUE[code]
    assert all(part in text for part in (reason.check, reason.advice, reason.fixer.value, reason.anchor))


@pytest.mark.parametrize("kind", EventType)
def test_every_event_has_a_sentence(kind: EventType) -> None:
    """Allowed things have a story too."""
    assert explain("x", [(1, body(type=kind, outcome=None))]).lines[2].startswith(_SENTENCES[kind])


def test_decision_and_outcome_are_told_in_order() -> None:
    """Two records of one request are one story."""
    story = explain("r-1", [(1, body(type=EventType.CALL_DECIDED)), (2, body(type=EventType.CALL_ALLOWED, outcome=Outcome.ALLOWED))])
    assert story.lines[0] == "r-1: 2 records"
    assert [event["seq"] for event in story.data["events"]] == [1, 2]


def test_unknown_id() -> None:
    """No record is an answer too."""
    story = explain("nothing", [])
    assert not story.found
    assert "nothing" in story.lines[0]
    assert story.data == {"id": "nothing", "events": []}


def test_unknown_reason_is_still_shown() -> None:
    """A reason of a newer version is named, without inventing what it means."""
    lines = explain("x", [(1, body(reason="from-the-future"))]).lines
    assert lines[-1] == "  reason        from-the-future"


def test_personal_value_is_said_to_be_one() -> None:
    """The reader sees that a value was there, and not what it was."""
    text = "\n".join(explain("x", [(1, body(details={"patient": Personal("9990000001")}))]).lines)
    assert "personal, keyed hash" in text
    assert "9990000001" not in text
