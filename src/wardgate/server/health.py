"""`_status` of an API: one platform-wide monitoring key, and what the API's backend says (application-restricted 12)."""

import json
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Any, Final

import httpx2

from wardgate import __version__
from wardgate.catalogue import API
from wardgate.catalogue.paths import RouteMatcher
from wardgate.outbound.roots import NOBODY, roots

PROBE_SECONDS: Final = 20.0
MAX_ANSWER_BYTES: Final = 65_536
STATUS_PATH: Final = "/_status"


class APIHealth:
    """The ASGI application of every API's `_status`. Refuses with an empty 401 anyone without the monitoring key."""

    def __init__(self, routes: Callable[[], RouteMatcher], monitoring_key: str) -> None:
        self._routes = routes
        self._key = monitoring_key

    def handles(self, path: str) -> bool:
        """Whether this is the `_status` of an API."""
        found = self._routes().health(path)
        return found is not None and found[1] == STATUS_PATH

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        del receive
        found = self._routes().health(scope["path"])
        given = dict(scope["headers"]).get(b"apikey", b"")
        if found is None or not compare_digest(given, self._key.encode()):
            await _send(send, 401, b"", "text/plain", ((b"x-wardgate-reason", b"api-status-key-invalid"),))
            return
        body = await status_of(found[0])
        content = json.dumps(body).encode()
        await _send(send, 200, b"" if scope["method"] == "HEAD" else content, "application/json")


async def status_of(api: API) -> dict[str, Any]:
    """Return the body of an API's `_status`: pass when its backend says so, or when it has none; the status of the answer stays 200."""
    outcome, code, timed_out = "not reached", 0, False
    if api.relays or api.ours:
        return _body(api, "pass", "no backend of its own", code, timed_out=False)
    try:
        async with _client(api) as client:
            async with client.stream("GET", _url(api)) as answer:
                code = answer.status_code
                text = b""
                async for part in answer.aiter_bytes():
                    text += part
                    if len(text) > MAX_ANSWER_BYTES:
                        break
            outcome = _verdict(code, text)
    except httpx2.TimeoutException:
        timed_out = True
        outcome = "timed out"
    except httpx2.TransportError:
        outcome = "not reached"
    return _body(api, "pass" if outcome == "pass" else "fail", outcome, code, timed_out=timed_out)


def _body(api: API, status: str, outcome: str, code: int, *, timed_out: bool) -> dict[str, Any]:
    check = {"status": status, "timeout": "true" if timed_out else "false", "responseCode": code, "outcome": outcome,
             "links": {"self": api.status_path}}
    return {"status": status, "version": __version__, "revision": __version__, "releaseId": __version__,
            "commitId": __version__, "checks": {"healthcheck": check}}


def _verdict(code: int, text: bytes) -> str:
    if code != 200:
        return f"status {code}"
    try:
        found = json.loads(text)
    except ValueError:
        return "not JSON"
    return str(found.get("status", "no status"))[:40] if isinstance(found, dict) else "not an object"


def _client(api: API) -> httpx2.AsyncClient:
    uds = api.backend.removeprefix("unix:") if api.backend.startswith("unix:") else None
    return httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=uds, verify=NOBODY if uds else roots()), timeout=PROBE_SECONDS)


def _url(api: API) -> str:
    base = "http://backend" if api.backend.startswith("unix:") else api.backend
    return base + api.status_path


async def _send(send: Any, status: int, body: bytes, content_type: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    all_headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
