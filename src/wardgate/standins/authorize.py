"""The authorization endpoint (OpenID Connect Core section 3.1.2; user-restricted 11.2 and 12.2)."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from wardgate.audit.model import EventType, Outcome
from wardgate.standins import sessions, transactions
from wardgate.standins.asserted_identity import session_of_assertion
from wardgate.standins.authorization_request import AuthorizationRequest, check_request, check_return_address
from wardgate.standins.clients import Client, find_client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import PageRefused, RedirectRefused
from wardgate.standins.faults import of_sign_in, told, with_headers
from wardgate.standins.methods import Attempt
from wardgate.standins.next_step import may_continue
from wardgate.standins.record import note
from wardgate.standins.sessions import Session
from wardgate.standins.steps import advance, first_page
from wardgate.standins.surfaces import Surface
from wardgate.standins.wire import (
    BROWSER_COOKIE,
    SESSION_COOKIE,
    BadParameters,
    cookie,
    form_of,
    origin_of,
    query_of,
    see,
    set_cookie,
)


async def authorize(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Ask the person to sign in, or send them back at once. Raises `PageRefused` where nobody may be sent anywhere."""
    try:  # (1) what is asked
        parameters = query_of(request) if request.method == "GET" else await form_of(request, deps.settings.body_timeout_seconds)
    except BadParameters as bad:
        raise PageRefused.by("idp-parameters-malformed", problem=str(bad)) from None
    client = find_client(deps, surface, parameters.get("client_id", ""))
    address = check_return_address(parameters, client)  # (2) by whom, and where the answer may go
    if client is None:
        raise PageRefused.by("idp-client-unknown")
    origin = origin_of(request, deps.origins())
    try:
        fault = await of_sign_in(surface, request, parameters)
        asked = replace(check_request(parameters, client, surface, address), fault=fault)  # (3) whether it is well asked
        return await _answer(deps, surface, request, client, asked, origin)
    except RedirectRefused as refused:
        return await send_refusal(deps, surface, client, address, parameters.get("state"), origin, refused)


async def _answer(deps: StandIns, surface: Surface, request: Request, client: Client, asked: AuthorizationRequest, origin: str) -> Response:
    session = await sessions.find(deps, surface, cookie(request, SESSION_COOKIE))  # (4) who is here
    if asked.asserted_identity is not None:
        session = await session_of_assertion(deps, surface, asked.asserted_identity) or session
    browser = cookie(request, BROWSER_COOKIE) or deps.secret()
    transaction = transactions.begin(deps, surface, origin, browser, asked)
    if session is None or not may_continue(session, asked, surface, int(deps.now().timestamp())):
        _check_may_ask(asked)
        await transactions.save(deps, transaction)
        answer = await first_page(Attempt(deps, transaction, client, request))
    else:
        answer = await _with_session(deps, transaction, session, client)
    set_cookie(answer, BROWSER_COOKIE, browser, surface, origin)
    return answer


async def _with_session(deps: StandIns, transaction: transactions.Transaction, session: Session, client: Client) -> Response:
    held = replace(transaction, session=session.id)
    await transactions.save(deps, held)
    await sessions.save(deps, session)
    return await advance(deps, held, session, client)


def _check_may_ask(asked: AuthorizationRequest) -> None:
    if "none" in asked.prompts:
        raise RedirectRefused.by("idp-sso-login-required" if asked.asserted_identity is not None else "idp-login-required")


async def send_refusal(
    deps: StandIns, surface: Surface, client: Client, address: str, state: str | None, origin: str, refused: RedirectRefused
) -> Response:
    """Return the redirect that tells the client why not (RFC 6749 section 4.1.2.1)."""
    await note(deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, refused.error, surface, client.client_id, reason=refused.code, **told(refused))
    issuer = surface.issuer(origin) if surface.names_issuer else None
    answer = see(address, {"error": refused.error, "error_description": refused.description,
                           "state": state if refused.code != "idp-state-missing" else None, "iss": issuer})
    return with_headers(answer, refused)
