"""The post office: who may send what to whom, and who is found by look-up."""

import pytest

from wardgate.sealing.model import Suite
from wardgate.workflows.model import Mailbox, MessageRules, Protection, Workflow
from wardgate.workflows.post_office import Obstacle, PostOffice

LETTER, LETTER_ACK = "GPCONNECT_SEND_DOCUMENT", "GPCONNECT_SEND_DOCUMENT_ACK"
SEALED = MessageRules(protection=Protection.SEALED, events=("ITK007C",), document_types=("823681000000100",), signer_roles=("R8000",))
MAILBOXES = (
    Mailbox(id="X26OT001", organisation="X26"), Mailbox(id="RY6OT002", organisation="RY6", certificates=("mesh.ry6.example.nhs.uk",)),
    Mailbox(id="RY6OT003", organisation="RY6", active=False), Mailbox(id="Z9X01", organisation="Z9X"),
)
WORKFLOWS = (
    Workflow(id=LETTER, senders=("X26OT001",), receivers=("RY6OT002", "RY6OT003"), messages=SEALED),
    Workflow(id="BIRTHNOTIFICATION_1", senders=("X26OT001",), receivers=("RY6OT002",), one_way=True),
)
OFFICE = PostOffice.of(MAILBOXES, WORKFLOWS)


@pytest.mark.parametrize(("sender", "recipient", "workflow", "expected"), [
    ("X26OT001", "RY6OT002", LETTER, None),
    ("RY6OT002", "X26OT001", LETTER_ACK, None),
    ("X26OT001", "RY6OT002", "BIRTHNOTIFICATION_1", None),
    ("X26OT001", "NOBODY", LETTER, Obstacle.UNREGISTERED),
    ("X26OT001", "RY6OT003", LETTER, Obstacle.DEACTIVATED),
    ("Z9X01", "RY6OT002", LETTER, Obstacle.SENDER_NOT_ALLOWED),
    ("RY6OT002", "X26OT001", LETTER, Obstacle.SENDER_NOT_ALLOWED),
    ("X26OT001", "RY6OT002", LETTER_ACK, Obstacle.SENDER_NOT_ALLOWED),
    ("NOBODY", "RY6OT002", LETTER, Obstacle.SENDER_NOT_ALLOWED),
    ("X26OT001", "Z9X01", LETTER, Obstacle.NOT_REGISTERED),
    ("X26OT001", "RY6OT002", "NO_SUCH_WORKFLOW", Obstacle.NOT_REGISTERED),
    ("RY6OT002", "X26OT001", "BIRTHNOTIFICATION_1_ACK", Obstacle.NOT_REGISTERED),
])
def test_who_may_send_what_to_whom(sender: str, recipient: str, workflow: str, expected: Obstacle | None) -> None:
    """Each message may go, or meets the one obstacle of its row."""
    assert OFFICE.may_send(sender, recipient, workflow) is expected


def test_responses_keep_the_protection_and_none_of_the_content_rules() -> None:
    """A response to a sealed workflow is sealed, is a response, and has neither document nor role."""
    rules = OFFICE.rules_of(LETTER_ACK)
    assert rules is not None
    assert rules.is_response
    assert rules.messages == MessageRules(protection=Protection.SEALED, suites=(Suite.MODERN,), events=("ITK008M",))
    assert [one.id for one in OFFICE.workflows_answered_on(LETTER_ACK)] == [LETTER]


def test_a_business_response_is_answered_where_the_workflow_says_so() -> None:
    """With `full_ack` the sender may use the workflow of responses as well."""
    office = PostOffice.of(MAILBOXES, [WORKFLOWS[0].model_copy(update={"messages": MessageRules(full_ack=True)})])
    assert office.may_send("X26OT001", "RY6OT002", LETTER_ACK) is None


def test_a_workflow_of_responses_that_is_stated_itself_has_its_own_rules() -> None:
    """Its senders may send, and so may those who answer; its own rules hold for both."""
    own = Workflow(id=LETTER_ACK, senders=("Z9X01",), receivers=("X26OT001",), messages=MessageRules(protection=Protection.SIGNED))
    office = PostOffice.of(MAILBOXES, [*WORKFLOWS, own])
    assert office.may_send("Z9X01", "X26OT001", LETTER_ACK) is office.may_send("RY6OT002", "X26OT001", LETTER_ACK) is None
    rules = office.rules_of(LETTER_ACK)
    assert rules is not None
    assert rules.messages.protection is Protection.SIGNED
    assert not rules.is_response


def test_workflows_that_share_their_responses_have_the_strongest_protection_for_them() -> None:
    """Whatever order they are stated in: a workflow of less protection does not take it from another's responses."""
    plain = Workflow(id="A", senders=("X26OT001",), receivers=("RY6OT002",), acknowledgement="ACK")
    sealed = plain.model_copy(update={"id": "B", "messages": MessageRules(protection=Protection.SEALED, time_stamp=True)})
    for stated in ([plain, sealed], [sealed.model_copy(update={"id": "A"}), plain.model_copy(update={"id": "B"})]):
        rules = PostOffice.of(MAILBOXES, stated).rules_of("ACK")
        assert rules is not None
        assert (rules.messages.protection, rules.messages.time_stamp) == (Protection.SEALED, True)


def test_workflows_that_share_their_responses_do_not_let_strangers_answer() -> None:
    """Who received the one workflow answers its senders, not those of the other."""
    first = Workflow(id="A", senders=("X26OT001",), receivers=("RY6OT002",), acknowledgement="ACK")
    second = Workflow(id="B", senders=("Z9X01",), receivers=("X26OT001",), acknowledgement="ACK")
    office = PostOffice.of(MAILBOXES, [first, second])
    assert office.may_send("RY6OT002", "X26OT001", "ACK") is None
    assert office.may_send("RY6OT002", "Z9X01", "ACK") is Obstacle.NOT_REGISTERED


def test_look_up_and_search_find_active_takers_only() -> None:
    """A mailbox that is not active, or does not take the workflow, is not found."""
    assert [one.id for one in OFFICE.lookup("ry6", LETTER)] == ["RY6OT002"]
    assert [one.id for one in OFFICE.lookup("X26", LETTER_ACK)] == ["X26OT001"]
    assert [one.id for one in OFFICE.search(LETTER)] == ["RY6OT002"]
    assert [*OFFICE.lookup("X26", LETTER), *OFFICE.lookup("NONE", LETTER), *OFFICE.search("NO_SUCH_WORKFLOW")] == []


@pytest.mark.parametrize(("name", "mailbox", "expected"), [
    ("system-7.x26.api.mesh-client.nhs.uk", "X26OT001", True),
    ("SYSTEM-7.X26.API.MESH-CLIENT.NHS.UK", "x26ot001", True),
    ("mesh.ry6.example.nhs.uk", "RY6OT002", True),
    ("system-7.ry6.api.mesh-client.nhs.uk", "RY6OT002", False),
    ("system-7.ry6.api.mesh-client.nhs.uk", "X26OT001", False),
    ("x26.api.mesh-client.nhs.uk", "X26OT001", False),
    (".x26.api.mesh-client.nhs.uk", "X26OT001", False),
    ("a.b.x26.api.mesh-client.nhs.uk", "X26OT001", False),
    ("a.x26.api.mesh-client.nhs.uk.example.org", "X26OT001", False),
    ("a.x26.api.mesh-client.nhs.uk.x26.api.mesh-client.nhs.uk", "X26OT001", False),
    ("system-7.x26.api.mesh-client.nhs.uk", "NOBODY", False),
])
def test_which_certificates_speak_for_a_mailbox(name: str, mailbox: str, expected: bool) -> None:
    """A name it lists, or of its organisation's clients where it lists none."""
    assert OFFICE.speaks_for(name, mailbox) is expected
