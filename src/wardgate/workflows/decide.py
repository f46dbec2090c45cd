"""The seal policy: whether one message may be exchanged, by the rules of its workflow (itk3-messaging 6; 1.8 for the answers).

The same rules are asked by who seals a message and by who has opened one: the facts are what is going to be made, or what was
proved. More proof of the same message never turns a yes into a no.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wardgate.refusals import Refusal, reason
from wardgate.sealing.model import Suite
from wardgate.workflows.model import Protection
from wardgate.workflows.post_office import Rules

MAX_SHOWN: Final = 100
"""Characters of what was received that a refusal repeats: it is the sender's text."""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What is known of a message. Of one that was opened, `signed`, `encrypted`, `time_stamped` and the roles are what was verified."""

    sender: str
    """The sending mailbox."""
    recipients: tuple[str, ...]
    """Every receiving mailbox."""
    workflow: str
    event: str
    """The code of `MessageHeader.event`."""
    document_type: str | None = None
    """The SNOMED CT code of `Composition.type`; None: it holds no document."""
    confidentiality: tuple[str, ...] = ()
    """Every confidentiality code and security label that it bears."""
    suite: Suite | None = None
    """How it is sealed; None: not at all."""
    signed: bool = False
    encrypted: bool = False
    time_stamped: bool = False
    """A trusted authority saw the signature."""
    signer_roles: tuple[str, ...] = ()
    """The roles that its signers state."""


@dataclass(frozen=True, slots=True)
class MessageDecision:
    """What was decided. A refusal always has a reason; a yes keeps what was proved."""

    allowed: bool
    refusal: Refusal | None = None
    proved: tuple[str, ...] = ()
    """Sentences that held, in the order in which they were checked."""

    def __post_init__(self) -> None:
        if self.allowed == (self.refusal is not None):
            raise ValueError("a decision is either allowed or has a refusal")


Fault = tuple[str, str]
"""What was expected, and what was received."""


def decide_message(rules: Rules | None, facts: MessageFacts) -> MessageDecision:
    """Hold a message against the rules of its workflow; None: nobody stated that workflow. The first check that fails refuses."""
    if rules is None or rules.workflow != facts.workflow:
        return MessageDecision(False, Refusal(reason("workflow-unknown"), "a workflow of the manifest", _shown(facts.workflow)))
    proved: list[str] = []
    for code, fault_of in CHECKS:
        fault = fault_of(rules, facts)
        if fault is not None:
            return MessageDecision(False, Refusal(reason(code), fault[0], _shown(fault[1])), tuple(proved))
        proved.append(reason(code).check)
    return MessageDecision(True, proved=tuple(proved))


def _sender(rules: Rules, facts: MessageFacts) -> Fault | None:
    return None if rules.sends(facts.sender) else ("a sender of the workflow", facts.sender)


def _recipient(rules: Rules, facts: MessageFacts) -> Fault | None:
    if not facts.recipients:
        return "at least one recipient", "none"
    strangers = [name for name in facts.recipients if not rules.carries(facts.sender, name)]
    return ("receivers of the workflow", ", ".join(strangers)) if strangers else None


def _event(rules: Rules, facts: MessageFacts) -> Fault | None:
    return _listed(rules.messages.events, facts.event)


def _document_type(rules: Rules, facts: MessageFacts) -> Fault | None:
    return _listed(rules.messages.document_types, facts.document_type or "no document")


def _confidentiality(rules: Rules, facts: MessageFacts) -> Fault | None:
    allowed = rules.messages.confidentiality
    strangers = [label for label in facts.confidentiality if label not in allowed]
    return (" or ".join(allowed), ", ".join(strangers)) if allowed and strangers else None


def _suite(rules: Rules, facts: MessageFacts) -> Fault | None:
    """A message without a seal is judged by the next two checks."""
    return None if facts.suite is None else _listed(rules.messages.suites, facts.suite)


def _signed(rules: Rules, facts: MessageFacts) -> Fault | None:
    needs = rules.messages.protection is not Protection.NONE
    return ("a signature", "none") if needs and not (facts.signed and facts.suite is not None) else None


def _encrypted(rules: Rules, facts: MessageFacts) -> Fault | None:
    needs = rules.messages.protection is Protection.SEALED
    return ("an encrypted message", "a clear one") if needs and not facts.encrypted else None


def _time_stamped(rules: Rules, facts: MessageFacts) -> Fault | None:
    return ("a time-stamp", "none") if rules.messages.time_stamp and not facts.time_stamped else None


def _role(rules: Rules, facts: MessageFacts) -> Fault | None:
    wanted = rules.messages.signer_roles
    stated = facts.signer_roles if facts.signed else ()
    return (" or ".join(wanted), ", ".join(stated) or "none") if wanted and not set(wanted) & set(stated) else None


def _listed(allowed: tuple[str, ...], received: str) -> Fault | None:
    return (" or ".join(allowed), received) if allowed and received not in allowed else None


CHECKS: Final[tuple[tuple[str, Callable[[Rules, MessageFacts], Fault | None]], ...]] = (
    ("sender-not-allowed", _sender),
    ("recipient-not-allowed", _recipient),
    ("event-not-allowed", _event),
    ("document-type-not-allowed", _document_type),
    ("confidentiality-not-allowed", _confidentiality),
    ("seal-suite-refused", _suite),
    ("seal-signature-missing", _signed),
    ("seal-encryption-missing", _encrypted),
    ("time-stamp-missing", _time_stamped),
    ("signer-role", _role),
)
"""Who, to whom, what, and how it is protected."""




def _shown(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
