"""Signing out: at the provider's own page, and at every client that is told (user-restricted 11.8).

RP-Initiated Logout 1.0. The clients are told by `logout_delivery`.
"""

from collections.abc import Mapping, Sequence
from hmac import compare_digest, digest
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from wardgate.audit.model import EventType, Outcome
from wardgate.standins import sessions
from wardgate.standins.clients import Client, find_client
from wardgate.standins.delegation import own_token
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import PageRefused
from wardgate.standins.logout_delivery import Letter, letters, parcel
from wardgate.standins.pages import logout_page, signed_out_page
from wardgate.standins.record import note
from wardgate.standins.sessions import Session
from wardgate.standins.surfaces import Endpoint, Surface
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
from wardgate.stores.ports import KeptEntry, Parcel

REPEATED: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
"""Parameters that the page carries from its address to its form."""


async def logout(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Sign out: at once with an ID token of this session, else after asking (RP-Initiated Logout section 2)."""
    try:
        parameters = query_of(request) if request.method == "GET" else await form_of(request, deps.settings.body_timeout_seconds)
    except BadParameters as bad:
        raise PageRefused.by("idp-parameters-malformed", problem=str(bad)) from None
    hint = await own_token(deps, surface, parameters["id_token_hint"]) if "id_token_hint" in parameters else None
    if "id_token_hint" in parameters and hint is None:
        raise PageRefused.by("idp-hint-invalid")
    client = _client(deps, surface, parameters, hint.claims if hint is not None else {})
    address = _return_address(parameters, client)
    origin = origin_of(request, deps.origins())
    session = await sessions.find(deps, surface, cookie(request, SESSION_COOKIE))
    if session is not None and not _is_confirmed(session, parameters, hint.claims if hint is not None else {}):
        hidden = [(name, parameters[name]) for name in REPEATED if name in parameters]
        user = deps.identities().person(surface.kind, session.sign_in.username)
        name = user.name if user is not None else session.sign_in.username
        return logout_page(surface, surface.url(origin, Endpoint.LOGOUT), _csrf(session), hidden, name)
    if session is not None:
        await end_session(deps, surface, session)
    answer = see(address, {"state": parameters.get("state")}) if address is not None else signed_out_page(surface)
    if cookie(request, SESSION_COOKIE) is not None:  # another site's form comes without it, and must not make the browser lose it
        forget_cookie(answer, SESSION_COOKIE, surface, origin)
    return answer


def _client(deps: StandIns, surface: Surface, parameters: Mapping[str, str], claims: Mapping[str, Any]) -> Client | None:
    named, hinted = parameters.get("client_id"), claims.get("aud")
    if named is not None and hinted is not None and named != hinted:
        raise PageRefused.by("idp-hint-of-another-client")
    client_id = named or hinted
    return find_client(deps, surface, client_id) if type(client_id) is str else None


def _return_address(parameters: Mapping[str, str], client: Client | None) -> str | None:
    """RP-Initiated Logout section 3: only a registered address of a known client."""
    address = parameters.get("post_logout_redirect_uri")
    if address is not None and (client is None or address not in client.post_logout_redirect_uris):
        raise PageRefused.by("idp-logout-address")
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
    """End everything that came of the sign-in, and have the clients told: both, or neither."""
    told: list[Letter] = []

    def tell(ended: Sequence[KeptEntry]) -> list[Parcel]:
        told[:] = letters(deps, session, ended)
        return [parcel(deps, letter) for letter in told]

    await deps.end(session.login, tell)
    deps.posted.set()
    await note(deps, EventType.STAND_IN_SIGNED_OUT, Outcome.ALLOWED, None, surface, None, session.sign_in.username,
               sid=session.sid, clients=len(told))
