"""A smartcard: an X.509 certificate of a worker, presented by mutual TLS. AAL3 at NHS CIS2 (user-restricted 11.3).

    this page     ->  the reader's page, on the port that asks for a certificate (`smartcard_reader`)
                  <-  a proof, in the address
    whose card it is, and a button  ->  the sign-in goes on

The button sends a form of this sign-in, so that nobody is signed in by following a link. The card is judged again then: it may
have been revoked meanwhile.
"""

from dataclasses import dataclass
from typing import Final

from wardgate.audit.model import EventType, Outcome
from wardgate.identities import User
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import SMARTCARDS, Authenticator, acr_reached, strongest
from wardgate.standins.methods.seam import Attempt, NotProved, Question
from wardgate.standins.methods.smartcard_certificate import CardRefused, holder
from wardgate.standins.methods.smartcard_reader import SMARTCARD, proved
from wardgate.standins.record import note
from wardgate.standins.sessions import SignIn
from wardgate.standins.surfaces import Endpoint

_OVER: Final = "The smartcard was read too long ago, or for another sign-in. Present it again."


@dataclass(frozen=True, slots=True)
class Smartcard:
    """The certificate of a person."""

    name: str = SMARTCARD
    label: str = "a smartcard"

    def fits(self, attempt: Attempt) -> bool:
        """At NHS CIS2, where there is a port for it and `acr_values` take a smartcard."""
        if attempt.surface.kind is not ProviderKind.CIS2 or attempt.deps.smartcard_origin is None:
            return False
        names = attempt.transaction.request.acr_names
        return attempt.surface.is_realm or any(acr_reached(card, names) is not None for card in SMARTCARDS)

    async def ask(self, attempt: Attempt) -> Question:
        """Return the page that leads to the reader, or after it the one that says whose card it was."""
        proof = attempt.query.get("proof", "")
        reader = _reader(attempt)
        fingerprint = await proved(attempt.deps, attempt.transaction, proof, take=False) if proof else None
        if fingerprint is None:
            return Question("smartcard.jinja", {"reader": reader, "over": _OVER if proof else ""}, status=400 if proof else 200)
        try:
            user = await holder(attempt.deps, attempt.surface, fingerprint)
        except CardRefused as refused:
            return Question("smartcard.jinja", {"reader": reader, "over": refused.problem}, status=400)
        return Question("smartcard.jinja", {"reader": reader, "user": user}, {"proof": proof})

    async def prove(self, attempt: Attempt) -> SignIn:
        """Return whose card was proved. Raises `NotProved`."""
        proof = attempt.kept(SMARTCARD).get("proof", "")
        fingerprint = await proved(attempt.deps, attempt.transaction, proof, take=True)
        if fingerprint is None:
            raise NotProved(_OVER)
        try:
            user = await holder(attempt.deps, attempt.surface, fingerprint)
        except CardRefused as refused:
            await note(attempt.deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, "sign-in-failed", attempt.surface,
                       attempt.client.client_id, method=SMARTCARD, why=refused.why, fingerprint=fingerprint,
                       revocation_reason=refused.revocation_reason)
            raise NotProved(refused.problem, recorded=True) from None
        return _signed_in(attempt, user)


def _reader(attempt: Attempt) -> str | None:
    """Return the address of the reader's page for this sign-in."""
    origin = attempt.deps.smartcard_origin
    if origin is None or Endpoint.SMARTCARD not in attempt.surface.paths:
        return None
    return f"{attempt.surface.url(origin, Endpoint.SMARTCARD)}?session_code={attempt.transaction.id}"


def _signed_in(attempt: Attempt, user: User) -> SignIn:
    worker = user.worker
    if worker is None:
        raise NotProved(_OVER)
    cards = [one for one in worker.authenticators if one in SMARTCARDS]
    kind: Authenticator = strongest(cards, attempt.transaction.request.acr_names) or cards[0]
    return SignIn(user.username, SMARTCARD, int(attempt.deps.now().timestamp()), authenticator=kind,
                  identity_assurance=worker.identity_assurance_level, role=worker.selected_role)
