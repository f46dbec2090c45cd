"""Which responses are owed, and what they say (itk3-messaging 1.6 to 1.8)."""

from dataclasses import replace

import pytest

from unit.itk3.sample import NHS_NUMBER, NOW, RECEIVER, SENDER, counted, letter
from wardgate.fhir import Format, Version
from wardgate.itk3 import UNREADABLE, ITK3Error, Message, Original, Owed, original, owed, read, respond, write
from wardgate.itk3.model import Handling

INFRASTRUCTURE, BUSINESS = Owed.INFRASTRUCTURE, Owed.BUSINESS
PATTERNS = (
    ("full, or technical and business", True, True, (INFRASTRUCTURE, BUSINESS), (INFRASTRUCTURE,)),
    ("technical only", True, False, (INFRASTRUCTURE,), (INFRASTRUCTURE,)),
    ("fire and forget", False, False, (), ()),
    ("business only", False, True, (BUSINESS,), (INFRASTRUCTURE,)),
    ("no flag readable", None, None, (INFRASTRUCTURE,), (INFRASTRUCTURE,)),
    ("no infrastructure flag readable", None, True, (INFRASTRUCTURE, BUSINESS), (INFRASTRUCTURE,)),
    ("no business flag readable", False, None, (INFRASTRUCTURE,), (INFRASTRUCTURE,)),
)


@pytest.mark.parametrize(("infrastructure", "business", "good", "bad"), [row[1:] for row in PATTERNS], ids=[row[0] for row in PATTERNS])
def test_the_patterns_of_responses(infrastructure: bool | None, business: bool | None, good: tuple[Owed, ...], bad: tuple[Owed, ...]) -> None:
    """What a message is owed, and what it is owed when it is refused; on a one-way workflow nothing."""
    of = Original("id", "ITK007C", business, infrastructure)
    assert owed(of) == good
    assert owed(of, refused=True) == bad
    assert owed(of, one_way=True) == owed(of, refused=True, one_way=True) == ()


def answer(code: str, *, full_ack: bool = False) -> Message:
    """Our response to the letter."""
    return respond(letter(), code, sender=RECEIVER, endpoint="RY6OT002", now=NOW, random=counted("r"), receiver=SENDER, full_ack=full_ack)


def test_a_message_says_itself_what_it_is_owed() -> None:
    """The letter asks for both."""
    assert owed(letter()) == (INFRASTRUCTURE, BUSINESS)


def test_responses_end() -> None:
    """Nobody answers an infrastructure response, and a business one only where the whole exchange is acknowledged."""
    assert owed(answer("20013")) == owed(answer("20006")) == owed(answer("20013"), full_ack=True) == ()
    assert owed(answer("30001")) == ()
    assert owed(answer("30001"), full_ack=True) == owed(answer("30001", full_ack=True)) == (INFRASTRUCTURE,)
    assert owed(answer("30001", full_ack=True), refused=True) == ()
    assert owed(Original(None, "ITK008M")) == owed(Original(None, None, response_identifier="x"), refused=True) == ()


def test_what_a_response_says() -> None:
    """Event, flags, definition, reference and codes; and nothing of the patient (FHIR-BA-02)."""
    made = answer("20006")
    again = read(write(made))
    assert again == made
    assert again.handling == Handling(
        business_ack=False, infrastructure_ack=False, recipient_type=made.handling.recipient_type,
        message_definition="https://fhir.nhs.uk/STU3/MessageDefinition/ITK-Response-MessageDefinition-1", sender_reference="SYNTH-ENC-0001",
    )  # fmt: skip
    assert (again.event, again.event_display, again.payload) == ("ITK008M", "ITK Response", None)
    assert again.response is not None
    assert (again.response.identifier, again.response.code) == (letter().message_id, "fatal-error")
    assert [(one.code, one.display, one.severity, one.issue) for one in again.response.issues] == [("20006", "ITK header validation failure", "fatal", "invalid")]
    for form in Format:
        assert NHS_NUMBER.encode() not in write(made, form)
        assert b"SYNTHETIC" not in write(made, form)


def test_the_business_response_of_a_full_exchange_asks_for_an_answer() -> None:
    """InfAckRequested is true then, and never in an infrastructure response."""
    assert answer("30001", full_ack=True).handling.infrastructure_ack
    assert not answer("20013", full_ack=True).handling.infrastructure_ack


def test_the_issue_may_be_said_where_several_go_with_a_code() -> None:
    """Of 20009 the one that was found; one that does not go with the code is the usual one."""
    for issue, written in (("required", "required"), ("duplicate", "invalid"), (None, "invalid")):
        made = respond(letter(), "20009", sender=RECEIVER, endpoint="RY6OT002", now=NOW, random=counted(), issue=issue)
        assert made.response is not None
        assert made.response.issues[0].issue == written


def test_a_code_must_be_one_and_have_a_meaning() -> None:
    """10006 is gone; whether a referral is good is said by whoever knows its specification."""
    for code in ("10006", "", "30026", "20006 "):
        with pytest.raises(ValueError, match="no code"):
            answer(code)
    with pytest.raises(ValueError, match="30012"):
        answer("30012")


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("version", Version)
def test_what_cannot_be_read_is_answered(form: Format, version: Version) -> None:
    """A cut-off message is answered by its id in XML; what has none, with the word for it (1.7)."""
    data = write(letter(version), form)
    with pytest.raises(ITK3Error) as refused:
        read(data[:-100])
    assert refused.value.code == "10009"
    assert refused.value.original == replace(original(letter(version)), response_identifier=None) or form is Format.JSON
    assert owed(refused.value.original, refused=True) == (INFRASTRUCTURE,)
    with pytest.raises(ITK3Error) as refused:
        read(b"\xff" + data)
    made = respond(refused.value.original, refused.value.code, sender=RECEIVER, endpoint="RY6OT002", now=NOW, random=counted())
    assert owed(refused.value.original, refused=True) == (INFRASTRUCTURE,)
    assert (made.response.identifier if made.response else None, made.handling.sender_reference) == (UNREADABLE, "None")
    assert read(write(made)) == made
