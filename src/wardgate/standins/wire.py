"""Requests and answers: parameters read once and strictly, cookies, the headers every answer has."""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.requests import MAX_FORM_BYTES, parse_form
from wardgate.standins.surfaces import Surface

FORM: Final = "application/x-www-form-urlencoded"
MAX_QUERY_BYTES: Final = 16_384
MAX_VALUE_CHARS: Final = 4_000
BROWSER_COOKIE: Final = "wardgate-browser"
SESSION_COOKIE: Final = "wardgate-session"
MAX_COOKIE_CHARS: Final = 200
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action https: http:; base-uri 'none'; frame-ancestors 'none'"
)
"""No script at all.

`form-action` cannot name hosts: browsers apply it to every redirect that follows a form, and those lead to clients and from
there to wherever the client goes on. So it says only that a form never runs a script nor opens another program.
"""
ALWAYS: Final[Mapping[str, str]] = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
NEVER_CACHED: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "Pragma": "no-cache"}
PAGE: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY, "X-Frame-Options": "DENY", **NEVER_CACHED, **ALWAYS,
}


def scripted_page(script: str) -> Mapping[str, str]:
    """Return the headers of a page that asks for a passkey, which only a script can do: this one file, and none within the page.

    NOTE: the whole address, because the APIs behind the gateway answer at the same origin.
    """
    return PAGE | {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; script-src {script}"}


class BadParameters(Exception):
    """The parameters cannot be read: too large, repeated, not a form. The text is safe."""


class Gone(Exception):
    """The caller hung up."""


def query_of(request: Request) -> dict[str, str]:
    """Return the parameters of the query. Raises `BadParameters`."""
    raw: bytes = request.scope.get("query_string", b"")
    if len(raw) > MAX_QUERY_BYTES:
        raise BadParameters(f"The request has more than {MAX_QUERY_BYTES} bytes of parameters")
    return _parsed(raw)


async def form_of(request: Request, timeout_seconds: float) -> dict[str, str]:
    """Return the parameters of a form. Raises `BadParameters`, `Gone`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise BadParameters(f"The content type must be {FORM}")
    return _parsed(await body_of(request, timeout_seconds))


async def body_of(request: Request, timeout_seconds: float, max_bytes: int = MAX_FORM_BYTES) -> bytes:
    """Return the whole body. Raises `BadParameters` when it is too large or too slow, `Gone`."""
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_seconds):
            async for part in request.stream():
                body += part
                if len(body) > max_bytes:
                    raise BadParameters(f"The request has more than {max_bytes} bytes")
    except TimeoutError:
        raise BadParameters(f"The request must arrive within {timeout_seconds:g} seconds") from None
    except ClientDisconnect:
        raise Gone from None
    return bytes(body)


def _parsed(raw: bytes) -> dict[str, str]:
    try:
        found = parse_form(raw)
    except OAuthRefused:
        raise BadParameters("The parameters must be URL-encoded UTF-8, at most 32, and none of them twice") from None
    if any(len(value) > MAX_VALUE_CHARS for name, value in found.items() if name not in LONG):
        raise BadParameters(f"A parameter has more than {MAX_VALUE_CHARS} characters")
    return found


LONG: Final = frozenset({"client_assertion", "id_token_hint", "asserted_login_identity", "subject_token"})
"""Parameters that hold tokens, which have a limit of their own."""


def origin_of(request: Request, origins: tuple[str, ...]) -> str:
    """Return which of our addresses was asked. The Host header only chooses among them."""
    host = request.headers.get("host", "").lower()
    return next((origin for origin in origins if urlsplit(origin).netloc.lower() == host), origins[0])


def cookie(request: Request, name: str) -> str | None:
    """Return a cookie's value, if it is one we may have made."""
    value = request.cookies.get(name, "")
    return value if 0 < len(value) <= MAX_COOKIE_CHARS and value.isascii() else None


def set_cookie(response: Response, name: str, value: str, surface: Surface, origin: str, max_age: int | None = None) -> None:
    """Set a cookie for one provider's path only, out of reach of scripts and of other sites' forms."""
    response.set_cookie(name, value, max_age=max_age, path=surface.base, secure=origin.startswith("https:"), httponly=True, samesite="lax")


def forget_cookie(response: Response, name: str, surface: Surface, origin: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, path=surface.base, secure=origin.startswith("https:"), httponly=True, samesite="lax")


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None, *, cached: bool = False) -> Response:
    """Return a JSON answer, which is not cached unless it is the same for everybody."""
    caching = {"Cache-Control": "public, max-age=60"} if cached else NEVER_CACHED
    return JSONResponse(value, status, {**ALWAYS, **caching, **(headers or {})})


def see(url: str, parameters: Mapping[str, str | None]) -> Response:
    """Return a redirect with parameters added; the address is a client's registered one, which may have a query of its own."""
    added = urlencode({name: value for name, value in parameters.items() if value is not None})
    joined = url + ("&" if "?" in url else "?") + added if added else url
    return RedirectResponse(joined, 302, {**ALWAYS, **NEVER_CACHED})
