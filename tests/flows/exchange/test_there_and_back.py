"""A letter goes out, is opened, answered twice, and both sides know everything (itk3-messaging 1.7)."""

import pytest

from exchange_world import RECIPIENT, SENDER, WORKFLOW, Exchanging, MessageRules, Protection
from wardgate.fhir import Format
from wardgate.itk3 import read
from wardgate.sealing.model import Suite
from wardgate.stores.exchange import Direction, Stage

SEALS = [
    MessageRules(), MessageRules(protection=Protection.SEALED), MessageRules(protection=Protection.SEALED, suites=(Suite.CMS,)),
    MessageRules(protection=Protection.SEALED, suites=(Suite.XML,)), MessageRules(protection=Protection.SIGNED, suites=(Suite.XML,)),
    MessageRules(protection=Protection.SIGNED, suites=(Suite.DETACHED,)), MessageRules(protection=Protection.SIGNED),
]


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("rules", SEALS, ids=lambda rules: f"{rules.protection}-{rules.suites[0]}")
def test_a_letter_is_delivered_and_answered(two: Exchanging, rules: MessageRules, form: Format) -> None:
    """Sent, opened, answered for the infrastructure at once and for the business by a person."""
    two.rules(rules)
    sent = two.send(form=form)
    assert (sent.stage, sent.responses_due) == (Stage.SENT, ("infrastructure", "business"))
    two.exchange()
    (came,) = [row for row in two.recipient.rows(Direction.IN) if row.message_id == sent.message_id]
    assert (came.stage, came.responses_due, came.peer, came.mailbox, came.workflow) == (Stage.OPENED, ("business",), SENDER, RECIPIENT, WORKFLOW)
    content = two.recipient.handler.content(came)
    assert content == two.sender.handler.content(sent)
    assert read(content).message_id == sent.message_id
    now = two.sender.handler.message(sent.key)
    assert (now.stage, now.responses_due, now.codes) == (Stage.COLLECTED, ("business",), ("20013",))
    two.recipient.handler.acknowledge(came.key, "30001")
    two.exchange()
    now = two.sender.handler.message(sent.key)
    assert (now.stage, now.responses_due, now.codes) == (Stage.ANSWERED, (), ("20013", "30001"))
    assert two.recipient.handler.message(came.key).stage is Stage.ANSWERED
