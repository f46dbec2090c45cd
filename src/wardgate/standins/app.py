"""The ASGI application: which path is what, and how each kind of refusal is answered."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from wardgate.audit.model import EventType, Outcome
from wardgate.oauth.users import ProviderKind
from wardgate.standins.authorize import authorize
from wardgate.standins.clients import is_served
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import BearerRefused, PageRefused, StandInRefused, TokenRefused
from wardgate.standins.faults import meet, told, with_headers
from wardgate.standins.logout import logout
from wardgate.standins.methods.smartcard_reader import read_card
from wardgate.standins.pages import refusal_page
from wardgate.standins.published import CREDENTIALS_PATH, asset, client_credentials, describe, publish_keys, trustmark
from wardgate.standins.record import note
from wardgate.standins.steps import step
from wardgate.standins.surfaces import ASSETS, PREFIXES, STEPS, Endpoint, Surface, find
from wardgate.standins.token import token
from wardgate.standins.userinfo import change_metadata, refusal, userinfo
from wardgate.standins.wire import ALWAYS, NEVER_CACHED, Gone, json_answer
from wardgate.stores.errors import StoreError

Handler = Callable[[StandIns, Surface, Request], Awaitable[Response]]
HANDLERS: Final[Mapping[tuple[Endpoint, str], Handler]] = {
    (Endpoint.DISCOVERY, "GET"): describe,
    (Endpoint.JWKS, "GET"): publish_keys,
    (Endpoint.TRUSTMARK, "GET"): trustmark,
    (Endpoint.AUTHORIZE, "GET"): authorize,
    (Endpoint.AUTHORIZE, "POST"): authorize,
    (Endpoint.TOKEN, "POST"): token,
    (Endpoint.USERINFO, "GET"): userinfo,
    (Endpoint.USERINFO, "POST"): userinfo,
    (Endpoint.USERINFO, "PATCH"): change_metadata,
    (Endpoint.SMARTCARD, "GET"): read_card,
    (Endpoint.LOGOUT, "GET"): logout,
    (Endpoint.LOGOUT, "POST"): logout,
}
"""What each endpoint does; the pages of a sign-in take GET and POST."""

_log = logging.getLogger(__name__)


class StandInsApp:
    """Believes the Host header as far as it names one of our addresses: listen on a private socket, behind Envoy."""

    def __init__(self, deps: StandIns) -> None:
        self._deps = deps

    def handles(self, path: str) -> bool:
        """Whether the server should send this path here."""
        return path.startswith(PREFIXES) or path == CREDENTIALS_PATH

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one HTTP request; other kinds of connection are not for this application."""
        if scope["type"] != "http":
            raise ValueError(f"not an HTTP request: {scope['type']}")
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except Gone:
            return
        if scope["method"] == "HEAD":
            answer = Response(status_code=answer.status_code, headers=dict(answer.headers))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path, method = request.url.path, "GET" if request.method == "HEAD" else request.method
        if path.startswith(ASSETS):
            return asset(path) or _nothing()
        if path == CREDENTIALS_PATH:
            return await self._credentials(method)
        found = find(path)
        if found is None or not is_served(self._deps, found[0].kind):
            return _nothing()
        try:
            return await self._or_refusal(*found, method, request)
        except Gone:
            raise
        except StoreError as fault:
            _log.error("the store cannot do its work (%s)", fault)
        except Exception:  # noqa: BLE001 - whatever went wrong, the caller gets an answer
            _log.exception("unexpected failure at a stand-in provider")
        unexpected = TokenRefused.by("idp-unexpected")
        return json_answer({"error": unexpected.error, "error_description": unexpected.description}, unexpected.status)

    async def _or_refusal(self, surface: Surface, endpoint: Endpoint, method: str, request: Request) -> Response:
        try:
            await meet(surface, endpoint, request)
            return await self._endpoint(surface, endpoint, method, request)
        except PageRefused as refused:
            await self._record(surface, refused)
            return with_headers(refusal_page(surface, refused.status, refused.description), refused)
        except TokenRefused as refused:
            await self._record(surface, refused)
            return with_headers(json_answer({"error": refused.error, "error_description": refused.description}, refused.status), refused)
        except BearerRefused as refused:
            await self._record(surface, refused)
            return with_headers(refusal(surface, refused), refused)

    async def _endpoint(self, surface: Surface, endpoint: Endpoint, method: str, request: Request) -> Response:
        if endpoint in STEPS and method in {"GET", "POST"}:
            return await step(self._deps, surface, endpoint, request)
        handler = HANDLERS.get((endpoint, method))
        if handler is None or (method == "PATCH" and surface.kind is not ProviderKind.NHS_LOGIN):
            patched = {"PATCH"} if surface.kind is not ProviderKind.NHS_LOGIN else set()
            allowed = sorted(({taken for known, taken in HANDLERS if known is endpoint} or {"GET", "POST"}) - patched)
            return Response("Method Not Allowed", 405, {**ALWAYS, **NEVER_CACHED, "Allow": ", ".join(allowed)}, "text/plain")
        return await handler(self._deps, surface, request)

    async def _credentials(self, method: str) -> Response:
        if not any(provider.stand_in for provider in self._deps.identities().providers):
            return _nothing()
        return await client_credentials(self._deps) if method == "GET" else _nothing(405)

    async def _record(self, surface: Surface, refused: StandInRefused) -> None:
        await note(self._deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, refused.error, surface, None, reason=refused.code, **told(refused))


def _nothing(status: int = 404) -> Response:
    return json_answer({"error": "invalid_request", "error_description": "Not Found" if status == 404 else "Method Not Allowed"}, status)
