"""The post office: mailboxes and workflows, indexed for the questions that are asked of every message (itk3-messaging 5.2, 5.5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from wardgate.workflows.model import Mailbox, MessageRules, Protection, Workflow

RESPONSE_EVENT: Final = "ITK008M"
"""The event of every response (itk3-messaging 1.5)."""
CLIENT_SUFFIX: Final = "api.mesh-client.nhs.uk"
"""What the names of mailbox clients end with, after a local id and the ODS code (itk3-messaging 5.1)."""


class Obstacle(StrEnum):
    """Why a message may not be posted: the check that failed, with the MESH error of each (itk3-messaging 5.5)."""

    UNREGISTERED = "unregistered-address"
    """There is no such recipient: SEND 12."""
    DEACTIVATED = "deactivated"
    """The recipient's mailbox is not active: SEND 14."""
    SENDER_NOT_ALLOWED = "sender-not-allowed"
    """The sender is not among those of the workflow: SEND 16."""
    NOT_REGISTERED = "workflow-not-registered"
    """The recipient takes no messages of the workflow, or there is none of that name: SEND 17."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Any of these may send to any of those."""

    senders: frozenset[str]
    receivers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for messages with one workflow id: who may send them to whom, and what they must be.

    Several workflows may have their responses on one id, hence several exchanges; the rules are then those of the one that protects most.
    """

    workflow: str
    exchanges: tuple[Exchange, ...]
    messages: MessageRules
    is_response: bool = False
    """The id is that of responses, and no workflow of its own."""

    def sends(self, mailbox: str) -> bool:
        """Return whether the mailbox may send them to anybody."""
        return any(mailbox in exchange.senders for exchange in self.exchanges)

    def carries(self, sender: str, recipient: str) -> bool:
        """Return whether the one may send them to the other."""
        return any(sender in exchange.senders and recipient in exchange.receivers for exchange in self.exchanges)


@dataclass(frozen=True, slots=True)
class PostOffice:
    """Every mailbox and workflow of the environment. Made anew when one changes; asking costs nothing."""

    mailboxes: Mapping[str, Mailbox] = field(default_factory=dict)
    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    rules: Mapping[str, Rules] = field(default_factory=dict, repr=False)
    by_organisation: Mapping[str, tuple[Mailbox, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, mailboxes: Iterable[Mailbox], workflows: Iterable[Workflow], closed: frozenset[str] = frozenset()) -> Self:
        """Make the index of what the manifest states. The mailboxes of the organisations in `closed` are not active."""
        boxes = {mailbox.id: _closed(mailbox, closed) for mailbox in sorted(mailboxes, key=lambda one: one.id)}
        stated = {workflow.id: workflow for workflow in sorted(workflows, key=lambda one: one.id)}
        owned: dict[str, list[Mailbox]] = {}
        for mailbox in boxes.values():
            owned.setdefault(mailbox.organisation.upper(), []).append(mailbox)
        return cls(boxes, stated, _rules(stated.values()), {ods: tuple(found) for ods, found in owned.items()})

    def mailbox(self, mailbox_id: str) -> Mailbox | None:
        """Return a mailbox by its id, in whatever case of letters (itk3-messaging 5.2)."""
        return self.mailboxes.get(mailbox_id.upper())

    def rules_of(self, workflow: str) -> Rules | None:
        """Return what holds for a workflow id, that of responses too; None where nobody stated it."""
        return self.rules.get(workflow)

    def workflows_answered_on(self, workflow: str) -> Sequence[Workflow]:
        """Return the workflows whose responses travel on this id."""
        return [stated for stated in self.workflows.values() if stated.response_id == workflow]

    def may_send(self, sender: str, recipient: str, workflow: str) -> Obstacle | None:
        """Return what stands against a message; None: it may go. Responses go the other way round without being listed."""
        to, rules = self.mailboxes.get(recipient), self.rules.get(workflow)
        if to is None:
            return Obstacle.UNREGISTERED
        if rules is None:
            return Obstacle.NOT_REGISTERED
        if sender not in self.mailboxes or not rules.sends(sender):
            return Obstacle.SENDER_NOT_ALLOWED
        if not rules.carries(sender, recipient):
            return Obstacle.NOT_REGISTERED
        return None if to.active else Obstacle.DEACTIVATED

    def lookup(self, ods: str, workflow: str) -> Sequence[Mailbox]:
        """Return the active mailboxes of an organisation that take messages of a workflow: endpoint look-up."""
        return self._taking(self.by_organisation.get(ods.upper(), ()), workflow)

    def search(self, workflow: str) -> Sequence[Mailbox]:
        """Return every active mailbox that takes messages of a workflow: workflow search."""
        return self._taking(self.mailboxes.values(), workflow)

    def speaks_for(self, certificate_name: str, mailbox_id: str) -> bool:
        """Return whether a client with a certificate of this name may speak for a mailbox (itk3-messaging 5.1).

        That is one the mailbox lists; or, of a mailbox that lists none, any name of a local id, its ODS code and the clients' suffix.
        """
        mailbox, name = self.mailbox(mailbox_id), certificate_name.lower()
        if mailbox is None:
            return False
        if mailbox.certificates:
            return name in mailbox.certificates
        local_id, found, _ = name.partition(f".{mailbox.organisation.lower()}.{CLIENT_SUFFIX}")
        return bool(found and local_id) and name == f"{local_id}{found}" and "." not in local_id

    def _taking(self, mailboxes: Iterable[Mailbox], workflow: str) -> Sequence[Mailbox]:
        rules = self.rules.get(workflow)
        if rules is None:
            return ()
        takers = frozenset[str]().union(*(exchange.receivers for exchange in rules.exchanges))
        return [mailbox for mailbox in mailboxes if mailbox.active and mailbox.id in takers]


_PROTECTIONS: Final = (Protection.NONE, Protection.SIGNED, Protection.SEALED)


def _strength(messages: MessageRules) -> tuple[int, bool]:
    return _PROTECTIONS.index(messages.protection), messages.time_stamp


def response_rules(messages: MessageRules) -> MessageRules:
    """Return what responses to a workflow's messages must be: protected alike, and about nothing but the message they answer."""
    return messages.model_copy(update={
        "events": (RESPONSE_EVENT,), "document_types": (), "confidentiality": (), "signer_roles": (), "full_ack": False,
    })


def _closed(mailbox: Mailbox, closed: frozenset[str]) -> Mailbox:
    return mailbox.model_copy(update={"active": False}) if mailbox.organisation in closed else mailbox


def _rules(workflows: Iterable[Workflow]) -> dict[str, Rules]:
    """Each id's rules. Where a workflow is stated under the id of another's responses, its own rules hold for both."""
    found: dict[str, Rules] = {}
    answered: dict[str, list[Workflow]] = {}
    for workflow in workflows:
        found[workflow.id] = Rules(workflow.id, (Exchange(frozenset(workflow.senders), frozenset(workflow.receivers)),), workflow.messages)
        if workflow.response_id is not None:
            answered.setdefault(workflow.response_id, []).append(workflow)
    for response_id, requests in answered.items():
        exchanges = tuple(exchange for request in requests for exchange in _responses(request))
        own = found.get(response_id)
        if own is None:
            found[response_id] = Rules(response_id, exchanges, response_rules(max((one.messages for one in requests), key=_strength)), is_response=True)
        else:
            found[response_id] = Rules(response_id, (*own.exchanges, *exchanges), own.messages)
    return found


def _responses(request: Workflow) -> Iterable[Exchange]:
    """Receivers answer senders; where a business response is answered itself, senders do on the same id (itk3-messaging 1.7)."""
    senders, receivers = frozenset(request.senders), frozenset(request.receivers)
    yield Exchange(receivers, senders)
    if request.messages.full_ack:
        yield Exchange(senders, receivers)
