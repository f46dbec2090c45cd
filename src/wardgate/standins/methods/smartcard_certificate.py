"""Whose smartcard a certificate is, and whether it is still good: a table of checks over what our store knows of it.

TLS has proved that the caller holds the certificate's key; its fingerprint says that it is, to the byte, the one we issued. So
nothing is believed of what the certificate itself says: its subject, its end and whether it was revoked are those of the record.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.concurrency import run_in_threadpool

from wardgate.identities import User
from wardgate.oidc.authenticators import SMARTCARDS
from wardgate.standins.dependencies import StandIns
from wardgate.standins.surfaces import Surface
from wardgate.stores.ports import IssuedCertificate

USER: Final = "user"
AUTHORITY: Final = "authority"
"""Whom a record of the certification authority is about (`IssuedCertificate.subject_kind`)."""


class CardRefused(Exception):
    """The card is no good: `why` for records, `problem` for the person, `revocation_reason` as the list says it."""

    def __init__(self, why: str, problem: str, revocation_reason: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.problem = problem
        self.revocation_reason = revocation_reason


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a certificate that was presented. `issuer` is the record of the authority that issued it."""

    record: IssuedCertificate | None
    issuer: IssuedCertificate | None
    user: User | None
    now: datetime


def _known(card: Card) -> bool:
    return card.record is not None


def _of_a_person(card: Card) -> bool:
    return card.record is not None and card.record.subject_kind == USER


def _not_revoked(card: Card) -> bool:
    return card.record is not None and card.record.revoked_at is None


def _issuer_in_force(card: Card) -> bool:
    issuer = card.issuer
    return issuer is not None and issuer.revoked_at is None and card.now < issuer.not_after


def _begun(card: Card) -> bool:
    return card.record is not None and card.record.not_before <= card.now


def _not_over(card: Card) -> bool:
    return card.record is not None and card.now < card.record.not_after


def _of_somebody_here(card: Card) -> bool:
    return card.user is not None


def _has_smartcard(card: Card) -> bool:
    return card.user is not None and card.user.worker is not None and not SMARTCARDS.isdisjoint(card.user.worker.authenticators)


CHECKS: Final[tuple[tuple[str, str, Callable[[Card], bool]], ...]] = (
    ("certificate-unknown", "The certificate was not issued by this Wardgate. Use the smartcard that was issued to you here.", _known),
    ("certificate-not-a-person", "The certificate is that of a system, an application or a server, not of a person.", _of_a_person),
    ("certificate-revoked", "The smartcard was revoked. Ask for a new one.", _not_revoked),
    ("issuer-retired", "The authority that issued the smartcard is no longer trusted. Ask for a new one.", _issuer_in_force),
    ("certificate-not-yet-valid", "The smartcard is not valid yet.", _begun),
    ("certificate-expired", "The smartcard has expired. Ask for a new one.", _not_over),
    ("person-unknown", "The smartcard's holder is not known to this provider any more.", _of_somebody_here),
    ("person-without-smartcard", "The smartcard's holder does not sign in with a smartcard any more.", _has_smartcard),
)
"""What must hold, in order; the word for records, and what the person is told when it does not."""


def check(card: Card) -> User:
    """Return whose card it is. Raises `CardRefused` for the first check that does not hold."""
    for why, problem, holds in CHECKS:
        if not holds(card):
            raise CardRefused(why, problem, card.record.revocation_reason if card.record is not None else None)
    if card.user is None:
        raise CardRefused(*CHECKS[0][:2])  # without the table nobody is let in
    return card.user


async def holder(deps: StandIns, surface: Surface, fingerprint: str) -> User:
    """Return whose card the certificate of this fingerprint is. Raises `CardRefused`."""
    record = _only(await run_in_threadpool(lambda: deps.certificates.find(fingerprint=fingerprint)))
    issuers: Sequence[IssuedCertificate] = ()
    if record is not None:
        name = record.authority
        issuers = await run_in_threadpool(lambda: deps.certificates.find(name=name))
    issuer = _only([one for one in issuers if one.subject_kind == AUTHORITY])
    user = deps.identities().person(surface.kind, record.subject) if record is not None and record.subject_kind == USER else None
    return check(Card(record, issuer, user, deps.now()))


def _only(found: Sequence[IssuedCertificate]) -> IssuedCertificate | None:
    return found[0] if len(found) == 1 else None
