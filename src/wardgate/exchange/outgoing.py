"""What goes out: built, judged by its workflow's policy before anything is sealed, kept, then sealed. Sending it is `posting`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wardgate.audit.model import Detail, EventType
from wardgate.exchange.errors import MessageRefused, of_itk3, refused
from wardgate.exchange.kept import keep, let_go, whole
from wardgate.exchange.moving import changed, move
from wardgate.exchange.parts import Parts
from wardgate.exchange.policy import check, facts_of, is_served, organisation_of, planned, suite_for
from wardgate.exchange.record import about, event_of, people
from wardgate.exchange.seal import sealed_body
from wardgate.fhir import Format, Resource, Version
from wardgate.itk3 import (
    DocumentFacts,
    ITK3Error,
    Message,
    Party,
    RecipientType,
    Sending,
    build,
    document_facts,
    owed,
    read,
    write,
)
from wardgate.sealing.model import Sealed
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.workflows.model import Workflow
from wardgate.workflows.post_office import PostOffice, Rules

MEDIA_TYPES: Final = {Format.XML: "application/fhir+xml", Format.JSON: "application/fhir+json"}
KEY_BYTES: Final = 12
_SENT_IN_VAIN: Final = frozenset({Stage.REFUSED, Stage.DROPPED})
DEFAULT_EVENT: Final = "ITK007C"


@dataclass(frozen=True, slots=True)
class Route:
    """From which of our mailboxes to whom, on which workflow."""

    mailbox: str
    to: str
    """A mailbox, or the ODS code of an organisation with one mailbox for the workflow."""
    workflow: str
    role: str | None = None
    """The role that the signer states."""
    on_behalf_of: Mapping[str, Any] | None = field(default=None, repr=False)
    """User and role id of whom it is signed for."""
    form: Format = Format.XML


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a message made of a document says of its handling. None: as the workflow has it."""

    event: str | None = None
    recipient_type: RecipientType = RecipientType.FOR_ACTION
    business_ack: bool | None = None
    infrastructure_ack: bool | None = None
    sender_reference: str = "None"
    definition: str | None = None
    version: Version = Version.STU3


def made_of(parts: Parts, route: Route, document: Resource | Sequence[Resource], wishes: Wishes) -> Message:
    """Return the message that carries a document. Raises `MessageRefused`."""
    office = parts.post_office()
    try:
        route = resolved(office, route)
    except MessageRefused as error:
        not_made(parts, route, error, wishes.event)
        raise
    answered = not one_way(office, route.workflow)
    sending = Sending(
        Party(ods=organisation_of(office, route.mailbox)), route.mailbox, wishes.event or _event(office.rules_of(route.workflow)),
        receiver=Party(ods=organisation_of(office, route.to)), definition=wishes.definition, recipient_type=wishes.recipient_type,
        business_ack=answered if wishes.business_ack is None else wishes.business_ack,
        infrastructure_ack=answered if wishes.infrastructure_ack is None else wishes.infrastructure_ack, sender_reference=wishes.sender_reference,
    )
    try:
        return build(document, sending, now=parts.now(), random=parts.random, version=wishes.version)
    except ITK3Error as error:
        failure = of_itk3(error)
        not_made(parts, route, failure, wishes.event)
        raise failure from None


def not_made(parts: Parts, route: Route, error: MessageRefused, event: str | None = None) -> None:
    """Record the refusal of a message that there is none of: nobody knows its id. Raises `StoreError`."""
    now = parts.now()
    nothing = HandledMessage(parts.random(KEY_BYTES).hex(), Direction.OUT, Stage.BUILT, route.mailbox.upper(), route.to.upper(), route.workflow, "", now, now, event=event or "")
    parts.record([event_of(EventType.MESSAGE_REFUSED, nothing, now, parts.post_office(), refusal=error.refusal, by=parts.by)])


def accepted(parts: Parts, route: Route, message: Message) -> HandledMessage:
    """Keep a message to be sent, and return it at BUILT. Raises `MessageRefused`, of which a record is made, and `StoreError`."""
    office = parts.post_office()
    row = None
    try:
        route = resolved(office, route)
        row = _named(parts, _row(parts, route, message))
        _check(parts, office, row, message)
        content = _written(message, route.form)
    except MessageRefused as error:
        subject = row or _row(parts, route, message)
        parts.record([event_of(EventType.MESSAGE_REFUSED, subject, parts.now(), office, refusal=error.refusal, by=parts.by)])
        raise
    facts = document_facts(message.payload, message.version)
    row = replace(row, content=keep(parts, content))
    parts.store.add(row, event_of(EventType.MESSAGE_BUILT, row, parts.now(), office, about(facts), by=parts.by))
    return row


def resolved(office: PostOffice, route: Route) -> Route:
    """Return the route with mailboxes in it. Raises `MessageRefused`."""
    mailbox, to = route.mailbox.upper(), route.to.upper()
    if office.mailbox(mailbox) is None:
        raise refused("sender-not-allowed", "a mailbox of the manifest", mailbox[:100])
    if office.mailbox(to) is not None:
        return replace(route, mailbox=mailbox, to=to)
    found = office.lookup(to, route.workflow)
    if len(found) != 1:
        expected = "one mailbox of the organisation that takes the workflow" if found else "a mailbox, or an organisation that has one for the workflow"
        raise refused("recipient-not-allowed", expected, f"{to[:100]}: {len(found)}")
    return replace(route, mailbox=mailbox, to=found[0].id)


def seal_it(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    """Seal what was built and is in hand; None: somebody else moved it. Raises `MessageRefused`, `StoreError`."""
    content = whole(parts, mine.content, parts.patience.limits.max_content_bytes)
    message, office = _again(content), parts.post_office()
    facts = _check(parts, office, mine, message)
    media_type = MEDIA_TYPES[_form(content)]
    sealed = sealed_body(parts, mine, message, content, media_type, office.rules_of(mine.workflow))
    chunk = keep(parts, sealed.body) if sealed is not None and sealed.signature is None else mine.content
    ready = changed(
        mine, parts.now(), stage=Stage.SEALED, sealed=chunk, media_type=sealed.media_type if sealed else media_type, attempts=0, due=parts.now(),
        seal=sealed.suite.value if sealed else None, signature=_beside(sealed),
    )
    event = event_of(EventType.MESSAGE_SEALED, ready, parts.now(), office, {**_sealed_by(parts, ready, sealed), **about(facts)}, by=parts.by)
    if move(parts, mine, ready, event):
        return ready
    if chunk is not mine.content:
        let_go(parts, chunk)
    return None


def one_way(office: PostOffice, workflow: str) -> bool:
    """Whether nobody answers messages of the workflow."""
    stated = stated_workflow(office, workflow)
    return stated is not None and stated.response_id is None


def stated_workflow(office: PostOffice, workflow: str) -> Workflow | None:
    """Return the workflow as it is stated; None for one of responses, and one that nobody stated."""
    return office.workflows.get(workflow)


def _row(parts: Parts, route: Route, message: Message) -> HandledMessage:
    office, now = parts.post_office(), parts.now()
    facts = document_facts(message.payload, message.version)
    due = () if one_way(office, route.workflow) else owed(message)
    answers = message.response.identifier if message.response is not None else None
    return HandledMessage(
        parts.random(KEY_BYTES).hex(), Direction.OUT, Stage.BUILT, route.mailbox, route.to, route.workflow, message.message_id, now, now,
        event=message.event, document_id=facts.document_id if answers is None else None, answers=answers, responses_due=tuple(one.value for one in due),
        codes=tuple(issue.code for issue in message.response.issues) if message.response is not None else (), due=now, local_id=message.message_id,
        role=route.role, on_behalf_of=route.on_behalf_of,
    )


def _named(parts: Parts, row: HandledMessage) -> HandledMessage:
    """Return the message by a name of its own at the mailbox server. Raises `MessageRefused` for one that went to them before.

    Its responses would be taken for the other's. One that was refused or dropped may go again. Of two at one moment the recipient takes one.
    """
    before = [one for one in parts.store.find(row.message_id) if one.direction is Direction.OUT and (one.mailbox, one.message_id) == (row.mailbox, row.message_id)]
    if any(one.peer == row.peer and one.stage not in _SENT_IN_VAIN for one in before):
        raise refused("message-seen", "a message that did not go to them before", "one that did: `wardgate message track`")
    return replace(row, local_id=f"{row.message_id}.{parts.random(4).hex()}") if before else row


def _check(parts: Parts, office: PostOffice, row: HandledMessage, message: Message) -> DocumentFacts:
    """Ask the policy, and see that the message says what its route does. Raises `MessageRefused`."""
    facts, rules = document_facts(message.payload, message.version), office.rules_of(row.workflow)
    if message.endpoint != row.mailbox:
        raise refused("seal-context", f"source.endpoint {row.mailbox}", message.endpoint[:100])
    for mailbox, code in ((row.mailbox, "sender-not-allowed"), (row.peer, "recipient-not-allowed")):
        if not is_served(office, mailbox):
            raise refused(code, "an active mailbox", f"{mailbox}, which is suspended")
    stamps = parts.stamper is not None and rules is not None and rules.messages.time_stamp
    asked = facts_of(row.mailbox, row.peer, row.workflow, message.event, facts)
    check(rules, planned(rules, asked, stamps=stamps, role=row.role))
    return facts


def _written(message: Message, form: Format) -> bytes:
    try:
        return write(message, form)
    except ITK3Error as error:
        raise of_itk3(error) from None


def _again(content: bytes) -> Message:
    try:
        return read(content)
    except ITK3Error as error:
        raise of_itk3(error) from None


def _form(content: bytes) -> Format:
    return Format.JSON if content[:1] == b"{" else Format.XML


def _beside(sealed: Sealed | None) -> str | None:
    return sealed.signature.decode("ascii") if sealed is not None and sealed.signature is not None else None


def _sealed_by(parts: Parts, row: HandledMessage, sealed: Sealed | None) -> dict[str, Detail]:
    if sealed is None:
        return {}
    signer = parts.held.signing_key(sealed.context.sender_ods)
    said: dict[str, Detail] = {"encrypted": sealed.encrypted}
    if signer is not None:
        said |= {"signer_kid": signer.kid, "alg": signer.algorithm}
    return said | (people(row.on_behalf_of) if row.on_behalf_of else {})


def _event(rules: Rules | None) -> str:
    """Return the event that a workflow's messages have: the first that it lists."""
    return rules.messages.events[0] if rules is not None and rules.messages.events else DEFAULT_EVENT


__all__ = ["Route", "Wishes", "accepted", "made_of", "one_way", "resolved", "seal_it", "stated_workflow", "suite_for"]
