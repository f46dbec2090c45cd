"""What a message's workflow asks of it: asked before anything is sealed, and of what was opened (itk3-messaging 6)."""

from dataclasses import replace
from typing import Final

from wardgate.exchange.errors import MessageRefused
from wardgate.itk3 import DocumentFacts, Original
from wardgate.sealing.model import Opened, Suite
from wardgate.workflows.decide import MessageFacts, decide_message
from wardgate.workflows.model import Protection
from wardgate.workflows.post_office import PostOffice, Rules

MADE: Final = (Suite.MODERN, Suite.CMS, Suite.XML, Suite.DETACHED)
"""Suites that are made; ITK2's are only opened."""


def check(rules: Rules | None, facts: MessageFacts, original: Original | None = None) -> tuple[str, ...]:
    """Return what held. Raises `MessageRefused`."""
    decision = decide_message(rules, facts)
    if decision.refusal is not None:
        raise MessageRefused(decision.refusal, original=original)
    return decision.proved


def planned(rules: Rules | None, facts: MessageFacts, *, stamps: bool, role: str | None) -> MessageFacts:
    """Return the facts of a message with the seal that it will get: the first that the workflow lists and that protects enough."""
    suite = suite_for(rules)
    if suite is None:
        return facts
    clear = suite is Suite.DETACHED or (suite is Suite.XML and not wants_encryption(rules))
    return replace(facts, suite=suite, signed=True, encrypted=not clear, time_stamped=stamps, signer_roles=(role,) if role else ())


def suite_for(rules: Rules | None) -> Suite | None:
    """Return how a message of the workflow is sealed; None: not at all."""
    if rules is None or rules.messages.protection is Protection.NONE:
        return None
    fit = [suite for suite in rules.messages.suites if suite in MADE and not (suite is Suite.DETACHED and wants_encryption(rules))]
    return fit[0] if fit else Suite.MODERN


def wants_encryption(rules: Rules | None) -> bool:
    """Whether the workflow's messages are encrypted."""
    return rules is not None and rules.messages.protection is Protection.SEALED


def facts_of(sender: str, recipient: str, workflow: str, event: str, document: DocumentFacts, opened: Opened | None = None) -> MessageFacts:
    """Return what is known of a message; of one that was opened, what was proved."""
    facts = MessageFacts(sender, (recipient,), workflow, event, document.type, document.confidentiality)
    if opened is None:
        return facts
    return replace(
        facts, suite=opened.suite, signed=bool(opened.signatures), encrypted=opened.encrypted,
        time_stamped=bool(opened.signatures) and all(signed.time_stamped_at is not None for signed in opened.signatures),
        signer_roles=tuple(signed.statement.role for signed in opened.signatures if signed.statement.role),
    )


def is_served(office: PostOffice, mailbox: str) -> bool:
    """Whether messages are exchanged with a mailbox at all: not with one that is suspended, or whose organisation is closed."""
    found = office.mailbox(mailbox) if mailbox else None
    return bool(mailbox) and (found is None or found.active)


def organisation_of(office: PostOffice, mailbox: str) -> str:
    """Return whose a mailbox is; empty where nobody stated it."""
    found = office.mailbox(mailbox)
    return found.organisation if found is not None else ""
