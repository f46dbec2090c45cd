"""What is written is read as it was: any message, in either form, of either release, with the payload inside or beside."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from unit.fhir.trees import TEXT
from unit.fhir.trees import resources as drawn_resources
from unit.itk3.sample import NOW, RECEIVER, SENDER, SENDING, counted, letter, resources
from wardgate.fhir import Format, Version, walk
from wardgate.itk3 import (
    EVENTS,
    RESPONSE_CODE_ROWS,
    Handling,
    Message,
    NotAccepted,
    Party,
    RecipientType,
    Rules,
    Sending,
    build,
    definition_of,
    read,
    respond,
    write,
)

CODE = st.from_regex(r"\A[A-Z0-9]{1,9}\Z")
PARTIES = st.one_of(
    st.builds(Party, ods=CODE, site=st.none() | CODE), st.builds(Party, site=CODE), st.builds(Party, user=CODE, role=st.none() | CODE),
    st.builds(Party, role=CODE),
)  # fmt: skip
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=1))]))  # noqa: DTZ001 - bounds are naive, the zones are given
LOCAL = st.one_of(st.just("None"), TEXT, st.sampled_from([{"valueCoding": {"code": "x"}}, {"valueBoolean": True}, {"valueReference": {"reference": "https://x"}}]))
SENDINGS = st.builds(
    Sending, sender=PARTIES, endpoint=CODE, event=st.sampled_from(sorted(set(EVENTS) - {"ITK007C", "ITK008M"})), receiver=st.none() | PARTIES,
    recipient_type=st.sampled_from(RecipientType), business_ack=st.booleans(), infrastructure_ack=st.just(value=True), sender_reference=TEXT,
    local_extension=LOCAL,
)  # fmt: skip


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("nested", [True, False])
def test_the_letter(form: Format, version: Version, nested: bool) -> None:
    """The synthetic letter is read as it was built, and its octets are always the same."""
    message = letter(version, nested=nested)
    data = write(message, form)
    assert read(data) == message
    assert write(read(data), form) == data
    assert read(data).warnings == ()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(SENDINGS, TIMES, st.booleans(), st.sampled_from(Version), st.sampled_from(Format))
def test_any_sending(sending: Sending, now: datetime, nested: bool, version: Version, form: Format) -> None:
    """Whoever sends what to whom, with whatever reference."""
    message = build(resources(version), sending, now=now, random=counted(), version=version, nested=nested)
    again = read(write(message, form))
    assert again == message
    assert (again.sender, again.receiver, again.endpoint, again.timestamp) == (sending.sender, sending.receiver, sending.endpoint, now)
    assert again.handling == sending.handling()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large, HealthCheck.filter_too_much])
@given(st.data(), st.sampled_from(Version))
def test_any_payload(data: st.DataObject, version: Version) -> None:
    """A collection of resources of any type goes there and back unchanged, when it refers to nothing outside and is one document at most."""
    drawn = [one for one in data.draw(st.lists(drawn_resources(version), min_size=1, max_size=3)) if one["resourceType"] not in {"Bundle", "Binary", "MessageHeader"}]
    assume(drawn and drawn[0]["resourceType"] != "Composition" and not _refers(drawn, version) and _documents(drawn, version) <= 1)
    for place, one in enumerate(drawn):
        one.pop("_id", None)
        one["id"] = f"r{place}"
    message = build(drawn, SENDING, now=NOW, random=counted(), version=version, rules=LOOSE)
    for form in Format:
        again = read(write(message, form, LOOSE), LOOSE)
        assert again == message
        assert [row["resource"] for row in (again.payload or {})["entry"]] == [(message.payload or {})["entry"][n]["resource"] for n in range(len(drawn))]


LOOSE = Rules(approved_types=frozenset({"active", "two words"}), supported_types=frozenset({"active", "two words"}))


def _refers(drawn: list[dict[str, Any]], version: Version) -> bool:
    kinds = {"Reference", "Attachment", "Binary", "Bundle"}
    return any(found.kind in kinds for one in drawn for found in walk(one, version))


def _documents(drawn: list[dict[str, Any]], version: Version) -> int:
    return sum(found.kind == "Composition" for one in drawn for found in walk(one, version))


@given(st.sampled_from(sorted(RESPONSE_CODE_ROWS)), st.booleans(), PARTIES, TIMES, st.sampled_from(Version), st.sampled_from(Format))
def test_any_response(code: str, ok: bool, sender: Party, now: datetime, version: Version, form: Format) -> None:
    """Every code of the table is written, and read for what it is."""
    message = letter(version)
    made = respond(message, code, sender=sender, endpoint="RY6OT002", now=now, random=counted("b"), ok=ok, receiver=SENDER)
    again = read(write(made, form))
    row = RESPONSE_CODE_ROWS[code]
    assert again == made
    assert again.response is not None
    assert again.response.identifier == message.message_id
    assert (again.response.code == "ok") is (ok if row.ok is None else row.ok)
    assert [(issue.code, issue.display) for issue in again.response.issues] == [(code, row.display)]
    assert again.response.is_business is row.is_business
    assert again.handling == Handling(
        business_ack=False, infrastructure_ack=False, recipient_type=RecipientType.FOR_ACTION, message_definition=definition_of("ITK008M"),
        sender_reference="SYNTH-ENC-0001",
    )  # fmt: skip


def test_every_recipient_gets_the_same_payload() -> None:
    """FHIR-MR-01: of messages to several only the header differs."""
    first = letter()
    second = build(first.payload or {}, replace(SENDING, receiver=SENDER, sender=RECEIVER), now=NOW, random=counted("c"))
    assert second.payload == first.payload
    assert second.message_id != first.message_id


def test_a_message_that_would_not_be_read_is_not_written() -> None:
    """What leaves has been checked as what enters."""
    message: Message = letter()
    for wrong, code in (
        (replace(message, event="ITK999X"), "20006"), (replace(message, endpoint="a b"), "20006"), (replace(message, payload=None), "20006"),
        (replace(message, message_id="a/b"), "20006"), (replace(message, sender=Party()), "20006"),
        (replace(message, handling=replace(message.handling, sender_reference="x" * 256)), "10007"),
    ):  # fmt: skip
        with pytest.raises(NotAccepted) as refused:
            write(wrong)
        assert refused.value.code == code
    with pytest.raises(NotAccepted) as refused:
        write(message, Format.XML, Rules(max_bytes=2_000))
    assert refused.value.code == "20015"
