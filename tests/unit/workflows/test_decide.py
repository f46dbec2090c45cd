"""The seal policy: what a message is refused for, what is proved of one that is allowed, and that more proof never harms."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.sealing.model import Suite
from wardgate.workflows.decide import CHECKS, MessageDecision, MessageFacts, decide_message
from wardgate.workflows.model import MessageRules, Protection
from wardgate.workflows.post_office import Exchange, Rules

LETTER = "GPCONNECT_SEND_DOCUMENT"
STRICT = MessageRules(
    protection=Protection.SEALED, suites=(Suite.MODERN, Suite.CMS), events=("ITK007C",), document_types=("823681000000100",), confidentiality=("N", "R"),
    signer_roles=("R8000", "R8001"), time_stamp=True,
)
RULES = Rules(LETTER, (Exchange(frozenset({"A", "B"}), frozenset({"X", "Y"})), Exchange(frozenset({"C"}), frozenset({"Z"}))), STRICT)
GOOD = MessageFacts("A", ("X", "Y"), LETTER, "ITK007C", "823681000000100", ("N",), Suite.MODERN, signed=True, encrypted=True, time_stamped=True,
                    signer_roles=("R8001",))

ROWS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("another workflow", {"workflow": "OTHER"}, "workflow-unknown", "a workflow of the manifest", "OTHER"),
    ("a sender that is not listed", {"sender": "D"}, "sender-not-allowed", "a sender of the workflow", "D"),
    ("a receiver as sender", {"sender": "X"}, "sender-not-allowed", "a sender of the workflow", "X"),
    ("a recipient that is not listed", {"recipients": ("X", "W")}, "recipient-not-allowed", "receivers of the workflow", "W"),
    ("a recipient of another exchange", {"recipients": ("Z",)}, "recipient-not-allowed", "receivers of the workflow", "Z"),
    ("nobody", {"recipients": ()}, "recipient-not-allowed", "at least one recipient", "none"),
    ("another event", {"event": "ITK003D"}, "event-not-allowed", "ITK007C", "ITK003D"),
    ("a very long event", {"event": "I" * 1000}, "event-not-allowed", "ITK007C", "I" * 97 + "..."),
    ("another type of document", {"document_type": "1"}, "document-type-not-allowed", "823681000000100", "1"),
    ("no document", {"document_type": None}, "document-type-not-allowed", "823681000000100", "no document"),
    ("one label too many", {"confidentiality": ("N", "V")}, "confidentiality-not-allowed", "N or R", "V"),
    ("another suite", {"suite": Suite.XML}, "seal-suite-refused", "modern or cms", "xml"),
    ("no seal", {"suite": None, "signed": False, "encrypted": False}, "seal-signature-missing", "a signature", "none"),
    ("no signature", {"signed": False}, "seal-signature-missing", "a signature", "none"),
    ("a signature without a seal", {"suite": None}, "seal-signature-missing", "a signature", "none"),
    ("in clear", {"encrypted": False}, "seal-encryption-missing", "an encrypted message", "a clear one"),
    ("no time-stamp", {"time_stamped": False}, "time-stamp-missing", "a time-stamp", "none"),
    ("no role", {"signer_roles": ()}, "signer-role", "R8000 or R8001", "none"),
    ("other roles", {"signer_roles": ("R1", "R2")}, "signer-role", "R8000 or R8001", "R1, R2"),
]


@pytest.mark.parametrize(("change", "code", "expected", "received"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_a_message_is_refused_for(change: dict[str, Any], code: str, expected: str, received: str) -> None:
    """The first check that fails says what was expected and what was received."""
    decision = decide_message(RULES, replace(GOOD, **change))
    assert decision.refusal is not None
    assert (decision.allowed, decision.refusal.reason.code, decision.refusal.expected, decision.refusal.received) == (False, code, expected, received)


def test_a_yes_keeps_what_was_proved() -> None:
    """Every check, in its order; none is skipped."""
    decision = decide_message(RULES, GOOD)
    assert decision.allowed
    assert len(decision.proved) == len(set(decision.proved)) == len(CHECKS)
    assert decision.proved[:2] == ("the workflow lists the sender", "the workflow lists the recipient")


def test_a_refusal_keeps_what_was_proved_before_it() -> None:
    """Who and to whom held, the event did not."""
    assert decide_message(RULES, replace(GOOD, event="ITK003D")).proved == ("the workflow lists the sender", "the workflow lists the recipient")


def test_without_rules_there_is_nothing_to_allow() -> None:
    """A workflow that nobody stated."""
    decision = decide_message(None, GOOD)
    assert decision.refusal is not None
    assert decision.refusal.reason.code == "workflow-unknown"


def test_every_check_is_met_by_a_row() -> None:
    """No reason is there for nothing."""
    assert {code for _, _, code, _, _ in ROWS} == {code for code, _ in CHECKS} | {"workflow-unknown"}


def test_a_national_workflow_asks_for_nothing() -> None:
    """Its messages are neither signed nor sealed, and may say anything (itk3-messaging 2.1)."""
    plain = replace(RULES, messages=MessageRules())
    assert decide_message(plain, MessageFacts("A", ("X",), LETTER, "ITK012M", confidentiality=("V",))).allowed


@pytest.mark.parametrize(("allowed", "refused"), [(True, True), (False, False)])
def test_a_decision_is_one_or_the_other(allowed: bool, refused: bool) -> None:
    """Never both, never neither."""
    refusal = decide_message(None, GOOD).refusal if refused else None
    with pytest.raises(ValueError, match="either"):
        MessageDecision(allowed, refusal)


def _some(values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values.split()), max_size=3, unique=True).map(tuple)


MESSAGE_RULES = st.builds(
    MessageRules, protection=st.sampled_from(Protection), suites=st.lists(st.sampled_from(Suite), min_size=1, max_size=3, unique=True).map(tuple),
    events=_some("ITK007C ITK003D"), document_types=_some("823681000000100 373942005"), confidentiality=_some("N R V"), signer_roles=_some("R8000 R8001"),
    time_stamp=st.booleans(),
)
FACTS = st.builds(
    MessageFacts, sender=st.sampled_from("ABCX"), recipients=_some("X Y Z"), workflow=st.just(LETTER), event=st.sampled_from(["ITK007C", "ITK003D"]),
    document_type=st.sampled_from([None, "823681000000100", "373942005"]), confidentiality=_some("N R V"), suite=st.sampled_from([None, *Suite]),
    signed=st.booleans(), encrypted=st.booleans(), time_stamped=st.booleans(), signer_roles=_some("R8000 R8001 R1"),
)
MORE: list[Callable[[MessageFacts], MessageFacts]] = [
    lambda facts: replace(facts, signed=True), lambda facts: replace(facts, encrypted=True), lambda facts: replace(facts, time_stamped=True),
    lambda facts: replace(facts, signer_roles=(*facts.signer_roles, "R9")), lambda facts: replace(facts, recipients=facts.recipients[:1] or facts.recipients),
    lambda facts: replace(facts, confidentiality=facts.confidentiality[1:]),
]


@given(messages=MESSAGE_RULES, facts=FACTS, more=st.sampled_from(MORE))
def test_more_proof_never_turns_a_yes_into_a_no(messages: MessageRules, facts: MessageFacts, more: Callable[[MessageFacts], MessageFacts]) -> None:
    """Nor do fewer recipients and labels."""
    rules = replace(RULES, messages=messages)
    if decide_message(rules, facts).allowed:
        assert decide_message(rules, more(facts)).allowed


@given(messages=MESSAGE_RULES, facts=FACTS, index=st.integers(0, 3))
def test_stricter_rules_never_turn_a_no_into_a_yes(messages: MessageRules, facts: MessageFacts, index: int) -> None:
    """Fewer exchanges, more protection, a stamp, fewer suites."""
    stricter = [
        replace(RULES, messages=messages, exchanges=RULES.exchanges[:1]),
        replace(RULES, messages=messages.model_copy(update={"protection": Protection.SEALED})),
        replace(RULES, messages=messages.model_copy(update={"time_stamp": True})),
        replace(RULES, messages=messages.model_copy(update={"suites": messages.suites[:1]})),
    ][index]
    if decide_message(stricter, facts).allowed:
        assert decide_message(replace(RULES, messages=messages), facts).allowed
