"""The routes of a record of reasonable adjustments: STU3, for callers by ASID and for the internet gateway alike (spine 3, 9.3)."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from wardgate.refusals.operation_outcome import SPINE_STU3
from wardgate.refusals.spine_codes import SPINE_CODES
from wardgate.samples.adjustment_resource import KINDS
from wardgate.samples.adjustments import Adjustments
from wardgate.samples.caller import caller_of
from wardgate.samples.exchange import Exchange, Handler, Manner, bundle, endpoint, version_headers, without_route
from wardgate.samples.provenance import RoleProfile, Roles
from wardgate.samples.records import Record, Records

MANNER: Final = Manner(SPINE_CODES, SPINE_STU3)


def create_app(records: Records, roles: Roles, clock: Callable[[], datetime]) -> Starlette:
    """The application: it believes the gateway's headers and the token that came with them, and answers nobody else."""
    api = _AdjustmentAPI(Adjustments(records, roles, clock))
    rows: list[tuple[str, str, Handler]] = [("POST", "/$removerarecord", api.remove)]
    for kind in KINDS.values():
        rows += [("POST", f"/{kind.name}", api.create), ("GET", f"/{kind.name}/{{id}}", api.read), ("PUT", f"/{kind.name}/{{id}}", api.update)]
        if kind.searched:
            rows.append(("GET", f"/{kind.name}", api.search))
    return Starlette(routes=[Route(path, endpoint(MANNER, handler), methods=[method]) for method, path, handler in rows],
                     exception_handlers=without_route(MANNER))


class _AdjustmentAPI:
    """Each interaction: what comes in, what the rules say, what goes out."""

    def __init__(self, adjustments: Adjustments) -> None:
        self._adjustments = adjustments

    async def create(self, exchange: Exchange) -> Response:
        author = self._author(exchange)
        record = await run_in_threadpool(self._adjustments.create, author, await exchange.resource(_kind(exchange)))
        return _written(exchange, record, "RESOURCE_CREATED", {"Location": f"{exchange.base}/{record.kind}/{record.id}"})

    async def update(self, exchange: Exchange) -> Response:
        author = self._author(exchange)
        sent = await exchange.resource(_kind(exchange))
        record = await run_in_threadpool(
            self._adjustments.update, author, exchange.request.path_params["id"], exchange.request.headers.get("if-match"), sent)
        return _written(exchange, record, "RESOURCE_UPDATED", {})

    async def read(self, exchange: Exchange) -> Response:
        self._author(exchange)
        record = await run_in_threadpool(self._adjustments.read, _kind(exchange), exchange.request.path_params["id"])
        if _has_it(exchange, record):
            return Response(status_code=304, headers=version_headers(record))
        return exchange.answer(record.body, headers=version_headers(record))

    async def search(self, exchange: Exchange) -> Response:
        self._author(exchange)
        found, conditions = await run_in_threadpool(self._adjustments.search, _kind(exchange), exchange.parameters)
        return exchange.answer(bundle(found, exchange.base, conditions))

    async def remove(self, exchange: Exchange) -> Response:
        author = self._author(exchange)
        await run_in_threadpool(self._adjustments.remove, author, await exchange.resource("Parameters"))
        return exchange.outcome("RESOURCE_UPDATED")

    def _author(self, exchange: Exchange) -> RoleProfile:
        caller_of(exchange.request.headers)
        return self._adjustments.author(exchange.request.headers.get("authorization"))


def _kind(exchange: Exchange) -> str:
    path = exchange.request.scope["path"].removeprefix(exchange.base)
    return str(path).removeprefix("/").partition("/")[0]


def _written(exchange: Exchange, record: Record, code: str, headers: dict[str, str]) -> Response:
    """Return what `Prefer` asks for: nothing but headers, the resource, or an outcome (FHIR STU3, http.html#2.21.0.5.2)."""
    told = headers | version_headers(record)
    wish = exchange.request.headers.get("prefer", "").replace(" ", "")
    status = exchange.manner.codes[code].status
    if "return=representation" in wish:
        return exchange.answer(record.body, status, told)
    if "return=OperationOutcome" in wish:
        return exchange.outcome(code, headers=told)
    return Response(status_code=status, headers=told)


def _has_it(exchange: Exchange, record: Record) -> bool:
    """Whether the caller has this version already; If-None-Match comes before If-Modified-Since (RFC 9110 section 13.1.3)."""
    given = exchange.request.headers.get("if-none-match")
    if given is not None:
        return f'W/"{record.version}"' in [tag.strip() for tag in given.split(",")]
    try:
        since = parsedate_to_datetime(exchange.request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return record.updated.replace(microsecond=0) <= (since if since.tzinfo is not None else since.replace(tzinfo=UTC))
