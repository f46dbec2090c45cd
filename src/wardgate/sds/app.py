"""The routes of the directory's FHIR API, and the order of its checks (spine 7.5).

It believes its peer: listen behind the gateway only, which asks for `apikey`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl, quote
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wardgate.directory.index import DirectoryIndex
from wardgate.refusals import Refusal, reason
from wardgate.sds import answers
from wardgate.sds.query import LookUpRefused, Pairs, device_query, endpoint_query
from wardgate.sds.resources import Resource, bundle, device, endpoints
from wardgate.sds.settings import SDSSettings
from wardgate.stores.errors import StoreError

_URL_SAFE: Final = "%!$&'()*+,;=:@/?|-._~"
_log = logging.getLogger(__name__)

Index = Callable[[], Awaitable[DirectoryIndex]]
"""The directory as it is now. Raises `StoreError` when it cannot be had."""


def _new_id() -> str:
    return str(uuid4())


def create_app(directory: Index, settings: SDSSettings, public_url: Callable[[], str], new_id: Callable[[], str] = _new_id) -> Starlette:
    """The application.

    `public_url` is scheme, host and port that callers use: addresses in answers begin with it, never with what a request
    claims. `new_id` gives a fresh UUID for each resource, and for exchanges that come without one.
    """
    api = _DirectoryAPI(directory, settings, public_url, new_id)
    app = Starlette(
        routes=[Route(f"{settings.base_path}/{kind}", api.answer, methods=["GET"], name=kind) for kind in api.kinds],
        exception_handlers={404: api.no_path, 405: api.no_method},
    )
    app.router.redirect_slashes = False
    return app


class _DirectoryAPI:
    """Two kinds of resources, looked up alike."""

    def __init__(self, directory: Index, settings: SDSSettings, public_url: Callable[[], str], new_id: Callable[[], str]) -> None:
        self._directory = directory
        self._public_url = public_url
        self._settings = settings
        self._new_id = new_id
        self.kinds = {"Device": self._devices, "Endpoint": self._endpoints}

    async def answer(self, request: Request) -> Response:
        """The bundle, or the first refusal in the order of the platform's checks."""
        correlation, sound = answers.correlation_id(request.headers, self._new_id)
        if request.method != "GET":  # the framework takes HEAD wherever it takes GET
            return answers.refused(Refusal(reason("directory-method"), "GET", request.method), correlation)
        if not sound:
            told = Refusal(reason("directory-correlation-id"), "one UUID", "another text", {"rule": answers.UUID_RULE})
            return answers.refused(told, correlation)
        try:
            return await self._found(request, correlation)
        except LookUpRefused as refused:
            return answers.refused(refused.refusal, correlation)
        except StoreError:
            return answers.refused(Refusal(reason("directory-unavailable")), correlation)
        except TimeoutError:
            return answers.refused(Refusal(reason("directory-timeout")), correlation)
        except Exception:  # noqa: BLE001 - whatever went wrong, the caller gets an OperationOutcome and the log the trace
            _log.exception("a look-up failed")
            return answers.refused(Refusal(reason("directory-failed")), correlation)

    async def no_path(self, request: Request, _error: Exception) -> Response:
        """Every other path."""
        return answers.refused(Refusal(reason("directory-path")), answers.correlation_id(request.headers, self._new_id)[0])

    async def no_method(self, request: Request, _error: Exception) -> Response:
        """Every other method."""
        return answers.refused(Refusal(reason("directory-method")), answers.correlation_id(request.headers, self._new_id)[0])

    async def _found(self, request: Request, correlation: str) -> Response:
        kind = request.scope["path"].rpartition("/")[2]  # an address made with the Host header could say something else
        look_up = self.kinds[kind](self._pairs(request))
        accept = ", ".join(request.headers.getlist("accept")).strip().lower() or "*/*"
        content_type = answers.ACCEPTED.get(accept)
        if content_type is None:
            raise LookUpRefused(Refusal(reason("directory-accept"), " or ".join(answers.ACCEPTED), "another type"))
        async with asyncio.timeout(self._settings.look_up_timeout_seconds):
            resources = look_up(await self._directory())
        base_url = f"{self._public_url()}{self._settings.base_path}/{kind}"
        query = quote(request.scope["query_string"].decode("latin-1"), safe=_URL_SAFE)
        whole = bundle(resources, own_url=f"{base_url}?{query}", base_url=base_url, new_id=self._new_id)
        return answers.found(whole, content_type, correlation, self._settings.cache_seconds)

    def _pairs(self, request: Request) -> Pairs:
        raw: bytes = request.scope["query_string"]
        limit, most = self._settings.max_query_bytes, self._settings.max_parameters
        if len(raw) > limit or raw.count(b"&") >= most:
            values = {"limit": str(limit), "parameters": str(most)}
            raise LookUpRefused(Refusal(reason("directory-query-too-long"), f"{limit} bytes, {most} parameters", "more", values))
        return parse_qsl(raw.decode("latin-1"), keep_blank_values=True)

    def _devices(self, pairs: Pairs) -> Callable[[DirectoryIndex], list[Resource]]:
        asked = device_query(pairs)

        def look_up(index: DirectoryIndex) -> list[Resource]:
            found = index.systems(
                organisation=asked.organization, interaction=asked.interaction, party_key=asked.party_key, manufacturer=asked.manufacturer,
            )  # fmt: skip
            self._check_size(len(found))
            return [device(system, self._new_id) for system in found]

        return look_up

    def _endpoints(self, pairs: Pairs) -> Callable[[DirectoryIndex], list[Resource]]:
        asked = endpoint_query(pairs)

        def look_up(index: DirectoryIndex) -> list[Resource]:
            found = index.endpoints(organisation=asked.organization, interaction=asked.interaction, party_key=asked.party_key)
            self._check_size(sum(len(endpoint.urls) for endpoint in found))
            return [resource for endpoint in found for resource in endpoints(endpoint, self._new_id)]

        return look_up

    def _check_size(self, count: int) -> None:
        most = str(self._settings.max_resources)
        if count > self._settings.max_resources:
            raise LookUpRefused(Refusal(reason("directory-too-many"), f"at most {most}", str(count), {"limit": most}))
