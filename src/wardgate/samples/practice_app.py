"""The routes of a practice's provider: what the secure proxy relays to (spine 4.3, 5.1, 10).

ASIDs in headers are data for its audit, never for routing; it is for its own ASID and the interaction of the request only.
Whoever serves it lets in nobody but the proxy, by the name in its certificate.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from wardgate.refusals.operation_outcome import GP_CONNECT_STU3
from wardgate.refusals.spine_codes import OF_GP_CONNECT
from wardgate.samples.exchange import Exchange, Manner, endpoint, without_route
from wardgate.samples.outcomes import Refused
from wardgate.samples.practice import Practice
from wardgate.spine.authorization import examine
from wardgate.spine.errors import SpineRefused
from wardgate.spine.headers import UUID
from wardgate.spine.identifiers import is_asid
from wardgate.spine.resolve import settle_gp_connect
from wardgate.spine.stated import Expected
from wardgate.spine.variants import VARIANTS, VariantName

MANNER: Final = Manner(OF_GP_CONNECT, GP_CONNECT_STU3, syntax_fault="BAD_REQUEST", headers={"Cache-Control": "no-store"})


def create_app(practice: Practice, clock: Callable[[], datetime]) -> Starlette:
    """The application, below the practice's base path."""
    api = _Provider(practice, clock)
    rows = (("GET", "/metadata", api.metadata), ("GET", "/Patient", api.search), ("POST", "/Patient/$gpc.getstructuredrecord", api.structured),
            ("GET", "/Patient/{id}", api.read))
    routes = [Route(path, endpoint(MANNER, api.checked(handler)), methods=[method]) for method, path, handler in rows]
    app = Starlette(routes=[Mount(practice.base_path, routes=routes)], exception_handlers=without_route(MANNER))
    app.router.redirect_slashes = False
    return app


class _Provider:
    """Each interaction of the practice."""

    def __init__(self, practice: Practice, clock: Callable[[], datetime]) -> None:
        self._practice = practice
        self._clock = clock

    def checked(self, handler: Callable[[Exchange], Awaitable[Response]]) -> Callable[[Exchange], Awaitable[Response]]:
        """Return a handler behind the checks that every request meets."""

        async def answer(exchange: Exchange) -> Response:
            self._check(exchange)
            return await handler(exchange)

        return answer

    def _check(self, exchange: Exchange) -> None:
        """Headers, then interaction, then token (spine 3; GP Connect's own words are those of spine 2.6)."""
        headers = exchange.request.headers
        for name, holds in (("Ssp-TraceID", UUID.fullmatch), ("Ssp-From", is_asid), ("Ssp-To", is_asid)):
            if len(headers.getlist(name)) != 1 or not holds(headers[name]):
                raise Refused("BAD_REQUEST", f"{name} header missing or invalid")
        if headers["Ssp-To"] != self._practice.asid:
            raise Refused("BAD_REQUEST", "Ssp-To is not the ASID of this provider")
        path = exchange.request.scope["path"].removeprefix(exchange.base)
        try:
            interaction = settle_gp_connect(exchange.request.method, path, _query(exchange), headers.get("Ssp-InteractionID"))
            expected = Expected(VARIANTS[VariantName.GP_CONNECT_1], interaction=interaction)
            examine(headers.get("Authorization"), expected, self._clock())
        except SpineRefused as refused:
            row = refused.refusal.reason
            raise Refused(row.fhir_code, refused.refusal.fill(row.text)) from None

    async def metadata(self, exchange: Exchange) -> Response:
        return exchange.answer(self._practice.capabilities())

    async def search(self, exchange: Exchange) -> Response:
        return exchange.answer(self._practice.search(_query(exchange).get("identifier", [])))

    async def read(self, exchange: Exchange) -> Response:
        return exchange.answer(self._practice.patient(exchange.request.path_params["id"]), headers={"ETag": 'W/"1"'})

    async def structured(self, exchange: Exchange) -> Response:
        return exchange.answer(self._practice.structured(await exchange.resource("Parameters"), self._clock()))


def _query(exchange: Exchange) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in exchange.parameters:
        found.setdefault(name, []).append(value)
    return found

