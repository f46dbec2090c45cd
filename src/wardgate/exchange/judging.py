"""What came in is opened, judged, and delivered or refused, each in one step with the responses that follow (itk3-messaging 1.6, 6).

The order is fixed: the seal; what the message says; its workflow's policy; whether it is for us; whether it was here before. What is refused
was never here: it may come again when what was against it is mended, and nobody is told that a document arrived which did not.
"""

from typing import Final

from wardgate.audit.model import Event, EventType
from wardgate.client.mesh_files import sync_directory, write_whole
from wardgate.exchange.answers import settled
from wardgate.exchange.errors import MessageRefused, of_itk3, refused
from wardgate.exchange.kept import keep, let_go, whole
from wardgate.exchange.moving import changed, later, move
from wardgate.exchange.opened import Arrived
from wardgate.exchange.outgoing import one_way
from wardgate.exchange.parts import Parts
from wardgate.exchange.policy import check, facts_of, is_served, organisation_of
from wardgate.exchange.posting import SIGNATURE_SUFFIX, SIGNATURE_TYPE
from wardgate.exchange.record import about, event_of, proof
from wardgate.exchange.reply import answer_workflow, is_of_responses, reply, wants_full_ack
from wardgate.exchange.unseal import arrived, hint, suite_of
from wardgate.itk3 import SUCCESS, NotAccepted, Original, Owed, Party, Receiver, check_receiver, original, owed
from wardgate.sealing.model import Suite
from wardgate.stores.exchange import HandledMessage, Move, Stage
from wardgate.workflows.model import Protection
from wardgate.workflows.post_office import PostOffice, Rules

MAX_SIGNATURE_BYTES: Final = 65_536
_NO_SIGNATURE, _NO_MESSAGE = "the signature beside it did not come yet", "the message that it is the signature of did not come yet"
SEEN: Final = frozenset({"message-seen", "document-seen"})


def judge(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    """Open what came in and is in hand, and return it as it stands then; None: somebody else moved it. Raises `StoreError`."""
    if _is_signature(mine):
        return _waiting_signature(parts, mine)
    office = parts.post_office()
    rules = office.rules_of(mine.workflow)
    body, beside = b"", None
    try:
        if mine.reason is not None:
            raise refused(mine.reason, "a whole message within the limits", "another")
        body = whole(parts, mine.sealed, parts.patience.limits.max_sealed_bytes)
        if rules is None:
            raise refused("workflow-unknown", "a workflow of the manifest", mine.workflow[:100])
        beside = _beside(parts, mine)
        if beside is None and _awaits_signature(parts, mine, rules, body):
            return later(parts, mine, _NO_SIGNATURE)
        signature = whole(parts, beside.sealed, MAX_SIGNATURE_BYTES).decode("latin-1") if beside is not None else None
        found = arrived(parts, mine, body, signature, rules)
        _check(parts, mine, found, rules)
        with_it = _along(parts, beside, Stage.OPENED)
        return settled(parts, mine, found, with_it) if found.message.is_response else _delivered(parts, mine, found, rules, with_it)
    except MessageRefused as error:
        return _refused(parts, mine, error, error.original or hint(mine, body), rules, _along(parts, beside, Stage.REFUSED))


def _check(parts: Parts, mine: HandledMessage, found: Arrived, rules: Rules) -> None:
    """What was proved is not against the policy, is for us, and was not here before. Raises `MessageRefused`."""
    message, office = found.message, parts.post_office()
    of = original(message)
    if not is_served(office, mine.peer):
        raise refused("sender-not-allowed", "an active mailbox", "a suspended one" if mine.peer else "none", of)
    check(rules, facts_of(mine.peer, mine.mailbox, mine.workflow, message.event, found.facts, found.opened), of)
    ours, theirs = organisation_of(office, mine.mailbox), organisation_of(office, mine.peer)
    receiver = Receiver(organisations=frozenset({ours}), senders=lambda party: _is_of(party, theirs))
    try:
        check_receiver(message, receiver, found.facts)
    except NotAccepted as error:
        raise of_itk3(error) from None
    seen = parts.store.claim_ids(f"{mine.mailbox}/{mine.peer}", message.message_id, found.document_id, mine.key)
    if seen is not None:
        raise refused(seen, "ids that were not here before", "another message had them", of)


def _is_of(party: Party, ods: str) -> bool:
    """A person's organisation is not told; a site's code begins with its organisation's, and one that names both names no other."""
    return party.is_person or not ods or (party.ods == ods if party.ods is not None else (party.site or "").startswith(ods))


def _delivered(parts: Parts, mine: HandledMessage, found: Arrived, rules: Rules, along: tuple[Move, ...]) -> HandledMessage | None:
    message, office, now = found.message, parts.post_office(), parts.now()
    due = owed(message, full_ack=rules.messages.full_ack, one_way=one_way(office, mine.workflow))
    business = tuple(one.value for one in due if one is Owed.BUSINESS)
    stage = Stage.ANSWERED if due and not business else Stage.OPENED
    content = keep(parts, found.content)
    there = changed(
        mine, now, stage=stage, message_id=message.message_id, event=message.event, document_id=found.document_id, responses_due=business,
        codes=(SUCCESS,) if Owed.INFRASTRUCTURE in due else (), due=None, content=content, seal=found.opened.suite.value if found.opened else None,
    )
    then = [reply(parts, there, message, SUCCESS)] if Owed.INFRASTRUCTURE in due else []
    event = event_of(EventType.MESSAGE_OPENED, there, now, office, {**about(found.facts), **proof(found.opened)}, by=parts.by)
    _drop(parts, there, found)
    if move(parts, mine, there, event, then, *along):
        return there
    let_go(parts, content, *(made.content for made, _ in then))
    return None


def _drop(parts: Parts, row: HandledMessage, found: Arrived) -> None:
    """Put the message where files of its workflow are collected. Done again, it is the same file. Raises `OSError`."""
    if parts.drop_directory is None:
        return
    folder = parts.drop_directory / row.workflow
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(folder.parent)
    write_whole(folder / f"{row.key}{'.json' if found.media_type.endswith('json') else '.xml'}", found.content)


def _refused(
    parts: Parts, mine: HandledMessage, error: MessageRefused, of: Original, rules: Rules | None, along: tuple[Move, ...],
) -> HandledMessage | None:
    """Keep nothing but what inspection needs, and tell the sender what it may know."""
    office, now = parts.post_office(), parts.now()
    answered = _owes(office, mine, of)
    kept = mine.sealed if rules is None or rules.messages.keep_refused else None
    there = changed(
        mine, now, stage=Stage.DUPLICATE if error.code in SEEN else Stage.REFUSED, message_id=of.message_id or "", event=of.event or "", reason=error.code,
        codes=(error.response_code,), due=None, responses_due=(), sealed=kept,
    )
    then: list[tuple[HandledMessage, Event]] = [reply(parts, there, of, error.response_code, issue=error.issue)] if answered else []
    event = event_of(
        EventType.MESSAGE_REFUSED, there, now, office, refusal=error.refusal, by=parts.by, itk_code=error.response_code, answered=answered,
    )
    if move(parts, mine, there, event, then, *along):
        if kept is None:
            let_go(parts, mine.sealed)
        return there
    let_go(parts, *(made.content for made, _ in then))
    return None


def _owes(office: PostOffice, mine: HandledMessage, of: Original) -> bool:
    if is_of_responses(office, mine.workflow) or answer_workflow(office, mine.workflow) is None or not is_served(office, mine.peer):
        return False
    return bool(owed(of, refused=True, full_ack=wants_full_ack(office, mine.workflow), one_way=one_way(office, mine.workflow)))


def _is_signature(row: HandledMessage) -> bool:
    return row.media_type.partition(";")[0].strip() == SIGNATURE_TYPE and row.local_id.endswith(SIGNATURE_SUFFIX)


def _beside(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    """Return the signature that came beside a message, as its sender named it."""
    found = parts.store.called(mine.mailbox, mine.peer, mine.local_id + SIGNATURE_SUFFIX) if mine.local_id else ()
    return next((
        row for row in found if _is_signature(row) and row.stage is Stage.RECEIVED and row.sealed is not None and row.workflow == mine.workflow
    ), None)


def _awaits_signature(parts: Parts, mine: HandledMessage, rules: Rules, body: bytes) -> bool:
    needs = Suite.DETACHED in rules.messages.suites and rules.messages.protection is Protection.SIGNED and suite_of(mine.media_type, body) is None
    return needs and parts.now() < mine.created + parts.patience.signature_within


def _along(parts: Parts, beside: HandledMessage | None, stage: Stage) -> tuple[Move, ...]:
    if beside is None:
        return ()
    return (Move(changed(beside, parts.now(), stage=stage, due=None), beside.stage, beside.changed),)


def _waiting_signature(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    """Wait for the message that a signature is beside; one that never comes leaves it refused."""
    now = parts.now()
    if now < mine.created + 2 * parts.patience.signature_within:
        return later(parts, mine, _NO_MESSAGE)
    error = refused("seal-malformed", "the message that the signature is of", "none")
    there = changed(mine, now, stage=Stage.REFUSED, due=None, reason=error.code)
    event = event_of(EventType.MESSAGE_REFUSED, there, now, parts.post_office(), refusal=error.refusal, by=parts.by, answered=False)
    return there if move(parts, mine, there, event) else None
