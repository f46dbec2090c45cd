"""The public endpoints of the PKI, under `/pki`: lists, certificates, OCSP and time-stamps. Everything here may be read by anyone."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from wardgate.ca.authority import CertificateAuthority
from wardgate.ca.errors import AuthorityNotFound
from wardgate.ca.responder import OCSPAnswer
from wardgate.pki.ocsp_request import MAX_REQUEST_BYTES
from wardgate.stores.errors import StoreError

BODY_TIMEOUT_SECONDS: Final = 10.0
MAX_AGE_SECONDS: Final = 300
"""Longest that caches keep a list or an answer, so that a revocation is seen soon."""
MAX_PATH_CHARACTERS: Final = 4 * (MAX_REQUEST_BYTES // 3 + 1)
OCSP_REQUEST: Final = "application/ocsp-request"
OCSP_RESPONSE: Final = "application/ocsp-response"
TIME_STAMP_QUERY: Final = "application/timestamp-query"
TIME_STAMP_REPLY: Final = "application/timestamp-reply"
CRL: Final = "application/pkix-crl"
CERTIFICATE: Final = "application/pkix-cert"
PEM: Final = "application/pem-certificate-chain"


def create_app(authority: CertificateAuthority, clock: Callable[[], datetime]) -> Starlette:
    """The application; `clock` gives the real time in UTC."""
    endpoints = _Endpoints(authority, clock)
    return Starlette(
        routes=[
            Route("/pki/crl/{authority}.crl", endpoints.crl, methods=["GET"]),
            Route("/pki/ca/{authority}.crt", endpoints.certificate, methods=["GET"]),
            Route("/pki/ca.pem", endpoints.roots, methods=["GET"]),
            Route("/pki/ocsp", endpoints.ocsp_post, methods=["POST"]),
            Route("/pki/tsa", endpoints.time_stamp, methods=["POST"]),
            Route("/pki/ocsp/{encoded:path}", endpoints.ocsp_get, methods=["GET"]),
        ],
        exception_handlers={AuthorityNotFound: _not_found, StoreError: _unavailable},
    )


class _Endpoints:
    """Handlers without `async` run in worker threads, because the store and signatures block."""

    def __init__(self, authority: CertificateAuthority, clock: Callable[[], datetime]) -> None:
        self._authority = authority
        self._clock = clock

    def crl(self, request: Request) -> Response:
        """The DER of an authority's current list (RFC 5280 section 4.2.1.13)."""
        stored = self._authority.crl(request.path_params["authority"])
        body = x509.load_pem_x509_crl(stored.pem.encode("ascii")).public_bytes(Encoding.DER)
        headers = _cached(stored.this_update, stored.next_update, self._clock()) | {"ETag": f'"{stored.number}"'}
        return Response(body, media_type=CRL, headers=headers)

    def certificate(self, request: Request) -> Response:
        """The DER of an authority's certificate (RFC 5280 section 4.2.2.1)."""
        body = self._authority.authority_certificate(request.path_params["authority"])
        return Response(body, media_type=CERTIFICATE, headers={"Cache-Control": f"public, max-age={MAX_AGE_SECONDS}"})

    def roots(self, _request: Request) -> Response:
        """PEM of the roots."""
        return Response(self._authority.roots(), media_type=PEM, headers={"Cache-Control": "no-cache"})

    async def ocsp_post(self, request: Request) -> Response:
        """RFC 6960 appendix A.1: POST."""
        body = await _posted(request, OCSP_REQUEST)
        if isinstance(body, Response):
            return body
        answer = await run_in_threadpool(self._authority.ocsp, body, self._clock())
        return Response(answer.body, media_type=OCSP_RESPONSE, headers={"Cache-Control": "no-store"})

    async def time_stamp(self, request: Request) -> Response:
        """RFC 3161 section 3.4."""
        body = await _posted(request, TIME_STAMP_QUERY)
        if isinstance(body, Response):
            return body
        answer = await run_in_threadpool(self._authority.time_stamp, body, self._clock())
        return Response(answer, media_type=TIME_STAMP_REPLY, headers={"Cache-Control": "no-store"})

    def ocsp_get(self, request: Request) -> Response:
        """RFC 6960 appendix A.1: GET with the request in base64; RFC 5019 section 6: cache headers."""
        encoded = request.path_params["encoded"]
        if len(encoded) > MAX_PATH_CHARACTERS:
            return PlainTextResponse(f"The request has at most {MAX_REQUEST_BYTES} bytes\n", 414)
        try:
            body = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            body = b""
        now = self._clock()
        answer = self._authority.ocsp(body, now)
        return Response(answer.body, media_type=OCSP_RESPONSE, headers=_ocsp_headers(answer, now))


async def _posted(request: Request, media_type: str) -> bytes | Response:
    """The body of a request of this type, or the answer to one that is not taken."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        return PlainTextResponse(f"The content type must be {media_type}\n", 415)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            body = await _bounded_body(request)
    except TimeoutError:
        return PlainTextResponse(f"The request must arrive within {BODY_TIMEOUT_SECONDS:.0f} seconds\n", 408)
    except ClientDisconnect:
        return Response(status_code=400)
    return body if body is not None else PlainTextResponse(f"The request has at most {MAX_REQUEST_BYTES} bytes\n", 413)


async def _bounded_body(request: Request) -> bytes | None:
    """The body, or None as soon as it is known to be too long."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_REQUEST_BYTES:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            return None
    return bytes(body)


def _ocsp_headers(answer: OCSPAnswer, now: datetime) -> dict[str, str]:
    if not answer.cacheable or answer.next_update is None:
        return {"Cache-Control": "no-store"}
    return _cached(answer.this_update, answer.next_update, now)


def _cached(this_update: datetime, next_update: datetime, now: datetime) -> dict[str, str]:
    """RFC 5019 section 6.2: kept no longer than the answer is current."""
    seconds = max(0, min(MAX_AGE_SECONDS, int((next_update - now).total_seconds())))
    return {
        "Cache-Control": f"max-age={seconds}, public, no-transform, must-revalidate",
        "Last-Modified": format_datetime(this_update.astimezone(UTC), usegmt=True),
        "Expires": format_datetime(next_update.astimezone(UTC), usegmt=True),
    }


def _not_found(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("There is no such authority\n", 404)


def _unavailable(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("The store does not answer; try again\n", 503, headers={"Retry-After": "5"})
