"""The sample backends, one ASGI application: what stands behind the gateway in the demo.

They trust whoever calls them, as a backend behind a gateway does, so they listen on loopback only. Every API answers
below its base path; hello world and the FHIR API answer without one as well, for trying them directly.
"""

from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from wardgate.demo import fhir_server
from wardgate.demo.keys import key_set
from wardgate.demo.samples import Samples
from wardgate.demo.samples import routes as sample_routes

ALL_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
MAX_ECHO_BYTES: Final = 10_000_000
HUGE_BYTES: Final = 10_000_000
"""The size of a key set that no server should read to its end."""
_KEY_SETS: Final = {
    "demo": None,
    "strict-app": ("strict-ps256", "strict-es256", "strict-eddsa"),
    "bound-app": ("bound-es256",),
    "rotated": ("demo-2",),
}
"""Key sets by file name; None stands for the published demo keys."""


async def hello_world(_request: Request) -> Response:
    """The platform's own words (application-restricted 4)."""
    return JSONResponse({"message": "Hello World!"})


async def hello_application(_request: Request) -> Response:
    """What an application that got in is told."""
    return JSONResponse({"message": "Hello Application!"})


async def hello_user(_request: Request) -> Response:
    """What an application is told with whom somebody signed in."""
    return JSONResponse({"message": "Hello User!"})


async def callback(request: Request) -> Response:
    """Where the demo applications' people come back to: shows that they did, and never the code, which is a credential."""
    error = request.query_params.get("error")
    return JSONResponse({"message": "You are back" if error is None else "You are back, refused"})


async def hello_certificate(_request: Request) -> Response:
    """What a caller with a certificate is told."""
    return JSONResponse({"message": "Hello TLS-MA!"})


async def within_limits(_request: Request) -> Response:
    """What a caller within its limits is told."""
    return JSONResponse({"message": "You are within the limits"})


async def echo(request: Request) -> Response:
    """Answer with the request as the backend received it, which shows what the gateway adds and takes away."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_ECHO_BYTES:
            return JSONResponse({"message": "The body is too large"}, 413)
    headers: dict[str, Any] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return JSONResponse({"method": request.method, "path": request.url.path, "query": request.url.query,
                         "headers": headers, "body_bytes": size})


async def status(_request: Request) -> Response:
    """The backend's health, as `_status` asks for it (application-restricted 12)."""
    return JSONResponse({"status": "pass"})


async def demo_key_set(_request: Request) -> Response:
    """The public halves of the published demo keys."""
    return JSONResponse(key_set())


async def named_key_set(request: Request) -> Response:
    """A key set by name, or one of those that are wrong on purpose: `broken`, `huge`, and any other name (404)."""
    name = request.path_params["name"]
    if name == "broken":
        return Response('{"keys": "not a list"}', media_type="application/json")
    if name == "huge":
        return Response(b'{"keys": ["' + b"A" * HUGE_BYTES + b'"]}', media_type="application/json")
    if name not in _KEY_SETS:
        return JSONResponse({"message": "There is no such key set"}, 404)
    return JSONResponse(key_set(_KEY_SETS[name]))


_HELLO: Final[tuple[BaseRoute, ...]] = (
    Route("/hello/world", hello_world, methods=ALL_METHODS),
    Route("/hello/application", hello_application, methods=ALL_METHODS),
    Route("/hello/user", hello_user, methods=ALL_METHODS),
    Route("/echo", echo, methods=ALL_METHODS),
    Route("/echo/{rest:path}", echo, methods=ALL_METHODS),
)
ROUTES: Final[tuple[BaseRoute, ...]] = (
    Route("/_status", status),
    Route("/jwks.json", demo_key_set),
    Route("/jwks/{name}.json", named_key_set),
    *_HELLO,
    Mount("/hello-world", routes=_HELLO),
    Route("/callback", callback),
    Route("/signed-out", callback),
    Mount("/user-demo", routes=[Route("/{rest:path}", echo, methods=ALL_METHODS)]),
    Mount("/spine-demo", routes=[Route("/echo", echo, methods=ALL_METHODS)]),
    Mount("/tls-demo", routes=[Route("/hello", hello_certificate), Route("/echo", echo, methods=ALL_METHODS)]),
    Route("/limits/{name}", within_limits, methods=ALL_METHODS),
    Route("/limits/{name}/", within_limits, methods=ALL_METHODS),
    Mount("/fhir-demo/FHIR/R4", routes=fhir_server.ROUTES),
    Mount("/FHIR/R4", routes=fhir_server.ROUTES),
)


def backends(samples: Samples | None = None) -> Starlette:
    """Return the sample backends as one ASGI application; those that keep something are there when they have where to."""
    kept = sample_routes(samples) if samples is not None else ()
    return Starlette(routes=[*ROUTES, *kept], exception_handlers={fhir_server.Outcome: fhir_server.answer_outcome})
