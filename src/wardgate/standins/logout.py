"""Signing out: at the provider's own page, and at every client that is told (user-restricted 11.8).

RP-Initiated Logout 1.0 and Back-Channel Logout 1.0. A logout token is posted once and, when the client does not take it, again
after each pause; what was not delivered then is recorded.
"""

import asyncio
import logging
from collections.abc import Mapping
from hmac import compare_digest, digest
from json import loads
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from wardgate.audit.model import EventType, Outcome
from wardgate.jose import sign
from wardgate.oauth.users import ProviderKind
from wardgate.standins import sessions
from wardgate.standins.clients import Client, find_client
from wardgate.standins.delegation import own_token
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import PageRefused
from wardgate.standins.pages import logout_page, signed_out_page
from wardgate.standins.record import note
from wardgate.standins.sessions import Session
from wardgate.standins.surfaces import SURFACES, Endpoint, Surface
from wardgate.standins.wire import (
    SESSION_COOKIE,
    BadParameters,
    cookie,
    forget_cookie,
    form_of,
    origin_of,
    query_of,
    see,
)

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SECONDS: Final = 120
REPEATED: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
"""Parameters that the page carries from its address to its form."""

_log = logging.getLogger(__name__)
_deliveries: set[asyncio.Task[None]] = set()
"""Deliveries under way: a task that nobody holds may be collected."""


async def logout(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Sign out: at once with an ID token of this session, else after asking (RP-Initiated Logout section 2)."""
    try:
        parameters = query_of(request) if request.method == "GET" else await form_of(request, deps.settings.body_timeout_seconds)
    except BadParameters as bad:
        raise PageRefused("invalid_request", f"{bad}.") from None
    hint = await own_token(deps, surface, parameters["id_token_hint"]) if "id_token_hint" in parameters else None
    if "id_token_hint" in parameters and hint is None:
        raise PageRefused("invalid_request", "The id_token_hint is not an ID token of this provider.")
    client = _client(deps, surface, parameters, hint.claims if hint is not None else {})
    address = _return_address(parameters, client)
    origin = origin_of(request, deps.origins())
    session = await sessions.find(deps, surface, cookie(request, SESSION_COOKIE))
    if session is not None and not _is_confirmed(session, parameters, hint.claims if hint is not None else {}):
        hidden = [(name, parameters[name]) for name in REPEATED if name in parameters]
        return logout_page(surface, surface.url(origin, Endpoint.LOGOUT), _csrf(session), hidden)
    if session is not None:
        await end_session(deps, surface, session)
    answer = see(address, {"state": parameters.get("state")}) if address is not None else signed_out_page(surface)
    forget_cookie(answer, SESSION_COOKIE, surface, origin)
    return answer


def _client(deps: StandIns, surface: Surface, parameters: Mapping[str, str], claims: Mapping[str, Any]) -> Client | None:
    named, hinted = parameters.get("client_id"), claims.get("aud")
    if named is not None and hinted is not None and named != hinted:
        raise PageRefused("invalid_request", "The client_id is not that of the id_token_hint.")
    client_id = named or hinted
    return find_client(deps, surface, client_id) if type(client_id) is str else None


def _return_address(parameters: Mapping[str, str], client: Client | None) -> str | None:
    """RP-Initiated Logout section 3: only a registered address of a known client."""
    address = parameters.get("post_logout_redirect_uri")
    if address is not None and (client is None or address not in client.post_logout_redirect_uris):
        raise PageRefused("invalid_request", "The post_logout_redirect_uri is not one that the client has registered, to the letter.")
    return address


def _is_confirmed(session: Session, parameters: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    """The client showed a token of this session, or the person pressed the button of our own page."""
    if claims.get("sid") == session.sid:
        return True
    return parameters.get("choice") == "sign-out" and compare_digest(parameters.get("csrf", "").encode(), _csrf(session).encode())


def _csrf(session: Session) -> str:
    """A token that only the holder of the session's cookie is shown."""
    return digest(session.id.encode(), b"sign out", "sha256").hex()


async def end_session(deps: StandIns, surface: Surface, session: Session) -> None:
    """End everything that came of the sign-in, then tell the clients."""
    ended = await deps.end(session.login)
    told = [body for entry in ended if (body := _party(entry.body)) is not None]
    await note(deps, EventType.STAND_IN_SIGNED_OUT, Outcome.ALLOWED, None, surface, None, session.sign_in.username,
               sid=session.sid, clients=len(told))
    for body in told:
        client = find_client(deps, SURFACES[body["base"]], body["party"])
        if client is not None and client.backchannel_logout_uri is not None:
            task = asyncio.create_task(_deliver(deps, SURFACES[body["base"]], session, client, body["origin"], client.backchannel_logout_uri))
            _deliveries.add(task)
            task.add_done_callback(_deliveries.discard)


def _party(text: str) -> dict[str, str] | None:
    if not text.startswith("{"):
        return None
    body = loads(text)
    return body if "party" in body else None


async def _deliver(deps: StandIns, surface: Surface, session: Session, client: Client, origin: str, url: str) -> None:
    """Post the logout token, with retries; record a client that did not take it."""
    for pause in (*deps.settings.logout_pauses_seconds, None):
        try:
            token = await logout_token(deps, surface, session, client, origin)
            status = await deps.deliver(url, {"logout_token": token}, deps.settings.logout_timeout_seconds)
        except (OSError, TimeoutError):
            status = 0
        except Exception:  # noqa: BLE001 - a task has no caller: what went wrong is logged, and tried again
            _log.exception("a logout token could not be delivered")
            status = 0
        if status in {200, 204}:
            return
        if status == 400 or pause is None:  # the client understood and refused, or there is no further attempt
            break
        await asyncio.sleep(pause)
    await note(deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, "logout-not-delivered", surface, client.client_id, sid=session.sid)


async def logout_token(deps: StandIns, surface: Surface, session: Session, client: Client, origin: str) -> str:
    """Return a new logout token: no nonce, and nothing that makes it an ID token (Back-Channel Logout section 2.4)."""
    moment = int(deps.now().timestamp())
    key = await run_in_threadpool(deps.keys[surface.kind].signer, deps.now())
    return sign({
        "iss": surface.issuer(origin), "aud": client.client_id, "sub": _subject(deps, surface, session), "iat": moment,
        "exp": moment + TOKEN_SECONDS, "jti": deps.identifier(), "sid": session.sid, "events": {EVENT: {}},
    }, key)


def _subject(deps: StandIns, surface: Surface, session: Session) -> str:
    user = deps.identities().person(surface.kind, session.sign_in.username)
    if surface.kind is ProviderKind.CIS2 or user is None or user.patient is None:
        return session.sign_in.username
    return user.patient.subject


async def settle() -> None:
    """Wait for the deliveries under way, for an orderly stop."""
    while _deliveries:
        await asyncio.gather(*_deliveries, return_exceptions=True)
