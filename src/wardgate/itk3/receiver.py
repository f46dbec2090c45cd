"""Whether a message is for us, from somebody we know: checks of a receiver with a directory at hand (itk3-messaging 1.6 FHIR-RR-01)."""

from collections.abc import Callable
from dataclasses import dataclass

from wardgate.itk3.document import DocumentFacts, document_facts
from wardgate.itk3.errors import NotAccepted, Problem
from wardgate.itk3.model import Message, Party, original


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a receiver knows; None: it does not look, as where general practice look-up by patient is used (1.8)."""

    organisations: frozenset[str] | None = None
    """The ODS codes, of organisations and sites, that it receives for."""
    persons: Callable[[Party], bool] | None = None
    """Whether it receives for a person."""
    senders: Callable[[Party], bool] | None = None
    """Whether it knows a sender."""
    replaceable: Callable[[str], bool] | None = None
    """Whether it can replace the document with this identifier."""

    def is_of(self, party: Party) -> bool:
        """Return whether it receives for an organisation or person, as far as it looks."""
        if party.is_person:
            return self.persons is None or self.persons(party)
        return self.organisations is None or not {party.ods, party.site}.isdisjoint(self.organisations)


def check_receiver(message: Message, receiver: Receiver, facts: DocumentFacts | None = None) -> None:
    """Pass a message that is for us. Raises `NotAccepted` with 20001 to 20003, 20010, 20011 or 20014."""
    facts = facts or document_facts(message.payload, message.version)
    problems = tuple(one for one in (_header(message, receiver), _sender(message, receiver), _recipients(facts, receiver), _replaced(facts, receiver)) if one)
    if problems:
        raise NotAccepted(problems, original(message))


def _header(message: Message, receiver: Receiver) -> Problem | None:
    if message.receiver is None or receiver.is_of(message.receiver):
        return None
    code = "20001" if message.receiver.is_person else "20002"
    return Problem(code, "MessageHeader.receiver", "the message is for somebody else", "not-found")


def _sender(message: Message, receiver: Receiver) -> Problem | None:
    if receiver.senders is None or receiver.senders(message.sender):
        return None
    return Problem("20003", "MessageHeader.sender", "the sender is not known here", "not-found")


def _recipients(facts: DocumentFacts, receiver: Receiver) -> Problem | None:
    """One of the organisations that a document names must be ours, and one of the persons: it may have gone to others as well."""
    for code, is_person in (("20010", False), ("20011", True)):
        named = [party for party in facts.recipients if party.is_person is is_person]
        if named and not any(map(receiver.is_of, named)):
            return Problem(code, "Composition.extension", "the document is for somebody else", "not-found")
    return None


def _replaced(facts: DocumentFacts, receiver: Receiver) -> Problem | None:
    if all(one and (receiver.replaceable is None or receiver.replaceable(one)) for one in facts.replaces):
        return None
    return Problem("20014", "Composition.relatesTo", "the document that it replaces is not named, or not here", "processing")
