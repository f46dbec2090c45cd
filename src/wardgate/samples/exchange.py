"""One request and its answer: which form of FHIR comes and goes, within which limits, and every fault as an OperationOutcome."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from wardgate.fhir import FHIRError, Format, NotValid, NotWellFormed, Resource, TooLarge, Version, read, write
from wardgate.refusals.operation_outcome import Form
from wardgate.samples.outcomes import Codes, Refused, body_of
from wardgate.samples.records import Full, Record
from wardgate.spine.response_format import Format as Asked
from wardgate.spine.response_format import response_format

MAX_BODY_BYTES: Final = 200_000
MAX_QUERY_BYTES: Final = 4_000
MAX_PARAMETERS: Final = 20
_FORMS: Final = {"application/fhir+json": Format.JSON, "application/json": Format.JSON, "application/json+fhir": Format.JSON,
                 "application/fhir+xml": Format.XML, "application/xml": Format.XML, "application/xml+fhir": Format.XML}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manner:
    """How one API speaks: its codes, the form of its outcomes, and what is answered when nothing is asked for."""

    codes: Codes
    form: Form
    default: Format = Format.JSON
    syntax_fault: str = "MESSAGE_NOT_WELL_FORMED"
    syntax_text: str = "The body is not well-formed FHIR JSON or XML"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with what its answer needs."""

    request: Request
    manner: Manner
    form: Format

    @property
    def base(self) -> str:
        """The path that the API is below."""
        return str(self.request.scope.get("root_path", ""))

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The parameters of the query, without `_format`. Raises `Refused` for too many."""
        raw: bytes = self.request.scope["query_string"]
        if len(raw) > MAX_QUERY_BYTES or raw.count(b"&") >= MAX_PARAMETERS:
            raise Refused("INVALID_PARAMETER", "The query is too long")
        try:
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise Refused("INVALID_PARAMETER", "The query is not ASCII with escapes of UTF-8") from None
        return [(name, value) for name, value in pairs if name != "_format"]

    async def resource(self, *kinds: str) -> Resource:
        """Return the resource in the body, one of these kinds. Raises `Refused`."""
        sent = _FORMS.get(self.request.headers.get("content-type", "").partition(";")[0].strip().lower())
        if sent is None:
            raise Refused("UNSUPPORTED_MEDIA_TYPE", "Content-Type is application/fhir+json or application/fhir+xml")
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise Refused("INVALID_RESOURCE", f"The resource has more than {MAX_BODY_BYTES} bytes")
        try:
            found = await run_in_threadpool(read, bytes(body), sent, Version.STU3, MAX_BODY_BYTES)
        except NotWellFormed:
            raise Refused(self.manner.syntax_fault, self.manner.syntax_text) from None
        except (NotValid, TooLarge) as fault:
            raise Refused("INVALID_RESOURCE", str(fault)) from None
        if found["resourceType"] not in kinds:
            raise Refused("INVALID_RESOURCE", f"The resource is not a {' or '.join(kinds)}")
        return found

    def answer(self, resource: Resource, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """Return a resource in the form that was asked for."""
        return Response(write(resource, self.form, Version.STU3), status, {**self.manner.headers, **(headers or {})}, self.form.media_type)

    def outcome(self, code: str, diagnostics: str | None = None, *, text: str | None = None, headers: dict[str, str] | None = None) -> Response:
        """Return an OperationOutcome."""
        row = self.manner.codes[code]
        return self.answer(body_of(self.manner.form, row, str(uuid4()), diagnostics, text), row.status, headers)


Handler = Callable[[Exchange], Awaitable[Response]]


def endpoint(manner: Manner, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler as the framework calls it."""

    async def answer(request: Request) -> Response:
        asked = response_format(request.query_params.get("_format"), request.headers.get("accept"), request.headers.get("content-type"), Asked(manner.default))
        exchange = Exchange(request, manner, Format(asked) if asked is not None else manner.default)
        if asked is None:
            return exchange.outcome("UNSUPPORTED_MEDIA_TYPE", "Unsupported media type")
        try:
            return await handler(exchange)
        except Refused as refused:
            return exchange.outcome(refused.code, refused.diagnostics)
        except Full:
            return exchange.outcome("INTERNAL_SERVER_ERROR", "This sample holds as many records as it may: begin with an empty data directory")
        except (sqlite3.Error, FHIRError):
            _log.exception("a sample API failed")
            return exchange.outcome("INTERNAL_SERVER_ERROR")

    return answer


def without_route(manner: Manner) -> dict[int | type[Exception], Callable[[Request, Exception], Awaitable[Response]]]:
    """Return the answers of paths and methods that an API has not."""

    async def no_path(request: Request, _error: Exception) -> Response:
        return await endpoint(manner, _refusing("NO_RECORD_FOUND", "There is nothing here"))(request)

    async def no_method(request: Request, _error: Exception) -> Response:
        return await endpoint(manner, _refusing("NOT_IMPLEMENTED", "This sample does not do that"))(request)

    return {404: no_path, 405: no_method}


def _refusing(code: str, diagnostics: str) -> Handler:
    async def refuse(_exchange: Exchange) -> Response:
        raise Refused(code, diagnostics)

    return refuse


def version_headers(record: Record) -> dict[str, str]:
    """Return what a version is known by (FHIR STU3, http.html#versioning)."""
    return {"ETag": f'W/"{record.version}"', "Last-Modified": format_datetime(record.updated.replace(microsecond=0), usegmt=True)}


def bundle(records: list[Record], base: str, included: list[Record] | None = None) -> dict[str, Any]:
    """Return a searchset. Without any match it has no entries: FHIR has no empty lists."""
    entries = [_entry(record, base, "match") for record in records] + [_entry(record, base, "include") for record in included or []]
    found: dict[str, Any] = {"resourceType": "Bundle", "id": str(uuid4()), "type": "searchset", "total": len(records)}
    return found | {"entry": entries} if entries else found


def _entry(record: Record, base: str, mode: str) -> dict[str, Any]:
    return {"fullUrl": f"{base}/{record.kind}/{record.id}", "resource": record.body, "search": {"mode": mode}}
