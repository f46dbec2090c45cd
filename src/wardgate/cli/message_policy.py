"""The workflow's policy, asked by commands on files: before anything is sealed, and of what was opened (itk3-messaging 6)."""

from dataclasses import replace

from wardgate.audit.model import Detail
from wardgate.cli.message_desk import Desk
from wardgate.itk3 import DocumentFacts
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Context, Opened
from wardgate.workflows.decide import MessageFacts, decide_message


def check_policy(desk: Desk, facts: MessageFacts, document: DocumentFacts) -> tuple[str, ...]:
    """Return what held; nothing was asked where there is no installation. Each type that the document has must be allowed. Raises `SealRefused`."""
    if desk.office is None:
        return ()
    proved: tuple[str, ...] = ()
    for kind in document.types or (None,):
        decision = decide_message(desk.office.rules_of(facts.workflow), replace(facts, document_type=kind))
        if decision.refusal is not None:
            raise SealRefused(decision.refusal.reason.code, decision.refusal.expected, decision.refusal.received)
        proved = decision.proved
    return proved


def facts_of(context: Context, document: DocumentFacts, opened: Opened | None = None) -> MessageFacts:
    """Return what is known of a message; of one that was opened, what was proved."""
    facts = MessageFacts(context.sender, context.recipients, context.workflow, context.event, confidentiality=document.confidentiality)
    if opened is None:
        return facts
    signatures = opened.signatures
    return replace(
        facts, suite=opened.suite, signed=bool(signatures), encrypted=opened.encrypted,
        time_stamped=bool(signatures) and all(signed.time_stamped_at is not None for signed in signatures),
        signer_roles=tuple(signed.statement.role for signed in signatures if signed.statement.role),
    )


def of_context(context: Context) -> dict[str, Detail]:
    """Return what the record says of where a message comes from and goes to."""
    return {"mailbox": context.sender, "mailbox_ods": context.sender_ods, "peer": " ".join(context.recipients), "workflow": context.workflow,
            "event": context.event, "document_id": context.document_id}
