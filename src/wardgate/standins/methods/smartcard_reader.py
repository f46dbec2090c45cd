"""The page on the port that asks for a certificate: reads the card, and sends the person back with a proof of it.

It is reached through Envoy's smartcard listener and through no other: the door names the listener in a header that no caller
can send, and Envoy replaces whatever a caller says of a certificate. The browser's cookies may not come along to this port, and
need not: the proof is a secret that only this browser is given, good once, for a short while and for one sign-in, and the sign-in
goes on at its own address in its own browser only.
"""

from json import dumps, loads
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from wardgate.audit.model import EventType, Outcome
from wardgate.pki.errors import MalformedXFCC
from wardgate.pki.xfcc import presented_certificate
from wardgate.standins import transactions
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import PageRefused
from wardgate.standins.methods.smartcard_certificate import CardRefused, holder
from wardgate.standins.pages import page
from wardgate.standins.record import note
from wardgate.standins.surfaces import Endpoint, Surface
from wardgate.standins.transactions import Transaction
from wardgate.standins.wire import ALWAYS, NEVER_CACHED, BadParameters, json_answer, query_of
from wardgate.stores.ports import KeptEntry

SMARTCARD: Final = "smartcard"
LISTENER_HEADER: Final = "x-wardgate-listener"
CERTIFICATE_HEADER: Final = "x-forwarded-client-cert"
PROOF_SECONDS: Final = 120
_MISSING: Final = (
    "The browser presented no certificate. Insert the smartcard, or install its certificate and key in the browser, close the "
    "browser's window if it was asked before, and try again.")
_UNREADABLE: Final = "The certificate cannot be read."


async def read_card(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Judge the certificate that TLS verified the key of. 404 on every other port."""
    if request.headers.getlist(LISTENER_HEADER) != [SMARTCARD]:
        return json_answer({"error": "invalid_request", "error_description": "Not Found"}, 404)
    try:
        query = query_of(request)
    except BadParameters as bad:
        raise PageRefused.by("idp-parameters-malformed", problem=str(bad)) from None
    transaction = await transactions.begun(deps, surface, query.get("session_code"))
    fingerprint: str | None = None
    try:
        fingerprint = _fingerprint(request)
        user = await holder(deps, surface, fingerprint)
    except CardRefused as refused:
        await note(deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, "sign-in-failed", surface, transaction.request.client_id,
                   method=SMARTCARD, why=refused.why, fingerprint=fingerprint, revocation_reason=refused.revocation_reason)
        return page("smartcard_refused.jinja", 403, surface=surface, refusal=refused.problem, again=str(request.url.query),
                    back=_back(transaction))
    proof = deps.secret()
    body = dumps({"transaction": transaction.id, "username": user.username, "fingerprint": fingerprint})
    await deps.keep(KeptEntry(proof_entry(proof), body, deps.until(PROOF_SECONDS)))
    return RedirectResponse(f"{_back(transaction)}&proof={proof}", 303, {**ALWAYS, **NEVER_CACHED})


async def proved(deps: StandIns, transaction: Transaction, proof: str, *, take: bool) -> str | None:
    """Return the fingerprint of the card that was proved for this sign-in; `take` uses the proof up, which one caller can do."""
    entry = await (deps.take if take else deps.kept_entry)(proof_entry(proof)) if 0 < len(proof) <= 200 else None
    body = loads(entry.body) if entry is not None else {}
    return str(body["fingerprint"]) if body.get("transaction") == transaction.id else None


def proof_entry(proof: str) -> str:
    """Return under which id a proof is kept."""
    return f"smartcard/{proof}"


def _fingerprint(request: Request) -> str:
    """Return the fingerprint of the one certificate that Envoy tells of. Raises `CardRefused`."""
    told = request.headers.getlist(CERTIFICATE_HEADER)
    if not told:
        raise CardRefused("certificate-missing", _MISSING)
    if len(told) != 1:
        raise CardRefused("certificate-unreadable", _UNREADABLE)
    try:
        return presented_certificate(told[0]).fingerprint
    except MalformedXFCC:
        raise CardRefused("certificate-unreadable", _UNREADABLE) from None


def _back(transaction: Transaction) -> str:
    """Return where the sign-in goes on: at its own address."""
    return f"{transaction.surface.url(transaction.origin, Endpoint.SIGN_IN)}?session_code={transaction.id}&method={SMARTCARD}"
