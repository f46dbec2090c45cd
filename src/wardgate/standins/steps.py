"""The pages of a sign-in and what their forms do. Every form has a token of its transaction, except the first one."""

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from wardgate.audit.model import EventType, Outcome
from wardgate.refusals.faults import Moment
from wardgate.standins import sessions, transactions
from wardgate.standins.clients import Client, find_client
from wardgate.standins.codes import send_back
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import PageRefused, RedirectRefused
from wardgate.standins.faults import carried, told, with_headers
from wardgate.standins.logout import end_session
from wardgate.standins.methods import FIRST, Attempt, Method, NotProved, Question, method_of, offered
from wardgate.standins.next_step import Progress, level_asked, next_step, role_to_tell
from wardgate.standins.pages import question_page, step_page
from wardgate.standins.record import note
from wardgate.standins.sessions import Session, SignIn
from wardgate.standins.surfaces import Endpoint, Surface
from wardgate.standins.transactions import Transaction
from wardgate.standins.wire import (
    BROWSER_COOKIE,
    SESSION_COOKIE,
    BadParameters,
    cookie,
    form_of,
    query_of,
    see,
    set_cookie,
)

HELPER_FIELDS: Final = frozenset({"username", "login", "credentialId", "password"})
"""What the platform's test helpers post: a form with nothing else needs no token (user-restricted 13). It is bound to the
browser by its cookie and to the sign-in by its address, so another site cannot send it."""
NOT_CHOSEN: Final = {
    Endpoint.ROLE: "Choose a role", Endpoint.CONSENT: "Choose whether to agree",
    Endpoint.IDENTITY_CHECK: "Choose how the identity check ends",
}
"""What is said of a form that chooses nothing, or something that was not offered."""


async def step(deps: StandIns, surface: Surface, endpoint: Endpoint, request: Request) -> Response:
    """Show the page of a step, or take its form."""
    try:
        query = query_of(request)
        form = await form_of(request, deps.settings.body_timeout_seconds) if request.method == "POST" else None
    except BadParameters as bad:
        raise PageRefused.by("idp-parameters-malformed", problem=str(bad)) from None
    transaction = await transactions.find(deps, surface, query.get("session_code"), cookie(request, BROWSER_COOKIE))
    client = find_client(deps, surface, transaction.request.client_id)
    if client is None or transaction.request.redirect_uri not in client.redirect_uris:
        raise PageRefused.by("idp-client-gone")
    try:
        if endpoint is Endpoint.SIGN_IN:
            return await _sign_in(Attempt(deps, transaction, client, request, query, form or {}))
        return await _later(deps, transaction, client, endpoint, query, form)
    except RedirectRefused as refused:
        await transactions.finish(deps, transaction)
        return await _tell(deps, transaction, client, refused)


async def advance(deps: StandIns, transaction: Transaction, session: Session, client: Client) -> Response:
    """Show what is still to be asked, or send the person back. Raises `RedirectRefused`."""
    user = deps.identities().person(transaction.surface.kind, session.sign_in.username)
    if user is None:
        raise RedirectRefused.by("idp-person-gone")
    await carried(Moment.PROVIDER, transaction.surface, user, transaction.request.fault)
    progress = Progress(transaction, session, user)
    page = next_step(progress)
    if page is not None:
        answer = step_page(page, progress, client, "")
        set_cookie(answer, SESSION_COOKIE, session.id, transaction.surface, transaction.origin)
        return answer
    await transactions.finish(deps, transaction)
    role = role_to_tell(progress)
    if role is not None and session.sign_in.role is None:
        progress = replace(progress, session=replace(session, sign_in=replace(session.sign_in, role=role)))
    await sessions.save(deps, progress.session)
    return await send_back(deps, progress, client)


async def first_page(attempt: Attempt) -> Response:
    """Return the page that a sign-in begins with, or the first page of the way to sign in that its address names."""
    try:
        method = method_of(attempt.query)
    except NotProved as wrong:
        return await _show(attempt, FIRST, await FIRST.ask(attempt), problem=wrong.problem)
    return await _show(attempt, method, await method.ask(attempt))


async def _show(attempt: Attempt, method: Method, question: Question, problem: str | None = None) -> Response:
    """Keep what the question wants kept, and show its page."""
    asked = {**question.kept, "method": method.name} if question.kept else None
    if asked != attempt.transaction.asked:
        await transactions.save(attempt.deps, replace(attempt.transaction, asked=asked))
    others = [(other.name, other.label) for other in offered(attempt) if other is not method]
    status = 400 if problem is not None and question.status == 200 else question.status
    return question_page(attempt.transaction, attempt.client, question.template, question.values, method=method.name, status=status,
                         problem=problem, others=others)


async def _sign_in(attempt: Attempt) -> Response:
    deps, transaction, client, form = attempt.deps, attempt.transaction, attempt.client, attempt.form
    if attempt.request.method != "POST":
        return await first_page(attempt)
    if not set(form) <= HELPER_FIELDS:
        transactions.check_form(transaction, dict(form))
    method = FIRST
    try:
        method = method_of(form)
        proved = await method.prove(attempt)
    except NotProved as wrong:
        if not wrong.recorded:
            await note(deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, "sign-in-failed", transaction.surface, client.client_id,
                       method=method.name)
        return await _show(attempt, method, wrong.again or await method.ask(attempt), problem=wrong.problem)
    if isinstance(proved, Question):
        return await _show(attempt, method, proved)
    return await _signed_in(attempt, proved)


async def _signed_in(attempt: Attempt, sign_in: SignIn) -> Response:
    deps, transaction, client = attempt.deps, attempt.transaction, attempt.client
    consent = attempt.form.get("consent")
    if consent == "refused":
        raise RedirectRefused.by("idp-consent-refused")
    session = await _session_after(deps, transaction.surface, cookie(attempt.request, SESSION_COOKIE), sign_in)
    if consent == "given":
        session = replace(session, consents=tuple(dict.fromkeys((*session.consents, client.client_id))))
        await sessions.save(deps, session)
    held = replace(transaction, session=session.id, role_chosen=False, asked=None)
    await transactions.save(deps, held)
    return await advance(deps, held, session, client)


async def _session_after(deps: StandIns, surface: Surface, known: str | None, sign_in: SignIn) -> Session:
    """The same person's session goes on, stronger or fresher; another person's ends before the new one begins.

    It goes on under a new cookie, for whoever planted the one before in this browser must not gain by the sign-in: the one before
    is worth what it was.
    """
    before = await sessions.find(deps, surface, known)
    if before is not None and before.sign_in.username == sign_in.username:
        again = replace(before, id=deps.secret(), sign_in=sign_in)
        if await sessions.save(deps, again):
            return again
    elif before is not None:
        await end_session(deps, surface, before)
    return await sessions.start(deps, surface, sign_in)


async def _later(
    deps: StandIns, transaction: Transaction, client: Client, endpoint: Endpoint, query: dict[str, str], form: dict[str, str] | None
) -> Response:
    session = await sessions.find(deps, transaction.surface, transaction.session)
    if session is None:
        raise PageRefused.by("idp-not-signed-in")
    user = deps.identities().person(transaction.surface.kind, session.sign_in.username)
    if user is None:
        raise RedirectRefused.by("idp-person-gone")
    progress = Progress(transaction, session, user)
    if next_step(progress) is not endpoint:
        return await advance(deps, transaction, session, client)
    if form is None:
        return step_page(endpoint, progress, client, query.get("q", ""))
    transactions.check_form(transaction, form)
    held, changed = _take(endpoint, progress, form)
    if held is None or changed is None:
        return step_page(endpoint, progress, client, query.get("q", ""), problem=NOT_CHOSEN[endpoint])
    await transactions.save(deps, held)
    await sessions.save(deps, changed)
    return await advance(deps, held, changed, client)


def _take(endpoint: Endpoint, progress: Progress, form: dict[str, str]) -> tuple[Transaction | None, Session | None]:
    """Return the sign-in and the session as the form changes them, None for a form that chooses nothing offered."""
    transaction, session = progress.transaction, progress.session
    choice = form.get("choice")
    match endpoint, choice:
        case (Endpoint.CONSENT, "agree"):
            return transaction, replace(session, consents=(*session.consents, transaction.request.client_id))
        case (Endpoint.CONSENT, "refuse"):
            raise RedirectRefused.by("idp-consent-refused")
        case (Endpoint.IDENTITY_CHECK, "passed"):
            return transaction, replace(session, sign_in=replace(session.sign_in, proofing=level_asked(progress)))
        case (Endpoint.IDENTITY_CHECK, "failed"):
            raise RedirectRefused.by("idp-identity-check-failed")
        case (Endpoint.ROLE, str()) if progress.user.worker is not None:
            if choice not in {role.person_roleid for role in progress.user.worker.roles}:
                return None, None
            return replace(transaction, role_chosen=True), replace(session, sign_in=replace(session.sign_in, role=choice))
        case _:
            return None, None


async def _tell(deps: StandIns, transaction: Transaction, client: Client, refused: RedirectRefused) -> Response:
    surface, request = transaction.surface, transaction.request
    await note(deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, refused.error, surface, client.client_id, reason=refused.code, **told(refused))
    issuer = surface.issuer(transaction.origin) if surface.names_issuer else None
    answer = see(request.redirect_uri, {
        "error": refused.error, "error_description": refused.description,
        "state": request.state if refused.code != "idp-state-missing" else None, "iss": issuer})
    return with_headers(answer, refused)
